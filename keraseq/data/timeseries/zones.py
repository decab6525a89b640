"""Times of a zone: by which clock rows were written, and where clocks are changed."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from keraseq.data.timeseries.measurements import of

if TYPE_CHECKING:
    import pandas as pd


def in_utc(frame: pd.DataFrame, tz: str | None, name: str = "") -> pd.DataFrame:
    """The frame with times in UTC, where its times have a zone or `tz` is theirs."""
    import pandas as pd

    if not isinstance(frame.index, pd.DatetimeIndex):
        return frame
    index = frame.index
    if index.tz is None and tz is not None:
        try:
            index.tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
        except Exception as error:  # pandas has a class of its own for each
            reason = str(error).strip().split("\n")[0]
            raise ValueError(
                f"{of(name)}the times cannot be local times of tz={tz!r}: {reason}"
            ) from None
        index = localized(index, tz, name)
    return frame if index.tz is None else frame.set_axis(index.tz_convert("UTC"))


def localized(index: pd.DatetimeIndex, tz: str, name: str = "") -> pd.DatetimeIndex:
    """Local times with their zone, or an error where a clock of `tz` cannot have shown them.

    A clock that is skipped is the first moment after. Of one that comes twice it is the first
    moment, or the second: after the first, or where that alone is a step after the row before.
    """
    if not index.tz_localize(tz, ambiguous="NaT", nonexistent="NaT").hasnans:
        return index.tz_localize(tz)
    if 2 * (index[1:] < index[:-1]).sum() > len(index):  # the newest comes first
        return localized(index[::-1], tz, name)[::-1]

    def at(is_first):
        return index.tz_localize(tz, ambiguous=is_first, nonexistent="shift_forward")

    is_first = np.ones(len(index), bool)
    first, second = at(is_first).asi8, at(~is_first).asi8
    steps = Counter(np.diff(index.asi8).tolist())
    step = steps.most_common(1)[0][0] if steps else None
    twice = np.flatnonzero(first != second)
    for row in twice[twice > 0]:
        before = (first if is_first[row - 1] else second)[row - 1]
        is_first[row] = first[row] > before and second[row] - before != step
    found = at(is_first)
    days, here = index[twice].normalize(), found.asi8[twice]
    apart = (days[1:] == days[:-1]) & ((np.diff(twice) > 1) | (np.diff(here) <= 0))
    if apart.any() and index[twice].has_duplicates:
        raise ValueError(
            f"{of(name)}{index[twice[0]]} comes twice by the clock of tz={tz!r}, and which row is "
            "of which moment only their order says: give the rows in the order of time, each once"
        )
    skipped = index.tz_localize(tz, ambiguous=is_first, nonexistent="NaT").isna()
    wrong = skipped & found.duplicated(keep=False) & ~index.duplicated(keep=False)
    if wrong.any():
        row = int(wrong.argmax())
        fixed = str(datetime.timezone(found[row].utcoffset() - found[row].dst()))
        raise ValueError(
            f"{of(name)}the clocks of tz={tz!r} never showed {index[row]}: if the clock of these "
            f"rows never changes give tz={fixed!r} (in a shell --tz {fixed})"
        )
    return found


def clocks(index: pd.DatetimeIndex, tz: str) -> pd.DatetimeIndex:
    """The clock of each row in a zone, without it: what `localized` takes back.

    The first moment after clocks were put forward is the clock of other rows that was skipped.
    """
    import pandas as pd

    local = index.tz_convert(tz).tz_localize(None)
    tick = pd.Timedelta(1, "us")
    before = (index - tick).tz_convert(tz).tz_localize(None) + tick
    jumped = np.flatnonzero(local > before)
    if not len(jumped):
        return local
    usual = (local - local.normalize()).delete(jumped).unique()
    found = list(local)
    for row in jumped:
        day = before[row].normalize()
        skipped = usual[(usual >= before[row] - day) & (usual < local[row] - day)]
        if len(skipped) and local[row] - local[row].normalize() not in usual:
            found[row] = day + skipped[0]
    return local.__class__(found)


def by_clock(index: pd.DatetimeIndex, tz: str | None) -> tuple[pd.DatetimeIndex, str | None]:
    """Times in which steps are alike: local ones, and their zone, where rows follow its clock.

    Rows do that if they are more than an hour apart, and stand at fewer times of its day than of
    the day of UTC; or at as many, of which one is midnight, or none of UTC is.
    """
    import pandas as pd

    if index.tz is None or tz is None:
        return index, None
    apart = np.median(np.diff(index.as_unit("s").asi8)) if len(index) > 1 else 0
    if apart <= 3600 and len(index) > 1:
        return index, None
    local, utc = clocks(index, tz), index.tz_convert("UTC").tz_localize(None)
    here, there = ((one - one.normalize()).unique() for one in (local, utc))
    midnight = pd.Timedelta(0)
    tied = len(here) == len(there) and (midnight in here or midnight not in there)
    return (local, tz) if len(here) < len(there) or tied else (index, None)
