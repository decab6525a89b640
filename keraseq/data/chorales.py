"""JSB chorales: Bach's four-part chorales as piano rolls."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from keraseq.data.parts import Parts
from keraseq.data.public import read

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

KEYS = 88


def jsb(row: PublicSet, data_dir=None) -> Parts:
    """The chorales in their three parts: 229, 76 and 77 pieces.

    Returns:
        Parts that are lists of piano rolls `(frames, 88)`, float32, 1 where a key sounds.

    Raises:
        ValueError: The file holds no piano rolls.
    """
    from scipy.io import loadmat

    [file] = row.files.values()
    content = loadmat(io.BytesIO(read(file, data_dir)))
    parts = []
    for name in ("traindata", "validdata", "testdata"):
        if name not in content:
            raise ValueError(f"{file.path} holds no {name}: it is no file of piano rolls")
        pieces = [np.asarray(piece, "float32") for piece in content[name].ravel()]
        for number, piece in enumerate(pieces):
            if piece.ndim != 2 or piece.shape[1] != KEYS:
                raise ValueError(f"{file.path}: piece {number} of {name} has shape {piece.shape}")
        parts.append(pieces)
    return Parts(*parts)
