"""Whether the ones so far are odd in number, asked beyond the lengths of training."""

from itertools import pairwise

import numpy as np

from keraseq import models
from keraseq.checks import positive_integer
from keraseq.data import Part
from keraseq.experiments.tasks.arrays import IGNORED, Generated

TIMES = (1, 2, 4, 8)  # how much longer than in training the strings of the test part become


class Parity(Generated):
    """Parities of the bits so far that are right, in strings of up to eight times the length.

    Args:
        length: Bits of a training string. Defaults to 40.

    References:
        Grazzi et al. 2024, "Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues",
        arXiv:2411.12537.
    """

    name = "parity"
    metric = "accuracy"
    metric_label = "accuracy beyond the training length"
    direction = "max"
    builder = staticmethod(models.language_model)
    options = {"vocabulary": 2}  # noqa: RUF012
    budget = 4_000
    steps = 800
    evaluated = 300
    learning_rate = 5e-3
    floor = "always even"
    solved = 0.99

    def __init__(self, length: int = 40):
        self.length = positive_integer("length", length)
        self.title = f"Parity: whether the ones so far are odd, trained on {length} bits"
        self.step_cost = 2 + 0.15 * length
        validation, test = (
            strings(np.random.default_rng([2015, number]), self.evaluated, times * length)
            for number, times in enumerate((1, TIMES[-1]))
        )
        test.targets[:, :length] = IGNORED
        self.parts = {"validation": validation, "test": test}

    def generate(self, rng, rows):
        """Strings as long as in training."""
        return strings(rng, rows, self.length)

    def further(self, model):
        """The accuracy up to twice, four and eight times the training length."""
        inputs, targets = self.parts["test"]
        right = model.predict(inputs, batch_size=250, verbose=0).argmax(-1) == targets
        bounds = pairwise(times * self.length for times in TIMES)
        return {f"bits {a + 1} to {b}": float(right[:, a:b].mean()) for a, b in bounds}

    def baselines(self):
        """A coin is no worse."""
        return {"always even": 1 / 2}

    def facts(self):
        longest = TIMES[-1] * self.length
        return {
            "Data": f"Bits drawn evenly; after each the model says whether the ones so far are "
            f"even or odd in number, so that a string of {self.length} holds one of every length "
            "up to that.",
            "Split": f"{self.split} Training and validation have {self.length} bits, test "
            f"{longest}, of which the first {self.length} do not count.",
            "Model": "One-hot bits, one recurrent layer, logits at each step.",
            "Metric": f"Fraction of the answers after bits {self.length + 1} to {longest} that are "
            f"right; solved from {self.solved:g} within the training length.",
            "Baselines": "Always even: half of the answers.",
        }


def strings(rng, rows: int, length: int) -> Part:
    """Random bits, and after each the parity of those so far."""
    bits = rng.integers(0, 2, (rows, length), dtype="int32")
    return Part(bits, np.cumsum(bits, axis=1, dtype="int32") % 2)
