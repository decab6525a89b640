"""The adding problem of Hochreiter & Schmidhuber."""

import numpy as np

from keraseq import models
from keraseq.checks import positive_integer
from keraseq.data import Part
from keraseq.experiments.tasks.arrays import Generated, squared_error


class Adding(Generated):
    """Mean squared error of the sum of two marked numbers among many.

    Args:
        length: Number of steps, at least 2. Defaults to 100.

    References:
        Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", Neural Computation 9.
        Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified
        Linear Units", arXiv:1504.00941.
    """

    name = "adding"
    metric = "mse"
    metric_label = "mean squared error"
    direction = "min"
    digits = 4
    builder = staticmethod(models.sequence_classifier)
    budget = 5_000
    steps = 3_000
    learning_rate = 3e-3
    floor = "always 1"
    solved = 0.01
    measure = staticmethod(squared_error)

    def __init__(self, length: int = 100):
        self.length = positive_integer("length", length)
        if self.length < 2:
            raise ValueError(f"the adding problem needs at least 2 steps; received {length}")
        self.title = f"Adding problem: the sum of two marked numbers among {length}"
        self.options = {"classes": 1, "features": 2, "length": length}
        self.step_cost = 2 + 0.1 * length
        super().__init__()

    def generate(self, rng, rows):
        """Numbers from 0 to 1 beside markers, one marker in each half; the targets are sums."""
        numbers = rng.random((rows, self.length), dtype="float32")
        markers = np.zeros((rows, self.length), "float32")
        half, row = self.length // 2, np.arange(rows)
        places = rng.integers(0, half, rows), rng.integers(half, self.length, rows)
        for place in places:
            markers[row, place] = 1
        sums = sum(numbers[row, place] for place in places)
        return Part(np.stack([numbers, markers], axis=-1), sums[:, None])

    def baselines(self, part="test"):
        """The mean of a sum of two uniform numbers; its variance is 1/6."""
        return {"always 1": float(np.square(self.parts[part].targets - 1).mean())}

    def facts(self):
        return {
            "Data": f"{self.length} numbers drawn evenly from 0 to 1, two of them marked, one in "
            "each half of the sequence.",
            "Split": self.split,
            "Model": "Number and marker at each step, one recurrent layer, one number from its "
            "last output.",
            "Metric": "Mean squared error of the sum of the marked numbers; solved from "
            f"{self.solved:g}.",
            "Baselines": "Always 1, the mean of the sum: the error is about its variance, 1/6.",
        }
