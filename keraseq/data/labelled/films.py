"""Which IMDB reviews are about the same film, so that validation knows no film of training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import resources

import numpy as np

from keraseq.data.labelled.parts import Part, taken

RESOURCE = "imdb_order.npz"  # hashes of the training reviews by their ids
RUN = 250  # neighbouring reviews that stay together; a film has at most 30
# Ids go by films. Both classes have the films of the first in the same order: (negative, positive)
# ids where they meet. The negative reviews from the last of these on are about films of their own.
MEETINGS = (
    (0, 0),
    (325, 1225),
    (625, 2075),
    (925, 3125),
    (1225, 4225),
    (1525, 5225),
    (1825, 6025),
    (2125, 7025),
    (2425, 7925),
    (2725, 8875),
    (3025, 9925),
    (3325, 10525),
    (3625, 11425),
    (3925, 12500),
)


def hashes(texts: Iterable[str]) -> np.ndarray:
    """Four bytes of the SHA-256 of each text, uint32 `(n,)`."""
    found = b"".join(hashlib.sha256(text.encode()).digest()[:4] for text in texts)
    return np.frombuffer(found, ">u4").astype("uint32")


def places(part: Part) -> np.ndarray:
    """Where each text stands in the order of films, float64 `(n,)`; -1 if it is not known.

    Reviews of a film are neighbours, whatever they say of it: positive ones stand at their id,
    negative ones at the positive id that is about the same film, or after all of these.
    """
    with resources.files("keraseq.data.labelled").joinpath(RESOURCE).open("rb") as file:
        with np.load(file, allow_pickle=False) as order:
            known = {label: order[name] for label, name in enumerate(("neg", "pos"))}
    negative, positive = np.array(MEETINGS, "float64").T
    found, marks = np.full(len(part.texts), -1.0), hashes(part.texts)
    for label, order in known.items():
        ids, first = np.unique(order, return_index=True)
        rows = np.flatnonzero(part.labels == label)
        near = np.minimum(np.searchsorted(ids, marks[rows]), len(ids) - 1)
        there = ids[near] == marks[rows]
        place = first[near[there]].astype("float64")
        if label == 0:
            later = place - negative[-1] + positive[-1]
            place = np.where(place < negative[-1], np.interp(place, negative, positive), later)
        found[rows[there]] = place
    return found


def carved_by_film(part: Part, fraction: float, seed: int) -> tuple[Part, Part]:
    """What is left of a part, and a fraction of each class that is about other films.

    The fraction is made of whole runs of neighbours; only a run's ends can share a film with what
    is left. A text that is not known is a run by itself.
    """
    where = places(part)
    runs = np.where(where < 0, -1 - np.arange(len(where)), where // RUN)
    order = np.lexsort((where, runs))
    pieces = np.split(order, np.flatnonzero(np.diff(runs[order])) + 1)
    rng = np.random.default_rng(seed)
    pieces = [pieces[i] for i in rng.permutation(len(pieces))]
    wanted = {
        label: min(max(round(count * fraction), 1), count - 1)
        for label, count in zip(*np.unique(part.labels, return_counts=True), strict=True)
    }
    chosen = np.zeros(len(where), bool)
    for rows in sorted(pieces, key=lambda rows: -len(np.unique(part.labels[rows]))):
        labels = np.unique(part.labels[rows])
        if all(wanted[label] for label in labels):  # else the run's films would be torn apart
            for label in labels:
                some = rows[part.labels[rows] == label][: wanted[label]]
                chosen[some] = True
                wanted[label] -= len(some)
    return taken(part, np.flatnonzero(~chosen)), taken(part, np.flatnonzero(chosen))
