"""Naive Bayes of trees: what counting words comes to."""

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from keraseq.data.labelled.trees import LABELS, NEUTRAL, parsed


class NaiveBayes:
    """Naive Bayes with counts one higher, in the two ways that do best.

    Five classes: words of whole sentences. Two: words and pairs of all phrases that are not
    neutral.

    Args:
        trees: Those of the training part.
    """

    def __init__(self, trees: Sequence[str]):
        found = [parsed(one) for one in trees]
        self.five = logs(((one.words, one.labels[-1]) for one in found), len(LABELS))
        phrases = (
            (grams(one.words[start:end]), int(label > NEUTRAL))
            for one in found
            for (start, end), label in zip(one.spans(), one.labels, strict=True)
            if label != NEUTRAL
        )
        self.two = logs(phrases, 2)

    def __call__(self, trees: Sequence[str]) -> np.ndarray:
        """Probabilities of the five classes."""
        return np.array([chances(self.five, parsed(one).words) for one in trees])

    def positive(self, trees: Sequence[str]) -> np.ndarray:
        """The probability that each is positive, if it is not neutral."""
        return np.array([chances(self.two, grams(parsed(one).words))[1] for one in trees])


def grams(words: Sequence[str]) -> list[str]:
    """Words, and pairs of neighbours."""
    return [*words, *map(" ".join, itertools.pairwise(words))]


def logs(examples, classes: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Log probability of each word by class, and of each class."""
    counts = [Counter() for _ in range(classes)]
    prior = np.ones(classes)
    for words, label in examples:
        prior[label] += 1
        counts[label].update(word.lower() for word in words)
    every = sorted(set().union(*counts))
    table = np.array([[one[word] + 1.0 for one in counts] for word in every])
    table = np.log(table / table.sum(0))
    return dict(zip(every, table, strict=True)), np.log(prior / prior.sum())


def chances(model: tuple[dict[str, np.ndarray], np.ndarray], words: Sequence[str]) -> np.ndarray:
    """Probabilities of the classes; words that are not known say nothing."""
    known, total = model
    total = total + sum(known[word.lower()] for word in words if word.lower() in known)
    shares = np.exp(total - total.max())
    return shares / shares.sum()
