"""Examples and labels in a training, a validation and a test part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import numpy as np

from keraseq.checks import rate
from keraseq.data.parts import PARTS, InParts, Part


@dataclass(frozen=True)
class Labelled(InParts):
    """Examples with a label in three parts; no example of one part stands in another.

    Attributes:
        name: Name of the data.
        classes: Their names, in the order of the labels.
        train, validation, test: A `Part` each: examples, and their labels `(n,)`, int32, 0 to the
            number of classes less 1.
        split: How the parts were made, in words.
        dropped: How many examples are in no part, since they stand in another one or twice.
        sha256: Of all examples and labels, in whatever order they were read.
        options: Arguments with which the same function reads them again; empty if it cannot.
    """

    what: ClassVar[str] = "examples"
    name: str
    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    split: str = ""
    dropped: int = 0
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def __str__(self):
        dropped = f"; {self.dropped:,} dropped" if self.dropped else ""
        return f"{self.name}: {self.sizes()} {self.what}{self.more()}{dropped}"

    def more(self) -> str:
        """What else there is to say of them."""
        return f"; classes {', '.join(self.classes)}"


@dataclass(frozen=True)
class LabelledTexts(Labelled):
    """Texts with a label in three parts, see `Labelled`.

    Attributes:
        unlabelled: Texts without a label, for pretraining; often none.

    Example:

    >>> import keraseq, numpy as np
    >>> part = keraseq.data.Part(["good", "bad"], np.array([1, 0]))
    >>> print(keraseq.data.LabelledTexts("tiny", ("neg", "pos"), part, part, part))
    tiny: train 2, validation 2, test 2 texts; classes neg, pos
    """

    what: ClassVar[str] = "texts"
    unlabelled: Sequence[str] = ()

    def more(self) -> str:
        """How many have no label, and the classes."""
        none = f", {len(self.unlabelled):,} without a label" if self.unlabelled else ""
        return none + super().more()


@dataclass(frozen=True)
class SeriesColumns:
    """What the columns of a table of series are called."""

    values: tuple[str, ...]  # channels of a long table, steps of a wide one
    label: str
    id: str | None = None  # none: it is wide
    time: str | None = None


@dataclass(frozen=True)
class LabelledSeries(Labelled):
    """Series with a label in three parts, see `Labelled`: what `labelled_series` gives.

    An example is an array `(steps, channels)`, float64, `NaN` where nothing was measured.

    Attributes:
        channels: Their names.
        columns: What the columns of the table were called; `None` if there was none.
    """

    what: ClassVar[str] = "series"
    channels: tuple[str, ...] = ()
    columns: SeriesColumns | None = None

    def more(self) -> str:
        """The number of channels, how long the series are, and the classes."""
        lengths = [len(one) for part in PARTS for one in self.part(part).inputs]
        steps = " to ".join(f"{n:,}" for n in sorted({min(lengths), max(lengths)}))
        plural = "s"[: len(self.channels) != 1]
        return f" of {steps} steps, {len(self.channels)} channel{plural}{super().more()}"


@dataclass(frozen=True)
class LabelledSkeletons(Labelled):
    """Moving bodies with a label in three parts, see `Labelled`: of `labelled_skeletons`.

    An example is an array `(frames, 20, 3)`, float64: where each joint is.
    """

    what: ClassVar[str] = "skeletons"

    def more(self) -> str:
        """How many frames they have, and the classes."""
        lengths = [len(one) for part in PARTS for one in self.part(part).inputs]
        frames = " to ".join(f"{n:,}" for n in sorted({min(lengths), max(lengths)}))
        return f" of {frames} frames{super().more()}"


@dataclass(frozen=True)
class LabelledFrames(Labelled):
    """Sequences of pictures with a label in three parts, see `Labelled`: of `labelled_frames`.

    An example is an array `(frames, height, width, channels)`, uint8, all of one size but for
    their number.
    """

    what: ClassVar[str] = "sequences"

    def more(self) -> str:
        """How many frames they have and how large those are, and the classes."""
        lengths = [len(one) for part in PARTS for one in self.part(part).inputs]
        frames = " to ".join(f"{n:,}" for n in sorted({min(lengths), max(lengths)}))
        size = " x ".join(map(str, self.train.inputs[0].shape[1:]))
        return f" of {frames} frames of {size}{super().more()}"


Kind = TypeVar("Kind", bound=Labelled)


def labels_of(found) -> list:
    """The labels of what a reader found, an object with `name`, `labels` and `unlabelled`."""
    if found.labels is None:
        raise ValueError(f"{found.name}: {found.unlabelled}")
    return found.labels


def in_parts(
    kind: type[Kind],
    name: str,
    examples: tuple[Sequence, Sequence],
    tested: tuple[Sequence, Sequence, str] | None,
    *,
    validation: float,
    test: float | None,
    seed: int,
    **more,
) -> Kind:
    """Examples cut into parts that have the same mix of classes.

    An example that stands there several times is kept once, and one that stands in a test part of
    its own is not trained on.

    Args:
        kind: The class of what is returned.
        name: Of the data.
        examples: Inputs and labels, the latter as they are read.
        tested: Those of a test part of its own, and its name. Default: it is a fraction.
        validation, test, seed: See `keraseq.data.reviews`; `test` is None beside `tested`.
        **more: Further attributes.
    """
    validation = open_rate("validation", validation)
    classes = sorted(set(examples[1]), key=order)
    if len(classes) < 2:
        raise ValueError(f"{name}: all {len(examples[1])} labels are of one class, {classes[0]!r}")
    whole = {"train": numbered(*examples, classes)}
    if tested is not None:
        whole["test"] = numbered(*tested[:2], classes, tested[2])
    rest = first_of_each(whole["train"], whole["test"].inputs if tested else ())
    few = np.bincount(rest.targets, minlength=len(classes))
    if few.min() < (2 if tested else 3):
        raise ValueError(
            f"{name}: class {classes[few.argmin()]!r} has {few.min()} different {kind.what}; "
            "every part needs one"
        )
    dropped = len(whole["train"].inputs) - len(rest.inputs)
    if tested is None:
        rest, part = carved(rest, open_rate("test", test), seed)
    else:
        part = whole["test"]
    train, check = carved(rest, validation, seed + 1)
    return kind(
        name,
        tuple(map(str, classes)),
        train,
        check,
        part,
        split=f"stratified with seed {seed}: validation {validation:.0%} of what is not test; test "
        + ("as given" if tested else f"{test:.0%}"),
        dropped=dropped,
        sha256=fingerprint(whole),
        **more,
    )


def numbered(inputs: Sequence, labels: Sequence, classes: Sequence, name: str = "") -> Part:
    """Examples and the numbers of their classes."""
    ids = {one: i for i, one in enumerate(classes)}
    for row, one in enumerate(labels):
        if one not in ids:
            raise ValueError(
                f"{name}: label {one!r} in row {row} is none of the training table's: "
                f"{', '.join(map(repr, classes))}"
            )
    return Part(inputs, np.array([ids[one] for one in labels], "int32"))


def order(label) -> tuple[bool, float, str]:
    """What labels are sorted by: numbers first, by value, then texts."""
    number = isinstance(label, (int, float))
    return (not number, float(label) if number else 0.0, str(label))


def open_rate(name: str, value) -> float:
    """A fraction above 0 and below 1."""
    if not rate(name, value):
        raise ValueError(f"{name} must be above 0; received {name}={value!r}")
    return float(value)


def content(example) -> str:
    """What tells an example from others: a text itself, of an array its SHA-256."""
    if isinstance(example, str):
        return example
    return hashlib.sha256(repr(example.shape).encode() + example.tobytes()).hexdigest()


def sorted_by_content(part: Part) -> Part:
    """The rows in an order that does not depend on how they were read."""
    keys = [(content(one), label) for one, label in zip(*part, strict=True)]
    return taken(part, sorted(range(len(keys)), key=keys.__getitem__))


def first_of_each(part: Part, but: Sequence = ()) -> Part:
    """The part, sorted, without examples that stood in it before or that are among others."""
    part, others, rows = sorted_by_content(part), set(map(content, but)), []
    for row, example in enumerate(part.inputs):
        key = content(example)
        if key not in others:
            others.add(key)
            rows.append(row)
    return taken(part, rows)


def carved(part: Part, fraction: float, seed: int) -> tuple[Part, Part]:
    """What is left of a part, and a fraction of each class; both get at least one example."""
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
    """SHA-256 of examples and labels, the same for any order within a part."""
    total = hashlib.sha256()
    for name in sorted(parts):
        inputs = map(content, parts[name].inputs)
        for row in sorted(zip(inputs, parts[name].targets.tolist(), strict=True)):
            total.update(repr((name, *row)).encode())
    return total.hexdigest()
