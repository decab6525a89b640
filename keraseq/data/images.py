"""Handwritten digits, read row by row: scikit-learn's (8 by 8 pixels) and MNIST's (28 by 28)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.data.parts import Part, Parts
from keraseq.data.public import read

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

VALIDATION = 5_000  # images at the end of MNIST's training file


def digits(row: PublicSet, validation: float = 0.2, test: float = 0.2, seed: int = 0) -> Parts:
    """Scikit-learn's digits in three parts, each with the same mix of classes.

    One step of a sequence is a row of the image, from the top: 8 grey values.

    Args:
        row: The row of the table of data sets.
        validation: Fraction of all images for early stopping and choices. Defaults to 0.2.
        test: Fraction of all images to report on. Defaults to 0.2.
        seed: Which images go where. Defaults to 0.

    Returns:
        Parts of inputs `(n, 8, 8)`, float32 in [0, 1], and targets `(n,)`, int32, 0 to 9.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images, labels = (bunch.images / 16).astype("float32"), bunch.target.astype("int32")
    rest, test_rows = train_test_split(
        np.arange(len(labels)), test_size=test, stratify=labels, random_state=seed
    )
    train_rows, validation_rows = train_test_split(
        rest, test_size=validation / (1 - test), stratify=labels[rest], random_state=seed
    )
    return Parts(*(Part(images[r], labels[r]) for r in (train_rows, validation_rows, test_rows)))


def mnist(row: PublicSet, data_dir=None) -> Parts:
    """MNIST in three parts; validation are the last 5,000 images of the training file.

    Returns:
        Parts of inputs `(n, 28, 28)`, float32 in [0, 1], and targets `(n,)`, int32, 0 to 9.

    Raises:
        ValueError: A file is not what it should be.
    """
    found = [idx(name, read(file, data_dir)) for name, file in row.files.items()]
    train, test = (
        Part((images / np.float32(255)).astype("float32"), labels.astype("int32"))
        for images, labels in (found[:2], found[2:])
    )
    return Parts(
        Part(*(array[:-VALIDATION] for array in train)),
        Part(*(array[-VALIDATION:] for array in train)),
        test,
    )


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
