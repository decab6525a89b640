"""What a task of a comparison is: data, model, metric, and what no learning gives."""

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np

from keraseq.experiments.tasks import variants
from keraseq.models.budget import match_parameters


class Task(ABC):
    """A problem to compare cells on: its data, its model, its metric, its baselines.

    A subclass names the attributes and writes the abstract methods; its data are read on first use,
    from the `__init__` without arguments. A task of your own is a class in any module that can be
    imported, named `"module:Class"` wherever a task's name is accepted.

    Attributes:
        title: One line for people.
        metric: Key of the metric in results, such as `"accuracy"`.
        metric_label: The same for axes and tables, with its unit.
        direction: `"min"` or `"max"`, whichever is better.
        digits: Decimals to print of the metric.
        builder: The function `builder(cell=, units=, **options) -> keras.Model`.
        options: Its further options, a dictionary.
        budget: Trainable parameters of a model, by default.
        steps: Training steps (batches), by default.
        batch_size: Sequences in a batch.
        learning_rate: Adam's learning rate at the start, by default.
        step_cost: Roughly how many milliseconds a step takes, to estimate the time left.
        floor: Name of the baseline that is what no learning gives, or None.
        own: Whether the data are the user's, so that their digest is part of the claim on a folder.
        solved: Value of the metric at which the task counts as solved, or None where there is no
            such value.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    metric: ClassVar[str]
    metric_label: ClassVar[str]
    direction: ClassVar[str]
    digits: ClassVar[int] = 3
    builder: ClassVar[Callable[..., keras.Model]]
    options: dict[str, Any]
    budget: ClassVar[int]
    steps: ClassVar[int]
    batch_size: ClassVar[int] = 64
    learning_rate: ClassVar[float]
    step_cost: ClassVar[float] = 5.0
    floor: ClassVar[str | None] = None
    own: bool = False
    solved: float | None = None

    @property
    @abstractmethod
    def loss(self) -> keras.losses.Loss:
        """What training makes small."""

    @abstractmethod
    def training_rows(self, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """So many inputs and targets of the training part, drawn with `rng`, in training order."""

    @abstractmethod
    def score(self, model: keras.Model, part: str) -> float:
        """The metric on the part `"validation"` or `"test"`."""

    @abstractmethod
    def baselines(self) -> dict[str, float]:
        """The metric of what is simpler than any cell, on the test part: name -> value.

        With an argument `part="test"` also on validation, whose curves then show their floor.
        """

    def validation_floor(self) -> float | None:
        """The floor on the validation part; None where `baselines` takes no `part`."""
        if not self.floor or "part" not in inspect.signature(self.baselines).parameters:
            return None
        return self.baselines(part="validation")[self.floor]  # type: ignore[call-arg]

    @abstractmethod
    def facts(self) -> dict[str, str]:
        """What a reader must know, for the report: heading -> sentence."""

    @abstractmethod
    def raw(self) -> bytes:
        """The data as they are before any preparation, for `fingerprint`."""

    def sample(self, model: keras.Model, seed: int) -> str | None:
        """Something to read that the model made, or None where that makes no sense."""
        return None

    def further(self, model: keras.Model) -> dict[str, float]:
        """More of what the model does on the test part than its metric: what -> value."""
        return {}

    def build(self, cell: str, units: int) -> keras.Model:
        """The uncompiled model with this cell, a name or `"name[option=value]"`."""
        return type(self).builder(units=units, **self.options, **variants.builder_options(cell))

    def units(self, cell: str, budget: int) -> int:
        """The most units that a parameter budget pays for."""
        options = {**self.options, **variants.builder_options(cell)}
        return match_parameters(type(self).builder, budget, **options)

    def better(self, one: float, other: float) -> bool:
        """Whether the first value of the metric is better than the second."""
        return one < other if self.direction == "min" else one > other

    def solves(self, value: float) -> bool:
        """Whether a value of the metric means that the task is solved."""
        return self.solved is not None and not self.better(self.solved, value)

    def fingerprint(self) -> str:
        """SHA-256 of the data, so that results from other data are told apart."""
        return hashlib.sha256(self.raw()).hexdigest()


def reshuffled(rng: np.random.Generator, size: int, rows: int) -> np.ndarray:
    """So many indices below `size`: every index once, in random order, then all again."""
    rounds = -(-rows // size)
    return np.concatenate([rng.permutation(size) for _ in range(rounds)])[:rows]
