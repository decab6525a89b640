"""Vectors of words in GloVe's text format: a word and its numbers a line."""

import gzip
import io
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np


def read_vectors(
    path: str | Path, wanted: Collection[str] = (), more: int = 0
) -> dict[str, np.ndarray]:
    """Vectors of a file in GloVe's text format, also packed (`.gz`).

    Args:
        path: The file; or its place in the folder that `KERASEQ_DATA` names. A first line of two
            numbers, as word2vec writes it, is passed over.
        wanted: Words whose vectors are read.
        more: How many others are read, those that come first: files begin with frequent words.
            Defaults to 0.

    Returns:
        Word -> vector, float32, in the order of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no word with as many numbers as the first.
    """
    place = next(
        (
            one
            for one in (Path(path), Path(os.environ.get("KERASEQ_DATA", ""), path))
            if one.is_file()
        ),
        None,
    )
    if place is None:
        raise FileNotFoundError(
            f"there is no file of vectors {str(path)!r}; give one in GloVe's text format "
            "(nlp.stanford.edu/projects/glove), or vectors='none' (in a shell --vectors none)"
        )
    wanted, found, others, width = set(wanted), {}, 0, None
    opened = gzip.open(place) if place.suffix == ".gz" else place.open("rb")
    with opened as raw, io.TextIOWrapper(raw, "utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            word, *numbers = line.rstrip().split(" ")
            if number == 1 and len(numbers) == 1:
                continue
            width = width or len(numbers)
            if len(numbers) != width:
                raise ValueError(
                    f"{place.name}, line {number} has {len(numbers)} numbers, the first has {width}"
                )
            if word in found or not (word in wanted or others < more):
                continue
            others += word not in wanted
            try:
                found[word] = np.array(numbers, "float32")
            except ValueError:
                raise ValueError(f"{place.name}, line {number} holds what is no number") from None
    if not width:
        raise ValueError(f"{place.name}: there are no vectors in it")
    return found
