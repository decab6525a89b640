"""Texts and labels in a training, a validation and a test part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from keraseq.checks import one_of
from keraseq.data.parts import PARTS, Part


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with a label in three parts; no text of one part stands in another.

    Attributes:
        name: Name of the data.
        classes: Their names, in the order of the labels.
        train, validation, test: A `Part` each: texts, and their labels `(n,)`, int32, 0 to the
            number of classes less 1.
        split: How the parts were made, in words.
        unlabelled: Texts without a label, for pretraining; often none.
        dropped: How many texts are in no part, since they stand in another one or twice.
        sha256: Of all texts and labels, in whatever order they were read.
        options: Arguments with which the same function reads them again; empty if it cannot.

    Example:

    >>> import keraseq, numpy as np
    >>> part = keraseq.data.Part(["good", "bad"], np.array([1, 0]))
    >>> print(keraseq.data.LabelledTexts("tiny", ("neg", "pos"), part, part, part))
    tiny: train 2, validation 2, test 2 texts; classes neg, pos
    """

    name: str
    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    split: str = ""
    unlabelled: Sequence[str] = ()
    dropped: int = 0
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def part(self, name: str) -> Part:
        """A part by its name, `"train"`, `"validation"` or `"test"`."""
        return getattr(self, one_of("part", name, PARTS))

    def __str__(self):
        sizes = ", ".join(f"{name} {len(self.part(name).inputs):,}" for name in PARTS)
        more = f", {len(self.unlabelled):,} without a label" if self.unlabelled else ""
        dropped = f"; {self.dropped:,} dropped" if self.dropped else ""
        return f"{self.name}: {sizes} texts{more}; classes {', '.join(self.classes)}{dropped}"


def sorted_by_text(part: Part) -> Part:
    """The rows in an order that does not depend on how they were read."""
    rows = range(len(part.inputs))
    return taken(part, sorted(rows, key=lambda row: (part.inputs[row], part.targets[row])))


def first_of_each(part: Part, but: Sequence[str] = ()) -> Part:
    """The part, sorted, without texts that stood in it before or that are among others."""
    part, others, rows = sorted_by_text(part), set(but), []
    for row, text in enumerate(part.inputs):
        if text not in others:
            others.add(text)
            rows.append(row)
    return taken(part, rows)


def carved(part: Part, fraction: float, seed: int) -> tuple[Part, Part]:
    """What is left of a part, and a fraction of each class; both get at least one text."""
    rng, chosen = np.random.default_rng(seed), np.zeros(len(part.inputs), bool)
    for label in np.unique(part.targets):
        rows = rng.permutation(np.flatnonzero(part.targets == label))
        count = min(max(round(len(rows) * fraction), 1), len(rows) - 1)
        chosen[rows[:count]] = True
    return taken(part, np.flatnonzero(~chosen)), taken(part, np.flatnonzero(chosen))


def taken(part: Part, rows: Sequence[int]) -> Part:
    """Some rows of a part."""
    rows = [int(row) for row in rows]
    return Part([part.inputs[row] for row in rows], part.targets[rows])


def fingerprint(parts: dict[str, Part]) -> str:
    """SHA-256 of texts and labels, the same for any order within a part."""
    total = hashlib.sha256()
    for name in sorted(parts):
        for row in sorted(zip(parts[name].inputs, parts[name].targets.tolist(), strict=True)):
            total.update(repr((name, *row)).encode())
    return total.hexdigest()
