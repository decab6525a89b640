"""Recordings: what is heard in them, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.data import SignalEncoder
from keraseq.data.labelled.mel import BANDS, HOP
from keraseq.plots.axes import new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def spectrogram(
    samples: np.ndarray, rate: int, found: pd.DataFrame | None = None, *, ax: Axes | None = None
) -> Axes:
    """The log-mel spectrogram of a recording, and above it the words that were found in it.

    Args:
        samples: The recording, `(samples,)`.
        rate: Samples a second.
        found: Columns `label`, `start` and `end` in seconds, as `predict` of the recipe
            `transcribe` gives them. Default: none.
        ax: Axes. Default: new ones.

    Example:

    >>> import matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> ax = keraseq.plots.spectrogram(np.sin(np.arange(4000) / 3), 8000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds', 'mel band')
    """
    frames = SignalEncoder(rate, [1.0] * BANDS).spectrogram(samples)
    ax = new_axes(ax, width=8.0, height=3.2)
    ends = (0, len(frames) * HOP, -0.5, BANDS - 0.5)
    ax.imshow(frames.T, origin="lower", aspect="auto", cmap="magma", extent=ends)
    for row in () if found is None else found.itertuples():
        ax.axvspan(row.start, row.end, color="white", alpha=0.25, linewidth=0)
        middle = (row.start + row.end) / 2
        ax.annotate(
            str(row.label),
            (middle, BANDS - 0.5),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize="large",
            annotation_clip=False,
        )
    ax.set(xlabel="seconds", ylabel="mel band")
    return ax
