"""Step 5, figures: a tidy frame goes in, Matplotlib `Axes` come out.

Every figure draws on the Axes that it is given, or on new ones, and says its units. People who see
fewer colours can tell these apart (Okabe & Ito 2008), and each cell has a marker of its own.
"""

from keraseq.plots.axes import COLOURS, finish, new_axes, styles
from keraseq.plots.classification import accuracy_by_length, calibration, confusion_matrix
from keraseq.plots.comparison import final_metric, history, learning_curves, quality_against_time
from keraseq.plots.forecasts import errors_by_step, fan_chart
from keraseq.plots.gradients import gradient_norms, propagation
from keraseq.plots.moving import motion
from keraseq.plots.music import note_statistics, piano_roll
from keraseq.plots.reading import alignment, coloured_text, gates, looks
from keraseq.plots.shapes import shapes
from keraseq.plots.signals import spectrogram
from keraseq.plots.tagging import accuracy_by_count, tag_confusion, transitions
from keraseq.plots.trees import tree

__all__ = [
    "COLOURS",
    "accuracy_by_count",
    "accuracy_by_length",
    "alignment",
    "calibration",
    "coloured_text",
    "confusion_matrix",
    "errors_by_step",
    "fan_chart",
    "final_metric",
    "finish",
    "gates",
    "gradient_norms",
    "history",
    "learning_curves",
    "looks",
    "motion",
    "new_axes",
    "note_statistics",
    "piano_roll",
    "propagation",
    "quality_against_time",
    "shapes",
    "spectrogram",
    "styles",
    "tag_confusion",
    "transitions",
    "tree",
]


def __dir__():
    return __all__
