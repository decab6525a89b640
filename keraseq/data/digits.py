"""Handwritten digits, read row by row: 1,797 sequences of 8 steps, inside scikit-learn."""

from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """Sequences `(n, 8, 8)`, float32 in [0, 1], and their labels `(n,)`, 0 to 9."""

    inputs: np.ndarray
    labels: np.ndarray


class Parts(NamedTuple):
    """What to train on, to choose by, and to report."""

    train: Part
    validation: Part
    test: Part


def load(validation: float = 0.2, test: float = 0.2, seed: int = 0) -> Parts:
    """The digits in three parts, each with the same mix of classes.

    One step of a sequence is a row of the image, from the top: 8 grey values.

    Args:
        validation: Fraction of all images for early stopping and choices. Defaults to 0.2.
        test: Fraction of all images to report on. Defaults to 0.2.
        seed: Which images go where. Defaults to 0.

    Example:

    >>> parts = keraseq.data.digits.load()
    >>> parts.train.inputs.shape, parts.test.labels.shape
    ((1077, 8, 8), (360,))
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
