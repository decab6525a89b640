"""MNIST: handwritten digits of 28 by 28 grey values, from a local folder or their source."""

from pathlib import Path

import numpy as np

from keraseq.data.digits import Part, Parts
from keraseq.data.public import Public, read

SOURCE = "https://storage.googleapis.com/cvdf-datasets/mnist/"
SHA256 = {
    "train-images-idx3": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
VALIDATION = 5_000  # images at the end of the training file


def load(data_dir: str | Path | None = None) -> Parts:
    """The images in three parts; validation are the last 5,000 of the training file.

    Args:
        data_dir: Folder with the public files. Default: what the environment variable
            `KERASEQ_DATA` names; without it they are downloaded once and compared with a checksum.

    Returns:
        Parts of inputs `(n, 28, 28)`, float32 in [0, 1], and labels `(n,)`, int32, 0 to 9.

    Raises:
        FileNotFoundError: A folder is given, and a file is not there.
        ConnectionError: The source cannot be reached.
        ValueError: A file is not what it should be.

    References:
        LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document
        Recognition".
    """
    found = {name: idx(name, read(file(name), data_dir)) for name in SHA256}
    train = Part(images(found["train-images-idx3"]), found["train-labels-idx1"].astype("int32"))
    test = Part(images(found["t10k-images-idx3"]), found["t10k-labels-idx1"].astype("int32"))
    return Parts(
        Part(*(array[:-VALIDATION] for array in train)),
        Part(*(array[-VALIDATION:] for array in train)),
        test,
    )


def file(name: str) -> Public:
    """Where one of the four files comes from."""
    return Public(f"mnist/{name}-ubyte.gz", f"{SOURCE}{name}-ubyte.gz", SHA256[name])


def idx(name: str, content: bytes) -> np.ndarray:
    """The bytes in a file in IDX format: two zeros, 8 for bytes, the number of axes, their sizes.

    Raises:
        ValueError: The file is in another format, or was cut off.
    """
    axes = content[3] if len(content) > 4 and content[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(content[4 : 4 + 4 * axes], ">u4")
    if not axes or len(content) != 4 + 4 * axes + np.prod(shape, dtype=int):
        raise ValueError(f"{name} is no whole file of bytes in IDX format; load it again")
    return np.frombuffer(content, "uint8", offset=4 + 4 * axes).reshape(shape)


def images(array: np.ndarray) -> np.ndarray:
    """Grey values from 0 to 1."""
    return (array / np.float32(255)).astype("float32")
