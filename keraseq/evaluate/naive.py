"""Naive forecasts: what needs no learning. Each looks at `values[:origin]` alone."""

from collections.abc import Sequence

import numpy as np

from keraseq.checks import positive_integer


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
