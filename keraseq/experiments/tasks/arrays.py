"""What tasks share whose parts are arrays of inputs and targets: losses, metrics, batches."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import keras
import numpy as np

from keraseq.data import Part
from keraseq.evaluate import negative_log_likelihood
from keraseq.experiments.tasks.task import Task, reshuffled

IGNORED = -1  # a target that neither trains nor counts
ROWS = 256  # sequences that are scored in one go


def accuracy(outputs, targets) -> tuple[float, int]:
    """Right answers, and how many there could have been; ignored targets do not count."""
    counts = targets != IGNORED
    return float(((outputs.argmax(-1) == targets) & counts).sum()), int(counts.sum())


def nats(outputs, targets) -> tuple[float, int]:
    """Cost of the targets under logits, summed, and their number; ignored ones do not count."""
    counts = targets != IGNORED
    costs = negative_log_likelihood(outputs, np.where(counts, targets, 0))
    return float(costs[counts].sum()), int(counts.sum())


def squared_error(outputs, targets) -> tuple[float, int]:
    """Squared errors, summed, and their number."""
    return float(np.square(np.asarray(outputs, "float64") - targets).sum()), targets.size


class ArrayTask(Task):
    """A task whose `parts` are arrays: `{"train": Part, "validation": Part, "test": Part}`.

    A subclass names a task's attributes, and `measure`, which sums the metric up over a batch.
    The loss is the cross-entropy of logits, or the mean squared error where that is measured.
    """

    measure: ClassVar[Callable[..., tuple[float, int]]] = staticmethod(accuracy)

    @property
    @abstractmethod
    def parts(self) -> dict[str, Part]:
        """The parts; those that are no training data are the same for every cell and seed."""

    @property
    def loss(self):
        """Cross-entropy in nats, or the mean squared error."""
        if self.measure is squared_error:
            return keras.losses.MeanSquaredError()
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)

    def training_rows(self, rng, rows):
        """Every row of the training part once, in random order, then all again."""
        inputs, targets = self.parts["train"]
        at = reshuffled(rng, len(inputs), rows)
        return inputs[at], targets[at]

    def score(self, model, part):
        """The mean of what is measured over the part."""
        inputs, targets = self.parts[part]
        total, count = 0.0, 0
        for first in range(0, len(inputs), ROWS):
            rows = slice(first, first + ROWS)
            outputs = model.predict(inputs[rows], batch_size=ROWS, verbose=0)
            some, number = self.measure(outputs, targets[rows])
            total, count = total + some, count + number
        return total / count

    def raw(self):
        return b"".join(
            np.ascontiguousarray(a).tobytes() for part in self.parts.values() for a in part
        )


class Generated(ArrayTask):
    """An array task whose sequences are made up: fresh ones for training, fixed ones to look at.

    A subclass writes `generate`.
    """

    evaluated: ClassVar[int] = 1000  # sequences of the validation part, and of the test part
    parts = None  # of each instance, see `__init__`

    @abstractmethod
    def generate(self, rng: np.random.Generator, rows: int) -> Part:
        """So many sequences and their targets, drawn with `rng`."""

    def __init__(self):
        self.parts = {
            part: self.generate(np.random.default_rng([2015, number]), self.evaluated)
            for number, part in enumerate(("validation", "test"))
        }

    def training_rows(self, rng, rows):
        return self.generate(rng, rows)

    @property
    def split(self) -> str:
        return (
            f"Training sequences are drawn fresh for every batch; validation and test are "
            f"{self.evaluated:,} sequences each, the same for every cell and seed."
        )


def sizes(parts: dict[str, Part]) -> str:
    """How many sequences each part has, in words."""
    return ", ".join(f"{name} {len(part.inputs):,}" for name, part in parts.items()) + " sequences."
