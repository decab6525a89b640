"""What a few runs can say: intervals by bootstrap, paired differences, ranks with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

DRAWS = 10_000
EXACT = 5  # runs, up to which every resample is looked at: 5 ** 5 of them
LEVEL = 0.95
PAIRS = 3  # the least from which cells are told apart; two agree by chance every other time
MARGIN = 0.05  # part of the way from the floor to perfect that a run must have gone


class Interval(NamedTuple):
    """A mean and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside; never, where there is no interval."""
        return self.low > 0 or self.high < 0


def bootstrap(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The mean of some runs and its percentile bootstrap interval.

    With very few runs it is too narrow: of three it reaches from the worst to the best, and one
    alone has none at all.

    Args:
        values: One of each run, at least one.
        level: Of the interval. Defaults to 0.95.

    Example:

    >>> from keraseq.experiments import statistics
    >>> statistics.bootstrap([1.0, 2.0, 3.0])
    Interval(mean=2.0, low=1.0, high=3.0)

    References:
        Efron 1979, "Bootstrap Methods: Another Look at the Jackknife".
    """
    values = np.asarray(values, "float64")
    count = len(values)
    if count <= EXACT:
        draws = np.array(list(product(range(count), repeat=count)))
    else:
        draws = np.random.default_rng(1979).integers(0, count, (DRAWS, count))
    tail = 100 * (1 - level) / 2
    means = values[draws].mean(axis=1)
    low = np.percentile(means, tail, method="lower")  # of a few resamples rather too wide
    high = np.percentile(means, 100 - tail, method="higher")
    return Interval(float(values.mean()), float(low), float(high))


def difference(one: Mapping[int, float], other: Mapping[int, float]) -> Interval | None:
    """Mean difference of the runs of two cells, paired by seed, and its interval.

    Args:
        one, other: Seed -> value.

    Returns:
        The interval of `one - other`, its ends `NaN` where less than three seeds are in both, or
        None where none is.
    """
    seeds = sorted(set(one) & set(other))
    if not seeds:
        return None
    found = bootstrap([one[seed] - other[seed] for seed in seeds])
    return found if len(seeds) >= PAIRS else Interval(found.mean, np.nan, np.nan)


def ranks(values: Mapping[str, Mapping[int, float]], direction: str) -> dict[str, int]:
    """The rank of each cell: one more than the number of cells that are told apart as better.

    A cell is told apart from another where the interval of their paired difference excludes 0, of
    at least three pairs. So cells that are not told apart from the best share rank 1. Where no cell
    has three runs, it is one more than the number of cells with a better mean, see `by_means`.

    Args:
        values: Cell -> seed -> value.
        direction: `"min"` or `"max"`, whichever is better.

    Example:

    >>> from keraseq.experiments import statistics
    >>> values = {"a": [1, 2, 3], "b": [2, 1, 3], "c": [5, 6, 7]}
    >>> statistics.ranks({cell: dict(enumerate(runs)) for cell, runs in values.items()}, "min")
    {'a': 1, 'b': 1, 'c': 3}
    """
    sign = 1 if direction == "min" else -1
    if by_means(values):
        means = {cell: sign * float(np.mean([*runs.values()])) for cell, runs in values.items()}
        return {cell: 1 + sum(one < mean for one in means.values()) for cell, mean in means.items()}
    return {
        cell: 1 + sum(beats(values[other], values[cell], sign) for other in values if other != cell)
        for cell in values
    }


def by_means(values: Mapping[str, Mapping[int, float]]) -> bool:
    """Whether there are too few runs to tell any cells apart, so that ranks go by the means."""
    return max(map(len, values.values()), default=0) < PAIRS


def beats(one: Mapping[int, float], other: Mapping[int, float], sign: int) -> bool:
    """Whether the runs of one are told apart from those of the other as better."""
    found = difference(one, other)
    return found is not None and found.excludes_zero and sign * found.mean < 0


def verdict(one: Mapping[int, float], other: Mapping[int, float], direction: str) -> str:
    """Whether the runs of one cell are better than those of another.

    Args:
        one, other: Seed -> value.
        direction: `"min"` or `"max"`, whichever is better.

    Returns:
        `"yes"` or `"no"` where they are told apart (see `ranks`), else `"undecided"`.

    Example:

    >>> from keraseq.experiments import statistics
    >>> a, b = {1: 0.9, 2: 0.8, 3: 0.9}, {1: 0.7, 2: 0.7, 3: 0.95}
    >>> statistics.verdict(a, b, "max"), statistics.verdict(a, {1: 1, 2: 1, 3: 1}, "max")
    ('undecided', 'no')
    """
    sign = 1 if direction == "min" else -1
    if beats(one, other, sign):
        return "yes"
    return "no" if beats(other, one, sign) else "undecided"


def converged(value: float | None, floor: float | None, direction: str) -> bool:
    """Whether a run has learned something: is better than the floor by a twentieth.

    A twentieth of the floor where less is better, else of the way from the floor to 1.

    Args:
        value: What the run reached, or None.
        floor: What no learning gives, or None where that is not known.
        direction: `"min"` or `"max"`.

    Example:

    >>> from keraseq.experiments import statistics
    >>> statistics.converged(0.164, 1 / 6, "min"), statistics.converged(0.01, 1 / 6, "min")
    (False, True)
    """
    if value is None or not np.isfinite(value):
        return False
    if floor is None:
        return True
    if direction == "min":
        return value < floor - MARGIN * abs(floor)
    return value > floor + MARGIN * (1 - floor)
