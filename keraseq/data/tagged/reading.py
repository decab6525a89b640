"""Files of words with tags, in their layouts: CoNLL-U, columns, tables, lists."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keraseq.checks import did_you_mean, one_of
from keraseq.data import tables
from keraseq.data.text.normal import normal

LAYOUTS = ("conllu", "columns", "table")
TABLES = (".csv", ".tsv", ".parquet")
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
DOCUMENT = "-DOCSTART-"  # a line of CoNLL-2003 that is no word
LONGEST = 5_000  # words in a sentence

Sentence = tuple[list[str], list[str], list[str]]  # words, tags, and where each stands


def read(
    source,
    *,
    token: str | None = None,
    tag: str | None = None,
    sentence: str | None = None,
    layout: str | None = None,
    **reading,
) -> tuple[list[Sentence], str]:
    """The sentences of a source, and its name; see `keraseq.data.tagged_sentences`."""
    if layout is not None:
        one_of("layout", layout, LAYOUTS)
    if isinstance(source, (str, Path)):
        path = Path(source)
        name, layout = path.name, layout or layout_of(path)
        if layout != "table":
            if path.is_dir():
                raise FileNotFoundError(f"{str(path)!r} is a folder, and no file")
            if not path.is_file():
                raise FileNotFoundError(f"there is no file {str(path)!r}")
            raw = path.read_bytes()
            try:
                raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
                if not raw.strip():
                    raise ValueError("there is nothing in it")
                text = tables.decoded(raw, reading.get("encoding"))
            except (OSError, EOFError, ValueError) as error:
                raise ValueError(f"{str(path)!r} cannot be read: {error}") from None
            lines = of_conllu if layout == "conllu" else of_columns
            return grouped(lines(text, name, token, tag), name), name
        rows = of_table(tables.read(source, **reading).frame, name, token, tag, sentence)
    elif hasattr(source, "columns"):
        name = "table"
        rows = of_table(tables.read(source).frame, name, token, tag, sentence)
    else:
        name = "sentences"
        rows = of_lists(source)
    return grouped(rows, name), name


def layout_of(path: Path) -> str:
    """The layout that the ending of a file says: tables and CoNLL-U; columns by default."""
    ending = path.name.lower().removesuffix(".gz")
    if ending.endswith(TABLES):
        return "table"
    return "conllu" if ending.endswith((".conllu", ".conllup")) else "columns"


def grouped(rows: Iterable[tuple[str, Any, Any] | None], name: str) -> list[Sentence]:
    """Sentences of rows `(place, word, tag)`, between which a None stands."""
    found: list[Sentence] = []
    sentence: Sentence = ([], [], [])
    for row in (*rows, None):
        if row is None:
            if sentence[0]:
                found.append(sentence)
            sentence = ([], [], [])
            continue
        place, word, tag = row
        for what, value in (("word", word), ("tag", tag)):
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name}, {place}: the {what} is missing; received {value!r}")
        if len(sentence[0]) == LONGEST:
            raise ValueError(
                f"{name}, {place}: a sentence of more than {LONGEST:,} words; is there no blank "
                "line between sentences?"
            )
        for part, value in zip(sentence, (normal(word.strip()), tag.strip(), place), strict=True):
            part.append(value)
    if not found:
        raise ValueError(f"{name}: there is no sentence in it")
    return found


def of_conllu(text: str, name: str, token, tag) -> Iterator[tuple[str, str, str] | None]:
    """Rows of CoNLL-U, without ranges (`1-2`) and empty nodes (`1.1`)."""
    at = [
        numbered(name, what, given or usual, len(CONLLU), CONLLU)
        for what, given, usual in (("token", token, "form"), ("tag", tag, "upos"))
    ]
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            yield None
        elif not line.startswith("#"):
            cells = line.rstrip("\r").split("\t")
            if len(cells) != len(CONLLU):
                raise ValueError(
                    f"{name}, line {number} has {len(cells)} cells, CoNLL-U has {len(CONLLU)} with "
                    "tabs between them; give layout='columns' (in a shell --layout columns) for "
                    "another number"
                )
            if cells[0].isdigit():
                yield f"line {number}", cells[at[0]], cells[at[1]]


def of_columns(text: str, name: str, token, tag) -> Iterator[tuple[str, str, str] | None]:
    """Rows of columns with tabs, or blanks, between them: the token is the first, the tag last."""
    width, first = None, 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            yield None
            continue
        cells = line.strip("\r").split("\t") if "\t" in line else line.split()
        if cells[0] == DOCUMENT:
            yield None
            continue
        if width is None:
            width, first = len(cells), number
            if width < 2:
                raise ValueError(f"{name}, line {number} has one cell; accepted: a token and a tag")
            at = [
                numbered(name, "token", token or 1, width),
                numbered(name, "tag", tag or width, width),
            ]
        if len(cells) != width:
            raise ValueError(
                f"{name}, line {number} has {len(cells)} cells, line {first} has {width}"
            )
        yield f"line {number}", cells[at[0]], cells[at[1]]


def numbered(name: str, what: str, given, width: int, names: tuple[str, ...] = ()) -> int:
    """The place, from 0, of a column that is called by its number, from 1, or its name."""
    if str(given).lower() in names:
        return names.index(str(given).lower())
    if str(given).isdigit() and 1 <= int(given) <= width:
        return int(given) - 1
    accepted = ", ".join(names) or f"numbers from 1 to {width}"
    raise ValueError(
        f"{name}: there is no column {given!r} for {what}; accepted: {accepted}."
        f"{did_you_mean(given, names)}"
    )


def of_table(frame, name: str, token, tag, sentence) -> Iterator[tuple[str, Any, Any] | None]:
    """Rows of a table with a token a row; a sentence ends at a blank row, or as its id changes."""
    for what, column in (("token", token), ("tag", tag), ("sentence", sentence)):
        column = column or what
        if column not in frame and not (what == "sentence" and sentence is None):
            raise ValueError(
                f"{name}: there is no column {column!r} for {what}; columns: "
                f"{', '.join(map(repr, frame.columns))}.{did_you_mean(column, frame.columns)}"
            )
    ids = frame[sentence or "sentence"] if (sentence or "sentence") in frame else None
    words, tags = frame[token or "token"], frame[tag or "tag"]
    of_file = frame.index.name == "line"
    known, before = None, None
    for at, (word, label) in enumerate(zip(words, tags, strict=True)):
        place = tables.place(frame, at)
        line = frame.index[at] if of_file else None
        if ids is None:
            if of_file and before is not None and line > before + 1:
                yield None  # a blank line
        elif ids.iloc[at] == ids.iloc[at] and ids.iloc[at] is not None:  # no cell: as above
            if ids.iloc[at] != known:
                yield None
            known = ids.iloc[at]
        before = line
        if missing(word) and missing(label):
            yield None
        else:
            yield (
                place,
                None if missing(word) else str(word),
                None if missing(label) else str(label),
            )


def missing(cell) -> bool:
    """Whether a cell holds nothing."""
    return cell is None or cell != cell


def of_lists(source) -> Iterator[tuple[str, Any, Any] | None]:
    """Rows of sentences that are lists of `(token, tag)`."""
    try:
        sentences = [list(sentence) for sentence in source]
    except TypeError:
        raise TypeError(
            "sentences come from a path, a pandas DataFrame, or a list of lists of (token, tag); "
            f"received {type(source).__name__}"
        ) from None
    for number, sentence in enumerate(sentences):
        for at, pair in enumerate(sentence):
            if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
                raise ValueError(
                    f"sentence {number}, word {at} must be a pair of token and tag; received "
                    f"{pair!r}"
                )
            yield f"sentence {number}, word {at}", *pair
        yield None
