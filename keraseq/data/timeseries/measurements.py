"""Measurements over time as a checked frame: a row a time, a column a series, no holes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of

if TYPE_CHECKING:
    import pandas as pd


def check_series(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame, or an error that says which cell of it is no number.

    Raises:
        ValueError: No rows or columns, a column that holds no numbers, rows whose times do not
            increase, or a value that is NaN or infinite.
        TypeError: It is no frame.

    Example:

    >>> import pandas as pd
    >>> keraseq.data.check_series(pd.DataFrame({"y": ["1", "2"]}))
    Traceback (most recent call last):
    ValueError: column 'y' holds str, not numbers
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
            "fill gaps first, for example with keraseq.data.fill_gaps"
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
    >>> keraseq.data.fill_gaps(frame, "linear")["ppm"].tolist()
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


def label(frame: pd.DataFrame, row: int) -> str:
    """What the index says of a row."""
    at = frame.index[row]
    return f"{at:%Y-%m-%d %H:%M}".removesuffix(" 00:00") if hasattr(at, "strftime") else str(at)


def of(name: str) -> str:
    """How an error begins that belongs to a series."""
    return f"series {name!r}: " if name else ""
