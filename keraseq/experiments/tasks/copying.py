"""The copy memory problem."""

from math import log

import numpy as np

from keraseq import models
from keraseq.checks import positive_integer
from keraseq.data import Part
from keraseq.experiments.tasks.arrays import Generated, nats

SYMBOLS = 8  # 1 to 8
BLANK, GO = 0, SYMBOLS + 1
DATA = 10  # symbols to remember


class Copying(Generated):
    """Cross-entropy of ten symbols that are to be said again after many steps.

    Args:
        delay: Steps between the end of the symbols and the end of the wait, at least 1. Defaults
            to 100.

    References:
        Arjovsky, Shah & Bengio 2016, "Unitary Evolution Recurrent Neural Networks",
        arXiv:1511.06464.
    """

    name = "copying"
    metric = "nats"
    metric_label = "nats a step"
    direction = "min"
    digits = 4
    builder = staticmethod(models.language_model)
    budget = 5_000
    steps = 3_000
    learning_rate = 3e-3
    floor = "memoryless"
    evaluated = 500
    measure = staticmethod(nats)

    def __init__(self, delay: int = 100):
        self.delay = positive_integer("delay", delay)
        self.length = delay + 2 * DATA
        self.title = f"Copy memory: ten symbols, to be said again after {delay} steps"
        self.options = {"vocabulary": SYMBOLS + 2, "length": self.length}
        self.step_cost = 2 + 0.15 * self.length
        self.solved = 0.1 * self.memoryless
        super().__init__()

    @property
    def memoryless(self) -> float:
        """Cost of knowing when to speak, and not what: ten symbols of eight at random."""
        return DATA * log(SYMBOLS) / self.length

    def generate(self, rng, rows):
        """Symbols, blanks, `GO`, blanks; the targets are blanks, and the symbols at the end."""
        symbols = rng.integers(1, SYMBOLS + 1, (rows, DATA), dtype="int32")
        inputs = np.full((rows, self.length), BLANK, "int32")
        inputs[:, :DATA] = symbols
        inputs[:, -DATA - 1] = GO
        targets = np.full((rows, self.length), BLANK, "int32")
        targets[:, -DATA:] = symbols
        return Part(inputs, targets)

    def baselines(self, part="test"):
        """What remembers nothing, the same on any part."""
        return {"memoryless": self.memoryless}

    def facts(self):
        return {
            "Data": f"{DATA} symbols drawn from {SYMBOLS}, {self.delay - 1} blanks, a symbol that "
            f"asks for the answer, {DATA} blanks: {self.length} steps.",
            "Split": self.split,
            "Model": "One-hot symbols, one recurrent layer, logits at each step.",
            "Metric": "Cross-entropy over all steps, blanks too; solved from a tenth of the floor, "
            f"{self.solved:.4f}.",
            "Baselines": f"Memoryless, 10 ln 8 / (T + 20): blanks for sure, then each of the "
            f"{SYMBOLS} symbols with the same probability.",
        }
