"""What a classifier gets right: confusions, calibration, accuracy by length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq import evaluate
from keraseq.plots.axes import COLOURS, accuracies, finish, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MANY = 8  # classes


def confusion_matrix(truth, label, *, ax: Axes | None = None) -> Axes:
    """How often each class is taken for each other one: counts, coloured by the row's shares.

    Of more than eight classes the counts alone are written, and no zeros.

    Args:
        truth: The class of each example, by name.
        label: The class that was named instead.
        ax: Axes. Default: new ones.

    Raises:
        ValueError: There are no examples, or not as many of one as of the other.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> ax = keraseq.plots.confusion_matrix(["neg", "pos", "pos"], ["neg", "pos", "neg"])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('named', 'true class')
    """
    frame = evaluate.confusion_matrix(truth, label)
    classes, counts = list(frame), frame.to_numpy()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    many = len(classes) > MANY
    width, height = (0.34, 0.32) if many else (0.9, 0.8)
    ax = new_axes(ax, width=width * len(classes) + 2, height=height * len(classes) + 1.2)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:,}\n{shares[row, column]:.1%}"
        if many:
            text = f"{counts[row, column]:,}" if counts[row, column] else ""
        ax.text(column, row, text, ha="center", va="center", color=colour)
    steps = range(len(classes))
    ax.set(xticks=steps, xticklabels=classes, yticks=steps, yticklabels=classes)
    ax.tick_params("x", rotation=90 if many else 0)
    ax.set(xlabel="named", ylabel="true class")
    return ax


def calibration(curve: pd.DataFrame, *, name: str | None = None, ax: Axes | None = None) -> Axes:
    """How often a classifier is right where it is so sure; on the diagonal, its word is good.

    Args:
        curve: What `keraseq.evaluate.calibration_curve` or `reliability` gave; the area of a mark
            is its count.
        name: A name for the legend, where several are drawn on the same Axes. Default: none.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> curve = keraseq.evaluate.calibration_curve([[0.9, 0.1], [0.3, 0.7]], [0, 0])
    >>> keraseq.plots.calibration(curve).get_xlabel()
    'probability of the class that was named'
    """
    ax = new_axes(ax, width=4.5, height=4.2)
    colour = COLOURS[len(ax.collections) % len(COLOURS)]
    if not ax.collections:
        ax.plot([0, 1], [0, 1], color="#999999", linewidth=1, zorder=1)
    ax.plot(curve.confidence, curve.accuracy, color=colour, linewidth=1, zorder=2)
    area = 20 + 200 * curve["count"] / curve["count"].sum()
    ax.scatter(curve.confidence, curve.accuracy, s=area, color=colour, label=name, zorder=3)
    low = min(curve.confidence.min(), curve.accuracy.min(), 0.98) - 0.02
    ax.set(xlim=(low, 1.02), ylim=(low, 1.02))
    ax.set(xlabel="probability of the class that was named", ylabel="accuracy")
    return finish(ax, legend=name is not None)


def accuracy_by_length(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The accuracy of examples of like length, with a standard error up and down.

    Args:
        frame: What `keraseq.recipes.classify.accuracy_by_length` gave.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"length": [50, 400], "accuracy": [0.92, 0.88], "count": [90, 80]})
    >>> keraseq.plots.accuracy_by_length(frame).get_ylabel()
    'accuracy'
    """
    error = np.sqrt(frame.accuracy * (1 - frame.accuracy) / frame["count"])  # one standard error
    label = "words or steps (mean of a group)"
    return accuracies(frame.length, frame.accuracy, error, COLOURS[0], label, ax)
