"""File, frame or name -> a `Series`: checked frames with a known frequency, and their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keraseq.checks import one_of, positive_integer
from keraseq.data import sets, tables
from keraseq.data.public import fetch
from keraseq.data.timeseries.categories import expanded, one_hot
from keraseq.data.timeseries.columns import Columns, read
from keraseq.data.timeseries.dates import CALENDAR, calendar_features, regular, season_of
from keraseq.data.timeseries.measurements import check_series, fill_gaps, label, of
from keraseq.data.timeseries.series import Borders, Series, split_by_time
from keraseq.data.timeseries.zones import in_utc

if TYPE_CHECKING:
    import pandas as pd

FILLS = ("previous", "linear")
PARTS = {"validation": 0.15, "test": 0.15}  # of each series, at its end


def series(
    source,
    *,
    targets: str | Sequence[str] | None = None,
    past_covariates: Sequence[str] = (),
    future_covariates: Sequence[str] = (),
    calendar: Sequence[str] = (),
    time: str | Sequence[str] | None = None,
    id: str | Sequence[str] | None = None,
    start: str | int | None = None,
    freq: str | None = None,
    tz: str | None = None,
    season: int | None = None,
    fill: str | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
    day_first: bool | None = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    validation: float | int | None = None,
    test: float | int | None = None,
    data_dir: str | Path | None = None,
) -> Series:
    """Series from a file, a frame or by name, checked: no gaps, no duplicates, one frequency.

    Wide or long: with `id`, or the columns `unique_id, ds, y` (Nixtla's convention), a table holds
    many series, which may differ in length; any other is one series, a column each for targets and
    covariates. Times stand in the index or in the one column that holds times, whatever its name,
    or in several; without them rows are numbered, and a column that counts 1, 2, 3 or years goes on
    counting. A column of row numbers is no target; columns in two levels are joined: `Close AAA`.

    Nothing is guessed that changes the meaning. Separator, decimal mark, thousands marks and the
    order of day and month are taken from the file where the whole of it leaves one way to read it,
    else the error says which option decides. Identifiers stay as they are written: `007`, `NA`.

    A gap, a duplicate or unordered time, and a missing value are errors that name series, row
    and column. With `fill` rows are sorted by time, of duplicates the last row stays, and what is
    missing is filled, never backwards. Rows at the end without any target, but with future
    covariates, are the known future: `Series.coming`. Covariates of texts become a column for each
    category of the training parts; another category later is an error.

    Times with a zone become UTC, in which no hour is missing or doubled when clocks change; local
    times without a zone need `tz`, and so do days, or steps of hours that follow a local clock,
    where offsets from UTC change, and `calendar` there. The moment of a clock that was skipped,
    such as midnight, is the first one after; of the two of an hour that comes twice the order of
    rows says which it is.
    Months may have names, in English, German, French, Spanish, Italian, Portuguese, Dutch and the
    Nordic languages; quarters, months and weeks may be written as `2024-Q1`, `2024M01`, `2024-W01`.
    A constant series is accepted: scalers leave its scale alone.

    Args:
        source: A pandas `DataFrame` or `Series`; a path that ends in `.csv`, `.tsv`, `.txt` or
            `.parquet`, or one of these and `.gz`; the bytes of a CSV file; or the name of a
            public series, see `keraseq data`, which brings borders and more of
            its own, where nothing else is given.
        targets: Columns to forecast. Default: `y` of a long frame, else all that are no covariates.
            Of a public series the others become past covariates.
        past_covariates: Columns that help and are known up to now. Columns that are named nowhere
            are left out, where targets are named.
        future_covariates: Columns that are known over the horizon too, such as holidays.
        calendar: Calendar features to add to the future covariates, each as sine and cosine:
            `"minute"`, `"hour"`, `"weekday"`, `"day"`, `"month"`, `"yearday"`.
        time: Column of times, or several: a date and a time of day, or year, month, day, hour,
            minute in numbers, or year and quarter. Default: see above.
        id: Column that tells series apart, or several. Default: `unique_id` beside `ds`.
        start: The first time that counts: rows before it are left out.
        freq: Time from row to row as pandas writes it, such as `"h"` or `"MS"`. Default: inferred.
        tz: Time zone of times without one, such as `"Europe/Berlin"`.
        season: Rows in a season. Default: by the frequency, 1 without one.
        fill: What to do with gaps: `"previous"` repeats the last known value; `"linear"` draws
            lines to the next known value inside the training part, where that looks into no
            future of another part, and repeats the last known value after it. Default: an error.
        sep: What separates the cells of a text file: `;`, `,`, `|`, `tab` or `space`.
        decimal: The decimal mark of numbers that are texts: `.` or `,`.
        date_format: How times are written, such as `%d.%m.%Y`; `s` or `ms` for numbers since 1970,
            `excel` for the days that a spreadsheet counts.
        header: Whether the first line of a file holds names: `yes` or `no`, then columns are called
            1, 2, ...
        encoding: Of a text file, such as `cp1252`. Default: UTF-8, or UTF-16 with its mark.
        day_first: Whether the day stands before the month where the column does not show it.
        categories: Covariate of texts -> the categories that a model knows.
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
        table = tables.Table(*named(row, data_dir))
    else:
        table = read(source, sep=sep, encoding=encoding, header=header)
    freq, season, fill, *parts = map((usual | given).get, ("freq", "season", "fill", *PARTS))
    columns = Columns.of(
        table.frame, targets, past_covariates, future_covariates, time, id, table.name,
        others=public,
    )  # fmt: skip
    one_clock = bool(calendar) and tz is None
    pieces, kinds, day_first = columns.frames(
        table, decimal, date_format, day_first, dict(categories or {}), one_clock
    )
    frames, freqs, zone, coming = {}, {}, tz, {}
    for name, frame in pieces:
        zone = zone or getattr(frame.index, "tz", None)
        frame = in_utc(frame, tz, name)
        frame = frame if start is None else begun(frame, start, zone, name)
        frame, freqs[name] = regular(frame, name, freq, fill, zone and str(zone))
        frames[name], coming[name] = told_apart(frame, columns)
        for column in columns.targets + columns.past + columns.future:
            if frames[name][column].isna().all():
                raise ValueError(f"{of(name)}column {column!r} holds no value at all")
    freq = one_frequency(freqs)
    borders = {name: cut(len(frame), name, *parts) for name, frame in frames.items()}
    frames = {
        name: whole(frame, name, fill, borders[name], kinds) for name, frame in frames.items()
    }
    kinds = seen(frames, borders, kinds) if categories is None else kinds
    checked = Series(
        {name: one_hot(frame, kinds) for name, frame in frames.items()},
        columns.targets,
        expanded(columns.past, kinds),
        expanded(columns.future, kinds),
        freq,
        season_of(freq) if season is None else positive_integer("season", season),
        borders,
        source=str(source) if public and not given and tz is None else None,
        id=columns.id,
        time=columns.time,
        day_first=day_first,
        categories=kinds,
        coming={name: one_hot(one, kinds) for name, one in coming.items() if len(one)},
    )
    return with_calendar(checked, tuple(calendar), None if zone is None else str(zone))


def begun(frame: pd.DataFrame, start, tz, name: str) -> pd.DataFrame:
    """The rows from a time on."""
    import pandas as pd

    at = start
    if isinstance(frame.index, pd.DatetimeIndex):
        at = pd.Timestamp(start)
        if frame.index.tz is not None:
            at = at.tz_localize(tz) if at.tz is None else at
    kept = frame[frame.index >= (at if not isinstance(at, str) else int(at))]
    if kept.empty:
        raise ValueError(f"{of(name)}no row is left after start={start!r}")
    return kept


def told_apart(frame: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that were measured, and the future covariates of those at the end that were not."""
    future = list(columns.future)
    measured = frame[list(columns.targets)].notna().any(axis=1).to_numpy()
    if not future or not measured.any():
        return frame, frame.iloc[:0]
    end = len(frame) - int(measured[::-1].argmax())
    coming = frame[future].iloc[end:].dropna()
    return (frame.iloc[:end], coming) if len(coming) else (frame, coming)


def seen(frames, borders, kinds: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The categories; an error where one is in no training part."""
    for column, categories in kinds.items():
        known = {
            code
            for name, frame in frames.items()
            for code in frame[column].iloc[: borders[name].validation]
        }
        for name, frame in frames.items():
            for row, code in enumerate(frame[column]):
                if code not in known:
                    raise ValueError(
                        f"{of(name)}{categories[int(code)]!r} in row {row} ({label(frame, row)}), "
                        f"column {column!r}, is a category that the training part does not hold: "
                        "make the training part larger, or join it to another category"
                    )
    return dict(kinds)


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
    return read(fetch(file, data_dir))[:2]


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


def whole(frame: pd.DataFrame, name: str, fill: str | None, borders: Borders, kinds=()):
    """The frame without gaps, or an error that names the first one; `kinds` are never averaged."""
    late = frame.iloc[0].isna()
    if late.any():
        column = late.index[late.to_numpy()][0]
        first = frame.index[int(frame[column].notna().to_numpy().argmax())]
        raise ValueError(
            f"{of(name)}column {column!r} has no known value before it to fill from until {first}: "
            f"cut the rows before it off with start='{first}' (in a shell --start '{first}')"
        )
    try:
        if fill is None:
            return check_series(frame)
        frame = frame.copy()
        if fill == "linear":
            drawn = [at for at, one in enumerate(frame) if one not in kinds]
            train = frame.iloc[: borders.validation, drawn]
            frame.iloc[: borders.validation, drawn] = train.interpolate(
                "linear", limit_area="inside"
            )
        return check_series(fill_gaps(frame, "previous"))
    except ValueError as error:
        reason = str(error).replace(
            "fill gaps first, for example with keraseq.data.fill_gaps",
            "give fill='previous' or fill='linear'",
        )
        raise ValueError(f"{of(name)}{reason}") from None
