"""Times of rows: order, one frequency, seasons, calendar features."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of
from keraseq.data.timeseries.measurements import label, of
from keraseq.data.timeseries.times import ZONE_OPTION
from keraseq.data.timeseries.zones import by_clock, localized

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
SEASONS = {"D": 7, "B": 5, "C": 5, "W": 52}
SEASONS |= dict.fromkeys(("M", "MS", "ME", "BMS", "BME", "CBMS", "CBME"), 12)
SEASONS |= dict.fromkeys(("Q", "QS", "QE", "BQS", "BQE"), 4) | {"SMS": 24, "SME": 24}


SEVERAL = (
    "if they are several series give id, the columns that tell them apart, such as id='store' (in "
    "a shell --id store); if the time of day stands beside the date give both, such as "
    "time=['date', 'time'] (in a shell --time date,time)"
)


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

    >>> [keraseq.data.season_of(freq) for freq in ("h", "15min", "D", "2D", "BME", None)]
    [24, 96, 7, 1, 12, 1]
    """
    import pandas as pd

    if freq is None:
        return 1
    offset = pd.tseries.frequencies.to_offset(freq)
    known = SEASONS.get(offset.rule_code.split("-")[0])
    if known is not None:
        return known // offset.n if known % offset.n == 0 else 1
    if isinstance(offset, pd.offsets.Tick):
        rows = pd.Timedelta(days=1) / pd.Timedelta(offset)
        return int(rows) if rows > 1 and rows == int(rows) else 1
    return 1


def after(index, count: int, freq: str | None, tz: str | None):
    """The next `count` times, or numbers, after those of an index."""
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex):
        return pd.RangeIndex(
            index[-1] + index.step, index[-1] + index.step * (count + 1), index.step
        )
    local, zone = by_clock(index, tz)
    coming = pd.date_range(local[-1], periods=count + 1, freq=freq)[1:]
    return coming if zone is None else localized(coming, zone).tz_convert("UTC")


def regular(
    frame: pd.DataFrame, name: str, freq: str | None, fill: str | None, tz: str | None = None
) -> tuple[pd.DataFrame, str | None]:
    """The frame with a row for every time of its frequency, and that frequency.

    Without `fill` it is the frame that came, or an error; with it rows are sorted, duplicates
    dropped but for the last, and missing rows added, full of NaN. Days, weeks and months are those
    of the zone `tz`, where rows follow its clock.
    """
    import pandas as pd

    dated = isinstance(frame.index, pd.DatetimeIndex)
    if not dated and freq is not None:
        raise ValueError(f"{of(name)}freq={freq!r} needs rows with times; there are none")
    rows = len(frame)
    if fill is not None:
        kept = frame[~frame.index.duplicated(keep="last")].sort_index()
        if 2 * len(kept) < rows:
            raise ValueError(
                f"{of(name)}{rows - len(kept)} of {rows} rows have the time of another row: "
                f"fill={fill!r} would drop them; {SEVERAL}"
            )
        frame = kept
    else:
        in_order(frame, name)
    zone = None
    if dated:
        local, zone = by_clock(frame.index, tz)
        frame = frame.set_axis(local)
        step = known_frequency(freq) if freq else inferred(frame, name)
        wanted = pd.date_range(frame.index[0], frame.index[-1], freq=step)
    else:
        step = numbered(frame, name)
        wanted = pd.RangeIndex(frame.index[0], frame.index[-1] + 1, step)
    strange = ~frame.index.isin(wanted)
    if strange.any():
        row = int(strange.argmax())
        raise ValueError(
            f"{of(name)}row {row} ({label(frame, row)}) lies between the times of "
            f"{'freq' if freq else 'the inferred frequency'} {step!r}"
            f"{local_clock(frame, row, wanted)}"
        )
    if len(wanted) > len(frame):
        missing = wanted[~wanted.isin(frame.index)]
        row = int(frame.index.searchsorted(missing[0]))
        many = len(missing) > len(frame) and freq is None
        if fill is None or many:
            hint = summer_time(frame, row)
            if (
                tz
                and zone is None
                and getattr(missing, "tz", None)
                and missing[0].tz_convert(tz).fold
            ):
                hint = f"; by the clock of tz={tz!r} it is an hour that comes twice"
            advice = (
                f"these are more than the {len(frame)} rows there are: say the frequency, such as "
                f"freq={step!r}, if it is right"
                if many
                else "Give fill='previous' or fill='linear'"
            )
            raise ValueError(
                f"{of(name)}{len(missing)} times are missing, the first before row {row} "
                f"({label(frame, row)}): {missing[0]}; frequency {step!r}. "
                f"{advice}{hint}"
            )
        frame = frame.reindex(wanted)
    if not dated:
        return frame.set_axis(wanted), None
    if zone is not None:
        frame = frame.set_axis(localized(frame.index, zone).tz_convert("UTC"))
    return frame, step


def numbered(frame: pd.DataFrame, name: str) -> int:
    """The most common step of rows that are numbered."""
    steps = Counter(np.diff(frame.index).tolist())
    step, count = steps.most_common(1)[0] if steps else (1, 1)
    if 2 * count < sum(steps.values()):
        raise ValueError(
            f"{of(name)}the times are numbers, and not 1, 2, 3, ...: give date_format, such as "
            "date_format='%Y%m%d' or 's' (in a shell --date-format)"
        )
    return step


def in_order(frame: pd.DataFrame, name: str) -> None:
    """Raises at the first time that does not come after the one before it."""
    late = np.flatnonzero(frame.index[1:] <= frame.index[:-1])
    if not len(late):
        return
    row = int(late[0]) + 1
    twice = frame.index[row] == frame.index[row - 1]
    what = "has the time of the row before" if twice else f"follows {label(frame, row - 1)}"
    many = 2 * frame.index.nunique() < len(frame)
    advice = (
        SEVERAL if many else "Give fill='previous' to sort the rows and keep the last of duplicates"
    )
    raise ValueError(
        f"{of(name)}rows must be in the order of time, each time once; row {row} "
        f"({label(frame, row)}) {what}. {advice}{summer_time(frame, row)}"
    )


def summer_time(frame: pd.DataFrame, row: int) -> str:
    """A hint where a gap or a duplicate looks like a change of the clocks."""
    at = frame.index[row]
    near = getattr(frame.index, "tz", True) is None and (
        abs(at - frame.index[row - 1]).total_seconds() <= 3 * 3600
    )
    if near and at.month in (2, 3, 4, 9, 10, 11) and at.hour in (23, 0, 1, 2, 3):
        return f"; if clocks change here, give {ZONE_OPTION}"
    return ""


def local_clock(frame: pd.DataFrame, row: int, wanted) -> str:
    """A hint where a row is an hour away from the times it might have."""
    import pandas as pd

    if not isinstance(wanted, pd.DatetimeIndex):
        return ""
    away = wanted[wanted.get_indexer(frame.index[[row]], method="nearest")][0] - frame.index[row]
    hour = abs(away) in (pd.Timedelta(hours=1), pd.Timedelta(minutes=30))
    return f": if clocks change here, give {ZONE_OPTION}" if hour else ""


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
        zoned = "" if index.tz is None else f", or {ZONE_OPTION} if they follow a local clock"
        raise ValueError(
            f"{of(name)}the times have no frequency: from row to row it is {steps.min()} to "
            f"{steps.max()}; give freq and fill, such as freq='h', fill='previous'{zoned}"
        )
    return found


def frequency(index) -> str | None:
    """What pandas infers, as a string: coming versions return an object, this one warns of it."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A future version of pandas")
        found = pd.infer_freq(index)
    return None if found is None else pd.tseries.frequencies.to_offset(found).freqstr
