"""The baseline for text: n-grams."""

from __future__ import annotations

import numpy as np

from keraseq.checks import positive_integer


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
