"""Labelled series: tables, `.ts` files or arrays -> examples `(steps, channels)` in parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import did_you_mean
from keraseq.data import tables
from keraseq.data.labelled import ts
from keraseq.data.labelled.parts import LabelledSeries, SeriesColumns, in_parts, labels_of
from keraseq.data.labelled.table import again, table, valued
from keraseq.data.public import fetch
from keraseq.data.timeseries.times import times

if TYPE_CHECKING:
    import pandas as pd

    from keraseq.data.sets import PublicSet

ARCHIVES = (".ts", ".ts.gz")
OPTION = "--{} COLUMN"  # how a shell says which column is meant
SHOWN = 12  # columns in an error


def labelled_series(
    source,
    labels: Sequence | None = None,
    *,
    label: str = "label",
    id: str | None = None,
    time: str | None = None,
    channels: str | Sequence[str] | None = None,
    validation: float = 0.2,
    test=0.2,
    seed: int = 0,
    decimal: str | None = None,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> LabelledSeries:
    """Reads series with a label each, and cuts them into three parts.

    Each part gets the same mix of classes; a series is in one part alone, and one that stands there
    twice, or in a test part of its own, is kept once. Lengths may differ. Missing values stay
    `NaN`, for the `SeriesEncoder` to fill; steps at the end without any value are left out.

    Args:
        source: One of
            a long table, with `id`: a row a step, the rows of an example having one `id`;
            a wide table: a row an example of one channel, all columns but the label its steps;
            a `.ts` file of the UEA or UCR archive;
            an array `(n, steps, channels)` or `(n, steps)`, or a list of arrays
            `(steps, channels)` or `(steps,)` of unequal length, with `labels`.
            A table is a pandas frame, or a file ending in `.csv`, `.tsv`, `.txt` or
            `.parquet`, also packed.
        labels: One for each array. Default: they stand in `source`.
        label: The column of the labels. Defaults to `"label"`.
        id: The column of a long table that says which example a row is of.
        time: Its column by which the rows of an example are ordered. Default: as they stand.
        channels: Its columns of measurements, or names for the channels of arrays. Default: all
            columns of numbers but these.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1).
            Defaults to 0.2.
        test: Fraction to report on, in (0, 1), or a source of its own, arrays with their labels as
            a pair; it is kept as it is. Defaults to 0.2.
        seed: Which examples go where. Defaults to 0.
        decimal: Decimal mark of a table, `.` or `,`. Default: as its numbers show.
        sep, header, encoding: How a text file is read, see `keraseq.data.tables.read`. Default: as
            a look at it says, or an error.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: In one line, with the example or row: a file cannot be read, a column or label
            is missing, an example has two labels, no value, or another number of channels, a value
            is no number, there is one class only, or there are too few examples of one.

    Example:

    >>> import keraseq, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = [rng.normal(size=(5 + i % 3, 2)) for i in range(30)]
    >>> print(keraseq.data.labelled_series(x, ["up", "down"] * 15, channels=["x", "y"]))
    arrays: train 20, validation 4, test 6 series of 5 to 7 steps, 2 channels; classes down, up
    """
    columns = {"label": label, "id": id, "time": time, "channels": channels, "decimal": decimal}
    columns |= {"sep": sep, "header": header, "encoding": encoding}
    found = examples(source, labels, **columns)
    fraction, tested = (test, None) if isinstance(test, (int, float)) else (None, None)
    if fraction is None:
        pair = test if isinstance(test, tuple) else (test, None)
        like = found.columns
        alike = {"channels": like.values} if like and like.id else {}
        one = examples(*pair, **{**columns, **alike}, like=like)
        if len(one.channels) != len(found.channels):
            raise ValueError(
                f"{one.name} has {len(one.channels)} channels, {found.name} {len(found.channels)}"
            )
        tested = (one.inputs, labels_of(one), one.name)
    columns["channels"] = channels if channels is None or isinstance(channels, str) else [*channels]
    return in_parts(
        LabelledSeries,
        found.name,
        (found.inputs, labels_of(found)),
        tested,
        validation=validation,
        test=fraction,
        seed=seed,
        channels=found.channels,
        columns=found.columns,
        options=again(source=source, **columns, validation=validation, test=test, seed=seed),
    )


@dataclass(frozen=True)
class Examples:
    """Series as they were read: values `(steps, channels)`, labels if there are any, and names."""

    name: str
    inputs: list[np.ndarray]
    labels: list | None
    ids: list[str]
    channels: tuple[str, ...]
    columns: SeriesColumns | None = None  # none: they came from no table
    unlabelled: str = "the series have no labels"


def examples(
    source,
    labels=None,
    *,
    label="label",
    id=None,
    time=None,
    channels=None,
    decimal=None,
    like: SeriesColumns | None = None,
    option: str = OPTION,
    **reading,
) -> Examples:
    """The series of a source, see `labelled_series`; labels may be missing.

    A wide table has to have the steps of `like`, where that is one. `option` is how a shell says
    which column is meant.
    """
    chosen = (channels,) if isinstance(channels, str) else channels
    if isinstance(source, (np.ndarray, list, tuple)):
        found = of_arrays(source, labels, chosen)
    elif labels is not None:
        raise ValueError("labels are of arrays; in a table or file they stand beside the values")
    elif isinstance(source, (str, Path)) and str(source).lower().endswith(ARCHIVES):
        found = of_archive(Path(source))
    elif id is not None:
        found = of_long(table(source, **reading), label, id, time, chosen, decimal, option)
    else:
        for name, one in (("time", time), ("channels", channels)):
            if one is not None:
                raise ValueError(
                    f"{name}={one!r} is of a long table: give id, the column of its examples"
                )
        found = of_wide(table(source, **reading), label, decimal, like, option)
    if not found.inputs:
        raise ValueError(f"{found.name}: there are no series")
    inputs = []
    for name, values in zip(found.ids, found.inputs, strict=True):
        where = f"{found.name}: example {name}"
        if values.shape[1] != len(found.channels):
            raise ValueError(
                f"{where} has {values.shape[1]} channels, the first one {len(found.channels)}"
            )
        if np.isinf(values).any():
            step, channel = np.argwhere(np.isinf(values))[0]
            raise ValueError(f"{where} is infinite in step {step}, {found.channels[channel]}")
        there = np.flatnonzero(~np.isnan(values).all(axis=1))
        if not len(there):
            raise ValueError(f"{where} has no values")
        inputs.append(values[: there[-1] + 1])
    return replace(found, inputs=inputs)


def of_arrays(source, labels, channels) -> Examples:
    """Those of arrays."""
    inputs = []
    for i, one in enumerate(source):
        try:
            values = np.asarray(one, "float64")
        except (TypeError, ValueError) as error:
            raise ValueError(f"arrays: example {i} is no array of numbers: {error}") from None
        if values.ndim not in (1, 2):
            raise ValueError(
                f"arrays: example {i} must have shape (steps, channels) or (steps,); received "
                f"{values.shape}"
            )
        inputs.append(values[:, None] if values.ndim == 1 else values)
    if labels is not None:
        labels = np.asarray(labels).tolist()
        if not isinstance(labels, list) or len(labels) != len(inputs):
            raise ValueError(
                f"labels must be one for each of {len(inputs)} series; received "
                f"{len(labels) if isinstance(labels, list) else labels!r}"
            )
        for i, one in enumerate(labels):
            if one is None or one != one:
                raise ValueError(f"arrays: example {i} has no label")
    names = channels or numbered(inputs[0].shape[1] if inputs else 0)
    return Examples("arrays", inputs, labels, [*map(str, range(len(inputs)))], tuple(names))


def of_archive(path: Path) -> Examples:
    """Those of a `.ts` file."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    rows = list(ts.read(path))
    inputs, labels = [values for _, values, _ in rows], [label for *_, label in rows]
    names = numbered(inputs[0].shape[1] if inputs else 0)
    known = None if None in labels else labels
    return Examples(path.name, inputs, known, [*map(str, range(len(rows)))], names)


def of_wide(found: tables.Table, label: str, decimal: str | None, like, option) -> Examples:
    """Those of a table with a row an example; no value at the end of a row is its end."""
    frame, name, _ = found
    steps = [column for column in frame if column != label]
    if not steps:
        raise ValueError(f"{name}: there are no columns of steps beside {label!r}")
    if like is not None and like.id is None:
        same_steps(frame, name, steps, like.values, option)
    values = measured(found, steps, decimal)
    labels = valued(frame, name, (label,))[label].tolist() if label in frame else None
    ids = [*map(str, range(len(frame)))]
    columns = SeriesColumns(tuple(steps), label)
    inputs, without = [row[:, None] for row in values], missing(frame, "label", label, option)
    return Examples(name, inputs, labels, ids, ("value",), columns, without)


def same_steps(frame, name: str, steps: list[str], known: Sequence[str], option: str) -> None:
    """Raises where the steps of a wide table are not those of the training table, in its order."""
    lost = next((one for one in known if one not in steps), None)
    more = next((one for one in steps if one not in known), None)
    if lost is not None:
        raise ValueError(
            f"{name}: {missing(frame, 'step', lost, option)} The training table has a row an "
            f"example; if this one has a row a step give {said('id', option)}"
        )
    if more is not None:
        raise ValueError(
            f"{name}: column {more!r} is no step of the training table: leave it out, or if it "
            f"holds the labels give {said('label', option)}"
        )
    for here, there in zip(steps, known, strict=True):
        if here != there:
            raise ValueError(
                f"{name}: column {here!r} stands where {there!r} does in the training table: the "
                "order of the columns is that of the steps"
            )


def of_long(found: tables.Table, label: str, id: str, time, channels, decimal, option) -> Examples:
    """Those of a table with a row a step."""
    frame, name, _ = found
    for role, one in (("id", id), ("time", time)):
        if one is not None and one not in frame:
            raise ValueError(f"{name}: {missing(frame, role, one, option)}")
    roles = [id, *([time] if time else []), *([label] if label in frame else [])]
    frame = valued(frame, name, roles)
    if channels is None:
        channels = [one for one in frame if one not in roles and some_numbers(frame[one])]
    for one in channels:
        if one not in frame or one in roles:
            rest = [column for column in frame if column not in roles]
            raise ValueError(
                f"{name}: unknown channel {one!r}; columns: {listed(rest)}."
                f"{did_you_mean(one, rest)} Say which they are: {said('channels', option)}"
            )
    if not channels:
        raise ValueError(f"{name}: there is no column of numbers beside {', '.join(roles)}")
    values = measured(found, channels, decimal)
    when = None if time is None else moments(frame[time])
    inputs, labels, ids = [], [], []
    for one, rows in frame.groupby(id, sort=False).indices.items():
        where = f"{name}: example {one}"
        if when is not None:
            rows = rows[np.argsort(when[rows], kind="stable")]
            twice = np.flatnonzero(when[rows][1:] == when[rows][:-1])
            if len(twice):
                raise ValueError(f"{where} has {time} {frame[time].iloc[rows[twice[0]]]!s} twice")
        if label in frame:
            several = frame[label].iloc[rows].unique().tolist()
            if len(several) > 1:
                raise ValueError(f"{where} has two labels, {several[0]!r} and {several[1]!r}")
            labels.append(several[0])
        inputs.append(values[rows])
        ids.append(str(one))
    names, without = tuple(map(str, channels)), missing(frame, "label", label, option)
    columns = SeriesColumns(names, label, id, time)
    return Examples(name, inputs, labels or None, ids, names, columns, without)


def missing(frame: pd.DataFrame, role: str, column: str, option: str) -> str:
    """That a table has no column of some role, and which might be meant."""
    roles = {"label": " of labels", "step": " of a step"}
    advice = "" if role == "step" else f" Say which it is: {said(role, option)}"
    return (
        f"there is no column {column!r}{roles.get(role, '')}; columns: {listed(frame)}."
        f"{did_you_mean(column, frame.columns)}{advice}"
    )


def said(role: str, option: str) -> str:
    """How to say which column has a role."""
    return f"{role}=... (in a shell {option.format(role)})"


def listed(columns: Iterable[str]) -> str:
    """Names of columns, not more than a line holds."""
    shown = [*map(repr, columns)]
    return ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" * (len(shown) > SHOWN))


def some_numbers(column: pd.Series) -> bool:
    """Whether a column holds numbers, were it beside texts: those are found and named later."""
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(column):
        return True
    cells = (tables.as_number(one, ".") for one in column.dropna().tolist())
    texts = tables.texts_of(column).values()
    return any(one is not None for one in cells) or any(map(tables.shape, texts))


def measured(found: tables.Table, columns: Sequence[str], decimal: str | None) -> np.ndarray:
    """The numbers of some columns, `(rows, columns)`; NaN where nothing is."""
    try:
        mark = tables.decimal_mark(found, list(columns), decimal)
        values = [tables.numbers(found.frame[one], mark).to_numpy("float64") for one in columns]
    except ValueError as error:
        raise ValueError(f"{found.name}: {error}") from None
    return np.stack(values, axis=1)


def moments(column: pd.Series) -> np.ndarray:
    """What orders the rows: numbers, or times."""
    from pandas.api.types import is_numeric_dtype

    return column.to_numpy() if is_numeric_dtype(column) else times(column)[0].to_numpy()


def numbered(count: int) -> tuple[str, ...]:
    """Names of channels that have none."""
    return tuple(f"channel {i + 1}" for i in range(count))


def archive(
    row: PublicSet, data_dir=None, *, validation: float = 0.2, seed: int = 0
) -> LabelledSeries:
    """A public set of the UEA archive, with the test part of the archive."""
    train, test = (fetch(row.files[part], data_dir) for part in ("train", "test"))
    parts = labelled_series(train, test=test, validation=validation, seed=seed)
    [path, _] = Path(row.files["train"].path).parts
    return replace(parts, name=path, options={"validation": validation, "seed": seed})
