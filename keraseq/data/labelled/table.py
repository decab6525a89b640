"""The user's own examples and labels: a table in a file, or a frame; `reviews` reads texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keraseq.checks import did_you_mean
from keraseq.data import tables
from keraseq.data.labelled.parts import LabelledTexts, in_parts

if TYPE_CHECKING:
    import pandas as pd

FILES = tables.FILES
OF_FILES = ("sep", "header", "encoding")  # options of `tables.read`


def reviews(
    source: str | Path | pd.DataFrame,
    *,
    text: str = "text",
    label: str = "label",
    validation: float = 0.1,
    test: float | str | Path | pd.DataFrame = 0.1,
    seed: int = 0,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> LabelledTexts:
    """Reads texts with labels from a table, and cuts them into three parts.

    Each part gets the same mix of classes. A text that stands in the table several times is kept
    once, and one that stands in a test table is not trained on, so that no part knows another's
    texts; `dropped` counts them. `<br />` and its like become blanks.

    Args:
        source: A file ending in `.csv`, `.tsv`, `.txt` or `.parquet`, also packed (`.gz`), or a
            pandas frame.
        text: The column of the texts. Defaults to `"text"`.
        label: The column of the labels, of any number of classes: texts or numbers, which are
            sorted to give the classes. Defaults to `"label"`.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1).
            Defaults to 0.1.
        test: Fraction to report on, in (0, 1), or a table of its own, kept as it is.
            Defaults to 0.1.
        seed: Which texts go where. Defaults to 0.
        sep, header, encoding: How a text file is read, see `keraseq.data.tables.read`. Default: as
            a look at it says, or an error.

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
    given = not isinstance(test, (int, float))
    reading = {"sep": sep, "header": header, "encoding": encoding}
    frame, name, _ = table(source, **reading)
    options = {"source": source, "text": text, "label": label, "validation": validation, **reading}
    return in_parts(
        LabelledTexts,
        name,
        columns(frame, name, text, label),
        labelled_test(test, text, label, reading) if given else None,
        validation=validation,
        test=None if given else test,
        seed=seed,
        options=again(**options, test=test, seed=seed),
    )


def labelled_test(source, text: str, label: str, reading: dict) -> tuple:
    """Texts and labels of a test table, and its name."""
    frame, name, _ = table(source, **reading)
    return *columns(frame, name, text, label), name


def again(**options) -> dict:
    """The arguments that read the same examples again; none where one is a frame or an array."""
    options = {name: one for name, one in options.items() if one is not None}
    plain = {k: str(one) if isinstance(one, Path) else one for k, one in options.items()}
    words = [one for value in plain.values() for one in (value if type(value) is list else [value])]
    return plain if all(isinstance(one, (str, int, float)) for one in words) else {}


def table(source, **reading) -> tables.Table:
    """The table of a file or frame, plain numbers as numbers; see `keraseq.data.tables.read`."""
    if not isinstance(source, (str, Path, bytes)) and not hasattr(source, "columns"):
        raise TypeError(
            f"a table comes from a path or a pandas DataFrame; received {type(source).__name__}"
        )
    found = tables.read(source, **reading)
    name = Path(source).name if isinstance(source, (str, Path)) else "table"
    return found._replace(frame=tables.typed(found.frame), name=name)


def columns(frame, name: str, text: str, label: str) -> tuple[list[str], list]:
    """The texts and the labels of a table, every one of them there."""
    from keraseq.data.labelled.encoder import clean

    frame = valued(frame, name, (text, label))
    return [clean(str(one)) for one in frame[text]], frame[label].tolist()


def valued(frame, name: str, wanted: Sequence[str]) -> pd.DataFrame:
    """The frame, or an error if it has no rows, no such columns, or one of them lacks a value."""
    for column in wanted:
        if column not in frame:
            raise ValueError(
                f"{name}: there is no column {column!r}; columns: "
                f"{', '.join(map(repr, frame.columns))}.{did_you_mean(column, frame.columns)}"
                f"{called(column)}"
            )
    if len(frame) == 0:
        raise ValueError(f"{name}: the table has no rows")
    for column in wanted:
        missing = frame[column].isna().to_numpy()
        if missing.any():
            raise ValueError(
                f"{name}: column {column!r} has no value in {int(missing.sum())} of {len(frame)} "
                f"rows, first in row {int(missing.argmax())}"
            )
    return frame


def called(column: str) -> str:
    """How to say which column is meant, where nobody said it."""
    if column not in ("text", "label"):
        return ""
    return f" Say which holds the {column}s: {column}=... (in a shell --{column})"
