"""Looking inside a model: what its gates and units do, how its layers run, a cell's equation."""

from keraseq.inspection.bptt import bptt
from keraseq.inspection.coloured import ColouredText
from keraseq.inspection.explain import explain
from keraseq.inspection.features import text_features
from keraseq.inspection.gates import activations
from keraseq.inspection.gradients import gradient_norms, jacobians, propagation
from keraseq.inspection.reading import Equations, equation, purposes, step_source
from keraseq.inspection.units import find_units, unit_activations
from keraseq.inspection.words import word_influence

__all__ = [
    "ColouredText",
    "Equations",
    "activations",
    "bptt",
    "equation",
    "explain",
    "find_units",
    "gradient_norms",
    "jacobians",
    "propagation",
    "purposes",
    "step_source",
    "text_features",
    "unit_activations",
    "word_influence",
]


def __dir__():
    return __all__
