"""How alike neighbouring IMDB reviews are, and the file from which their order is known again.

    python benchmarks/imdb_order.py ARCHIVE [--write]

The ids of `aclImdb` go by films: reviews with neighbouring ids share rare proper names, and so do
train and test nowhere. The order is lost in TFDS's copy, so the package carries four bytes of a hash
of each training review: `--write` makes that file anew.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np

from keraseq.data.labelled import aclimdb, films

NAME = re.compile(r"\b[A-Z][a-z]{3,}(?: [A-Z][a-z]{2,})?")  # of a person or a place, mostly
LAGS = (1, 2, 5, 10, 20, 30, 50, 100)


def by_id(archive: Path) -> dict[tuple[str, str], list[str]]:
    """The texts of each part and class in the order of their ids."""
    found = {}
    for name, content in aclimdb.files(archive):
        part, kind, file = aclimdb.ENTRY.search(name).groups()
        found.setdefault((part, kind), {})[int(file.split("_")[0])] = aclimdb.clean(content)
    return {key: [texts[i] for i in sorted(texts)] for key, texts in found.items()}


def vectors(reviews: dict[tuple[str, str], list[str]]) -> dict:
    """Which rare names each review has, as rows of length 1."""
    from scipy.sparse import csr_matrix, diags

    names = {key: [set(NAME.findall(text)) for text in texts] for key, texts in reviews.items()}
    counts = Counter(name for rows in names.values() for row in rows for name in row)
    rare = {name: i for i, (name, n) in enumerate(counts.items()) if 3 <= n <= 60}
    found = {}
    for key, rows in names.items():
        cells = [(i, rare[name]) for i, row in enumerate(rows) for name in row if name in rare]
        places = tuple(np.array(cells).T)
        matrix = csr_matrix((np.ones(len(cells)), places), shape=(len(rows), len(counts)))
        norms = np.sqrt(np.asarray(matrix.sum(1))[:, 0])
        found[key] = diags(1 / np.maximum(norms, 1)) @ matrix
    return found


def main() -> None:
    """Prints the likeness by distance, and writes the file if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    reviews = by_id(given.archive)
    train = {kind: reviews["train", kind] for kind in aclimdb.CLASSES}
    for key, rows in vectors(reviews).items():
        alike = [float(rows[:-lag].multiply(rows[lag:]).sum() / (rows.shape[0] - lag)) for lag in LAGS]
        print(*key, "  ".join(f"{lag}: {one:.3f}" for lag, one in zip(LAGS, alike, strict=True)))
    if given.write:
        marks = {kind: films.hashes(texts) for kind, texts in train.items()}
        np.savez(Path(films.__file__).with_name(films.RESOURCE), **marks)
        different = len(np.unique(np.concatenate(list(marks.values()))))
        print(f"{different:,} different hashes of {len(set(sum(train.values(), []))):,} texts")


if __name__ == "__main__":
    main()
