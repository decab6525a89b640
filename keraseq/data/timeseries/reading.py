"""Tables of series: file or frame, wide or long -> a frame of numbers for each series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import did_you_mean
from keraseq.data import sets
from keraseq.data.timeseries.dates import of

if TYPE_CHECKING:
    import pandas as pd

TIMES = ("ds", "date", "time", "timestamp", "datetime", "month")  # columns that are times, by name
FILES = (".csv", ".csv.gz", ".parquet")


def read(source) -> tuple[pd.DataFrame, str]:
    """The table of a file or a frame, and a name for a single series."""
    import pandas as pd

    if isinstance(source, pd.Series):
        return source.to_frame(source.name or "y"), str(source.name or "series")
    if isinstance(source, pd.DataFrame):
        return source, "series"
    if not isinstance(source, (str, Path)):
        raise TypeError(
            f"series come from a pandas DataFrame, a path or a name; "
            f"received {type(source).__name__}"
        )
    path = Path(source)
    ending = next((ending for ending in FILES if path.name.lower().endswith(ending)), None)
    if ending is None:
        known = sets.names("series")
        raise ValueError(
            f"unknown series {str(source)!r}; accepted: a file ending in {', '.join(FILES)}, or "
            f"one of {', '.join(map(repr, known))}.{did_you_mean(str(source), known)}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        table = pd.read_parquet(path) if ending == ".parquet" else pd.read_csv(path)
    except (ValueError, UnicodeDecodeError, OSError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{str(path)!r} cannot be read as {ending}: {reason}") from None
    return table, path.name[: -len(ending)]


@dataclass(frozen=True)
class Columns:
    """What each column of a table is."""

    name: str  # of a single series
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    time: str | None  # None: the index
    long: bool

    @classmethod
    def of(cls, table, targets, past, future, time, name, others=False) -> Columns:
        """The columns, those that are not named by their names or kinds.

        With `others` those that are named nowhere become past covariates, if none were named.
        """
        if table.empty:
            raise ValueError(
                f"{of(name)}the table is empty: {len(table)} rows, {table.shape[1]} columns"
            )
        table = table.rename(columns=str)
        long = "unique_id" in table and "ds" in table
        past, future = names(past), names(future)
        if time is None:
            time = next((column for column in table if column.lower() in TIMES), None)
        reserved = {*past, *future, time, *(("unique_id",) if long else ())}
        if targets is None:
            targets = ("y",) if long else [column for column in table if column not in reserved]
        elif others and not past:
            known = {*reserved, *names(targets)}
            past = tuple(column for column in table if column not in known)
        chosen = cls(name, names(targets), past, future, time, long)
        chosen.check(table)
        return chosen

    def check(self, table) -> None:
        """Raises if a column is missing or has two meanings."""
        roles = {
            "target": self.targets,
            "past covariate": self.past,
            "future covariate": self.future,
            "time": () if self.time is None else (self.time,),
        }
        seen: dict[str, str] = {}
        for role, columns in roles.items():
            for column in columns:
                if column not in table:
                    raise ValueError(
                        f"unknown {role} {column!r}; columns: {', '.join(map(repr, table))}."
                        f"{did_you_mean(column, table.columns)}"
                    )
                if column in seen:
                    raise ValueError(f"column {column!r} is both {seen[column]} and {role}")
                seen[column] = role
        if not self.targets:
            raise ValueError(f"there is no target; columns: {', '.join(map(repr, table))}")

    def frames(self, table) -> Iterator[tuple[str, pd.DataFrame]]:
        """Identifier and frame of each series, indexed by its times, columns in our order."""
        import pandas as pd

        table = table.rename(columns=str)
        wanted = [*self.targets, *self.past, *self.future]
        groups = table.groupby("unique_id", sort=False) if self.long else [(self.name, table)]
        for identifier, rows in groups:
            frame, index = rows[wanted], rows.index
            if self.time is not None:
                index = times(rows[self.time], str(identifier))
            elif not isinstance(index, pd.DatetimeIndex):
                index = pd.RangeIndex(len(rows))
            yield str(identifier), frame.set_axis(index)


def times(column: pd.Series, name: str):
    """A column as times, or an error that names the first cell that is none."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        if column.is_monotonic_increasing and (column.diff().iloc[1:] == 1).all():
            return pd.RangeIndex(len(column))  # numbered rows: M4 and the like
        raise ValueError(
            f"{of(name)}the times in column {column.name!r} are numbers, and not 1, 2, 3, ...; "
            "convert them with pandas.to_datetime(..., unit=...) first"
        )
    try:
        parsed = pd.to_datetime(column, errors="coerce")
    except ValueError:  # one column, several offsets from UTC: clocks changed
        parsed = pd.to_datetime(column, errors="coerce", utc=True)
    bad = parsed.isna().to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{of(name)}{column.iloc[row]!r} in row {row}, column {column.name!r}, is no time"
        )
    return pd.DatetimeIndex(parsed, name=None)


def numbers(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with float64 columns, or an error that names the first text, or an empty column."""
    import pandas as pd

    columns = {}
    for column in frame:
        values = numeric(frame[column], of(name))
        if values.isna().all():
            raise ValueError(f"{of(name)}column {column!r} holds no value at all")
        columns[column] = np.asarray(values, "float64")
    return pd.DataFrame(columns, index=frame.index)


def numeric(column: pd.Series, where: str) -> pd.Series:
    """A column as numbers, or an error that names the first text in it."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column
    converted = pd.to_numeric(column, errors="coerce")
    bad = (converted.isna() & column.notna()).to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{where}{column.iloc[row]!r} in row {row}, column {column.name!r}, is no number"
        )
    return converted


def names(columns: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (columns,) if isinstance(columns, str) else tuple(columns)
