"""The IMDB reviews of Maas et al. 2011: from their archive, a folder, or what TFDS stored."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of
from keraseq.data.labelled import store
from keraseq.data.labelled.encoder import clean
from keraseq.data.labelled.films import carved_by_film
from keraseq.data.labelled.parts import (
    LabelledTexts,
    fingerprint,
    first_of_each,
    open_rate,
    sorted_by_content,
)
from keraseq.data.parts import Part
from keraseq.data.public import fetch

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

CLASSES = store.CLASSES
PER_CLASS = 12_500  # reviews of each class in each of the two parts
UNLABELLED = 50_000
LARGEST = 1_000_000  # bytes of a review; the longest has 14,000
ENTRY = re.compile(r"(?:^|/)(train|test)/(neg|pos|unsup)/(\d+_\d+\.txt)$")
OVERLAPS = ("drop", "keep")


def imdb(
    row: PublicSet,
    data_dir: str | Path | None = None,
    *,
    source: str | Path | None = None,
    validation: float = 0.1,
    seed: int = 0,
    overlap: str = "drop",
    stored: str | Path | bool = True,
) -> LabelledTexts:
    """The 50,000 labelled IMDB reviews: half of them train and validation, the other half test.

    The official test part stays as it is, 25,000 reviews. The validation part is taken from the
    training half, and made of whole films: the two halves share none, while up to 30 reviews of a
    film stand together in each, so that a random validation part flatters. (The order of their ids
    shows which are about the same film; the package knows it for every source, see `films.py`.)
    Of the training half 123 reviews stand word for word in the test part, and 97 repeat
    another: `overlap` says what happens to these 220.

    What was read from an archive or folder is checked and stored once in TFDS's own format, so
    that later calls, and `tfds.load` without keraseq, read it from there: as `imdb_reviews` if the
    unlabelled reviews are there too, else as `imdb_reviews_labelled`. An archive is never unpacked:
    its reviews are read as a stream, whatever paths it names.

    Args:
        row: The row of the table of data sets.
        data_dir: A folder with `imdb/aclImdb_v1.tar.gz`, `imdb/aclImdb_v1_labelled.tar.gz` or
            `imdb/aclImdb`. Default: what the environment variable `KERASEQ_DATA` names.
        source: The archive `aclImdb_v1.tar.gz` (or its labelled part), or the folder `aclImdb`.
            Default: what is stored; else `imdb/` in `data_dir`; else it is downloaded.
        validation: Fraction of the training half for early stopping and choices, in (0, 1); the
            same fraction of both classes. Defaults to 0.1.
        seed: Which reviews these are; the same for every source. Defaults to 0.
        overlap: `"drop"` takes reviews that stand in the test part, or twice, out of the training
            half; `"keep"` does not. Defaults to `"drop"`.
        stored: The folder in which TFDS stores, `True` for its own (`TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`), `False` to store nothing and read nothing stored, as is done
            where TensorFlow cannot be imported.

    Returns:
        Texts without HTML breaks; labels 0 (`neg`) and 1 (`pos`); `unlabelled` has 50,000 reviews
        where the source does.

    Raises:
        FileNotFoundError: There is no such file or folder, or none in `data_dir`.
        ValueError: It is damaged, partial, or no copy of these reviews.
        ConnectionError: There is none, and the source does not answer.

    Example:

    >>> reviews = keraseq.data.load("imdb")                         # doctest: +SKIP
    >>> print(reviews)                                               # doctest: +SKIP
    imdb: train 22,302, validation 2,478, test 25,000 texts; classes neg, pos; 220 dropped

    References:
        Maas et al. 2011, "Learning Word Vectors for Sentiment Analysis".
    """
    validation = open_rate("validation", validation)
    overlap = one_of("overlap", overlap, OVERLAPS)
    parts = read(row, source, stored, data_dir)
    test, rest = sorted_by_content(parts["test"]), parts["train"]
    kept = first_of_each(rest, test.inputs) if overlap == "drop" else sorted_by_content(rest)
    train, check = carved_by_film(kept, validation, seed)
    return LabelledTexts(
        "imdb",
        CLASSES,
        train,
        check,
        test,
        split=f"official test part; validation {validation:.0%} of the training half, stratified, "
        f"of other films, with seed {seed}; overlap={overlap!r}",
        unlabelled=parts["unsup"].inputs if "unsup" in parts else (),
        dropped=len(rest.inputs) - len(kept.inputs),
        sha256=fingerprint({"train": rest, "test": test}),
        options={"validation": validation, "seed": seed, "overlap": overlap},
    )


def read(row, source, stored, data_dir) -> dict[str, Part]:
    """The parts of the source, or of whatever is there: stored, in `data_dir`, or downloaded."""
    place = None if stored is True else stored
    if source is None and data_dir is None and stored is not False:
        found = store.stored(place)
        if found is not None:
            return checked(found, "what TFDS has stored")
    path = fetch(row.files["reviews"], data_dir) if source is None else Path(source)
    parts = checked(collected(files(path)), repr(str(path)))
    if stored is not False:
        store.keep(parts, place)
    return parts


def files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every regular file of an archive or folder that may be a review."""
    if path.is_dir():
        for file in sorted(path.rglob("*.txt")):
            name = file.relative_to(path).as_posix()
            if ENTRY.search(name) and file.is_file():
                yield name, sized(name, file.stat().st_size, file.read_bytes)
        return
    if not path.is_file():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r}")
    try:
        with tarfile.open(path) as archive:  # read from front to end: nothing is written anywhere
            for member in archive:
                if member.isreg() and ENTRY.search(member.name):
                    read = archive.extractfile(member).read
                    yield member.name, sized(member.name, member.size, read)
            while archive.fileobj.read(LARGEST):  # gzip compares its checksum at the end
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"{str(path)!r} is no whole tar archive: {reason}") from None


def sized(name: str, size: int, read) -> bytes:
    """A file's bytes, if it is no larger than a review can be."""
    if size > LARGEST:
        raise ValueError(f"{name!r} has {size:,} bytes; a review has at most {LARGEST:,}")
    return read()


def collected(entries: Iterator[tuple[str, bytes]]) -> dict[str, Part]:
    """The reviews of each part, each file once."""
    texts: dict[str, list[str]] = {}
    labels: dict[str, list[int]] = {}
    seen = set()
    for name, content in entries:
        part, kind, _ = ENTRY.search(name).groups()
        if name in seen or (part, kind) == ("test", "unsup"):
            continue
        seen.add(name)
        try:
            text = clean(content)
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from None
        group = "unsup" if kind == "unsup" else part
        texts.setdefault(group, []).append(text)
        labels.setdefault(group, []).append(-1 if kind == "unsup" else CLASSES.index(kind))
    return {group: Part(texts[group], np.array(labels[group], "int32")) for group in texts}


def checked(parts: dict[str, Part], name: str) -> dict[str, Part]:
    """The parts, if all reviews are there."""
    for part in ("train", "test"):
        for label, kind in enumerate(CLASSES):
            count = int((parts[part].targets == label).sum()) if part in parts else 0
            if count != PER_CLASS:
                raise ValueError(
                    f"{name} is no whole copy of the IMDB reviews: {part}/{kind} has {count:,} "
                    f"of {PER_CLASS:,}"
                )
    if "unsup" in parts and len(parts["unsup"].inputs) != UNLABELLED:
        raise ValueError(
            f"{name} is no whole copy of the IMDB reviews: train/unsup has "
            f"{len(parts['unsup'].inputs):,} of {UNLABELLED:,}, or none at all"
        )
    return parts
