"""Metrics: arrays in, numbers out, whatever model made them."""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import positive_integer

if TYPE_CHECKING:
    import pandas as pd

NORMAL = 1.959964  # quantile of a normal distribution: 95 % lie within so many deviations


def log_softmax(logits) -> np.ndarray:
    """Logarithms of the probabilities that logits `(..., classes)` stand for, float64."""
    logits = np.asarray(logits, "float64")
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def negative_log_likelihood(logits, labels) -> np.ndarray:
    """What each label costs under logits `(..., classes)`, in nats, `(...)`."""
    labels = np.asarray(labels)[..., None]
    return -np.take_along_axis(log_softmax(logits), labels, axis=-1)[..., 0]


def bits(nats) -> float:
    """Mean of costs in nats, in bits: bits per character where each cost is one character's.

    Example:

    >>> from math import log
    >>> round(keraseq.evaluate.bits([log(8), log(2)]), 6)
    2.0
    """
    return float(np.mean(nats)) / log(2)


def accuracy(logits, labels) -> float:
    """Fraction of rows whose largest logit is that of the label."""
    return float(np.mean(np.argmax(logits, axis=-1) == np.asarray(labels)))


def accuracy_interval(accuracy: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of an accuracy that was measured on so many examples.

    Args:
        accuracy: Fraction of the examples that were right.
        count: Their number.

    Example:

    >>> low, high = keraseq.evaluate.accuracy_interval(1.0, 40)
    >>> round(low, 3), high
    (0.912, 1.0)

    References:
        Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    count, square = positive_integer("count", count), NORMAL**2
    middle = accuracy + square / (2 * count)
    spread = NORMAL * sqrt(accuracy * (1 - accuracy) / count + square / (4 * count**2))
    whole = 1 + square / count
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def balanced_accuracy(logits, labels) -> float:
    """Mean over the classes of the fraction of their rows that are right.

    Example:

    >>> keraseq.evaluate.balanced_accuracy([[1, 0], [1, 0], [1, 0], [1, 0]], [0, 0, 0, 1])
    0.5
    """
    counts = confusions(logits, labels)
    there = counts.sum(1) > 0
    return float(np.mean(np.diag(counts)[there] / counts.sum(1)[there]))


def macro_f1(logits, labels) -> float:
    """Mean over the classes of F1, the harmonic mean of precision and recall.

    Classes that no row is of and none is taken for are left out, as scikit-learn does.

    Example:

    >>> round(keraseq.evaluate.macro_f1([[1, 0], [1, 0], [0, 1], [1, 0]], [0, 0, 1, 1]), 4)
    0.7333
    """
    counts = confusions(logits, labels)
    both = counts.sum(0) + counts.sum(1)
    return float(np.mean(2 * np.diag(counts)[both > 0] / both[both > 0]))


def confusions(logits, labels) -> np.ndarray:
    """How often each class (row) is taken for each (column), `(classes, classes)`."""
    named, classes = np.argmax(logits, axis=-1), np.shape(logits)[-1]
    pairs = np.asarray(labels) * classes + named
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def confusion_matrix(truth, label) -> pd.DataFrame:
    """How often each class is taken for each other one.

    Args:
        truth: The class of each example, by name.
        label: The class that was named instead.

    Returns:
        Counts, a row a true class, a column a named one, both sorted by name.

    Raises:
        ValueError: There are no examples, or not as many of one as of the other.

    Example:

    >>> frame = keraseq.evaluate.confusion_matrix(["neg", "pos", "pos"], ["neg", "pos", "neg"])
    >>> frame.loc["pos"].tolist()
    [1, 1]
    """
    import pandas as pd

    truth, label = list(truth), list(label)
    if not truth or len(truth) != len(label):
        raise ValueError(
            f"truth and label must be one for each example; received {len(truth)} and {len(label)}"
        )
    classes = sorted({*truth, *label})
    counts = pd.crosstab(pd.Series(truth, name="truth"), pd.Series(label, name="label"))
    return counts.reindex(index=classes, columns=classes, fill_value=0)
