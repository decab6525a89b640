"""Which IMDB reviews are about the same film, so that validation knows no film of training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources

import numpy as np

from keraseq.data.labelled.parts import taken
from keraseq.data.parts import Part

# Of a person or a place, mostly.
NAME = r"\b[A-Z][a-z]{3,}(?: [A-Z][a-z]{2,})?"
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


def known() -> dict[int, np.ndarray]:
    """The hashes of the training reviews of each class, in the order of their ids."""
    with resources.files("keraseq.data.labelled").joinpath(RESOURCE).open("rb") as file:
        with np.load(file, allow_pickle=False) as order:
            return {label: order[name] for label, name in enumerate(("neg", "pos"))}


def places(part: Part) -> np.ndarray:
    """Where each text stands in the order of films, float64 `(n,)`; -1 if it is not known.

    Reviews of a film are neighbours, whatever they say of it: positive ones stand at their id,
    negative ones at the positive id that is about the same film, or after all of these.
    """
    negative, positive = np.array(MEETINGS, "float64").T
    found, marks = np.full(len(part.inputs), -1.0), hashes(part.inputs)
    for label, order in known().items():
        ids, first = np.unique(order, return_index=True)
        rows = np.flatnonzero(part.targets == label)
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
        for label, count in zip(*np.unique(part.targets, return_counts=True), strict=True)
    }
    chosen = np.zeros(len(where), bool)
    for rows in sorted(pieces, key=lambda rows: -len(np.unique(part.targets[rows]))):
        labels = np.unique(part.targets[rows])
        if all(wanted[label] for label in labels):  # else the run's films would be torn apart
            for label in labels:
                some = rows[part.targets[rows] == label][: wanted[label]]
                chosen[some] = True
                wanted[label] -= len(some)
    return taken(part, np.flatnonzero(~chosen)), taken(part, np.flatnonzero(chosen))


def likeness(texts: Sequence[str], distances: Iterable[int] = (1, 2, 5, 10, 20, 30, 50)):
    """How alike texts are that stand so far from each other: the cosine of their rare names.

    Args:
        texts: In the order that is to be looked at.
        distances: From one text to the other. Defaults to 1 to 50.

    Returns:
        A frame with a row a distance: `distance`, `likeness`, from 0 to 1. A rare name stands in 3
        to 60 of the texts.

    Example:

    >>> from keraseq.data.labelled import films
    >>> texts = ["Who is Zorro?", "Zorro!", "Rebecca drowned.", "I like Rebecca."] * 2
    >>> films.likeness(texts, distances=[1, 2]).likeness.round(2).tolist()
    [0.57, 0.0]
    """
    import pandas as pd
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import normalize

    found = CountVectorizer(
        lowercase=False, token_pattern=NAME, binary=True, min_df=3, max_df=60
    ).fit_transform(texts)
    rows = normalize(found.astype("float64"))
    alike = [
        float(rows[:-one].multiply(rows[one:]).sum() / (len(texts) - one)) for one in distances
    ]
    return pd.DataFrame({"distance": list(distances), "likeness": alike})


def in_order(part: Part, label: int) -> list[str]:
    """The texts of a class whose place is known, films beside films."""
    where = places(part)
    rows = np.flatnonzero((part.targets == label) & (where >= 0))
    return [part.inputs[i] for i in rows[np.argsort(where[rows], kind="stable")]]
