"""The user's own texts and labels: a table in a file, or a frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import did_you_mean, rate
from keraseq.data import tables
from keraseq.data.labelled.parts import LabelledTexts, carved, fingerprint, first_of_each
from keraseq.data.parts import Part

if TYPE_CHECKING:
    import pandas as pd

FILES = tables.FILES


def reviews(
    source: str | Path | pd.DataFrame,
    *,
    text: str = "text",
    label: str = "label",
    validation: float = 0.1,
    test: float | str | Path | pd.DataFrame = 0.1,
    seed: int = 0,
) -> LabelledTexts:
    """Reads texts with labels from a table, and cuts them into three parts.

    Each part gets the same mix of classes. A text that stands in the table several times is kept
    once, and one that stands in a test table is not trained on, so that no part knows another's
    texts; `dropped` counts them. `<br />` and its like become blanks.

    Args:
        source: A file ending in `.csv`, `.csv.gz`, `.tsv` or `.parquet`, or a pandas frame.
        text: The column of the texts. Defaults to `"text"`.
        label: The column of the labels, of any number of classes: texts or numbers, which are
            sorted to give the classes. Defaults to `"label"`.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1).
            Defaults to 0.1.
        test: Fraction to report on, in (0, 1), or a table of its own, kept as it is.
            Defaults to 0.1.
        seed: Which texts go where. Defaults to 0.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be read as its ending says, a column is missing, a text or a
            label is missing, there is one class only, or too few texts of a class.

    Example:

    >>> import keraseq, pandas as pd
    >>> frame = pd.DataFrame({"text": [f"review {i}" for i in range(40)], "label": [0, 1] * 20})
    >>> print(keraseq.data.reviews(frame))
    table: train 32, validation 4, test 4 texts; classes 0, 1
    """
    validation = open_rate("validation", validation)
    given = not isinstance(test, (int, float))
    fraction = None if given else open_rate("test", test)
    frame, name = table(source)
    texts, labels = columns(frame, name, text, label)
    classes = sorted(set(labels), key=order)
    if len(classes) < 2:
        raise ValueError(f"{name}: column {label!r} holds one class only, {classes[0]!r}")
    rows = part(texts, labels, classes)
    if given:
        tested = part(*columns(*table(test), text, label), classes, table(test)[1])
        everything = {"train": rows, "test": tested}
        rest = first_of_each(rows, tested.inputs)
    else:
        everything = {"train": rows}
        rest = first_of_each(rows)
    few = np.bincount(rest.targets, minlength=len(classes))
    if few.min() < (2 if given else 3):
        raise ValueError(
            f"{name}: class {classes[few.argmin()]!r} has {few.min()} different texts; every part "
            "needs one"
        )
    dropped = len(rows.inputs) - len(rest.inputs)
    if not given:
        rest, tested = carved(rest, fraction, seed)
    train, check = carved(rest, validation, seed + 1)
    return LabelledTexts(
        name,
        tuple(map(str, classes)),
        train,
        check,
        tested,
        split=f"stratified with seed {seed}: validation {validation:.0%} of what is not test; test "
        + ("as given" if given else f"{fraction:.0%}"),
        dropped=dropped,
        sha256=fingerprint(everything),
        options=again(source, text, label, validation, test, seed),
    )


def again(source, text, label, validation, test, seed) -> dict:
    """The arguments that read the same texts again; none where one is a frame."""
    options = {"source": source, "text": text, "label": label}
    options |= {"validation": validation, "test": test, "seed": seed}
    if not all(isinstance(one, (str, Path, int, float)) for one in options.values()):
        return {}
    return {name: str(one) if isinstance(one, Path) else one for name, one in options.items()}


def table(source, **reading) -> tuple[pd.DataFrame, str]:
    """The frame of a file, and its name; see `keraseq.data.tables.read`."""
    if not isinstance(source, (str, Path, bytes)) and not hasattr(source, "columns"):
        raise TypeError(
            f"texts come from a path or a pandas DataFrame; received {type(source).__name__}"
        )
    frame = tables.typed(tables.read(source, **reading).frame)
    return frame, Path(source).name if isinstance(source, (str, Path)) else "table"


def columns(frame, name: str, text: str, label: str) -> tuple[list[str], list]:
    """The texts and the labels of a table, every one of them there."""
    for column in (text, label):
        if column not in frame:
            raise ValueError(
                f"{name}: there is no column {column!r}; columns: "
                f"{', '.join(map(repr, frame.columns))}.{did_you_mean(column, frame.columns)}"
            )
    if len(frame) == 0:
        raise ValueError(f"{name}: the table has no rows")
    for column in (text, label):
        missing = frame[column].isna().to_numpy()
        if missing.any():
            raise ValueError(
                f"{name}: column {column!r} has no value in {int(missing.sum())} of {len(frame)} "
                f"rows, first in row {int(missing.argmax())}"
            )
    from keraseq.data.labelled.encoder import clean

    return [clean(str(one)) for one in frame[text]], frame[label].tolist()


def part(texts: list[str], labels: list, classes: list, name: str = "") -> Part:
    """Texts and the numbers of their classes."""
    ids = {one: i for i, one in enumerate(classes)}
    for row, one in enumerate(labels):
        if one not in ids:
            raise ValueError(
                f"{name}: label {one!r} in row {row} is none of the training table's: "
                f"{', '.join(map(repr, classes))}"
            )
    return Part(texts, np.array([ids[one] for one in labels], "int32"))


def order(label) -> tuple[bool, float, str]:
    """What labels are sorted by: numbers first, by value, then texts."""
    number = isinstance(label, (int, float))
    return (not number, float(label) if number else 0.0, str(label))


def open_rate(name: str, value) -> float:
    """A fraction above 0 and below 1."""
    if not rate(name, value):
        raise ValueError(f"{name} must be above 0; received {name}={value!r}")
    return float(value)
