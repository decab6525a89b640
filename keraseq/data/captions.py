"""Pictures and what people say of them: a table of captions, a folder of pictures, three parts."""

from __future__ import annotations

import hashlib
import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from keraseq.checks import few
from keraseq.data import tables
from keraseq.data.labelled.parts import open_rate
from keraseq.data.pairs.reading import is_number, unpacked, whole
from keraseq.data.parts import PARTS, InParts
from keraseq.data.pictures import pictures_in
from keraseq.data.public import fetch
from keraseq.data.text.normal import normal
from keraseq.files import checked_json

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

TOKENS = re.compile(r"([^\t]+)#\d+\t(.*)")  # a line of Flickr8k.token.txt
STRAY = "2258277193_586949ec62.jpg.1"  # of Flickr8k: its captions are there, its picture is not


class Captioned(NamedTuple):
    """Pictures, and the captions of each.

    Attributes:
        pictures: Paths, or members of a zip archive (`zipfile.Path`), which
            `keraseq.data.pictures.read_picture` reads.
        captions: A list of texts for each picture.
    """

    pictures: list[Path | zipfile.Path]
    captions: list[list[str]]


@dataclass(frozen=True)
class Captions(InParts):
    """Pictures and their captions in three parts.

    Attributes:
        name: Name of the data.
        train, validation, test: A `Captioned` each.
        split: How the parts were made, in words.
        dropped: How many pictures are in no part, since they have no caption or no list names them.
        sha256: Of all captions and the names of their pictures, by part, in whatever order.
        options: Arguments with which the same function reads them again.
    """

    name: str
    train: Captioned
    validation: Captioned
    test: Captioned
    split: str = ""
    dropped: int = 0
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def __str__(self):
        captions = sum(len(one) for part in PARTS for one in self.part(part).captions)
        dropped = f"; {self.dropped:,} dropped" if self.dropped else ""
        return f"{self.name}: {self.sizes()} pictures, {captions:,} captions{dropped}"


def captioned(
    source: str | Path,
    captions: str | Path,
    *,
    train: str | Path | None = None,
    validation: float | str | Path = 0.1,
    test: float | str | Path = 0.1,
    seed: int = 0,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> Captions:
    """Reads pictures and their captions, and cuts them into three parts: a picture is in one.

    Pictures are known by their names without folders. Where there is none of a name, one of the
    same name with another ending is taken: `7.webp` for `7.jpg`. Captions are as
    `keraseq.data.text.normal.normal` writes them (NFC), without outer white space.

    Args:
        source: A folder of pictures, or a zip archive of them.
        captions: Flickr8k's lines `name.jpg#0`, a tab, the caption; or a table, see
            `keraseq.data.tables.read`, with the columns `image` and `caption`, or two columns in
            this order; or COCO's `.json`. May be packed (`.gz`).
        train: A file with a name of a picture a line. Default: what is in no other part.
        validation, test: Such files, or fractions of the pictures with captions, each in (0, 1).
            Default to 0.1.
        seed: Which pictures go where. Defaults to 0.
        sep, header, encoding: How a text file of a table is read, see `keraseq.data.tables.read`.
            Default: as a look at it says, or an error.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: In one line, with file and line: a picture or its captions are missing, a
            caption is empty, a name stands in two lists, or a part would be empty.

    Example:

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> Path("seen").mkdir()
    >>> for i in range(10): Image.new("L", (4, 4)).save(f"seen/{i}.png")
    >>> lines = ["image,caption", *(f"{i}.png,black" for i in range(10))]
    >>> _ = Path("said.csv").write_text("\\n".join(lines))
    >>> print(keraseq.data.captioned("seen", "said.csv"))
    said: train 8, validation 1, test 1 pictures, 10 captions
    """
    lists = {"train": train, "validation": validation, "test": test}
    options = {"source": source, "captions": captions, **lists}
    options = {k: v if is_number(v) else str(v) for k, v in options.items() if v is not None}
    options |= {"seed": seed, "sep": sep, "header": header, "encoding": encoding}
    return parted(
        Path(captions).name.split(".")[0],
        source,
        said(Path(captions), sep, header, encoding),
        {part: one for part, one in lists.items() if one is not None},
        seed,
        {name: one for name, one in options.items() if one is not None},
    )


def flickr8k(row: PublicSet, data_dir=None) -> Captions:
    """8,000 photographs with five captions each, in the parts that Hodosh et al. 2013 gave.

    One name in the file of captions has no picture, `2258277193_586949ec62.jpg.1`: it is left out,
    as are the 91 pictures in no part.

    Args:
        row: Of the table of public data sets.
        data_dir: See `keraseq.data.load`.
    """
    files = {name: fetch(file, data_dir) for name, file in row.files.items()}
    rows = [row for row in said(files["captions"]) if row[0] != STRAY]
    return parted("flickr8k", files["pictures"], rows, {part: files[part] for part in PARTS})


@dataclass
class CocoImage:
    """A picture of COCO's annotations."""

    id: int
    file_name: str


@dataclass
class CocoCaption:
    """What is said of it."""

    image_id: int
    caption: str


@dataclass
class Coco:
    """The file of both."""

    images: list[CocoImage]
    annotations: list[CocoCaption]


def said(
    path: Path, sep: str | None = None, header: str | None = None, encoding: str | None = None
) -> list[tuple[str, str, str]]:
    """The name of a picture, a caption, and where it stands, for each caption of a file."""
    raw, file = unpacked(path), repr(str(path))
    start = raw[:10_000].decode(encoding or "utf-8", "replace").lstrip("\ufeff\r\n")
    if path.name.removesuffix(".gz").endswith(".json"):
        rows = of_coco(raw, file)
    elif TOKENS.match(start):
        rows = of_tokens(lines_of(path, encoding), file)
    else:
        rows = of_table(tables.read(path, sep=sep, header=header, encoding=encoding).frame, file)
    if not rows:
        raise ValueError(f"{file} holds no captions")
    places = [(f"{place}, name,", f"{place}, caption,") for *_, place in rows]
    pairs = whole([(name, caption) for name, caption, _ in rows], places)
    return [
        (PurePosixPath(name).name, caption, place)
        for (name, caption), (*_, place) in zip(pairs, rows, strict=True)
    ]


def lines_of(path: str | Path, encoding: str | None = None) -> list[tuple[int, str]]:
    """The lines of a text that are not empty, and their numbers."""
    try:
        text = normal(tables.decoded(unpacked(path), encoding))
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from None
    return [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]


def of_tokens(lines: list[tuple[int, str]], file: str) -> list[tuple[str, str, str]]:
    """Flickr8k's lines."""
    rows = []
    for number, line in lines:
        if not (match := TOKENS.fullmatch(line)):
            raise ValueError(
                f"{file} line {number} must be the name of a picture, # and a number, a tab and a "
                f"caption; received {line[:60]!r}"
            )
        rows.append((match[1], match[2], f"{file} line {number}"))
    return rows


def of_coco(raw: bytes, file: str) -> list[tuple[str, str, str]]:
    """COCO's annotations."""
    try:
        found = checked_json(raw, Coco)
    except ValueError as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    names, rows = {one.id: one.file_name for one in found.images}, []
    for at, one in enumerate(found.annotations):
        if one.image_id not in names:
            raise ValueError(f"{file} annotation {at}: there is no image {one.image_id}")
        rows.append((names[one.image_id], one.caption, f"{file} annotation {at}"))
    return rows


def of_table(frame, file: str) -> list[tuple[str, str, str]]:
    """The columns `image` and `caption`, or two."""
    columns = list(frame.columns)
    if {"image", "caption"} <= set(columns):
        columns = ["image", "caption"]
    if len(columns) != 2:
        raise ValueError(
            f"{file} must have the columns 'image' and 'caption', or two in this order; received "
            f"{few(map(repr, columns))}"
        )
    texts = [["" if one is None or one != one else str(one) for one in frame[c]] for c in columns]
    places = [f"{file} {tables.place(frame, row)}" for row in range(len(frame))]
    return list(zip(*texts, places, strict=True))


def parted(
    name: str,
    source: str | Path,
    rows: list[tuple[str, str, str]],
    given: dict[str, float | str | Path],
    seed: int = 0,
    options: dict | None = None,
) -> Captions:
    """Pictures and captions in the parts of lists, or of fractions."""
    find, total = finder(source)
    captions: dict = {}
    for picture, caption, place in rows:
        if (one := find(picture)) is None:
            raise ValueError(f"{place}: there is no picture {picture!r} in {str(source)!r}")
        captions.setdefault(one, []).append(caption)
    seen: dict = {}
    listed = [part for part, one in given.items() if not is_number(one)]
    for part in listed:
        for number, line in lines_of(given[part]):
            picture = PurePosixPath(line.strip()).name
            place, one = f"{str(given[part])!r} line {number}", find(picture)
            if one not in captions:
                raise ValueError(f"{place}: {picture!r} has no captions")
            if seen.setdefault(one, (part, place))[0] != part:
                raise ValueError(f"{place}: {picture!r} stands in {seen[one][1]} too")
    parts = {part: [one for one, (of, _) in seen.items() if of == part] for part in listed}
    rest = [one for one in captions if one not in seen]
    shares = {part: open_rate(part, one) for part, one in given.items() if part not in parts}
    order = random.Random(seed).sample(sorted(rest, key=lambda one: one.name), len(rest))
    at = 0
    for part, share in shares.items():
        end = at + round(len(rest) * share)
        chosen, at = set(order[at:end]), end
        parts[part] = [one for one in rest if one in chosen]
    left = set(order[at:])
    parts.setdefault("train", [one for one in rest if one in left])
    for part in PARTS:
        if not parts[part]:
            raise ValueError(f"{name}: {len(captions):,} pictures leave none for {part}: give more")
    sides = {part: Captioned(parts[part], [captions[one] for one in parts[part]]) for part in PARTS}
    digest = [sorted((one.name, *sorted(captions[one])) for one in parts[part]) for part in PARTS]
    how = ", ".join(
        f"{part} {shares[part]:.0%}" if part in shares else f"{part} as given" for part in given
    )
    return Captions(
        name,
        **sides,
        split=f"no picture stands in two parts; {how}; seed {seed}" if shares else "as given",
        dropped=total - sum(map(len, parts.values())),
        sha256=hashlib.sha256(repr(digest).encode()).hexdigest(),
        options=options or {},
    )


def finder(source: str | Path) -> tuple[Callable, int]:
    """What finds a picture by its name, with another ending if need be; and how many there are."""
    names, stems = {}, {}
    for one in pictures_in(source):
        name = normal(one.name)
        if name in names:
            raise ValueError(
                f"{str(source)!r} holds two pictures {name!r}: {names[name]} and {one}"
            )
        names[name] = one
        stems.setdefault(PurePosixPath(name).stem, []).append(one)

    def find(name: str):
        alike = stems.get(PurePosixPath(name).stem, [])
        return names.get(name) or (alike[0] if len(alike) == 1 else None)

    return find, len(names)
