"""The three parts of a data set, and what stands in one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

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
