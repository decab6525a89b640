"""Looking inside a model: what the gates of a cell do, and its equation beside its code."""

from keraseq.inspection.gates import activations
from keraseq.inspection.reading import equation, step_source

__all__ = ["activations", "equation", "step_source"]
