"""Columns as times: numbers stay numbers, dates are read in the one order that fits them all."""

from __future__ import annotations

import datetime
import re
import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from keraseq.data.tables import place
from keraseq.data.timeseries.months import NAMED, by_name, english, month_of

if TYPE_CHECKING:
    import pandas as pd

CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d+)?))?\s*(?P<half>[AaPp][Mm])?"
)
ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
DATE = re.compile(
    r"\s*(?P<a>\d{1,4})(?P<mark>[-/.])(?P<b>\d{1,4})(?:(?P=mark)(?P<c>\d{1,4})\.?)?"
    rf"(?:(?:[T,]|\s)\s*{CLOCK}{ZONE})?\s*"
)
HOUR = re.compile(rf"\s*{CLOCK}\s*")
PERIOD = re.compile(  # quarters, months and weeks as statistical offices write them
    r"\s*(?:(?P<year>\d{4})[-_ :]?(?P<kind>[QMW])(?P<at>\d{1,2})"
    r"|Q(?P<q>[1-4])[-_ /](?P<y>\d{4}))\s*"
)
UNITS = ("s", "ms", "us", "ns")
SERIAL = "excel"  # days since 30 December 1899
ZONE_OPTION = "tz, such as tz='Europe/Berlin' (in a shell --tz Europe/Berlin)"
SAY = "give date_format, such as date_format={0!r} (in a shell --date-format '{0}')"


def times(
    column: pd.Series,
    date_format: str | None = None,
    day_first: bool | None = None,
    one_clock: bool = False,
) -> tuple[pd.Index, bool | None]:
    """A column as times, and whether its dates have the day before the month.

    Dates that begin with the year, name the month, or are cut by points (the day comes first) are
    read as they stand. In others one number above 12 anywhere in the column says the order; without
    one it is `day_first`, of a table that was read before, or an error. Eight digits that are dates
    throughout, and six that are months one after another, are read so; other numbers stay numbers.

    Args:
        column: Texts, times, dates, periods or whole numbers.
        date_format: As of `strptime`, with months in any known language; or of numbers `s`, `ms`,
            `us`, `ns` since 1970, `excel` for the days of a spreadsheet.
        day_first: The order where the column does not show it.
        one_clock: Whether times with several offsets from UTC are an error: no one clock is theirs.

    Returns:
        A `DatetimeIndex`, or an index of whole numbers.

    Raises:
        ValueError: A cell that is no time, or dates of which nobody can say what they are.
    """
    import pandas as pd

    missing = column.isna().to_numpy()
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(f"column {column.name!r} holds no time in {place(column, row)}")
    if isinstance(column.dtype, pd.PeriodDtype):
        return pd.DatetimeIndex(column.dt.to_timestamp()), None
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.DatetimeIndex(column), None
    cells = column.tolist()
    if all(isinstance(one, (datetime.date, np.datetime64)) for one in cells):
        zoned = len({str(getattr(one, "tzinfo", None)) for one in cells}) > 1
        if zoned and one_clock:
            raise several_clocks(column)
        return pd.DatetimeIndex(pd.to_datetime(cells, utc=zoned)), None
    texts = [one if isinstance(one, str) or date_format == SERIAL else whole(one) for one in cells]
    bad = next((row for row, one in enumerate(texts) if one is None), None)
    if bad is not None:
        raise no_time(column, bad)
    if date_format in UNITS:
        return pd.DatetimeIndex(pd.to_datetime(pd.to_numeric(texts), unit=date_format)), None
    if date_format == SERIAL:
        days = pd.to_numeric(pd.Series(cells), errors="coerce")
        if days.isna().any():
            raise no_time(column, int(days.isna().to_numpy().argmax()))
        return pd.DatetimeIndex(
            pd.to_datetime(days, unit="D", origin="1899-12-30").dt.round("s")
        ), None
    if date_format is not None:
        return by_format(column, texts, date_format, one_clock), None
    if all(one.strip().isdigit() for one in texts):
        return of_digits(column, [one.strip() for one in texts]), None
    found = [DATE.fullmatch(one) for one in texts]
    if all(found):
        return of_parts(column, found, day_first, one_clock)
    if all(periods := [PERIOD.fullmatch(one) for one in texts]):
        starts = [start_of(one) for one in periods]
        if None in starts:
            raise no_time(column, starts.index(None))
        return pd.DatetimeIndex(starts), None
    for way in NAMED:
        inside = [DATE.fullmatch(by_name(way, one) or "") for one in texts]
        if all(inside):
            return of_parts(column, inside, day_first, one_clock)
        found = max(found, inside, key=lambda ones: sum(map(bool, ones)))
    raise no_time(column, next(row for row, one in enumerate(found) if not one), any(found))


def whole(number) -> str | None:
    """A whole number as digits; None of anything else."""
    try:
        return str(int(number)) if int(number) == number else None
    except (TypeError, ValueError):
        return None


def start_of(period: re.Match) -> datetime.date | None:
    """The first day of a quarter, a month or a week, which begins on Monday (ISO 8601)."""
    year, at = int(period["year"] or period["y"]), int(period["at"] or period["q"])
    try:
        if period["kind"] == "W":
            return datetime.date.fromisocalendar(year, at, 1)
        return datetime.date(year, at if period["kind"] == "M" else 3 * at - 2, 1)
    except ValueError:
        return None


def no_time(column: pd.Series, row: int, others: bool = False) -> ValueError:
    """The error that says which cell is no time; `others` of the column are."""
    from pandas.tseries.api import guess_datetime_format

    cell = str(column.iloc[row])
    words = [one for one in re.findall(r"[^\W\d_]{3,}", cell) if not month_of(one)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        form = guess_datetime_format(cell) if re.search(r"[^\W\d_]{3}", cell) else None
    if re.fullmatch(r"[2-5]\d{4}(\.\d+)?", cell):
        advice = SAY.format(SERIAL)
    elif words and not form and re.search(r"\d", cell):
        advice = f"{words[0]!r} is the name of no month that is known: write dates in numbers"
    elif others and not form:
        advice = "others are: mend it, or delete the row if it is none of the table"
    else:
        advice = SAY.format(form or ("%b-%y" if re.search(r"[^\W\d_]{3}", cell) else "%d.%m.%Y"))
    return ValueError(
        f"{column.iloc[row]!r} in {place(column, row)}, column {column.name!r}, is no time that is "
        f"known: {advice}"
    )


def several_clocks(column: pd.Series) -> ValueError:
    """The error of a calendar by times that are written with several offsets from UTC."""
    return ValueError(
        f"column {column.name!r} has times of several offsets from UTC, and the calendar is that "
        f"of one clock: give {ZONE_OPTION}"
    )


def by_format(
    column: pd.Series, texts: list[str], date_format: str, one_clock: bool
) -> pd.DatetimeIndex:
    """The times of texts that were all written in one way; months have names of any language."""
    import pandas as pd

    if named := re.search("%[bB]", date_format):
        date_format = date_format.replace(named[0], "%b")
        texts = [
            re.sub(r"([^\W\d_]{3,})\.?", lambda one: english(one[0], one[1]), text)
            for text in texts
        ]
    read = partial(pd.to_datetime, pd.Series(texts), format=date_format, errors="coerce")
    try:
        index = read(utc="%z" in date_format)
    except ValueError as error:
        raise ValueError(f"date_format={date_format!r}: {error}") from None
    bad = index.isna().to_numpy()
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{column.iloc[row]!r} in {place(column, row)}, column {column.name!r}, is not written "
            f"as date_format={date_format!r} says"
        )
    if "%z" in date_format:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", FutureWarning)  # what older versions of pandas do
                index = read()  # by their own clock, if it is one
        except (ValueError, FutureWarning):
            if one_clock:
                raise several_clocks(column) from None
    return pd.DatetimeIndex(index)


def of_digits(column: pd.Series, texts: list[str]) -> pd.Index:
    """Numbers: dates of eight digits, months of six, or as they are."""
    import pandas as pd

    size = {len(one) for one in texts}
    if size == {8}:
        index = pd.to_datetime(pd.Series(texts), format="%Y%m%d", errors="coerce")
        if index.notna().all() and index.dt.year.between(1800, 2200).all():
            return pd.DatetimeIndex(index)
    if size == {6}:
        index = pd.to_datetime(pd.Series(texts), format="%Y%m", errors="coerce")
        at = index.dt.year * 12 + index.dt.month
        if index.notna().all() and set(at.sort_values().diff().iloc[1:]) <= {0, 1} and len(at) > 2:
            return pd.DatetimeIndex(index)
        raise ValueError(
            f"column {column.name!r}: {column.iloc[0]!r} may be a month, a date or a number; "
            f"{SAY.format('%Y%m')}"
        )
    dated = str(column.name).lower().startswith(("dat", "ds", "tag", "fecha", "time"))
    if dated and all(20_000 < int(one) < 60_000 for one in texts):
        raise ValueError(
            f"column {column.name!r}: {column.iloc[0]!r} may be a day as a spreadsheet counts it; "
            f"{SAY.format(SERIAL)}"
        )
    if size & {10, 13} and len(size) == 1:
        unit = "s" if size == {10} else "ms"
        raise ValueError(
            f"column {column.name!r}: {column.iloc[0]!r} may be a time since 1970; "
            f"{SAY.format(unit)}"
        )
    return pd.Index([int(one) for one in texts], dtype="int64")


def of_parts(
    column: pd.Series, found: list[re.Match], day_first: bool | None, one_clock: bool
) -> tuple[pd.DatetimeIndex, bool | None]:
    """Times of dates in numbers."""
    import pandas as pd

    parts = pd.DataFrame([one.groupdict() for one in found])
    a, b, c = (pd.to_numeric(parts[name]).fillna(1).astype(int).to_numpy() for name in "abc")
    shapes = {(len(one["a"]) == 4, len(one["b"]) == 4, one["c"] is not None) for one in found}
    marks = {one["mark"] for one in found}
    order = None
    if len(shapes) > 1 or len(marks) > 1:
        raise ValueError(
            f"column {column.name!r} writes its times in several ways: make them alike, or "
            f"{SAY.format('%d.%m.%Y')}"
        )
    [(first, second, third)] = shapes
    if first and not second:
        year, month, day = a, b, c
    elif second and not third and not first:
        year, month, day = b, a, np.ones_like(a)
    elif third and not first and not second and {len(one) for one in parts["c"]} <= {2, 4}:
        short = {len(one) for one in parts["c"]} == {2}
        order = day_before_month(column, a, b, c, marks == {"."}, short, day_first)
        day, month = (a, b) if order else (b, a)
        year = np.where(c < 69, 2000, 1900) + c if short else c
    else:
        raise no_time(column, 0)
    date = pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day}), errors="coerce")
    hour, minute, second = (
        pd.to_numeric(parts[name]).fillna(0).to_numpy() for name in ("hour", "minute", "second")
    )
    half = parts["half"].str.lower()
    hour = np.where(half.notna(), hour % 12 + 12 * (half == "pm"), hour)
    bad = (date.isna() | (hour > 24) | (minute > 59) | (second >= 60)).to_numpy()
    if bad.any():
        raise no_time(column, int(bad.argmax()))
    seconds = np.round(hour * 3600 + minute * 60 + second, 6)
    index = pd.DatetimeIndex(date + pd.to_timedelta(seconds, unit="s"))
    zones = parts["zone"]
    if zones.isna().all():
        return index, order
    if zones.isna().any():
        raise ValueError(f"column {column.name!r} gives a zone for some of its times only")
    known = {zone: offset(zone) for zone in zones.unique()}
    if one_clock and len(set(known.values())) > 1:
        raise several_clocks(column)
    utc = (index - pd.TimedeltaIndex(zones.map(known))).tz_localize("UTC")
    if len(set(known.values())) == 1 and (shift := next(iter(known.values()))):
        return utc.tz_convert(datetime.timezone(shift)), order
    return utc, order


def offset(zone: str) -> datetime.timedelta:
    """How far a zone that is written as `+01:00` is ahead of UTC."""
    if zone in ("Z", "UTC", "GMT"):
        return datetime.timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    found = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -found if zone[0] == "-" else found


def day_before_month(column, a, b, c, points: bool, short: bool, known: bool | None) -> bool:
    """Whether the first number of dates is the day."""
    mark = "." if points else DATE.fullmatch(column.iloc[0])["mark"]
    year = "%y" if short else "%Y"
    first, second = (mark.join((*one, year)) for one in (("%d", "%m"), ("%m", "%d")))
    if points:
        return True
    if a.max() > 12 and b.max() <= 12 and not (short and a.max() > 31):
        if not short or c.max() > 31 or known:
            return True
        second = mark.join(("%y", "%m", "%d"))
    elif (b.max() > 12 and a.max() <= 12) or (a == b).all():
        return False
    elif known is not None and a.max() <= 12:
        return known
    raise ValueError(
        f"column {column.name!r}: {column.iloc[0]!r} and the rest do not say which number is the "
        f"day: give date_format={first!r} or {second!r} (in a shell --date-format '{first}')"
    )


def looks_like_times(column: pd.Series) -> bool:
    """Whether a column holds times and cannot be numbers or names."""
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(column):
        return True
    cells = column.dropna().tolist()
    if not cells or pd.api.types.is_numeric_dtype(column):
        return False
    if all(isinstance(one, datetime.date) for one in cells):
        return True
    if not all(isinstance(one, str) for one in cells):
        return False
    if all(  # 1707.4 is a number
        (found := DATE.fullmatch(one))
        and (found["c"] or (len(found["a"]) == 4 and found["mark"] != "."))
        for one in cells
    ):
        return True
    if all(map(PERIOD.fullmatch, cells)):
        return True
    if not re.search(r"\d", cells[0]) or not re.search(r"[^\W\d_]{3}", cells[0]):
        return False
    try:
        return isinstance(times(pd.Series(cells))[0], pd.DatetimeIndex)
    except ValueError:
        return False


def is_clock(column: pd.Series) -> bool:
    """Whether a column holds times of day without a date, or is called hours and counts them."""
    import pandas as pd

    hours = column.name.lower().startswith(("hour", "stunde", "heure", "timme", "time", "zeit"))
    if hours and pd.to_numeric(column, errors="coerce").between(0, 24).all():
        return True
    return all(
        isinstance(one, datetime.time) or (isinstance(one, str) and HOUR.fullmatch(one))
        for one in column.dropna().tolist()
    )


def joined(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """One column of times, of several: a date and a time of day, or year, month, ... in numbers."""
    import pandas as pd

    name = " ".join(columns)
    if len(columns) == 1:
        return table[columns[0]]
    if looks_like_times(table[columns[0]]) or is_digits(table[columns[0]], 8):
        if len(columns) > 2:
            raise ValueError(f"time={','.join(columns)}: a date goes with one time of day")
        day, hour = table[columns[0]], table[columns[1]]
        if not day.dtype.kind == "M" and not is_text(day):
            day = pd.Series(times(day)[0], day.index)
        if day.dtype.kind == "M":
            day = day.dt.strftime("%Y-%m-%d")
        elif is_digits(day, 8):
            day = day.str.replace(r"(\d{4})(\d\d)(\d\d)", r"\1-\2-\3", regex=True)
        clock = hour.map(clock_text)
        return (day.astype(str).str.strip() + " " + clock).rename(name)
    quarter = len(columns) == 2 and columns[1].lower().startswith(("quarter", "qtr"))
    values = []
    for column, (field, low, high) in zip(
        columns,
        (("year", 1000, 9999), ("quarter", 1, 4) if quarter else ("month", 1, 12), ("day", 1, 31),
         ("hour", 0, 24), ("minute", 0, 59), ("second", 0, 59)),
        strict=False,
    ):  # fmt: skip
        one = pd.to_numeric(table[column], errors="coerce")
        bad = ~(one.between(low, high) & (one == one.round())).to_numpy()
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(
                f"{table[column].iloc[row]!r} in {place(table, row)}, column {column!r}, is no "
                f"{field}; several columns of times are a date and a time of day, or year, month, "
                "day, hour, minute, in this order"
            )
        values.append(one.astype(int))
    values += [pd.Series(1, table.index)] * (3 - len(values))
    year, month, day, *clock = values
    month = 3 * month - 2 if quarter else month
    found = pd.to_datetime(
        pd.DataFrame({"year": year, "month": month, "day": day}), errors="coerce"
    )
    if found.isna().any():
        raise ValueError(
            f"{place(table, int(found.isna().to_numpy().argmax()))}: there is no such day"
        )
    for unit, one in zip(("h", "min", "s"), clock, strict=False):
        found = found + pd.to_timedelta(one, unit=unit)
    return found.rename(name)


def is_text(column: pd.Series) -> bool:
    """Whether a column holds texts."""
    return all(isinstance(one, str) for one in column.dropna().tolist())


def is_digits(column: pd.Series, count: int) -> bool:
    """Whether every cell has so many digits and nothing else."""
    return column.map(lambda one: bool(re.fullmatch(rf"\d{{{count}}}", str(one)))).all()


def clock_text(value) -> str:
    """A time of day as text; a whole number counts hours."""
    text = str(value).strip()
    return f"{text}:00" if re.fullmatch(r"\d{1,2}", text) else text


def is_index_of_times(index) -> bool:
    """Whether the index of a frame holds times, dates or texts of these."""
    import pandas as pd

    if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        return True
    return not pd.api.types.is_numeric_dtype(index) and looks_like_times(index.to_series())
