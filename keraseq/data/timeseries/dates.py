"""Times of rows: zones, order, one frequency, seasons, calendar features."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of
from keraseq.data.timeseries.measurements import label

if TYPE_CHECKING:
    import pandas as pd

CALENDAR = {  # feature: (what it counts, its period)
    "minute": (lambda at: at.minute, 60),
    "hour": (lambda at: at.hour + at.minute / 60, 24),
    "weekday": (lambda at: at.day_of_week + at.hour / 24, 7),
    "day": (lambda at: at.day - 1, 31),
    "month": (lambda at: at.month - 1, 12),
    "yearday": (lambda at: at.day_of_year - 1, 365.25),
}
SEASONS = {"D": 7, "B": 5, "W": 52, "M": 12, "MS": 12, "ME": 12, "Q": 4, "QS": 4, "QE": 4}


def calendar_features(index, names: Sequence[str], tz: str | None = None) -> pd.DataFrame:
    """Sine and cosine of calendar features, two columns each, in a time zone.

    Args:
        index: A `DatetimeIndex`.
        names: Of `minute, hour, weekday, day, month, yearday`.
        tz: The zone whose clock and calendar count. Default: that of the index.

    Raises:
        ValueError: An unknown feature, or rows without times.

    Example:

    >>> import pandas as pd
    >>> at = pd.DatetimeIndex(["2026-01-01 06:00"])
    >>> keraseq.data.calendar_features(at, ["hour"]).round(3).to_dict("list")
    {'hour_sin': [1.0], 'hour_cos': [0.0]}
    """
    import pandas as pd

    for name in names:
        one_of("calendar feature", name, CALENDAR)
    if not isinstance(index, pd.DatetimeIndex):
        raise ValueError(
            f"calendar features need rows with times; received {type(index).__name__}: "
            "name the column of times with time=..."
        )
    local = index.tz_convert(tz) if tz and index.tz is not None else index
    columns = {}
    for name in names:
        count, period = CALENDAR[name]
        angle = 2 * np.pi * np.asarray(count(local), "float64") / period
        columns |= {f"{name}_sin": np.sin(angle), f"{name}_cos": np.cos(angle)}
    return pd.DataFrame(columns, index=index)


def season_of(freq: str | None) -> int:
    """Rows in a season: a day of what is measured within days, a week of days, a year of others.

    Example:

    >>> [keraseq.data.season_of(freq) for freq in ("h", "15min", "D", "MS", None)]
    [24, 96, 7, 12, 1]
    """
    import pandas as pd

    if freq is None:
        return 1
    offset = pd.tseries.frequencies.to_offset(freq)
    known = SEASONS.get(offset.rule_code.split("-")[0])
    if known is not None:
        return max(known // offset.n, 1)
    if isinstance(offset, pd.offsets.Tick):
        rows = pd.Timedelta(days=1) / pd.Timedelta(offset)
        return int(rows) if rows > 1 and rows == int(rows) else 1
    return 1


def in_utc(frame: pd.DataFrame, tz: str | None, name: str = "") -> pd.DataFrame:
    """The frame with times in UTC, where its times have a zone or `tz` is theirs."""
    import pandas as pd

    if not isinstance(frame.index, pd.DatetimeIndex):
        return frame
    index = frame.index
    if index.tz is None and tz is not None:
        try:
            index = index.tz_localize(tz, ambiguous="infer")
        except Exception as error:  # pandas has a class of its own for each: unknown zone, no hour
            reason = str(error).strip().split("\n")[0]
            raise ValueError(
                f"{of(name)}the times cannot be local times of tz={tz!r}: {reason}"
            ) from None
    return frame if index.tz is None else frame.set_axis(index.tz_convert("UTC"))


def regular(
    frame: pd.DataFrame, name: str, freq: str | None, fill: str | None
) -> tuple[pd.DataFrame, str | None]:
    """The frame with a row for every time of its frequency, and that frequency.

    Without `fill` it is the frame that came, or an error; with it rows are sorted, duplicates
    dropped but for the last, and missing rows added, full of NaN.
    """
    import pandas as pd

    if not isinstance(frame.index, pd.DatetimeIndex):
        if freq is not None:
            raise ValueError(f"{of(name)}freq={freq!r} needs rows with times; there are none")
        return frame, None
    if fill is None:
        in_order(frame, name)
    else:
        frame = frame[~frame.index.duplicated(keep="last")].sort_index()
    step = known_frequency(freq) if freq else inferred(frame, name)
    wanted = pd.date_range(frame.index[0], frame.index[-1], freq=step)
    strange = ~frame.index.isin(wanted)
    if strange.any():
        row = int(strange.argmax())
        raise ValueError(
            f"{of(name)}row {row} ({label(frame, row)}) lies between the times of "
            f"{'freq' if freq else 'the inferred frequency'} {step!r}"
        )
    if len(wanted) > len(frame):
        if fill is None:
            missing = wanted[~wanted.isin(frame.index)]
            row = int(frame.index.searchsorted(missing[0]))
            raise ValueError(
                f"{of(name)}{len(missing)} times are missing, the first before row {row} "
                f"({label(frame, row)}): {missing[0]}; frequency {step!r}. Give fill='previous' "
                f"or fill='linear'{summer_time(frame, row)}"
            )
        frame = frame.reindex(wanted)
    return frame, step


def in_order(frame: pd.DataFrame, name: str) -> None:
    """Raises at the first time that does not come after the one before it."""
    late = np.flatnonzero(frame.index[1:] <= frame.index[:-1])
    if not len(late):
        return
    row = int(late[0]) + 1
    twice = frame.index[row] == frame.index[row - 1]
    what = "has the time of the row before" if twice else f"follows {label(frame, row - 1)}"
    raise ValueError(
        f"{of(name)}rows must be in the order of time, each time once; row {row} "
        f"({label(frame, row)}) {what}. Give fill='previous' to sort the rows and keep the last "
        f"of duplicates{summer_time(frame, row)}"
    )


def summer_time(frame: pd.DataFrame, row: int) -> str:
    """A hint where a gap or a duplicate looks like a change of the clocks."""
    at = frame.index[row]
    if frame.index.tz is None and at.month in (3, 4, 10, 11) and at.weekday() == 6 and at.hour <= 3:
        return "; if clocks change here, give tz, such as tz='Europe/Berlin'"
    return ""


def known_frequency(freq: str) -> str:
    """The frequency as pandas writes it, or an error."""
    import pandas as pd

    try:
        return pd.tseries.frequencies.to_offset(freq).freqstr
    except (ValueError, AttributeError):
        raise ValueError(
            f"unknown freq {freq!r}; accepted: frequencies of pandas, such as '15min', 'h', 'D', "
            "'W-SUN', 'MS'"
        ) from None


def inferred(frame: pd.DataFrame, name: str, rows: int = 10) -> str:
    """The frequency of the times: that of all, or the most common one of pieces of `rows` rows."""
    index = frame.index
    if len(index) < 3:
        raise ValueError(
            f"{of(name)}a frequency cannot be inferred from {len(index)} rows; give freq, such as "
            "freq='h'"
        )
    found = frequency(index)
    if found is None and len(index) > rows:
        starts = np.unique(np.linspace(0, len(index) - rows, 50, dtype=int))
        pieces = Counter(frequency(index[at : at + rows]) for at in starts)
        del pieces[None]
        found = pieces.most_common(1)[0][0] if pieces else None
    if found is None:
        steps = index[1:] - index[:-1]
        raise ValueError(
            f"{of(name)}the times have no frequency: from row to row it is {steps.min()} to "
            f"{steps.max()}; give freq and fill, such as freq='h', fill='previous'"
        )
    return found


def frequency(index) -> str | None:
    """What pandas infers, as a string: coming versions return an object, this one warns of it."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A future version of pandas")
        found = pd.infer_freq(index)
    return None if found is None else pd.tseries.frequencies.to_offset(found).freqstr


def of(name: str) -> str:
    """How an error begins that belongs to a series."""
    return f"series {name!r}: " if name else ""
