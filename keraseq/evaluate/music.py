"""Music: what frames cost, the baselines that know no chords, and what pieces are made of."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

HELD, TOGETHER = "frames that a note is held", "keys that sound together"


def frame_costs(logits, frames) -> np.ndarray:
    """What each frame costs under logits of its keys, in nats: `(..., keys)` -> `(...)`, float64.

    Example:

    >>> import numpy as np
    >>> keraseq.evaluate.frame_costs(np.zeros((1, 88)), np.ones((1, 88))).round(2)
    array([61.])
    """
    logits = np.asarray(logits, "float64")
    return (np.logaddexp(0, logits) - np.asarray(frames) * logits).sum(axis=-1)


class KeyFrequencies:
    """Keys that sound as often as in the training part, each by itself.

    Args:
        pieces: Piano rolls of the training part.
        after_itself: Whether it matters if the key sounded in the frame before. Defaults to
            `False`.

    Call arguments:
        piece: `(frames, keys)`.

    Returns:
        The cost of each frame but the first, in nats.

    Example:

    >>> import numpy as np
    >>> chord = np.tile([[1.0, 0.0]], (9, 1))
    >>> keraseq.evaluate.KeyFrequencies([chord])(chord).round(2)[:2]
    array([0.11, 0.11])
    """

    def __init__(self, pieces: Sequence[np.ndarray], after_itself: bool = False):
        self.after_itself = after_itself
        counts = np.full((2, 2, pieces[0].shape[1]), 0.5)  # before, now; a half for what never was
        for piece in pieces:
            before = piece[:-1] if after_itself else np.zeros_like(piece[:-1])
            for i in (0, 1):
                for j in (0, 1):
                    counts[i, j] += ((before == i) & (piece[1:] == j)).sum(axis=0)
        self.logits = np.log(counts[:, 1]) - np.log(counts[:, 0])

    def __call__(self, piece: np.ndarray) -> np.ndarray:
        before = piece[:-1] if self.after_itself else np.zeros_like(piece[:-1])
        logits = np.where(before > 0, self.logits[1], self.logits[0])
        return frame_costs(logits, piece[1:])


def note_statistics(pieces: Sequence[np.ndarray], longest: int = 8, most: int = 6) -> pd.DataFrame:
    """How many keys sound together, and how long notes are held, in pieces of music.

    Args:
        pieces: Piano rolls `(frames, keys)`.
        longest, most: Longer notes, and larger chords, are counted there. Default to 8 and 6.

    Returns:
        A row a number: `what`, `number`, `share` of frames or notes; all shares of a `what` are 1
        together, or 0 where there are none.

    Example:

    >>> import numpy as np
    >>> frame = keraseq.evaluate.note_statistics([np.eye(4, 88)])
    >>> frame[frame.share > 0].to_dict("split")["data"]
    [['keys that sound together', 1, 1.0], ['frames that a note is held', 1, 1.0]]
    """
    together = np.concatenate([piece.sum(axis=1) for piece in pieces]).astype(int)
    held = []
    for piece in pieces:
        change = np.diff(np.pad(piece, ((1, 1), (0, 0))), axis=0).T
        held.append(np.nonzero(change < 0)[1] - np.nonzero(change > 0)[1])
    rows = []
    for what, values, low, high in (
        (TOGETHER, together, 0, most),
        (HELD, np.concatenate(held), 1, longest),
    ):
        counts = np.bincount(np.minimum(values, high), minlength=high + 1)[low:]
        shares = counts / max(counts.sum(), 1)
        rows += [(what, low + i, float(share)) for i, share in enumerate(shares)]
    return pd.DataFrame(rows, columns=["what", "number", "share"])
