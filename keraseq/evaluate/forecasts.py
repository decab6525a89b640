"""Metrics of forecasts: truth and forecast in, a number out, whatever made the forecast."""

from collections.abc import Mapping

import numpy as np

from keraseq.checks import positive_integer, rate
from keraseq.data import negligible


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
    if negligible(scale, train):
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


def smape(targets, forecasts) -> np.ndarray:
    """Symmetric percentage errors, 0 to 200, as in the M4 competition; their mean is the sMAPE.

        200 |y - f| / (|y| + |f|)           0 where both are 0

    Example:

    >>> keraseq.evaluate.smape([3.0, 0.0], [1.0, 0.0]).tolist()
    [100.0, 0.0]
    """
    targets, forecasts = np.asarray(targets, "float64"), np.asarray(forecasts, "float64")
    size = np.abs(targets) + np.abs(forecasts)
    nothing = negligible(size, size)
    return np.where(nothing, 0, 200) * np.abs(targets - forecasts) / np.where(nothing, 1, size)


def pinball(targets, forecasts, quantile: float) -> np.ndarray:
    """What each forecast of a quantile costs: `q (y - f)` where the truth is above, else
    `(1 - q) (f - y)`.

    The quantile itself has the lowest mean cost (Koenker & Bassett 1978).

    Example:

    >>> keraseq.evaluate.pinball([3.0, 1.0], [2.0, 2.0], quantile=0.75).tolist()
    [0.75, 0.25]
    """
    quantile = rate("quantile", quantile)
    return tilted(np.asarray(targets, "float64") - np.asarray(forecasts, "float64"), quantile)


def tilted(over: np.ndarray, quantile: float) -> np.ndarray:
    """The cost of being so much too low, of a forecast of a quantile, 0 and 1 included."""
    return np.maximum(quantile * over, (quantile - 1) * over)


def crps(targets, quantiles: Mapping[float, np.ndarray]) -> np.ndarray:
    """Continuous ranked probability score of forecasts that are known by some quantiles.

        CRPS = 2 integral of pinball(q) dq    by the trapezoidal rule, the outermost held to 0 and 1

    With the quantiles 0.1, ..., 0.9 it is close to the integral; with three it ranks forecasts but
    is no more than a rough value of it. In the unit of the targets; for a forecast that is one
    number at every quantile it is the absolute error.

    Args:
        targets: The truth.
        quantiles: Probability -> forecasts, in any order.

    Example:

    >>> float(keraseq.evaluate.crps(3.0, {0.1: 2.0, 0.5: 2.0, 0.9: 2.0}).round(6))
    1.0

    References:
        Gneiting & Raftery 2007, "Strictly Proper Scoring Rules, Prediction, and Estimation".
    """
    known, targets = sorted(quantiles), np.asarray(targets, "float64")
    over = [targets - np.asarray(quantiles[q], "float64") for q in known]
    at = np.array([0.0, *known, 1.0])
    costs = [tilted(one, q) for one, q in zip([over[0], *over, over[-1]], at, strict=True)]
    return 2 * np.trapezoid(np.stack(costs), at, axis=0)
