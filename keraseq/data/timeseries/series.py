"""A `Series`: one or many checked frames with a known frequency, their parts and their future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from keraseq.checks import did_you_mean, few, one_of
from keraseq.data.timeseries.categories import expanded, one_hot
from keraseq.data.timeseries.columns import Columns, names, read
from keraseq.data.timeseries.dates import after, calendar_features
from keraseq.data.timeseries.measurements import check_series
from keraseq.data.timeseries.zones import in_utc

if TYPE_CHECKING:
    import pandas as pd


class Borders(NamedTuple):
    """Rows where the validation part and the test part begin."""

    validation: int
    test: int


def split_by_time(rows: int, validation: float = 0.15, test: float = 0.15) -> Borders:
    """Where to cut a series of so many rows into train, validation and test, in this order.

    Example:

    >>> keraseq.data.split_by_time(100)
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
class Series:
    """One or many series, checked: what `series` returns.

    Args:
        frames: Identifier -> frame with a row a time and the columns `targets`, then
            `past_covariates`, then `future_covariates`, all finite numbers.
        targets: Columns to forecast.
        past_covariates: Columns that are known up to now.
        future_covariates: Columns that are known over the horizon too, calendar features included.
        freq: Time from row to row as pandas writes it, such as `"h"`; None for rows without times.
        season: Rows in a season, 1 where none is known.
        borders: Identifier -> rows where validation and test begin.
        calendar: The calendar features among the future covariates.
        tz: Time zone in which the calendar is read; the index itself is in UTC.
        id: Columns that told series apart, in a long table.
        time: Columns of times.
        day_first: Whether dates in numbers had the day before the month, if that was to be seen.
        categories: Covariate of texts -> its categories, those of the training parts. Each is a
            column such as `weather=rain`, 1 where it holds and else 0.
        coming: Identifier -> future covariates of rows without targets at the end of the table.
        source: The name by which `series` finds them again, None for those of a file or frame, and
            for public ones that were read in another way than usual.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": range(10)}, dtype="float"))
    >>> series.part("test")["series"]["y"].tolist()
    [8.0, 9.0]
    """

    frames: Mapping[str, pd.DataFrame]
    targets: tuple[str, ...]
    past_covariates: tuple[str, ...] = ()
    future_covariates: tuple[str, ...] = ()
    freq: str | None = None
    season: int = 1
    borders: Mapping[str, Borders] = field(default_factory=dict)
    calendar: tuple[str, ...] = ()
    tz: str | None = None
    source: str | None = None
    id: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    day_first: bool | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coming: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __str__(self):
        count, first = len(self.frames), next(iter(self.frames), "")
        rows = [sum(map(len, self.part(one).values())) for one in ("train", "validation", "test")]
        known = self.past_covariates + self.future_covariates
        return (
            f"{f'{count:,} series' if count != 1 else first}: train {rows[0]:,}, validation "
            f"{rows[1]:,}, test {rows[2]:,} rows ({self.freq or 'no times'}); targets "
            f"{few(self.targets)}{f'; covariates {few(known)}' if known else ''}"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the order in which models read them."""
        return self.targets + self.past_covariates + self.future_covariates

    def rows(self, part: str, identifier: str) -> tuple[int, int]:
        """First row of a part of a series, and the row after its last."""
        one_of("part", part, ("train", "validation", "test", "all"))
        borders, length = self.borders[identifier], len(self.frames[identifier])
        return {
            "train": (0, borders.validation),
            "validation": (borders.validation, borders.test),
            "test": (borders.test, length),
            "all": (0, length),
        }[part]

    def part(self, part: str) -> dict[str, pd.DataFrame]:
        """The frames of `"train"`, `"validation"`, `"test"` or `"all"`."""
        return {
            name: frame.iloc[slice(*self.rows(part, name))] for name, frame in self.frames.items()
        }

    def times_after(self, identifier: str, count: int):
        """The next `count` times after the last row: a `DatetimeIndex`, or numbers that go on.

        Days and longer steps are those of the zone `tz`, where rows follow its clock.
        """
        return after(self.frames[identifier].index, count, self.freq, self.tz)

    def future(self, identifier: str, horizon: int, known=None, **reading):
        """The future covariates over the `horizon` after the last row, as a frame; see `known`.

        Args:
            identifier: Which series.
            horizon: Rows to forecast.
            known: The covariates that are no calendar features, as a frame or file: found by time,
                and in a table with the columns of `id` by these; without them they are those of
                every series. Or identifier -> frame. Local times are those of `tz`. Rows of other
                times are left out. Default: what the table of the series says of rows without
                targets. Series without times take the rows in order.
            **reading: How a file is read: `sep`, `decimal`, `date_format`, `header`, `encoding`,
                `time`.

        Raises:
            ValueError: A covariate or a time is missing, or a value is no number.
        """
        import pandas as pd

        wanted = self.asked(self.future_covariates)
        times = self.times_after(identifier, horizon)
        given = known.get(identifier) if isinstance(known, Mapping) else known
        given = self.coming.get(identifier) if given is None else given
        if given is None:
            given = pd.DataFrame(index=times)
        elif wanted and given is not self.coming.get(identifier):
            given = self._known(identifier, given, wanted, times, **reading)
        for name in expanded(wanted, self.categories):
            if name not in given:
                raise ValueError(
                    f"series {identifier!r}: the future covariate {name.split('=')[0]!r} is missing"
                    f" over the horizon.{did_you_mean(name, given.columns)}"
                )
        given = given[list(expanded(wanted, self.categories))]
        if wanted:
            late = times[~times.isin(given.dropna().index)]
            if len(late):
                rows = "" if len(late) == 1 else f" and {len(late) - 1} more"
                at = late[0] if self.tz is None else late[0].tz_convert(self.tz)
                raise ValueError(
                    f"series {identifier!r}: the future covariate {wanted[0]!r} ends too early or "
                    f"has a gap: horizon={horizon} needs {horizon} rows after the last one; there "
                    f"is none at {at}{rows}"
                )
            given = check_series(given.loc[times])
        future = given.reindex(times)
        if self.calendar:
            future = future.join(calendar_features(times, self.calendar, self.tz))
        return future[list(self.future_covariates)]

    def _known(self, identifier, source, wanted, times, **reading):
        """Known covariates of one series, by time."""
        import pandas as pd

        form = {key: reading.pop(key, None) for key in ("sep", "encoding", "header")}
        how = {key: reading.pop(key, None) for key in ("decimal", "date_format")}
        table = read(source, **form)
        frame = table.frame
        for name in wanted:
            if name not in frame:
                raise ValueError(
                    f"series {identifier!r}: the future covariate {name!r} is missing over the "
                    f"horizon.{did_you_mean(name, frame.columns)}"
                )
        ids = [one for one in self.id if one in frame]
        time = reading.get("time") or (self.time if all(t in frame for t in self.time) else None)
        others = [one for one in frame if one not in (*wanted, *ids, *names(time or ()))]
        columns = Columns.of(frame, wanted, (), (), time, ids, identifier)
        columns = replace(columns, targets=(), past=tuple(wanted))
        categories = {one: self.categories[one] for one in wanted if one in self.categories}
        if ids and len(ids) < len(self.id):
            raise ValueError(f"the future covariates have no column {self.id[-1]!r}; {others}")
        pieces, _, _ = columns.frames(table, *how.values(), self.day_first, categories)
        found = dict(pieces)
        if ids and identifier not in found:
            raise ValueError(f"series {identifier!r}: there are no future covariates of it")
        given = found[identifier] if ids else found[columns.name]
        given = one_hot(given, categories)
        dated = isinstance(given.index, pd.DatetimeIndex)
        if not isinstance(times, pd.DatetimeIndex):
            by_number = bool(times.isin(given.index).any())
            if not columns.time and not dated and not by_number:
                return given.set_axis(times[: len(given)]) if len(given) <= len(times) else (
                    given.iloc[: len(times)].set_axis(times))  # fmt: skip
            return given
        if not dated:
            raise ValueError(
                f"series {identifier!r}: the future covariates have no times: give them as the "
                f"index or in a column, from {times[0]} on"
            )
        given = in_utc(given, self.tz, identifier)
        if (given.index.tz is None) != (times.tz is None):
            raise ValueError(
                f"series {identifier!r}: the future covariates have a time zone and the series has "
                "none: give tz when the series are read"
            )
        twice = given.index.duplicated()
        if twice.any():
            raise ValueError(
                f"series {identifier!r}: the future covariates have {given.index[twice][0]} twice"
            )
        return given

    def asked(self, columns: Sequence[str]) -> list[str]:
        """The columns of a table that stand behind some of ours, calendar features left out."""
        origin = {name: one for one in self.categories for name in expanded([one], self.categories)}
        plain = [name for name in columns if name not in self._calendar_columns]
        return list(dict.fromkeys(origin.get(name, name) for name in plain))

    @property
    def _calendar_columns(self) -> set[str]:
        return {f"{name}_{wave}" for name in self.calendar for wave in ("sin", "cos")}
