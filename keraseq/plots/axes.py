"""What all figures share: colours, markers, axes, grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
SHADES = (0.0, 0.45, -0.4, 0.7, -0.7, 0.25, -0.2)  # of a family: towards white, below 0 to black
BASELINE = "#555555"

Styles = Mapping[str, Mapping[str, Any]]


def styles(names: Iterable[str], families: Mapping[str, str] | None = None) -> dict[str, dict]:
    """A colour, a marker and a dash for each name, the same in every figure they are given to.

    The members of a family have shades of one colour.

    Args:
        names: All names that can occur, in a fixed order, not only those of one figure.
        families: Name -> family. Default: each name is its own.

    Returns:
        Name -> keyword arguments of `Axes.plot`.

    Example:

    >>> keraseq.plots.styles(["gru", "lstm"])["lstm"]["marker"]
    's'
    """
    chosen: dict[str, dict] = {}
    members: dict[str, int] = {}
    for name in names:
        family = (families or {}).get(name, name)
        place = list(members).index(family) if family in members else len(members)
        rank = members[family] = members.get(family, -1) + 1
        round_, colour = divmod(place, len(COLOURS))
        chosen[name] = {
            "color": shaded(COLOURS[colour], SHADES[rank % len(SHADES)]),
            "marker": MARKERS[(place + round_ + rank) % len(MARKERS)],
            "linestyle": DASHES[(rank + round_) % len(DASHES)],
        }
    return chosen


def shaded(colour: str, shade: float) -> str:
    """A colour so far on its way to white, or below 0 to black."""
    from matplotlib import colors

    end = 1.0 if shade > 0 else 0.0
    rgb = np.array(colors.to_rgb(colour))
    return colors.to_hex(rgb + abs(shade) * (end - rgb)).upper()


def new_axes(ax: Axes | None, width: float = 6.4, height: float = 4.0) -> Axes:
    """The Axes given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def chosen_styles(cells: pd.Series, style: Styles | None) -> Styles:
    """The styles given, in their order, or new ones for the cells of a frame."""
    return styles(dict.fromkeys(cells)) if style is None else style


def show(set_limits, values, *others: float, margin: float = 0.08) -> None:
    """Sets the limits of an axis so that all finite values are inside, with a margin."""
    values = np.concatenate([np.asarray(values, float), np.asarray(others, float)])
    values = values[np.isfinite(values)]
    if len(values):
        low, high = values.min(), values.max()
        room = (high - low) * margin or abs(high) * margin or 1.0
        set_limits(low - room, high + room)


def write_value(ax: Axes, x: float, y: float, text: str) -> None:
    """A number above its mark."""
    ax.annotate(
        text,
        (x, y),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize="small",
        color="#333333",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )


def accuracies(places, values, ends, colour: str, label: str, ax: Axes | None) -> Axes:
    """Accuracies of groups, with what is around them, in one line."""
    ax = new_axes(ax, width=5.5, height=3.6)
    ax.errorbar(places, values, ends, color=colour, marker="o", capsize=3)
    ax.set(xlabel=label, ylabel="accuracy")
    return finish(ax)


def finish(ax: Axes, legend: bool = False, grid: str = "both") -> Axes:
    """What all figures share: a light grid, no box, the legend outside of the data."""
    ax.grid(visible=False)
    ax.grid(axis=grid, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize="small")
    return ax
