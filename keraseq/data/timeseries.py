"""Series to forecast: file, frame or name -> checked frames with a known frequency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keraseq.checks import did_you_mean, one_of
from keraseq.data import public_series
from keraseq.data.dates import CALENDAR, calendar_features, in_utc, of, regular, season_of
from keraseq.data.measurements import check_series, fill_gaps
from keraseq.data.reading import Columns, names, numbers, read
from keraseq.data.windowing import Borders, split_by_time

if TYPE_CHECKING:
    import pandas as pd

FILLS = ("previous", "linear")


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
        source: The name by which `series` finds them again, None for those of a file or frame.

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
    fill: str | None = None,
    validation: float | int = 0.15,
    test: float | int = 0.15,
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
            or a name: `"etth1"`, `"ettm1"`, `"m4-hourly"`, `"melbourne"`, `"co2"`, which bring
            targets and borders of their own.
        targets: Columns to forecast. Default: `y` of a long frame, else all that are no covariates.
        past_covariates: Columns that help and are known up to now. Columns that are named nowhere
            are left out, where targets are named.
        future_covariates: Columns that are known over the horizon too, such as holidays.
        calendar: Calendar features to add to the future covariates, each as sine and cosine:
            `"minute"`, `"hour"`, `"weekday"`, `"day"`, `"month"`, `"yearday"`.
        time: Column of times. Default: see above.
        freq: Time from row to row as pandas writes it, such as `"h"` or `"MS"`. Default: inferred.
        tz: Time zone of times without one, such as `"Europe/Berlin"`.
        fill: What to do with gaps: `"previous"` repeats the last known value; `"linear"` draws
            lines to the next known value inside the training part, where that looks into no
            future of another part, and repeats the last known value after it. Default: an error.
        validation, test: Parts at the end of each series: fractions, or numbers of rows.
            Each defaults to 0.15.
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
    if isinstance(source, (str, Path)) and str(source) in public_series.NAMES:
        return public(str(source), targets, tuple(calendar), data_dir)
    if fill is not None:
        one_of("fill", fill, FILLS)
    table, name = read(source)
    columns = Columns.of(table, targets, past_covariates, future_covariates, time, name)
    frames, freqs, zone = {}, {}, tz
    for name, frame in columns.frames(table):
        zone = zone or getattr(frame.index, "tz", None)
        frame = in_utc(numbers(frame, name), tz, name)
        frames[name], freqs[name] = regular(frame, name, freq, fill)
    freq = one_frequency(freqs)
    borders = {name: cut(len(frame), name, validation, test) for name, frame in frames.items()}
    checked = Series(
        {name: whole(frame, name, fill, borders[name]) for name, frame in frames.items()},
        columns.targets,
        columns.past,
        columns.future,
        freq,
        season_of(freq),
        borders,
    )
    return with_calendar(checked, tuple(calendar), None if zone is None else str(zone))


def public(name: str, targets, calendar: tuple[str, ...], data_dir) -> Series:
    """The public series of that name, with the borders that published results use."""
    if name == "m4-hourly":
        frames = public_series.m4_hourly(data_dir)
        last = public_series.M4_HORIZON
        borders = {one: Borders(len(f) - 2 * last, len(f) - last) for one, f in frames.items()}
        found = Series(frames, ("y",), season=24, borders=borders, source=name)
    elif name in ("co2", "melbourne"):
        frame = public_series.co2() if name == "co2" else public_series.melbourne(data_dir)
        return replace(series(frame, fill="linear", calendar=calendar), source=name)
    else:
        frame = public_series.ett(name.removeprefix("ett"), data_dir)
        title, month = name.replace("ett", "ETT"), len(frame) // 20
        freq = "h" if name == "etth1" else "15min"
        found = Series(
            {title: frame},
            tuple(frame),
            freq=freq,
            season=season_of(freq),
            borders={title: Borders(12 * month, 16 * month)},
            source=name,
        )
    if targets is not None:
        found = with_targets(found, names(targets))
    return with_calendar(found, calendar, None)


def with_targets(found: Series, targets: tuple[str, ...]) -> Series:
    """The series with these targets first; other columns become past covariates."""
    for target in targets:
        if target not in found.columns:
            raise ValueError(
                f"unknown target {target!r}; columns: {', '.join(map(repr, found.columns))}."
                f"{did_you_mean(target, found.columns)}"
            )
    others = tuple(column for column in found.columns if column not in targets)
    frames = {name: frame[[*targets, *others]] for name, frame in found.frames.items()}
    return replace(found, frames=frames, targets=targets, past_covariates=others)


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
