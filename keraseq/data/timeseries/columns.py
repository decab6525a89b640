"""Tables of series: wide or long -> a frame of numbers for each series, by its times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import did_you_mean
from keraseq.data import sets, tables
from keraseq.data.tables import Table, place
from keraseq.data.timeseries.categories import codes, is_category, known
from keraseq.data.timeseries.measurements import of
from keraseq.data.timeseries.months import month_of
from keraseq.data.timeseries.times import (
    is_clock,
    is_digits,
    is_index_of_times,
    joined,
    looks_like_times,
)
from keraseq.data.timeseries.times import times as as_times

if TYPE_CHECKING:
    import pandas as pd

TIMES = ("ds", "date", "time", "timestamp", "datetime", "month", "year")  # times, by name
ROW_NUMBERS = ("index", "level_0", "rownames", "row", "no", "no.", "nr", "nr.", "obs", "#")


def read(source, **reading) -> Table:
    """The table of a file, of bytes or a frame, with a name for a single series."""
    import pandas as pd

    if isinstance(source, Table):
        return source
    known = sets.names("series")
    if isinstance(source, (str, Path)) and not str(source).lower().endswith(tables.FILES):
        raise ValueError(
            f"unknown series {str(source)!r}; accepted: a file ending in "
            f"{', '.join(tables.FILES)}, or one of {', '.join(map(repr, known))}."
            f"{did_you_mean(str(source), known)}"
        )
    if not isinstance(source, (str, Path, bytes, pd.DataFrame, pd.Series)):
        raise TypeError(
            f"series come from a pandas DataFrame, a path or a name; "
            f"received {type(source).__name__}"
        )
    name = getattr(source, "name", None) if isinstance(source, pd.Series) else None
    return tables.read(source, **reading, name=str(name or "series"))


@dataclass(frozen=True)
class Columns:
    """What each column of a table is."""

    name: str  # of a single series
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    time: tuple[str, ...]  # none: the index
    id: tuple[str, ...]  # none: one series

    @classmethod
    def of(cls, table, targets, past, future, time, id, name, others=False) -> Columns:
        """The columns, those that are not named by their names or kinds.

        With `others` those that are named nowhere become past covariates, if none were named.
        """
        if table.empty:
            raise ValueError(
                f"{of(name)}the table is empty: {len(table)} rows, {table.shape[1]} columns"
            )
        past, future, id, time = names(past), names(future), names(id or ()), names(time or ())
        inside = [mark for mark in ";\t|," if mark in table.columns[0]]
        if table.shape[1] == 1 and inside:
            raise ValueError(
                f"{of(name)}column {table.columns[0]!r} is several: read the table with "
                f"sep={inside[0]!r} (in a shell --sep {tables.spoken(inside[0])})"
            )
        if not id and "unique_id" in table and ("ds" in table or time):
            id = ("unique_id",)
        taken = {*past, *future, *id, *names(targets or ())}
        time = time or time_of(table, taken, name)
        reserved = {*past, *future, *time, *id}
        rest = [one for one in table if one not in reserved]
        if targets is None:
            numbers = [one for one in rest if not is_row_number(table[one])]
            targets = ("y",) if id == ("unique_id",) and "y" in table else numbers
            if {month_of(one) for one in targets} >= set(range(1, 13)):
                raise ValueError(
                    f"{of(name)}columns {targets[0]!r} to {targets[-1]!r} are the months of a "
                    "year, it seems: give a row for each month, or name the targets"
                )
            dated = any(looks_like_times(table[one]) or is_digits(table[one], 8) for one in time)
            dated = dated or (not time and is_index_of_times(table.index))
            same = [
                one
                for one in targets
                if (one.lower() in TIMES and not (dated and is_calendar(table[one])))
                or looks_like_times(table[one])
            ]
            if same:
                raise ValueError(
                    f"{of(name)}column {same[0]!r} holds times beside "
                    f"{', '.join(map(repr, time)) or 'the index'}: name the targets, and the times "
                    "with time=... (in a shell --time)"
                )
        elif others and not past:
            past = tuple(one for one in rest if one not in names(targets))
        chosen = cls(name, names(targets), past, future, time, id)
        chosen.check(table)
        return chosen

    def check(self, table) -> None:
        """Raises if a column is missing or has two meanings."""
        roles = {
            "target": self.targets,
            "past covariate": self.past,
            "future covariate": self.future,
            "time": self.time,
            "id": self.id,
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

    def index(self, frame, *how) -> tuple[pd.Index, bool | None]:
        """The times of all rows, and whether days stand before months; `how` is that of `times`."""
        import pandas as pd

        if self.time:
            return as_times(joined(frame, self.time), *how)
        if is_index_of_times(frame.index):
            column = frame.index.to_series(index=range(len(frame))).rename("index")
            return as_times(column, *how)
        return pd.RangeIndex(len(frame)), None

    def frames(self, table: Table, decimal, date_format, day_first, categories, one_clock=False):
        """What `split` makes of the table, its categories, and whether days come before months.

        Categories are a dictionary: text column -> its texts, by the number that stands for them.
        """
        import pandas as pd

        frame = table.frame
        index, day_first = self.index(frame, date_format, day_first, one_clock)
        wanted = [*self.targets, *self.past, *self.future]
        kinds = {
            one: known(frame[one], categories.get(one))
            for one in (*self.past, *self.future)
            if one in categories or is_category(frame[one])
        }
        used = [one for one in wanted if one not in kinds]
        mark = tables.decimal_mark(table, used, decimal)
        columns = {}
        for one in wanted:
            try:
                columns[one] = (
                    codes(frame[one], kinds[one])
                    if one in kinds
                    else tables.numbers(frame[one], mark)
                ).to_numpy()
            except ValueError as error:
                hint = ""
                if self.time and is_clock(frame[one]):
                    pair = f"{self.time[0]},{one}"
                    hint = f"; if it is the time of day give time={pair} (in a shell --time {pair})"
                raise ValueError(f"{of(self.name)}{error}{hint}") from None
        values = pd.DataFrame(columns, index=index)
        self.check_ids(frame, index)
        return self.split(frame, values), kinds, day_first

    def split(self, frame, values) -> Iterator[tuple[str, pd.DataFrame]]:
        """Identifier and values of each series."""
        import pandas as pd

        if not self.id:
            yield self.name, values
            return
        for one in self.id:
            missing = frame[one].isna().to_numpy()
            if missing.any():
                row = int(missing.argmax())
                raise ValueError(f"{place(frame, row)} has no identifier in column {one!r}")
        texts = [frame[one].map(str) for one in self.id]
        joined_ids = texts[0].str.cat(texts[1:], sep="/") if len(texts) > 1 else texts[0]
        for identifier, rows in pd.Series(range(len(frame))).groupby(
            joined_ids.to_numpy(), sort=False
        ):
            piece = values.iloc[rows.to_numpy()]
            if isinstance(values.index, pd.RangeIndex):  # no times: rows are numbered
                piece = piece.set_axis(pd.RangeIndex(len(piece)))
            yield str(identifier), piece

    def check_ids(self, frame, index) -> None:
        """Raises where rows have one time and other columns tell them apart."""
        import pandas as pd

        keys = pd.DataFrame({"": np.asarray(index)})
        for one in self.id:
            keys[one] = frame[one].astype(str).to_numpy()
        twice = keys.duplicated(keep=False).to_numpy()
        if not twice.any():
            return
        free = [
            one
            for one in frame
            if one not in (*self.time, *self.id)
            and 2 * frame[one].nunique() <= len(frame)
            and (twice.mean() >= 0.25 or tables.texts_of(frame[one]))
        ]
        free.sort(key=lambda one: (one in self.targets, frame[one].nunique()))
        for count in (1, 2):
            for found in combinations(free[:6], count):
                apart = keys.assign(**{f"{one} ": frame[one].to_numpy() for one in found})
                if apart.duplicated().any():
                    continue
                if count == 1 and self.time and is_clock(frame[found[0]]):
                    one = [*self.time, found[0]]
                    said = f"time={one} (in a shell --time {','.join(one)})"
                else:
                    one = [*self.id, *found]
                    shown = repr(one[0]) if len(one) == 1 else str(one)
                    said = f"id={shown} (in a shell --id {','.join(one)})"
                row = int(twice.argmax())
                raise ValueError(
                    f"{of(self.name)}{int(twice.sum())} rows share their time with another, the "
                    f"first is {place(frame, row)}, and {' and '.join(map(repr, found))} "
                    f"{'tells' if count == 1 else 'tell'} them apart: give {said}"
                )


def time_of(table, taken: set[str], name: str) -> tuple[str, ...]:
    """The column of times: by its kind, else by its name; none where the index holds them."""
    if is_index_of_times(table.index):
        return ()
    free = [one for one in table if one not in taken]
    found = [one for one in free if looks_like_times(table[one])]
    called = [one for one in free if one.lower() in TIMES and one.lower() not in ("month", "year")]
    if len(found) > 1:
        found = [one for one in found if one in called] or found
    if len(found) > 1:
        shown = ", ".join(map(repr, found))
        raise ValueError(
            f"{of(name)}columns {shown} hold times: say which are those of the rows, such as "
            f"time={found[0]!r} (in a shell --time {found[0]})"
        )
    if found:
        return tuple(found)
    if called:
        return (called[0],)
    lower = {one.lower(): one for one in free}
    parts = [lower[one] for one in ("year", "quarter", "month", "day", "hour", "minute")
             if one in lower]  # fmt: skip
    if "year" in lower and len(parts) > 1:
        raise ValueError(
            f"{of(name)}columns {', '.join(map(repr, parts))} are times together, it seems: give "
            f"time={parts} (in a shell --time {','.join(parts)})"
        )
    if len(free) > 1:
        if parts and "year" in lower:
            return (parts[0],)
        if "month" in lower and not table[lower["month"]].astype(str).str.len().le(2).all():
            return (lower["month"],)
        first = table.columns[0]
        if first.startswith("Unnamed") and first in free and is_steps(table[first]):
            return (first,)
    return ()


def is_calendar(column) -> bool:
    """Whether a column counts months, or years: beside dates it is numbers as any others."""
    import pandas as pd

    low, high = {"month": (1, 12), "year": (1000, 9999)}.get(column.name.lower(), (1, 0))
    found = pd.to_numeric(column.dropna(), errors="coerce")
    return bool((found.between(low, high) & (found % 1 == 0)).all())


def is_steps(column) -> bool:
    """Whether a column counts 1, 2, 3 from any number on."""
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce")
    return bool((found.diff().iloc[1:] == 1).all() and found.notna().all())


def is_row_number(column) -> bool:
    """Whether a column counts rows and is called so."""
    import pandas as pd

    if column.name.startswith("Unnamed"):
        return True
    first = pd.to_numeric(column.iloc[:1], errors="coerce").iloc[0]
    return column.name.lower() in ROW_NUMBERS and is_steps(column) and first in (0, 1)


def names(columns: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (columns,) if isinstance(columns, str) else tuple(columns)
