"""What moves, and what is said of it as it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import positive_integer
from keraseq.data.labelled.skeletons import BONES
from keraseq.plots.axes import COLOURS, finish, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NAMED = 3  # classes that are drawn


def motion(example, frame: pd.DataFrame, *, pictures: int = 8, ax: Axes | None = None) -> Axes:
    """A skeleton or frames in motion, above the probabilities of classes as they are seen.

    Args:
        example: A skeleton `(frames, 20, 3)`, seen from the front, or frames
            `(frames, height, width, channels)`.
        frame: What `keraseq.recipes.classify.over_time` says of it.
        pictures: How many moments are drawn, from the first to the last. Defaults to 8.
        ax: Axes. Default: new ones.

    Returns:
        The Axes of the probabilities, of the three classes that are ever likeliest; the pictures
        are Axes within them.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"frames": [1, 5], "P(wave)": [0.5, 0.9], "P(kick)": [0.5, 0.1]})
    >>> ax = keraseq.plots.motion(np.random.default_rng(0).normal(size=(5, 20, 3)), frame)
    >>> [line.get_label() for line in ax.lines]
    ['wave', 'kick']
    """
    example, pictures = np.asarray(example), positive_integer("pictures", pictures)
    ax = new_axes(ax, width=1.1 * pictures + 1, height=4)
    chances = frame.filter(regex=r"^P\(.*\)$")
    for colour, name in zip(COLOURS, chances.max().nlargest(NAMED).index, strict=False):
        ax.plot(frame["frames"], chances[name], color=colour, label=name[2:-1])
    ax.set(xlabel="frames seen", ylabel="probability", ylim=(0, 1.02))
    ax.legend(loc="center left")
    moments = np.linspace(0, len(example) - 1, min(pictures, len(example))).round().astype(int)
    for place, moment in enumerate(moments):
        inset = ax.inset_axes([place / len(moments), 1.08, 1 / len(moments), 0.75])
        inset.set(xticks=[], yticks=[], title=f"{moment + 1}", aspect="equal")
        if example.ndim == 4:
            inset.imshow(example[moment].squeeze(), cmap="gray_r", vmin=0, vmax=255)
            continue
        body = example[..., :2]
        for one, other in BONES:
            inset.plot(*body[moment][[one, other]].T, color="black", linewidth=1.5)
        (left, low), (right, high) = body.min((0, 1)), body.max((0, 1))
        inset.set(xlim=(left - 0.1, right + 0.1), ylim=(low - 0.1, high + 0.1))
        inset.axis("off")
    return finish(ax)
