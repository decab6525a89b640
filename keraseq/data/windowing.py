"""Measurements over time: frame -> checked, scaled windows, without a look into the future."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keraseq.checks import did_you_mean, one_of, positive_integer

if TYPE_CHECKING:
    import pandas as pd


def co2() -> pd.DataFrame:
    """Weekly carbon dioxide at Mauna Loa, 1958-2001, ppm, inside statsmodels; 59 weeks are missing.

    Returns:
        A frame of one column, `co2`, with a row a week, `NaN` where nothing was measured.
    """
    from statsmodels.datasets import co2

    return co2.load_pandas().data


def check(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, or an error that says which cell of it is no number.

    Raises:
        ValueError: No rows or columns, a column that holds no numbers, rows whose times do not
            increase, or a value that is NaN or infinite.
        TypeError: It is no frame.
    """
    import pandas as pd

    if isinstance(frame, pd.Series):
        frame = frame.to_frame()
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a series is a pandas DataFrame; received {type(frame).__name__}")
    if frame.empty:
        raise ValueError(f"the series is empty: {len(frame)} rows, {frame.shape[1]} columns")
    for column in frame:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            raise ValueError(f"column {column!r} holds {frame[column].dtype}, not numbers")
    if not (frame.index.is_monotonic_increasing and frame.index.is_unique):
        later = np.flatnonzero(frame.index[1:] <= frame.index[:-1])[0] + 1
        raise ValueError(
            f"rows must be in the order of time; row {later} ({label(frame, later)}) "
            f"follows {label(frame, later - 1)}"
        )
    bad = ~np.isfinite(frame.to_numpy("float64"))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        more = f" and {bad.sum() - 1} more" if bad.sum() > 1 else ""
        raise ValueError(
            f"{frame.iloc[row, column]} in row {row} ({label(frame, row)}), "
            f"column {frame.columns[column]!r}{more}; "
            "fill gaps first, for example with keraseq.data.series.fill_gaps"
        )
    return frame


def fill_gaps(frame: pd.DataFrame, method: str = "previous") -> pd.DataFrame:
    """Fills what is missing, in the way that is asked for.

    Args:
        frame: Measurements with `NaN` where nothing is known.
        method: `"previous"` repeats the last known value, which looks into no future; `"linear"`
            draws a line to the next known value, which does: fill before a split only where no gap
            touches a border. Defaults to `"previous"`.

    Raises:
        ValueError: A column has no known value before a gap (or, for `"linear"`, none after it).

    Example:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ppm": [1.0, None, 3.0]})
    >>> keraseq.data.series.fill_gaps(frame, "linear")["ppm"].tolist()
    [1.0, 2.0, 3.0]
    """
    method = one_of("method", method, ("previous", "linear"))
    if method == "previous":
        filled = frame.ffill()
    else:
        filled = frame.interpolate("linear", limit_area="inside")
    left = filled.isna().to_numpy()
    if left.any():
        row, column = np.argwhere(left)[0]
        side = (
            "after" if method == "linear" and filled.iloc[:row, column].notna().any() else "before"
        )
        raise ValueError(
            f"the gap at row {row} ({label(frame, row)}), column {frame.columns[column]!r}, has no "
            f"known value {side} it to fill from; cut these rows off"
        )
    return filled


class Borders(NamedTuple):
    """Rows where the validation part and the test part begin."""

    validation: int
    test: int


def split_by_time(rows: int, validation: float = 0.15, test: float = 0.15) -> Borders:
    """Where to cut a series of so many rows into train, validation and test, in this order.

    Example:

    >>> keraseq.data.series.split_by_time(100)
    Borders(validation=70, test=85)
    """
    borders = Borders(round(rows * (1 - validation - test)), round(rows * (1 - test)))
    if not 0 < borders.validation < borders.test < rows:
        raise ValueError(
            f"validation={validation} and test={test} leave a part of {rows} rows empty; "
            "every part needs at least one"
        )
    return borders


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
        values = check(train).to_numpy("float64")
        deviation = values.std(axis=0)
        deviation[deviation == 0] = 1.0
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
            stored = json.loads(text)
            if stored["kind"] != "scaler":
                raise KeyError
            return cls(*(tuple(stored[name]) for name in ("columns", "mean", "deviation")))
        except (json.JSONDecodeError, KeyError, TypeError):
            raise ValueError(f"not a scaler: {text[:60]!r}") from None


class Windows(NamedTuple):
    """Pieces of a series for a forecaster.

    `inputs (n, look_back, features)`, `targets (n, horizon, targets)`, both float32, and `origins
    (n,)`: the row of each window's first target.
    """

    inputs: np.ndarray
    targets: np.ndarray
    origins: np.ndarray


def windows(
    frame: pd.DataFrame,
    *,
    look_back: int,
    horizon: int,
    targets: Sequence[str] | None = None,
    first: int = 0,
    last: int | None = None,
    stride: int = 1,
) -> Windows:
    """Every window of a series whose targets all lie in rows `first <= row < last`.

    The inputs are the `look_back` rows before the first target; they may lie before `first`, for
    the past of a part is known, but a target never lies outside, so that no window of the training
    part is scored on a row of the next.

    Args:
        frame: The series, a column each, without gaps; see `check`.
        look_back: Rows that a forecaster sees, a positive integer.
        horizon: Rows that it forecasts, a positive integer.
        targets: Columns to forecast. Default: all. They come first among the inputs, as
            `keraseq.models.forecaster` wants them.
        first, last: Rows between which the targets lie. Default: the whole series.
        stride: Rows from one window to the next. Defaults to 1.

    Raises:
        ValueError: The series is empty or shorter than a window, the horizon does not fit between
            `first` and `last`, a target is no column, or a value is no number.

    Example:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ppm": range(10)})
    >>> parts = keraseq.data.series.windows(frame, look_back=3, horizon=2, first=6)
    >>> parts.inputs[0, :, 0].tolist(), parts.targets[0, :, 0].tolist()
    ([3.0, 4.0, 5.0], [6.0, 7.0])
    """
    frame = check(frame)
    look_back = positive_integer("look_back", look_back)
    horizon = positive_integer("horizon", horizon)
    stride = positive_integer("stride", stride)
    rows = len(frame)
    last = rows if last is None else last
    if not 0 <= first < last <= rows:
        raise ValueError(
            f"first and last must be rows between 0 and {rows}; received first={first}, last={last}"
        )
    if rows < look_back + horizon:
        raise ValueError(
            f"a window of look_back={look_back} and horizon={horizon} needs "
            f"{look_back + horizon} rows; received {rows}"
        )
    earliest = max(first, look_back)
    if last - earliest < horizon:
        raise ValueError(
            f"horizon={horizon} goes beyond the data: {max(last - earliest, 0)} rows can be targets"
        )
    targets = list(frame.columns if targets is None else targets)
    for target in targets:
        if target not in frame:
            raise ValueError(
                f"unknown target {target!r}; columns: {', '.join(map(repr, frame.columns))}."
                f"{did_you_mean(target, frame.columns)}"
            )
    others = [column for column in frame if column not in targets]
    values = frame[targets + others].to_numpy("float32")
    origins = np.arange(earliest, last - horizon + 1, stride)
    inputs = values[origins[:, None] + np.arange(-look_back, 0)]
    outputs = values[origins[:, None] + np.arange(horizon), : len(targets)]
    return Windows(inputs, outputs, origins)


def label(frame: pd.DataFrame, row: int) -> str:
    """What the index says of a row."""
    at = frame.index[row]
    return f"{at:%Y-%m-%d %H:%M}".removesuffix(" 00:00") if hasattr(at, "strftime") else str(at)
