"""Probabilities that mean what they say: temperature scaling, and how far off they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import positive_integer
from keraseq.evaluate.metrics import log_softmax

if TYPE_CHECKING:
    import pandas as pd

RANGE, STEPS = (0.05, 20.0), 60  # temperatures searched, and halvings of that range (by ratio)
GOLDEN = (np.sqrt(5) - 1) / 2


def temperature(logits, labels) -> float:
    """What logits are divided by, so that their probabilities fit labels best.

        p = softmax(logits / temperature)

    It changes no decision. Take it from validation data: a model is surer of what it learned from.
    One row that is right and one that is wrong count besides (Laplace's rule of succession, as in
    Platt 1999): who was right 8 times of 8 is right with 9/10, not for certain.

    Args:
        logits: `(n, classes)`.
        labels: `(n,)`, integers.

    Returns:
        The temperature of the least mean negative log-likelihood, from 0.05 to 20 or, where that
        is too sure for so few rows, beyond; above 1 where the model is too sure.

    Raises:
        ValueError: There are no rows.

    Example:

    >>> import numpy as np
    >>> logits = np.array([[4.0, 0.0]] * 10)           # 98 % sure, and right 8 times of 10
    >>> round(keraseq.evaluate.temperature(logits, [0] * 8 + [1] * 2), 3)
    3.641

    References:
        Platt 1999, "Probabilistic Outputs for Support Vector Machines".
        Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
    """
    logits, labels = np.asarray(logits, "float64"), np.asarray(labels)
    if not len(logits):
        raise ValueError("a temperature needs at least one row of logits")

    rows, classes = logits.shape
    doubt = classes / (rows + 2) / (classes - 1)  # so that one row in rows + 2 is wrong

    def cost(log_of_it: float) -> float:
        logs = log_softmax(logits / np.exp(log_of_it))
        return -(1 - doubt) * logs[np.arange(rows), labels].mean() - doubt * logs.mean()

    spread = np.log(max(np.ptp(logits, axis=-1).max(), 1.0))
    low, high = np.log(RANGE) + np.array([0.0, spread])  # logits may be of any size
    for _ in range(STEPS):  # golden section: the cost is convex in 1 / temperature
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if cost(left) <= cost(right) else (left, high)
    return float(np.exp((low + high) / 2))


def probabilities(logits, temperature: float = 1.0) -> np.ndarray:
    """The probabilities of logits `(..., classes)`, float64."""
    return np.exp(log_softmax(np.asarray(logits, "float64") / temperature))


def calibration_curve(chances, labels, bins: int = 10) -> pd.DataFrame:
    """How often a classifier is right where it is so sure.

    Args:
        chances: Probabilities `(n, classes)`.
        labels: `(n,)`, integers.
        bins: Number of bins of equal width between 1 / classes and 1. Defaults to 10.

    Returns:
        A row a bin that is not empty: `confidence`, the mean probability of the class that was
        named; `accuracy`; `count`.

    Raises:
        ValueError: `bins` is no positive integer.

    Example:

    >>> chances = [[0.9, 0.1], [0.1, 0.9], [0.45, 0.55]]
    >>> frame = keraseq.evaluate.calibration_curve(chances, [0, 0, 1], bins=2)
    >>> frame.accuracy.tolist(), frame["count"].tolist()
    ([1.0, 0.5], [1, 2])
    """
    chances, labels = np.asarray(chances, "float64"), np.asarray(labels)
    right = chances.argmax(-1) == labels
    return reliability(chances.max(-1), right, bins, least=1 / chances.shape[-1])


def reliability(probability, right, bins: int = 10, *, least: float | None = None) -> pd.DataFrame:
    """As `calibration_curve`, of the probabilities of the classes that were named alone.

    Args:
        probability: Of the class that was named, `(n,)`.
        right: Whether it was right, `(n,)`.
        bins: Number of bins of equal width between `least` and 1. Defaults to 10.
        least: The least that a named class can have. Default: the least that is there.

    Example:

    >>> frame = keraseq.evaluate.reliability([0.9, 0.9, 0.55], [True, False, False], bins=2)
    >>> frame.accuracy.tolist(), frame["count"].tolist()
    ([0.0, 0.5], [1, 2])
    """
    import pandas as pd

    sure, right = np.asarray(probability, "float64"), np.asarray(right)
    bins = positive_integer("bins", bins)
    least = sure.min() if least is None else least
    place = np.floor((sure - least) / max(1 - least, 1e-12) * bins)
    place = place.clip(0, bins - 1).astype(int)
    rows = []
    for one in np.unique(place):
        here = place == one
        rows.append((sure[here].mean(), right[here].mean(), here.sum()))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "count"])


def calibration_error(chances, labels, bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over `bins`."""
    curve = calibration_curve(chances, labels, bins)
    return float(np.average(abs(curve.confidence - curve.accuracy), weights=curve["count"]))
