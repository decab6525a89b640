"""How alike neighbouring IMDB reviews are, and the file from which their order is known again.

    python benchmarks/imdb_order.py ARCHIVE [--write]

The ids of `aclImdb` go by films: reviews with neighbouring ids share rare proper names, and so do
train and test nowhere. The order is lost in TFDS's copy, so the package carries four bytes of a
hash of each training review: `--write` makes that file anew.
"""

import argparse
from pathlib import Path

import numpy as np

from keraseq.data.labelled import aclimdb, films


def by_id(archive: Path) -> dict[tuple[str, str], list[str]]:
    """The texts of each part and class in the order of their ids."""
    found = {}
    for name, content in aclimdb.files(archive):
        part, kind, file = aclimdb.ENTRY.search(name).groups()
        found.setdefault((part, kind), {})[int(file.split("_")[0])] = aclimdb.clean(content)
    return {key: [texts[i] for i in sorted(texts)] for key, texts in found.items()}


def main() -> None:
    """Prints the likeness by distance, and writes the file if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    reviews = by_id(given.archive)
    train = {kind: reviews["train", kind] for kind in aclimdb.CLASSES}
    for key, texts in reviews.items():
        found = films.likeness(texts)
        print(*key, *(f"{one.distance:.0f}: {one.likeness:.3f}" for one in found.itertuples()))
    if given.write:
        marks = {kind: films.hashes(texts) for kind, texts in train.items()}
        np.savez(Path(films.__file__).with_name(films.RESOURCE), **marks)
        different = len(np.unique(np.concatenate(list(marks.values()))))
        print(f"{different:,} hashes of {len({*train['neg'], *train['pos']}):,} different texts")


if __name__ == "__main__":
    main()
