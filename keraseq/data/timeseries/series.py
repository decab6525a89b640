"""Series to forecast: file, frame or name -> checked frames with a known frequency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keraseq.checks import did_you_mean, one_of, positive_integer
from keraseq.data import sets
from keraseq.data.public import fetch
from keraseq.data.timeseries.dates import (
    CALENDAR,
    calendar_features,
    in_utc,
    of,
    regular,
    season_of,
)
from keraseq.data.timeseries.measurements import check_series, fill_gaps
from keraseq.data.timeseries.reading import Columns, numbers, read

if TYPE_CHECKING:
    import pandas as pd

FILLS = ("previous", "linear")
PARTS = {"validation": 0.15, "test": 0.15}  # of each series, at its end


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
        """The next `count` times after the last row: a `DatetimeIndex`, or row numbers."""
        import pandas as pd

        index = self.frames[identifier].index
        if self.freq is None:
            return pd.RangeIndex(len(index), len(index) + count)
        return pd.date_range(index[-1], periods=count + 1, freq=self.freq)[1:]

    def future(self, identifier: str, horizon: int, known: pd.DataFrame | None = None):
        """The future covariates over the `horizon` after the last row, as a frame; see `known`.

        Args:
            identifier: Which series.
            horizon: Rows to forecast.
            known: The covariates that are no calendar features, with a row for each time after the
                last row, in order. Rows beyond the horizon are left out.

        Raises:
            ValueError: A covariate is missing, ends before the horizon does, or is no number.
        """
        import pandas as pd

        times = self.times_after(identifier, horizon)
        wanted = [name for name in self.future_covariates if name not in self._calendar_columns]
        given = pd.DataFrame(index=times) if known is None else known
        for name in wanted:
            if name not in given:
                raise ValueError(
                    f"series {identifier!r}: the future covariate {name!r} is missing over the "
                    f"horizon.{did_you_mean(name, given.columns)}"
                )
        if wanted and isinstance(given.index, pd.DatetimeIndex) and self.freq is not None:
            given = in_utc(given, None)
            given = given[given.index >= times[0]]
            if len(given) and given.index[0] != times[0]:
                raise ValueError(
                    f"series {identifier!r}: the future covariates begin at {given.index[0]}, "
                    f"the forecast at {times[0]}"
                )
        if wanted and len(given) < horizon:
            raise ValueError(
                f"series {identifier!r}: the future covariate {wanted[0]!r} ends too early: "
                f"horizon={horizon} needs {horizon} rows after the last one; received {len(given)}"
            )
        given = check_series(given[wanted].iloc[:horizon]) if wanted else given.iloc[:0]
        future = pd.DataFrame({name: given[name].to_numpy("float64") for name in wanted}, times)
        if self.calendar:
            future = future.join(calendar_features(times, self.calendar, self.tz))
        return future[list(self.future_covariates)]

    @property
    def _calendar_columns(self) -> set[str]:
        return {f"{name}_{wave}" for name in self.calendar for wave in ("sin", "cos")}


def series(
    source,
    *,
    targets: str | Sequence[str] | None = None,
    past_covariates: Sequence[str] = (),
    future_covariates: Sequence[str] = (),
    calendar: Sequence[str] = (),
    time: str | None = None,
    freq: str | None = None,
    tz: str | None = None,
    season: int | None = None,
    fill: str | None = None,
    validation: float | int | None = None,
    test: float | int | None = None,
    data_dir: str | Path | None = None,
) -> Series:
    """Series from a file, a frame or by name, checked: no gaps, no duplicates, one frequency.

    Wide or long: a frame with the columns `unique_id, ds, y` (Nixtla's convention) holds many
    series, which may differ in length; any other frame is one series, a column each for targets and
    covariates. Times stand in the index or in a column (`ds`, `date`, `time`, `timestamp`,
    `datetime`, `month` or `time=`); without them rows are numbered.

    A gap, a duplicate or unordered time, and a missing value are errors that name series, row
    and column. With `fill` rows are sorted by time, of duplicates the last row stays, and what is
    missing is filled.

    Times with a zone become UTC, in which no hour is missing or doubled when clocks change; local
    times without a zone need `tz`. A constant series is accepted: scalers leave its scale alone.

    Args:
        source: A pandas `DataFrame` or `Series`; a path that ends in `.csv`, `.csv.gz`, `.parquet`;
            or the name of a public series, see `keraseq data`, which brings borders and more of
            its own, where nothing else is given.
        targets: Columns to forecast. Default: `y` of a long frame, else all that are no covariates.
            Of a public series the others become past covariates.
        past_covariates: Columns that help and are known up to now. Columns that are named nowhere
            are left out, where targets are named.
        future_covariates: Columns that are known over the horizon too, such as holidays.
        calendar: Calendar features to add to the future covariates, each as sine and cosine:
            `"minute"`, `"hour"`, `"weekday"`, `"day"`, `"month"`, `"yearday"`.
        time: Column of times. Default: see above.
        freq: Time from row to row as pandas writes it, such as `"h"` or `"MS"`. Default: inferred.
        tz: Time zone of times without one, such as `"Europe/Berlin"`.
        season: Rows in a season. Default: by the frequency, 1 without one.
        fill: What to do with gaps: `"previous"` repeats the last known value; `"linear"` draws
            lines to the next known value inside the training part, where that looks into no
            future of another part, and repeats the last known value after it. Default: an error.
        validation, test: Parts at the end of each series: fractions, or numbers of rows.
            Each defaults to 0.15, or what is usual for a public series.
        data_dir: Folder of the public data sets. Default: the environment variable `KERASEQ_DATA`,
            else a download into Keras' cache.

    Returns:
        A `Series`.

    Raises:
        ValueError: An unknown name, column, frequency or calendar feature; times or values that are
            not as they must be.
        FileNotFoundError: There is no such file.

    Example:

    >>> import pandas as pd
    >>> days = pd.date_range("2026-01-01", periods=30, freq="D")
    >>> frame = pd.DataFrame({"date": days, "y": range(30)})
    >>> series = keraseq.data.series(frame, targets="y", calendar=["weekday"])
    >>> series.freq, series.season, series.columns
    ('D', 7, ('y', 'weekday_sin', 'weekday_cos'))
    """
    for name in calendar:
        one_of("calendar feature", name, CALENDAR)
    if fill is not None:
        one_of("fill", fill, FILLS)
    given = {"freq": freq, "season": season, "fill": fill, "validation": validation, "test": test}
    given = {name: value for name, value in given.items() if value is not None}
    usual = dict(PARTS)
    row = sets.SETS.get(str(source)) if isinstance(source, (str, Path)) else None
    public = row is not None and row.kind == "series"
    if public:
        usual |= row.options
        table, name = named(row, data_dir)
    else:
        table, name = read(source)
    freq, season, fill, *parts = map((usual | given).get, ("freq", "season", "fill", *PARTS))
    columns = Columns.of(
        table, targets, past_covariates, future_covariates, time, name, others=public
    )
    frames, freqs, zone = {}, {}, tz
    for name, frame in columns.frames(table):
        zone = zone or getattr(frame.index, "tz", None)
        frame = in_utc(numbers(frame, name), tz, name)
        frames[name], freqs[name] = regular(frame, name, freq, fill)
    freq = one_frequency(freqs)
    borders = {name: cut(len(frame), name, *parts) for name, frame in frames.items()}
    checked = Series(
        {name: whole(frame, name, fill, borders[name]) for name, frame in frames.items()},
        columns.targets,
        columns.past,
        columns.future,
        freq,
        season_of(freq) if season is None else positive_integer("season", season),
        borders,
        source=str(source) if public and not given and tz is None else None,
    )
    return with_calendar(checked, tuple(calendar), None if zone is None else str(zone))


def with_calendar(found: Series, calendar: tuple[str, ...], tz: str | None) -> Series:
    """The series with calendar features behind its columns."""
    if not calendar:
        return replace(found, tz=tz)
    frames = {
        name: frame.join(calendar_features(frame.index, calendar, tz))
        for name, frame in found.frames.items()
    }
    added = tuple(next(iter(frames.values())).columns[len(found.columns) :])
    return replace(
        found,
        frames=frames,
        future_covariates=found.future_covariates + added,
        calendar=calendar,
        tz=tz,
    )


def named(row: sets.PublicSet, data_dir) -> tuple[pd.DataFrame, str]:
    """The table of a public series, and its name."""
    if row.loader is not None:
        return row.read(data_dir)
    [file] = row.files.values()
    return read(fetch(file, data_dir))


def one_frequency(freqs: Mapping[str, str | None]) -> str | None:
    """The frequency of all series, or an error that names one that differs."""
    common = Counter(freqs.values()).most_common(1)[0][0]
    for name, freq in freqs.items():
        if freq != common:
            raise ValueError(
                f"series {name!r} has frequency {freq!r}, the others have {common!r}; series of "
                "one call must have one frequency"
            )
    return common


def cut(rows: int, name: str, validation, test) -> Borders:
    """Borders of a series, from fractions or numbers of rows."""
    parts = [one if isinstance(one, int) else one * rows for one in (validation, test)]
    try:
        return split_by_time(rows, parts[0] / rows, parts[1] / rows)
    except ValueError as error:
        raise ValueError(f"{of(name)}{error}") from None


def whole(frame: pd.DataFrame, name: str, fill: str | None, borders: Borders) -> pd.DataFrame:
    """The frame without gaps, or an error that names the first one."""
    try:
        if fill is None:
            return check_series(frame)
        frame = frame.copy()
        if fill == "linear":
            train = frame.iloc[: borders.validation]
            frame.iloc[: borders.validation] = train.interpolate("linear", limit_area="inside")
        return check_series(fill_gaps(frame, "previous"))
    except ValueError as error:
        reason = str(error).replace(
            "fill gaps first, for example with keraseq.data.fill_gaps",
            "give fill='previous' or fill='linear'",
        )
        raise ValueError(f"{of(name)}{reason}") from None
