"""Metrics: arrays in, a number out, whatever model made them."""

from math import log

import numpy as np

from keraseq.checks import positive_integer


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


def seasonal_scale(train, season: int) -> float:
    """Mean absolute error of the seasonal naive forecast on the training part: MASE's denominator.

    Args:
        train: Values of the training part `(time,)`; nothing else may enter the scale.
        season: Rows in a season, a positive integer.

    Raises:
        ValueError: The part is no longer than a season, or repeats itself without any change.
    """
    train, season = np.asarray(train, "float64"), positive_integer("season", season)
    if len(train) <= season:
        raise ValueError(f"season={season} needs more than {season} rows; received {len(train)}")
    scale = float(np.mean(np.abs(train[season:] - train[:-season])))
    if scale == 0:
        raise ValueError(f"every season={season} rows repeat exactly: MASE has no scale")
    return scale


def mase(targets, forecasts, scale: float) -> float:
    """Mean absolute scaled error (Hyndman & Koehler 2006); `scale` is a `seasonal_scale`.

    Example:

    >>> keraseq.evaluate.mase([3.0, 5.0], [2.0, 5.0], scale=2.0)
    0.25
    """
    difference = np.asarray(targets, "float64") - np.asarray(forecasts, "float64")
    return float(np.mean(np.abs(difference))) / scale
