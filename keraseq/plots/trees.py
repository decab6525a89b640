"""A tree, its nodes in the colours of their sentiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keraseq.plots.axes import new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SIGNS = ("--", "-", "0", "+", "++")  # very negative to very positive
COLOURS = "BrBG"  # brown over white to green


def tree(frame: pd.DataFrame, label: str = "label", *, ax: Axes | None = None) -> Axes:
    """A tree over its words; brown nodes are negative, green ones positive.

    A node that was given another label than the model names has a red edge, where the frame has
    both.

    Args:
        frame: What `keraseq.recipes.classify.nodes` gave.
        label: Which of its columns gives the colours: `"label"`, what the model names, or
            `"truth"`. Defaults to `"label"`.
        ax: Axes. Default: new ones, as wide as the sentence needs.

    Returns:
        The Axes.

    Raises:
        ValueError: The frame has no such column.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"text": ["not", "bad", "not bad"], "parent": [2, 2, -1]})
    >>> ax = keraseq.plots.tree(frame.assign(start=[0, 1, 0], end=[1, 2, 2], label=[1, 0, 3]))
    >>> [text.get_text() for text in ax.texts]
    ['not', 'bad', '-', '--', '+']
    """
    from matplotlib import colormaps

    if label not in frame:
        raise ValueError(f"the frame has no column {label!r}; it has {', '.join(frame.columns)}")
    parents, count = frame["parent"].tolist(), len(frame)
    height = [0] * count
    for node, parent in enumerate(parents):  # children come first
        if parent >= 0:
            height[parent] = max(height[parent], height[node] + 1)
    words = frame[frame["end"] - frame["start"] == 1].drop_duplicates("start")
    ax = new_axes(ax, width=0.62 * len(words) + 0.8, height=0.36 * max(height) + 1.6)
    sums = [[0.0, 0] for _ in range(count)]
    x = []
    for node, parent in enumerate(parents):
        total, number = sums[node]
        x.append(total / number if number else float(frame["start"].iloc[node]))
        if parent >= 0:
            sums[parent][0] += x[node]
            sums[parent][1] += 1
    for node, parent in enumerate(parents):
        if parent >= 0:
            ends = (x[node], x[parent]), (height[node], height[parent])
            ax.plot(*ends, color="#999999", linewidth=0.8, zorder=1)
    for start, text in zip(words["start"], words["text"], strict=True):
        ax.annotate(
            text,
            (start, 0),
            xytext=(0, -11),
            textcoords="offset points",
            ha="right",
            va="top",
            rotation=40,
            rotation_mode="anchor",
        )
    both = "truth" in frame and "label" in frame
    for node, value in enumerate(frame[label]):
        off = both and frame["truth"].iloc[node] != frame["label"].iloc[node]
        shade = colormaps[COLOURS](0.08 + 0.84 * int(value) / 4)
        ax.text(
            x[node],
            height[node],
            SIGNS[int(value)],
            ha="center",
            va="center",
            fontsize="small",
            color="white" if int(value) in (0, 4) else "black",
            bbox={
                "boxstyle": "circle,pad=0.28",
                "facecolor": shade,
                "edgecolor": "#D00000" if off else "#666666",
                "linewidth": 1.8 if off else 0.7,
            },
            zorder=2,
        )
    ax.set(xlim=(-0.8, len(words) - 0.4), ylim=(-0.6, max(height) + 0.6))
    ax.axis("off")
    return ax
