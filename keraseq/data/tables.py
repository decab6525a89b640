"""Tables: a file, bytes or a frame -> a frame, and its numbers; nothing is guessed that matters.

Cells of a text file are texts until somebody says what a column is: a number (`numbers`), a time
(`keraseq.data.timeseries.times.times`), or a text, which stays as it is: `007`, `NA`. An empty cell
is missing. What a look at the file cannot decide is an error that names line and option.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keraseq.checks import one_of

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
FILES = tuple(ending + packed for ending in ENDINGS for packed in ("", ".gz"))
SEPARATORS = (";", "\t", "|", ",")
SPOKEN = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}
LOOK = 1_000  # lines that are looked at to find the separator
LONGEST = 1 << 30  # characters in a cell
CLASSES = 50  # texts of a column, at most, that are called labels
LONG = 50  # characters: more than a name has
MISSING = frozenset(
    "|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|"
    "nan|null|#NV|#DIV/0!|.|..|...|:".split("|")
)  # of columns of numbers, as pandas reads them, and as spreadsheets and statistical offices write
TRUTH = {"true": 1.0, "false": 0.0}
BLANKS = " \u00a0\u202f'\u2019"  # that may stand between thousands
GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?:[{BLANKS}]\d{{3}})+(?:[.,]\d*)?")
PLAIN = re.compile(r"[+-]?(\d*)([.,])?(\d*)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(\.)\d{3}(?:\.\d{3})+|(,)\d{3}(?:,\d{3})+)")
BOTH = re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3})+(,)|(?:,\d{3})+(\.))\d*(?:[eE][+-]?\d+)?")
OTHER = {".": ",", ",": "."}


class Table(NamedTuple):
    """A frame, a name for what is in it, and what separated its cells, None if nothing did."""

    frame: pd.DataFrame
    name: str
    sep: str | None = None


def read(
    source,
    *,
    sep: str | None = None,
    encoding: str | None = None,
    header: str | None = None,
    name: str = "table",
) -> Table:
    """The table of a file, of bytes, or a frame.

    Args:
        source: A path that ends in one of `FILES`, the bytes of a text file, or a frame.
        sep: What separates cells: `;`, `,`, `|`, `tab`, or `space` for any number of blanks.
            Default: what the first lines agree on.
        encoding: Of a text file, such as `cp1252`. Default: UTF-8, or UTF-16 where the file begins
            with its mark.
        header: Whether the first line holds names, `yes` or `no`; without it columns are called
            1, 2, ... Default: yes, and an error where the first line looks like data, or the second
            like names. Names in several lines, as pandas writes them, are joined: `Close AAA`.
        name: Of a table that has none.

    Returns:
        A `Table`. Cells of a text file are texts, empty ones missing, and its index holds line
        numbers. Empty cells at the end of a row, too many or left out, do not matter where the
        first line has no name for them. Options are of no effect on a frame and on Parquet, whose
        columns have types.

    Raises:
        ValueError: It cannot be read, or an option has to say how.
        FileNotFoundError: There is no such file.
        TypeError: It is nothing of this.
    """
    import pandas as pd

    if header is not None:
        one_of("header", header, ("yes", "no"))
    if isinstance(source, pd.Series):
        source = source.to_frame(source.name or "y")
    if isinstance(source, pd.DataFrame):
        return Table(flat(source), name)
    if isinstance(source, bytes):
        return text_table(source, "the table", ".csv", name, sep, encoding, header)
    path = Path(source)
    ending = next((ending for ending in FILES if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise ValueError(f"{str(path)!r} must end in one of {', '.join(FILES)}")
    if path.is_dir():
        raise FileNotFoundError(f"{str(path)!r} is a folder, and no file")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    name, kind = path.name[: -len(ending)], ending.removesuffix(".gz")
    try:
        raw = gzip.decompress(path.read_bytes()) if ending.endswith(".gz") else path.read_bytes()
        if kind == ".parquet":
            return Table(flat(pd.read_parquet(io.BytesIO(raw))), name)
        return text_table(raw, repr(str(path)), kind, name, sep, encoding, header)
    except (ValueError, EOFError, OSError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{str(path)!r} cannot be read as {ending}: {reason}") from None


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with texts as column names, each once; levels are joined, such as `Close AAA`."""
    import pandas as pd

    levels = isinstance(frame.columns, pd.MultiIndex)
    names = [
        " ".join(str(part) for part in one if str(part)) if levels else str(one)
        for one in frame.columns
    ]
    frame = frame.set_axis(once(names), axis=1)
    if isinstance(frame.index, pd.MultiIndex):
        if None in frame.index.names:
            raise ValueError("the index has several levels without names: call reset_index() first")
        frame = frame.reset_index()
    return frame


def once(names: list[str]) -> list[str]:
    """The names of columns, or an error that names one that comes twice."""
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ValueError(f"two columns are called {name!r}: rename one of them")
    return names


def text_table(raw: bytes, what, kind, name, sep, encoding, header) -> Table:
    """The table of a text file."""
    import pandas as pd

    text = decoded(raw, encoding)
    first, _, rest = text.partition("\n")
    skipped = 0
    if said := re.fullmatch(r'"?sep=(.)"?\r?', first):  # a line that Excel writes
        text, skipped, sep = rest, 1, sep or said[1]
    if not text.strip():
        raise ValueError("there is nothing in it")
    sep = separator(text, kind) if sep is None else SPOKEN.get(sep, sep)
    if len(sep) != 1:
        raise ValueError(f"sep must be one character, tab or space; received sep={sep!r}")
    lines, rows = cells(text, sep)
    lines = [line + skipped for line in lines]
    while not any(map(str.strip, rows[-1])):
        lines, rows = lines[:-1], rows[:-1]
    rows = squared(lines, rows, sep)
    names, below = [one.strip() for one in rows[0]], 1
    if header == "no":
        names, below = [str(at) for at in range(1, len(names) + 1)], 0
    elif levels := levels_of(rows):
        names, below = levels
    elif header is None:
        check_names(lines, rows)
    lines, rows = lines[below:], rows[below:]
    columns = [[row[at] if row[at].strip() else None for row in rows] for at in range(len(names))]
    kept = [at for at, name in enumerate(names) if name or any(columns[at])]
    names = once([names[at] or f"Unnamed: {at}" for at in kept])
    index = pd.Index(lines, name="line")
    frame = pd.DataFrame(
        {
            name: pd.Series(columns[at], index, dtype="str")
            for name, at in zip(names, kept, strict=True)
        },
        index=index,
    )
    return Table(frame, name, sep)


def squared(lines: list[int], rows: list[list[str]], sep: str) -> list[list[str]]:
    """The rows with as many cells as the first; empty cells at an end may be left out or added."""
    first = [one.strip() for one in rows[0]]
    wide = len(first)
    named = max((at for at, one in enumerate(first, 1) if one), default=0)
    found = f"line {lines[0]} ({', '.join(first)[:60]})"
    bodies = [row[: max(wide, *(at for at, one in enumerate(row, 1) if one.strip()), 0)]
              if len(row) > wide else row for row in rows]  # fmt: skip
    ids = [row[0].strip() for row in bodies[1:]]
    numbered = [[str(at + begin) for at in range(len(ids))] for begin in (0, 1)]
    if {len(row) for row in bodies[1:]} == {wide + 1} and (
        ids in numbered or not any(map(is_data, ids))
    ):
        raise ValueError(
            f"all lines have {wide + 1} cells, {found} alone has {wide}, with sep={sep!r}: give "
            f"the first column a name too, such as 'id{sep}' at the beginning of line {lines[0]}"
        )
    for line, row in zip(lines, bodies, strict=True):
        if len(row) > wide:
            advice = f"quote what holds {sep!r}, or give another sep (in a shell --sep)"
        elif len(row) < named:
            advice = (
                f"end it with {sep!r} if its last cells are empty, delete it if it is no row of "
                "the table, or give another sep (in a shell --sep)"
            )
        else:
            continue
        raise ValueError(
            f"line {line} has {len(row)} cell{'s' * (len(row) > 1)}, too "
            f"{'many' if len(row) > wide else 'few'}: {found} has {wide}, with sep={sep!r}: "
            f"{advice}"
        )
    return [row + [""] * (wide - len(row)) for row in bodies]


def levels_of(rows: list[list[str]]) -> tuple[list[str], int] | None:
    """Names of columns in several levels, joined, and how many lines they take, as pandas writes
    them: the name of the index has a line of its own, or names of the first level come twice."""
    rows = [[one.strip() for one in row] for row in rows[:7]]
    data = next((at for at, row in enumerate(rows) if any(map(is_data, row))), 0)
    if data < 2 or len(rows[0]) < 2:
        return None
    alone = bool(rows[data - 1][0]) and not any(rows[data - 1][1:])
    levels = rows[: data - 1] if alone else rows[:data]
    repeats = len({*rows[0][1:]}) < len(rows[0]) - 1
    if len(levels) < 2 or not all(all(level[1:]) for level in levels):
        return None
    if not alone and not repeats:
        return None
    index = rows[data - 1 if alone else 0][0]
    return [index, *map(" ".join, zip(*(level[1:] for level in levels), strict=True))], data


def check_names(lines: list[int], rows: list[list[str]]) -> None:
    """Raises where the first line looks like data, or another one like names."""
    names, *body = [[one.strip() for one in row] for row in rows]
    columns = list(zip(*body, strict=True))
    shown = f"line {lines[0]} ({', '.join(names)[:60]})"
    say = "give header='no' (in a shell --header no), or header='yes' if they are names"
    if all(map(is_data, filter(None, names))) and any(names):
        raise ValueError(f"{shown} holds no names of columns: {say}")
    if names in body and len(names) > 1 and not any(map(is_data, names)):
        raise ValueError(
            f"line {lines[body.index(names) + 1]} repeats {shown}: if tables were joined delete "
            "it; if it is no line of names give header='no' (in a shell --header no)"
        )
    numbers = [one for one in names if is_data(one)]
    for name, column in zip(names, columns, strict=False):
        kinds = {*column}
        known = name and name in kinds and len(kinds) <= CLASSES
        long = len(name) > LONG and 2 * sum(map(len, column)) > LONG * len(column)
        if (known or long) and (not is_data(name) or len(numbers) == 1):
            why = "stands below it too" if known else "is a long text, as those below it are"
            raise ValueError(
                f"{shown} may be data rather than names of columns, for {name[:30]!r} {why}: {say}"
            )
    if len(body) > 3 and not any(map(is_data, body[0])):
        for at, column in enumerate(columns):
            first, *rest = column
            if first and first not in MISSING and all(map(is_data, rest[:LOOK])):
                raise ValueError(
                    f"line {lines[1]} ({', '.join(body[0])[:60]}) holds no data, the lines below "
                    f"hold numbers in column {names[at]!r}: delete it if it is a second line of "
                    "names or units; give header='yes' if it is a row"
                )


def decoded(raw: bytes, encoding: str | None) -> str:
    """The text, by the mark at its beginning, else as UTF-8, with one kind of line end."""
    known = encoding
    if encoding is None:
        marked = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        known = "utf-16" if marked else "utf-8-sig"
        if not marked and b"\0" in raw:
            raise ValueError(
                "it holds zero bytes: it is no text, or give its encoding, such as "
                "encoding='utf-16-le' (in a shell --encoding utf-16-le)"
            )
    try:
        text = raw.decode(known)
    except LookupError:
        raise ValueError(f"unknown encoding {encoding!r}; accepted: such as 'cp1252'") from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        other = "cp1252" if encoding is None else "utf-8"
        raise ValueError(
            f"line {line} is not {known.removesuffix('-sig')}: give its encoding, such as "
            f"encoding={other!r} (in a shell --encoding {other})"
        ) from None
    if "\0" in text:
        raise ValueError("it holds zero bytes: give its encoding, such as encoding='utf-16-le'")
    return text.removeprefix("\ufeff")


def cells(text: str, sep: str) -> tuple[list[int], list[list[str]]]:
    """Line numbers and cells of all rows that are not blank."""
    if sep == " ":
        pairs = [(i, line.split()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
        return [i for i, _ in pairs], [row for _, row in pairs]
    if sep == "\t":  # where quotes do not pair up they are part of the text
        try:
            lines, rows = parsed(text, sep, csv.QUOTE_MINIMAL)
            if not any("\n" in one and "\t" in one for row in rows for one in row):
                return lines, rows
        except ValueError:
            pass
        return parsed(text, sep, csv.QUOTE_NONE)
    return parsed(text, sep, csv.QUOTE_MINIMAL)


def parsed(text: str, sep: str, quoting: int) -> tuple[list[int], list[list[str]]]:
    """The rows as Python's `csv` reads them, strictly."""
    lines, rows, last = [], [], 0
    limit = csv.field_size_limit(LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True, quoting=quoting)
    try:
        for row in reader:
            if not row and rows and len(rows[0]) == 1:
                row = [""]  # of a single column: a value that is missing
            if row:
                lines.append(last + 1)
                rows.append(row)
            last = reader.line_num
    except csv.Error as error:
        raise ValueError(
            f"a quotation mark in line {last + 1} or after it does not pair up ({error})"
        ) from None
    finally:
        csv.field_size_limit(limit)
    return lines, rows


def separator(text: str, kind: str) -> str:
    """What separates cells, if the first lines agree on one, or an error."""
    head = "\n".join(text.split("\n")[:LOOK])
    first = next(line for line in head.splitlines() if line.strip())
    support = {}
    for sep in SEPARATORS:
        counts = counted(head, sep)
        if counts[0] > 1:
            support[sep] = sum(one == counts[0] for one in counts) / len(counts)
    if kind == ".tsv" and ("\t" in support or not support):
        return "\t"
    if max(support.values(), default=0) <= 0.5:
        before_names(head)
    best = [sep for sep, share in support.items() if share == max(support.values())]
    shown = first.strip()[:60]
    if len(best) == 1:  # where rows differ, the one that does is named later
        return best[0]
    if best:
        raise ValueError(
            f"line 1 ({shown}) may be cut at {' or '.join(map(repr, best))}: say which separates "
            f"its cells, such as sep={best[0]!r} (in a shell --sep {spoken(best[0])})"
        )
    inside = [sep for sep in SEPARATORS if sep in head]
    if kind != ".tsv" and len(first.split()) > 1 and len(set(counted(head, " "))) == 1:
        raise ValueError(
            f"line 1 ({shown}) has blanks between its cells, it seems: give sep='space' (in a "
            "shell --sep space), or sep='tab' if it is one column"
        )
    if inside:
        raise ValueError(
            f"line 1 ({shown}) has one cell, others may be cut at {' or '.join(map(repr, inside))}:"
            " give sep='tab' (in a shell --sep tab) if it is one column"
        )
    return ","


def before_names(head: str) -> None:
    """Raises where other lines, such as a title, stand before a table of several columns."""
    lines = [(at, line) for at, line in enumerate(head.splitlines(), 1) if line.strip()]
    for sep in SEPARATORS:
        counts = [line.count(sep) for _, line in lines]
        begin = max((at + 1 for at, one in enumerate(counts) if one != counts[-1]), default=0)
        if counts[-1] and 0 < begin < len(counts) - 2:
            at, line = lines[begin]
            if not any(is_data(one.strip()) for one in line.split(sep)):
                raise ValueError(
                    f"line {at} ({line.strip()[:60]}) holds the names, it seems: delete the "
                    f"lines before it, or say what separates cells, such as sep={sep!r} (in a "
                    f"shell --sep {spoken(sep)})"
                )


def counted(text: str, sep: str) -> list[int]:
    """Cells in each row, as far as quotes pair up."""
    try:
        rows = cells(text, sep)[1]
    except ValueError:
        rows = [line.split(sep) for line in text.split("\n") if line.strip()]
    wide = len(rows[0])
    return [
        wide if not any(map(str.strip, row[wide:])) and row[wide:] else len(row) for row in rows
    ]


def spoken(sep: str) -> str:
    """A separator as somebody types it in a shell."""
    return "tab" if sep == "\t" else f"'{sep}'"


def is_data(cell: str) -> bool:
    """Whether a cell of a first line is a number or a date rather than a name."""
    digits = re.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?", cell)
    return bool(digits) or shape(number_text(cell)) is not None


def place(frame: pd.DataFrame | pd.Series, row: int) -> str:
    """Where a row stands: the line of its file, or its number in a frame."""
    return f"line {frame.index[row]}" if frame.index.name == "line" else f"row {row}"


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with numbers where a column of texts holds nothing else, each in its one form.

    `007`, `1.50` and `NA` stay texts, for another text would be the same number.
    """
    columns = {}
    for name, column in frame.items():
        texts = column.tolist()
        for kind in (int, float):
            try:
                found = [kind(one) for one in texts]
            except (TypeError, ValueError, OverflowError):
                continue
            if [repr(one) for one in found] == texts and all(map(math.isfinite, found)):
                column = column.__class__(found, index=column.index)
                break
        columns[name] = column
    return frame.__class__(columns, index=frame.index)


def number_text(cell: str) -> str:
    """A cell without blanks around it and between its thousands, its minus as Python has it."""
    cell = cell.strip().replace("\u2212", "-")
    if GROUPED.fullmatch(cell):
        grouped = re.sub(f"[{BLANKS}]", "", cell)
        # What follows blanks between thousands is no thousands mark.
        return re.sub(r"([.,]\d{3})$", r"\g<1>0", grouped)
    return cell


def shape(cell: str) -> str | None:
    """The decimal mark that a number shows, `?` before one that may mark thousands; None: a text.

    Example:

    >>> from keraseq.data.tables import shape
    >>> [shape(one) for one in ("12", "1.5", "1.234,5", "1.234", "0,125", "1.2.3")]
    ['', '.', ',', '?.', ',', None]
    """
    if found := PLAIN.fullmatch(cell):
        before, mark, after, exponent = found.groups()
        if not before and not after:
            return None
        thousands = mark and not exponent and len(after) == 3 and 1 <= len(before) <= 3
        return f"?{mark}" if thousands and not before.startswith("0") else mark or ""
    if found := THOUSANDS.fullmatch(cell):
        return OTHER[found[1] or found[2]]
    if found := BOTH.fullmatch(cell):
        return found[1] or found[2]
    return None


def texts_of(column: pd.Series) -> dict[str, str]:
    """Cell -> number text, of a column of texts that are not missing; empty if any is no text."""
    if column.dtype.kind in "biufcmM" or not hasattr(column, "tolist"):
        return {}
    found = [one for one in column.dropna().unique().tolist()]
    if not all(isinstance(one, str) for one in found):
        return {}
    return {one: number_text(one) for one in found if one.strip() not in MISSING}


def decimal_mark(table: Table, used: list[str], given: str | None = None) -> str:
    """The decimal mark of the numbers of a table, which has one, or an error that names two lines.

    Args:
        table: The table: any column of numbers shows it.
        used: The columns that matter: what is unclear in others does not.
        given: What somebody says.
    """
    if given is not None:
        return one_of("decimal", given, OTHER)
    seen: dict[str, tuple[str, str]] = {}
    for name, column in table.frame.items():
        shapes = {cell: shape(text) for cell, text in texts_of(column).items()}
        if None in shapes.values() and (name not in used or not any(shapes.values())):
            continue
        for cell, mark in shapes.items():
            if mark and (name in used or mark in OTHER) and (mark not in seen):
                seen[mark] = name, cell
    sure = [mark for mark in OTHER if mark in seen]
    if len(sure) == 1:
        return sure[0]
    unclear = sure or [mark for mark in ("?.", "?,") if mark in seen]
    if not unclear or (unclear == ["?."] and table.sep == ","):
        return "."
    told = []
    for mark in unclear:
        name, cell = seen[mark]
        column = table.frame[name]
        told.append(f"{cell!r} in {place(column, column.tolist().index(cell))}, column {name!r}")
    raise ValueError(
        f"{' and '.join(told)}: the decimal mark may be a point or a comma; give decimal=',' or "
        "decimal='.' (in a shell --decimal ,)"
    )


def numbers(column: pd.Series, decimal: str = ".") -> pd.Series:
    """A column as float64, missing where nothing or a word like NA stands, or an error."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
        raise ValueError(f"column {column.name!r} holds times, not numbers")
    known = {}
    for row, cell in enumerate(column.tolist()):
        if cell in known:
            continue
        value = as_number(cell, decimal)
        if value is None:
            other = OTHER[decimal]
            mark = isinstance(cell, str) and shape(number_text(cell))
            hint = (
                f"; if {other!r} is the decimal mark give decimal={other!r} (in a shell --decimal "
                f"{other})"
                if mark
                else signs(cell, decimal)
            )
            raise ValueError(
                f"{cell!r} in {place(column, row)}, column {column.name!r}, is no number{hint}"
            )
        known[cell] = value
    return pd.Series([known[cell] for cell in column.tolist()], column.index, dtype="float64")


def signs(cell, decimal: str) -> str:
    """What stands beside a number: a mark of money, a per cent sign, an accountant's minus."""
    kept = re.sub(r"[%\u20ac$\u00a3\u00a5()]|\b(kr|EUR|USD|SEK)\b", "", str(cell)).strip()
    minus = "(" in str(cell) or (kept.endswith("-") and kept[0].isdigit())
    kept = kept.rstrip("-")
    mark = shape(number_text(kept))
    value = as_number(kept, mark if mark in OTHER else decimal)
    if mark is None or value is None or kept == cell:
        return ""
    return f"; write it as a number alone, such as {-value if minus else value:g}"


def as_number(cell, decimal: str) -> float | None:
    """The number that a cell is, NaN for one that is missing, None for a text."""
    if not isinstance(cell, str):
        try:
            return math.nan if cell is None else float(cell)
        except (TypeError, ValueError):
            return None
    text = number_text(cell)
    if not text or text in MISSING:
        return math.nan
    if text.lower() in TRUTH:
        return TRUTH[text.lower()]
    mark = shape(text)
    if mark is None or mark == OTHER[decimal]:
        return None
    return float(text.replace(OTHER[decimal], "").replace(decimal, "."))
