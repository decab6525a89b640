"""What a tagger takes for what, how well it knows rare words, and what it lets stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq import evaluate
from keraseq.plots.axes import COLOURS, accuracies, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def tag_confusion(truth, tag, *, ax: Axes | None = None) -> Axes:
    """Which tags are taken for which, in percent of each true one; of any number of tags.

    Args:
        truth: The tag of each word.
        tag: The tag that was named instead.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> ax = keraseq.plots.tag_confusion(["NOUN", "VERB"], ["NOUN", "NOUN"])
    >>> [text.get_text() for text in ax.texts]
    ['100', '100']
    """
    counts = evaluate.confusion_matrix(truth, tag)
    shares = 100 * counts / np.maximum(counts.sum(axis=1), 1).to_numpy()[:, None]
    ax = table(shares, "Blues", 0, 100, lambda share: f"{share:.0f}" if share >= 0.5 else "", ax)
    ax.set(xlabel="named", ylabel="true tag (percent of each)")
    return ax


def transitions(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What a conditional random field gives tags that follow each other; `never` is forbidden.

    Args:
        frame: What `keraseq.recipes.tag.transitions` gave.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> frame = pd.DataFrame([[0.5, float("nan")]], ["start"], ["O", "I-x"])
    >>> [text.get_text() for text in keraseq.plots.transitions(frame).texts]
    ['0.5', 'never']
    """
    edge = float(np.nanmax(np.abs(frame.to_numpy()))) or 1.0
    write = lambda score: "never" if np.isnan(score) else f"{round(score, 1) + 0.0:.1f}"  # noqa: E731
    ax = table(frame, "BrBG", -edge, edge, write, ax)
    ax.set(xlabel="tag", ylabel="tag before")
    return ax


def accuracy_by_count(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The accuracy of words that stood so often in the training part, with a 95 % interval.

    Args:
        frame: What `keraseq.recipes.tag.accuracy_by_count` gave.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"seen": ["0"], "accuracy": [0.8], "low": [0.7], "high": [0.9]})
    >>> keraseq.plots.accuracy_by_count(frame).get_ylabel()
    'accuracy'
    """
    ends = [frame.accuracy - frame.low, frame.high - frame.accuracy]
    label = "times that a word stands in the training part"
    return accuracies(frame.seen, frame.accuracy, ends, COLOURS[1], label, ax)


def table(frame: pd.DataFrame, colours: str, low: float, high: float, write, ax) -> Axes:
    """Numbers in coloured fields, with the names of rows and columns."""
    rows, columns = frame.shape
    ax = new_axes(ax, width=0.46 * columns + 2, height=0.36 * rows + 1.4)
    image = ax.imshow(frame.to_numpy(float), cmap=colours, vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(frame.to_numpy(float)):
        red, green, blue, _ = image.cmap(image.norm(value))
        dark = not np.isnan(value) and 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        colour = "white" if dark else "black"
        text = write(value)
        if text:
            ax.text(column, row, text, ha="center", va="center", color=colour, fontsize="x-small")
    ax.set(xticks=range(columns), yticks=range(rows), yticklabels=frame.index)
    ax.set_xticklabels(frame.columns, rotation=90)
    return ax
