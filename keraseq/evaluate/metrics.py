"""Metrics: arrays in, a number out, whatever model made them."""

from math import log

import numpy as np


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
