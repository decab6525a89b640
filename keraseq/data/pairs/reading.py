"""Sentences and their translations: parallel files, a table, a list; three parts without a leak."""

from __future__ import annotations

import gzip
import hashlib
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keraseq.checks import boolean, did_you_mean
from keraseq.data import tables
from keraseq.data.labelled.parts import open_rate
from keraseq.data.parts import PARTS, InParts, Part
from keraseq.data.public import fetch
from keraseq.data.public import read as content
from keraseq.data.text.normal import normal

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

Pair = tuple[str, str]


@dataclass(frozen=True)
class Pairs(InParts):
    """Sentences and their translations in three parts.

    Attributes:
        name: Name of the data.
        languages: What the sentences and what their translations are called, such as `de`, `en`.
        train, validation, test: A `Part` each: sentences, and their translations.
        split: How the parts were made, in words.
        dropped: How many pairs are in no part, since they stand there twice or in another one.
        sha256: Of all pairs, in whatever order they were read.
        options: Arguments with which the same function reads them again; empty if it cannot.

    Example:

    >>> import keraseq
    >>> part = keraseq.data.Part(["Guten Tag."], ["Good day."])
    >>> print(keraseq.data.Pairs("tiny", ("de", "en"), part, part, part))
    tiny: train 1, validation 1, test 1 pairs, de to en
    """

    name: str
    languages: tuple[str, str]
    train: Part
    validation: Part
    test: Part
    split: str = ""
    dropped: int = 0
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def __str__(self):
        dropped = f"; {self.dropped:,} dropped" if self.dropped else ""
        return f"{self.name}: {self.sizes()} pairs, {' to '.join(self.languages)}{dropped}"


def sentence_pairs(
    source,
    *,
    source_column: str | None = None,
    target_column: str | None = None,
    reverse: bool = False,
    validation: float | str | Sequence = 0.1,
    test: float | str | Sequence = 0.1,
    seed: int = 0,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> Pairs:
    """Reads sentences and their translations, and cuts them into three parts.

    No sentence of one part, in either language, stands in another: pairs that share a sentence stay
    together. (A random tenth of a collection such as Tatoeba's shares up to half of its sentences
    with the rest.) A pair that stands there twice is kept once. With parts of one's own the pairs
    to learn from are those that share no sentence with them.

    Sentences are as `keraseq.data.text.normal.normal` writes them (NFC), without outer white space.

    Args:
        source: Two files with a sentence a line (`["a.de", "a.en"]`, also packed, `.gz`); or a
            table, a file ending in `.csv`, `.tsv`, `.txt` or `.parquet` or a pandas frame; or a
            list of pairs of texts.
        source_column, target_column: Columns of a table. Default: its two columns, in their order.
        reverse: Whether to read the second language and write the first. Defaults to `False`.
        validation, test: Fractions of the pairs, each in (0, 1), or further sources of the same
            kind; two files may be one text with a comma, `"b.de,b.en"`. Default to 0.1.
        seed: Which pairs go where. Defaults to 0.
        sep, header, encoding: How a text file of a table is read, see `keraseq.data.tables.read`;
            of parallel files `encoding` alone. Default: as a look at it says, or an error.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Files have unequal numbers of lines, a side is empty, a column is missing, or
            there are too few pairs.

    Example:

    >>> import keraseq
    >>> pairs = [(f"Satz {i}", f"sentence {i}") for i in range(20)]
    >>> print(keraseq.data.sentence_pairs(pairs))
    pairs: train 16, validation 2, test 2 pairs, source to target
    """
    how = {"source_column": source_column, "target_column": target_column}
    how |= {"sep": sep, "header": header, "encoding": encoding}
    given = {"validation": validation, "test": test}
    name, languages, pairs = read(source, how)
    own = {part: read(one, how)[2] for part, one in given.items() if not is_number(one)}
    kept = without(dict.fromkeys(pairs), [pair for part in own.values() for pair in part])
    shares = {part: open_rate(part, one) for part, one in given.items() if part not in own}
    parts = {**own, **carved(kept, {k: round(len(kept) * one) for k, one in shares.items()}, seed)}
    for part in PARTS:
        if not parts[part]:
            raise ValueError(f"{name}: {len(pairs):,} pairs leave none for {part}: give more")
    said = (
        f"{part} {shares[part]:.0%}" if part in shares else f"{part} as given" for part in given
    )
    return made(
        name,
        languages,
        parts,
        reverse,
        split=f"no sentence stands in two parts; {', '.join(said)}; seed {seed}",
        dropped=sum(map(len, [pairs, *own.values()])) - sum(map(len, parts.values())),
        options=again({"source": source, **given}, {**how, "reverse": reverse, "seed": seed}),
    )


def multi30k(row: PublicSet, data_dir=None, *, reverse: bool = False) -> Pairs:
    """Descriptions of 31,014 pictures, German and English, in the parts that are given.

    Args:
        row: Of the table of public data sets.
        data_dir: See `keraseq.data.load`.
        reverse: Whether to read English and write German. Defaults to `False`.
    """
    parts = {}
    for part in PARTS:
        files = [row.files[f"{part} {language}"] for language in ("de", "en")]
        parts[part] = side_by_side([(one.path, content(one, data_dir)) for one in files])
    return made(
        "multi30k", ("de", "en"), parts, reverse, split="as given", options={"reverse": reverse}
    )


def tatoeba(
    row: PublicSet,
    data_dir=None,
    *,
    reverse: bool = False,
    validation: float = 0.05,
    test: float = 0.05,
    seed: int = 0,
) -> Pairs:
    """Sentences of the Tatoeba project, another language and English; no sentence in two parts.

    Args:
        row: Of the table of public data sets.
        data_dir: See `keraseq.data.load`.
        reverse: Whether to read English and write the other language. Defaults to `False`.
        validation, test: Fractions of the pairs. Default to 0.05.
        seed: Which pairs go where. Defaults to 0.
    """
    [(name, file)] = row.files.items()
    with zipfile.ZipFile(fetch(file, data_dir)) as archive:
        lines = archive.read(f"{name}-eng/{name}.txt").decode().splitlines()
    rows = [line.split("\t") for line in lines]
    options = {"reverse": reverse, "validation": validation, "test": test, "seed": seed}
    found = sentence_pairs([(other, english) for english, other, *_ in rows], **options)
    languages = ("eng", name) if reverse else (name, "eng")
    return replace(found, name=f"tatoeba-{name}", languages=languages, options=options)


def made(name: str, languages: Sequence[str], parts: dict, reverse: bool, **more) -> Pairs:
    """Pairs in their parts, in the direction that is asked for."""
    turn = -1 if boolean("reverse", reverse) else 1
    turned = {part: [pair[::turn] for pair in parts[part]] for part in PARTS}
    digest = hashlib.sha256(repr([sorted(turned[part]) for part in PARTS]).encode()).hexdigest()
    sides = {part: Part(*map(list, zip(*turned[part], strict=True))) for part in PARTS}
    return Pairs(name, tuple(languages[::turn]), **sides, sha256=digest, **more)


def read(source, how: dict) -> tuple[str, Sequence[str], list[Pair]]:
    """Name, languages and pairs of parallel files, of a table, or of a list."""
    if files := parallel(source):
        both = [(str(one), unpacked(one)) for one in files]
        endings = [Path(name.removesuffix(".gz")).suffix[1:] for name, _ in both]
        known = endings if all(endings) and len(set(endings)) == 2 else ("source", "target")
        return Path(files[0]).name, known, side_by_side(both, how["encoding"])
    if isinstance(source, (str, Path)) or hasattr(source, "columns"):
        return of_table(source, **how)
    if not isinstance(source, (list, tuple)):
        raise TypeError(
            "sentences come from two files, a table, or a list of pairs; "
            f"received {type(source).__name__}"
        )
    for at, pair in enumerate(source):
        if len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise ValueError(f"pair {at} must be two texts; received {pair!r:.60}")
    places = [f"pair {at}" for at in range(len(source))]
    return "pairs", ("source", "target"), whole(source, places)


def parallel(source) -> list[str | Path] | None:
    """The two files that a source names, if it does: a list of them, or one text with a comma."""
    if isinstance(source, str) and "," in source and not Path(source).is_file():
        source = [one.strip() for one in source.split(",")]
    if not isinstance(source, (list, tuple)) or not source:
        return None
    if not all(isinstance(one, (str, Path)) for one in source):
        return None
    if len(source) != 2:
        raise ValueError(
            f"parallel files are two, of one language each; received {', '.join(map(str, source))}"
        )
    return list(source)


def unpacked(path: str | Path) -> bytes:
    """What is in a file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    content = Path(path).read_bytes()
    try:
        return gzip.decompress(content) if str(path).endswith(".gz") else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{str(path)!r} cannot be unpacked: {error}") from None


def side_by_side(files: list[tuple[str, bytes]], encoding: str | None = None) -> list[Pair]:
    """The lines of two files as pairs."""
    sides = []
    for name, raw in files:
        try:
            text = normal(tables.decoded(raw, encoding))
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from None
        sides.append(text.removesuffix("\n").split("\n"))
    (first, second), (one, other) = (name for name, _ in files), map(len, sides)
    if one != other:
        raise ValueError(
            f"{first!r} has {one:,} lines and {second!r} {other:,}: line by line, one must be the "
            "translation of the other"
        )
    places = [(f"{first!r} line {at}", f"{second!r} line {at}") for at in range(1, one + 1)]
    return whole(list(zip(*sides, strict=True)), places)


def of_table(source, source_column, target_column, **reading) -> tuple:
    """Name, languages and pairs of a table."""
    frame, name, _ = tables.read(source, name="pairs", **reading)
    columns = [source_column, target_column]
    if columns == [None, None] and len(frame.columns) == 2:
        columns = list(frame.columns)
    for option, column in zip(("source_column", "target_column"), columns, strict=True):
        if column not in frame:
            flag = f"--{option.replace('_', '-')}"
            asked = "give" if column is None else f"there is no column {column!r}; give another"
            raise ValueError(
                f"{name}: {asked} {option} (in a shell {flag}); columns: "
                f"{', '.join(map(repr, frame.columns))}.{did_you_mean(column, frame.columns)}"
            )
    texts = [["" if one is None or one != one else str(one) for one in frame[c]] for c in columns]
    places = [
        [f"{name} {tables.place(frame, row)}, column {column!r}," for column in columns]
        for row in range(len(frame))
    ]
    return name, columns, whole(list(zip(*texts, strict=True)), places)


def whole(pairs: Sequence[Pair], places: Sequence) -> list[Pair]:
    """The pairs as they are kept, or an error that says which side of which one is empty."""
    if not pairs:
        raise ValueError("there are no pairs of sentences")
    found = [(normal(one).strip(), normal(other).strip()) for one, other in pairs]
    for pair, place in zip(found, places, strict=True):
        if "" in pair:
            side = pair.index("")
            place = place if isinstance(place, str) else place[side]
            other = pair[1 - side][:60]
            raise ValueError(f"{place} is empty; the other side says {other!r}")
    return found


def without(pairs, others: Sequence[Pair]) -> list[Pair]:
    """The pairs that share no sentence with others, on neither side."""
    known = [{pair[side] for pair in others} for side in (0, 1)]
    return [pair for pair in pairs if pair[0] not in known[0] and pair[1] not in known[1]]


def carved(pairs: list[Pair], wanted: dict[str, int], seed: int) -> dict[str, list[Pair]]:
    """Parts of about so many pairs, and what is left as `train`; no two share a sentence.

    Pairs with a sentence in common stay together. What is too large for a part is left to `train`.
    """
    groups = together(pairs)
    order = list(range(len(groups)))
    random.Random(seed).shuffle(order)
    parts: dict[str, list[Pair]] = {part: [] for part in (*wanted, "train")}
    for at in order:
        group = groups[at]
        fits = (p for p in wanted if len(parts[p]) + len(group) <= wanted[p])
        parts[next(fits, "train")] += group
    return parts


def together(pairs: list[Pair]) -> list[list[Pair]]:
    """The pairs in groups: two that share a sentence, on either side, are in the same one."""
    above: dict[tuple[int, str], tuple[int, str]] = {}

    def top(one):
        while above.setdefault(one, one) != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    for source, target in pairs:
        above[top((0, source))] = top((1, target))
    groups: dict = {}
    for pair in pairs:
        groups.setdefault(top((0, pair[0])), []).append(pair)
    return list(groups.values())


def again(sources: dict, options: dict) -> dict:
    """The arguments that read the same pairs again; none where some are in memory."""
    found = {}
    for name, one in sources.items():
        files = parallel(one)
        if files is None and not isinstance(one, (str, Path)) and not is_number(one):
            return {}
        found[name] = (
            [str(file) for file in files] if files else one if is_number(one) else str(one)
        )
    return {**found, **{name: one for name, one in options.items() if one is not None}}


def is_number(given) -> bool:
    """Whether a part is a fraction, not a source."""
    return isinstance(given, (int, float))
