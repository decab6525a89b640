"""The three parts of a data set, and what stands in one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keraseq.checks import one_of

PARTS = ("train", "validation", "test")


class Part(NamedTuple):
    """Inputs and their targets, one after the other: images or texts and labels, tokens and tokens.

    A part goes to `fit` as it is: `model.fit(*part)`.
    """

    inputs: np.ndarray | Sequence
    targets: np.ndarray


class Parts(NamedTuple):
    """What to learn from, to choose by, and to report on."""

    train: Any
    validation: Any
    test: Any


class InParts:
    """Mixin of what has the attributes `train`, `validation` and `test`, such as `Part`s."""

    def part(self, name: str) -> Any:
        """A part by its name, `"train"`, `"validation"` or `"test"`."""
        return getattr(self, one_of("part", name, PARTS))

    def sizes(self) -> str:
        """How many examples are in each part."""
        return ", ".join(f"{name} {len(self.part(name)[0]):,}" for name in PARTS)
