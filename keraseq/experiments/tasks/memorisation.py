"""Five letters, to be said again."""

import numpy as np

from keraseq import models
from keraseq.data import Part
from keraseq.experiments.tasks.arrays import IGNORED, Generated

LETTERS = 26
GO = LETTERS  # the symbol that asks for an answer
LENGTH = 5


class Memorisation(Generated):
    """Letters said again rightly, of five out of 26: the filter of Jozefowicz et al. 2015."""

    name = "memorisation"
    title = "Memorisation: five letters of 26, to be said again in the same order"
    metric = "accuracy"
    metric_label = "accuracy"
    direction = "max"
    builder = staticmethod(models.language_model)
    options = {"vocabulary": LETTERS + 1, "length": 2 * LENGTH}  # noqa: RUF012
    budget = 10_000
    steps = 1_500
    learning_rate = 5e-3
    step_cost = 4.0
    floor = "a letter at random"
    solved = 0.95  # what the paper asks of a cell before it is tried on anything else

    def generate(self, rng, rows):
        """Letters, then as many times `GO`; the targets are the letters, once they are over."""
        letters = rng.integers(0, LETTERS, (rows, LENGTH), dtype="int32")
        asked = np.full((rows, LENGTH), GO, "int32")
        ignored = np.full((rows, LENGTH), IGNORED, "int32")
        return Part(
            np.concatenate([letters, asked], axis=1), np.concatenate([ignored, letters], axis=1)
        )

    def baselines(self, part="test"):
        """What knows the letters, and nothing of the sequence; the same on any part."""
        return {"a letter at random": 1 / LETTERS}

    def facts(self):
        return {
            "Data": f"{LENGTH} letters drawn from {LETTERS}, then {LENGTH} times the symbol that "
            "asks for an answer.",
            "Split": self.split,
            "Model": "One-hot symbols, one recurrent layer, logits at each step.",
            "Metric": f"Fraction of the {LENGTH} answers that are right; solved from 0.95, the "
            "bound of Jozefowicz et al. 2015.",
            "Baselines": "A letter at random: 1 in 26.",
        }
