"""Step 4: metrics, and the baselines that a model must beat.

Metrics take arrays, whatever model made them. Baselines see the same training part as the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from keraseq.checks import positive_integer

# Metrics.


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


# Baselines for forecasting. Each looks at `values[:origin]` alone.


def repeat_last(values, origins: Sequence[int], horizon: int) -> np.ndarray:
    """The last known value, `horizon` times, for each origin: `(origins, horizon)`."""
    values, origins = np.asarray(values, "float64"), np.asarray(origins)
    return np.repeat(values[origins - 1][:, None], positive_integer("horizon", horizon), axis=1)


def seasonal_naive(
    values, origins: Sequence[int], horizon: int, season: int, drift: bool = False
) -> np.ndarray:
    """The values of one season ago, for each origin: `(origins, horizon)`.

    Beyond one season the last known season repeats.

    Args:
        values: The whole series `(time,)`.
        origins: Row of each forecast's first target.
        horizon: Rows to forecast.
        season: Rows in a season.
        drift: Whether to add the change over the last season, once for each season ahead: what the
            last value is above the value a season before it. Defaults to `False`.

    Raises:
        ValueError: There is less than a season (with `drift`: and one row) before an origin.

    Example:

    >>> keraseq.evaluate.seasonal_naive([1, 2, 3, 4, 5], [4], horizon=3, season=2).tolist()
    [[3.0, 4.0, 3.0]]
    """
    values, origins = np.asarray(values, "float64"), np.asarray(origins)
    horizon, season = positive_integer("horizon", horizon), positive_integer("season", season)
    if origins.min() < season + drift:
        raise ValueError(
            f"season={season} needs {season + drift} rows before each origin; "
            f"received origin {origins.min()}"
        )
    ahead = np.arange(horizon)
    seasons = 1 + ahead // season
    forecasts = values[origins[:, None] + ahead - seasons * season]
    if drift:
        change = values[origins - 1] - values[origins - 1 - season]
        forecasts = forecasts + change[:, None] * seasons
    return forecasts


# Baselines for classification.


def majority_class(train_labels, test_labels) -> float:
    """Accuracy of always naming the most frequent label of the training part."""
    values, counts = np.unique(np.asarray(train_labels), return_counts=True)
    return float(np.mean(np.asarray(test_labels) == values[counts.argmax()]))


def logistic_regression(train_inputs, train_labels, test_inputs, test_labels) -> float:
    """Accuracy of scikit-learn's logistic regression on all steps and features side by side."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def flat(inputs):
        return np.asarray(inputs).reshape(len(inputs), -1)

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(flat(train_inputs), train_labels)
    return float(model.score(flat(test_inputs), test_labels))


# Baseline for text.


class NGram:
    """Interpolated n-gram model with Witten-Bell smoothing.

        p_0(c)     = 1 / vocabulary
        p_k(c | h) = (n(h c) + t(h) p_{k-1}(c | h')) / (n(h) + t(h))      k = 1 ... order

    n counts occurrences in training, t(h) is how many different tokens followed h there, and h' is
    h without its oldest token; where h never occurred, p_k = p_{k-1}.

    Args:
        order: Longest n-gram, a positive integer: 3 predicts from two tokens.
        vocabulary: Number of token ids, a positive integer.

    Raises:
        ValueError: `vocabulary ** order` does not fit into 63 bits, by which n-grams are counted.

    Example:

    >>> model = keraseq.evaluate.NGram(order=2, vocabulary=2).fit([0, 1, 0, 1, 0])
    >>> model.cost([0, 1]).round(3).tolist()
    [0.56, 0.211]

    References:
        Witten & Bell 1991, "The Zero-Frequency Problem".
        Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling".
    """

    def __init__(self, order: int, vocabulary: int):
        self.order = positive_integer("order", order)
        self.vocabulary = positive_integer("vocabulary", vocabulary)
        if self.vocabulary**self.order >= 2**63:
            raise ValueError(
                f"order={order} is too long for vocabulary={vocabulary}: "
                f"at most {int(63 / np.log2(self.vocabulary))}"
            )
        self.tables = []

    def fit(self, tokens) -> NGram:
        """Counts the n-grams of all orders in token ids `(n,)`."""
        tokens = self._checked(tokens)
        self.tables = []
        for k in range(1, self.order + 1):
            grams, counts = np.unique(self._grams(tokens, k), return_counts=True)
            contexts, first = np.unique(grams // self.vocabulary, return_index=True)
            total = np.add.reduceat(counts, first)  # n(h); grams are sorted, so by context too
            kinds = np.diff(np.append(first, len(grams)))  # t(h)
            self.tables.append((grams, counts, contexts, total, kinds))
        return self

    def cost(self, tokens, before=()) -> np.ndarray:
        """What each token costs given those before it, in nats, `(n,)`.

        Args:
            tokens: Token ids to score.
            before: Tokens that precede them, as context only.
        """
        if not self.tables:
            raise ValueError("this NGram has no counts yet; call fit first")
        tokens, before = self._checked(tokens), np.asarray(before, "int64")
        every = np.concatenate([before[len(before) - min(len(before), self.order - 1) :], tokens])
        probability = np.full(len(every), 1 / self.vocabulary)
        for k, (grams, counts, contexts, total, kinds) in enumerate(self.tables, start=1):
            if len(every) < k:
                break
            seen = self._grams(every, k)
            lower = probability[k - 1 :]
            n_hc = found(grams, counts, seen)
            n_h = found(contexts, total, seen // self.vocabulary)
            t_h = found(contexts, kinds, seen // self.vocabulary)
            known = n_h > 0
            upper = (n_hc + t_h * lower) / np.where(known, n_h + t_h, 1)
            probability[k - 1 :] = np.where(known, upper, lower)
        return -np.log(probability[len(every) - len(tokens) :])

    def _checked(self, tokens):
        tokens = np.asarray(tokens, "int64")
        if len(tokens) == 0 or tokens.min() < 0 or tokens.max() >= self.vocabulary:
            raise ValueError(
                f"tokens must be ids from 0 to {self.vocabulary - 1}, at least one; received "
                + (f"{tokens.min()} to {tokens.max()}" if len(tokens) else "none")
            )
        return tokens

    def _grams(self, tokens, k):
        """Every k-gram as one number: the digits of base `vocabulary`, oldest token first."""
        codes = np.zeros(max(len(tokens) - k + 1, 0), "int64")
        for i in range(k):
            codes = codes * self.vocabulary + tokens[i : i + len(codes)]
        return codes


def found(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The values of the wanted keys among sorted ones, 0 where there is none."""
    at = np.searchsorted(keys, wanted).clip(max=max(len(keys) - 1, 0))
    return np.where(keys[at] == wanted, values[at], 0) if len(keys) else np.zeros(len(wanted))
