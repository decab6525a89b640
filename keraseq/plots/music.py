"""Music: a piano roll, and what pieces are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.data import music
from keraseq.plots.axes import BASELINE, COLOURS, finish, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARGIN = 3  # keys shown above and below those that sound


def piano_roll(
    roll: np.ndarray, step: float = 1.0, *, beginning: int = 0, ax: Axes | None = None
) -> Axes:
    """A piece as people see it in a piano roll: a bar a note, high ones above.

    Args:
        roll: `(frames, 88)`, 1 where a key sounds.
        step: Quarter notes in a frame. Defaults to 1.
        beginning: Frames that were given, drawn in another colour. Defaults to 0.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> ax = keraseq.plots.piano_roll(np.eye(4, 88), beginning=1)
    >>> ax.get_xlabel(), len(ax.patches)
    ('quarter notes', 4)
    """
    ax = new_axes(ax, width=min(14.0, 3 + 0.09 * len(roll)), height=3.6)
    found = music.notes(roll)
    for note in found.itertuples():
        parts = [(note.start, note.start + note.frames)]
        if note.start < beginning < parts[0][1]:
            parts = [(note.start, beginning), (beginning, parts[0][1])]
        for start, end in parts:
            colour = COLOURS[7] if start < beginning else COLOURS[1]
            ends = {"width": (end - start) * step - 0.08 * step, "height": 0.8}
            ax.barh(note.key, left=start * step, color=colour, **ends)
    low, high = (found.key.min(), found.key.max()) if len(found) else (60, 60)
    octaves = range(12 * (low // 12), high + 13, 12)
    ax.set_yticks(octaves, [music.name_of(key) for key in octaves])
    ax.set(ylim=(low - MARGIN, high + MARGIN), xlim=(0, len(roll) * step))
    ax.set(xlabel="quarter notes", ylabel="key")
    if 0 < beginning < len(roll):
        ax.axvline(beginning * step, color=BASELINE, linewidth=0.8, linestyle="--")
    return finish(ax)


def note_statistics(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How often each number was counted in each source, side by side; the last number and more.

    Args:
        frame: Frames of `keraseq.evaluate.note_statistics` of one `what`, with a column `source`.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib, pandas as pd
    >>> matplotlib.use("agg")
    >>> frame = pd.DataFrame({"source": ["Bach"], "what": "keys", "number": 4, "share": 1.0})
    >>> keraseq.plots.note_statistics(frame).get_xlabel()
    'keys'
    """
    ax, sources = new_axes(ax, width=5.0, height=3.2), list(dict.fromkeys(frame.source))
    width = 0.8 / len(sources)
    for place, (source, colour) in enumerate(zip(sources, COLOURS[1:], strict=False)):
        own = frame[frame.source == source]
        places = own.number + (place - (len(sources) - 1) / 2) * width
        ax.bar(places, 100 * own.share, width, color=colour, label=source)
    numbers = sorted(set(frame.number))
    names = [f"{one}{'+' * (one == numbers[-1] and len(numbers) > 1)}" for one in numbers]
    ax.set_xticks(numbers, names)
    ax.set(xlabel=frame.what.iloc[0], ylabel="percent")
    finish(ax, grid="y")
    ax.legend(frameon=False, fontsize="small")
    return ax
