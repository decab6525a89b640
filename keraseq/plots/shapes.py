"""The five shapes that lectures draw: where a sequence goes in, and where one comes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from keraseq.plots.axes import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Name -> at which steps something is read, and at which something is said.
SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "one to one": ((0,), (0,)),
    "one to many": ((0,), (0, 1, 2)),
    "many to one": ((0, 1, 2), (2,)),
    "many to many, aligned": ((0, 1, 2), (0, 1, 2)),
    "encoder and decoder": ((0, 1, 2), (3, 4)),
}


def shapes(axes: Iterable[Axes] | None = None) -> list[Axes]:
    """The five shapes of input and output, a panel each: input below, state, output above.

    Args:
        axes: Five Axes. Default: a new figure.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> [ax.get_title() for ax in keraseq.plots.shapes()][:2]
    ['one to one', 'one to many']
    """
    if axes is None:
        import matplotlib.pyplot as plt

        widths = [max(*read, *said) + 2 for read, said in SHAPES.values()]
        _, axes = plt.subplots(
            1, len(SHAPES), figsize=(11, 2.2), width_ratios=widths, layout="constrained"
        )
    panels = list(axes)
    arrow = {"arrowstyle": "->", "color": "#555555", "shrinkA": 9, "shrinkB": 9}
    look = {"marker": "s", "markersize": 15, "linestyle": ""}
    for ax, (name, (read, said)) in zip(panels, SHAPES.items(), strict=True):
        steps = range(max(*read, *said) + 1)
        for places, row, colour in (
            (read, 0, COLOURS[2]),
            (steps, 1, COLOURS[3]),
            (said, 2, COLOURS[6]),
        ):
            ax.plot(places, [row] * len(places), color=colour, **look)
        arrows = [((t, 0), (t, 1)) for t in read] + [((t, 1), (t, 2)) for t in said]
        arrows += [((t, 1), (t + 1, 1)) for t in steps[:-1]]
        for start, end in arrows:
            ax.annotate("", end, start, arrowprops=arrow)
        ax.set(xlim=(-0.7, len(steps) - 0.3), ylim=(-0.5, 2.5), xticks=[])
        ax.set_yticks([0, 1, 2], ["input", "state", "output"] if ax is panels[0] else [""] * 3)
        ax.tick_params(length=0)
        ax.set_title(name, fontsize="medium")
        ax.set_frame_on(False)
    return panels
