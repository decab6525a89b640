"""To a common scale: column by column from the training part, or window by window from the past."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from keraseq.checks import did_you_mean
from keraseq.data.timeseries.measurements import check_series
from keraseq.files import checked_json

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-10  # of the largest value: less than this is what float64 makes of no change at all


def negligible(change, values, axis=None, keepdims: bool = False) -> np.ndarray:
    """Whether a change of values is nothing but rounding: 0.1 has another mean than 0.1.

    The one tolerance of scalers, window scales, MASE and baselines.

    Args:
        change: A deviation, or a mean absolute change.
        values: What it was measured on.
        axis, keepdims: As of `numpy.max`, for the largest of the values.

    Example:

    >>> bool(keraseq.data.negligible(1e-17, [0.1, 0.1])), bool(keraseq.data.negligible(1e-9, 1.0))
    (True, False)
    """
    return change <= ROUNDING * np.abs(values).max(axis=axis, keepdims=keepdims, initial=0.0)


def deviation_of(values: np.ndarray, axis: int = 0, keepdims: bool = False) -> np.ndarray:
    """The standard deviation, 1 of what never changes."""
    found = values.std(axis=axis, keepdims=keepdims)
    return np.where(negligible(found, values, axis, keepdims), 1.0, found)


@dataclass(frozen=True)
class Stored:
    """What `to_json` writes."""

    kind: Literal["scaler"]
    columns: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True)
class Scaler:
    """Column by column to mean 0 and standard deviation 1, as measured on the training part.

        y = (x - mean) / deviation          a column that never changes has deviation 1

    Args:
        columns: Names of the columns, in order.
        mean, deviation: A number for each.

    Example:

    >>> import pandas as pd
    >>> scaler = keraseq.data.Scaler.fit(pd.DataFrame({"ppm": [1.0, 3.0]}))
    >>> scaler.transform(pd.DataFrame({"ppm": [5.0]}))["ppm"].tolist()
    [3.0]
    """

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(cls, train: pd.DataFrame) -> Scaler:
        """The scaler of a training part; give it nothing else."""
        values = check_series(train).to_numpy("float64")
        deviation = deviation_of(values)
        return cls(tuple(train.columns), tuple(values.mean(axis=0)), tuple(deviation))

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame in scaled units."""
        missing = [column for column in self.columns if column not in frame]
        if missing:
            raise ValueError(
                f"column {missing[0]!r} is missing; the scaler was fitted on "
                f"{', '.join(map(repr, self.columns))}.{did_you_mean(missing[0], frame.columns)}"
            )
        return (frame[list(self.columns)] - list(self.mean)) / list(self.deviation)

    def inverse(self, values, columns: Sequence[str] | None = None) -> np.ndarray:
        """Scaled values `(..., columns)` in the units of the data."""
        at = [self.columns.index(column) for column in columns or self.columns]
        return np.asarray(values) * np.array(self.deviation)[at] + np.array(self.mean)[at]

    def to_json(self) -> str:
        """The scaler as JSON text, for `from_json`."""
        return json.dumps(
            {
                "kind": "scaler",
                "columns": self.columns,
                "mean": self.mean,
                "deviation": self.deviation,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Scaler:
        """The scaler that `to_json` wrote."""
        try:
            stored = checked_json(text, Stored)
            if not len(stored.columns) == len(stored.mean) == len(stored.deviation):
                raise ValueError("it has not a mean and a deviation for each column")
            if any(one <= 0 for one in stored.deviation):
                raise ValueError("a deviation is not positive")
        except ValueError as error:
            raise ValueError(f"not a scaler: {error}") from None
        return cls(stored.columns, stored.mean, stored.deviation)


def window_scale(past, season: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Level and scale of windows, from what each window shows of itself.

    For many series of different levels: a forecaster that reads and writes `(x - level) / scale`
    treats them alike, and knows series that it never saw. The level is the mean. The scale is the
    standard deviation, or, with a season that the window holds twice, the mean absolute change over
    a season, but at least a hundredth of the deviation: errors in this unit are those that MASE
    counts. A window that never changes has scale 1.

    Args:
        past: `(windows, look_back, columns)`, nothing that lies after the forecast's origin.
        season: Rows in a season. Defaults to 1: none.

    Returns:
        Level and scale, each `(windows, 1, columns)`, float64.

    Example:

    >>> level, scale = keraseq.data.window_scale([[[1.0], [3.0]]])
    >>> float(level[0, 0, 0]), float(scale[0, 0, 0])
    (2.0, 1.0)
    """
    past = np.asarray(past, "float64")
    level, scale = past.mean(axis=1, keepdims=True), past.std(axis=1, keepdims=True)
    constant = negligible(scale, past, 1, True)
    if season > 1 and past.shape[1] >= 2 * season:
        change = np.abs(past[:, season:] - past[:, :-season]).mean(axis=1, keepdims=True)
        scale = np.maximum(change, scale / 100)
    return level, np.where(constant, 1.0, scale)
