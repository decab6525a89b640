"""Random nested tags."""

import numpy as np

from keraseq import models
from keraseq.data import Part
from keraseq.experiments.tasks.arrays import Generated

SYMBOLS = "abcdefghijklmnopqrstuvwxyz<>/"
CODES = {symbol: code for code, symbol in enumerate(SYMBOLS)}
LENGTH = 80  # symbols that are asked for
SHORTEST, LONGEST = 2, 10  # letters of a name


class XML(Generated):
    """Next symbols that are guessed rightly in `<ab><xyz></xyz></ab>...`

    References:
        Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
        Architectures", ICML.
    """

    name = "xml"
    title = "XML: the next symbol of random nested tags"
    metric = "accuracy"
    metric_label = "accuracy"
    direction = "max"
    builder = staticmethod(models.language_model)
    options = {"vocabulary": len(SYMBOLS), "length": LENGTH}  # noqa: RUF012
    budget = 50_000
    steps = 5_000
    learning_rate = 3e-3
    step_cost = 15.0
    floor = "most frequent symbol"
    evaluated = 500

    def document(self, rng) -> str:
        """Tags up to `LENGTH + 1` symbols; it opens or closes with the same probability."""
        written, opened = "", []
        while len(written) <= LENGTH:
            if opened and rng.integers(2):
                written += f"</{opened.pop()}>"
                continue
            letters = rng.integers(0, 26, rng.integers(SHORTEST, LONGEST + 1))
            opened.append("".join(SYMBOLS[letter] for letter in letters))
            written += f"<{opened[-1]}>"
        return written[: LENGTH + 1]

    def generate(self, rng, rows):
        """Documents, and the same a step later."""
        codes = np.array(
            [[CODES[symbol] for symbol in self.document(rng)] for _ in range(rows)], "int32"
        )
        return Part(codes[:, :-1], codes[:, 1:])

    def baselines(self, part="test"):
        """What sees nothing, and what sees one symbol."""
        inputs, targets = self.generate(np.random.default_rng([2015, 2]), 2000)
        counts = np.zeros((len(SYMBOLS), len(SYMBOLS)), int)
        np.add.at(counts, (inputs.ravel(), targets.ravel()), 1)
        read, asked = self.parts[part]
        return {
            "most frequent after the last symbol": float((counts.argmax(1)[read] == asked).mean()),
            "most frequent symbol": float((counts.sum(0).argmax() == asked).mean()),
        }

    def facts(self):
        return {
            "Data": f"Tags with names of {SHORTEST} to {LONGEST} small letters, opened or closed "
            "with probability 1/2 (opened where none is open). The names of new tags cannot be "
            "guessed: 100 % is out of reach.",
            "Split": self.split,
            "Model": f"One-hot symbols, one recurrent layer, logits at each of {LENGTH} steps.",
            "Metric": "Fraction of next symbols that are right, over all steps.",
            "Baselines": "The most frequent symbol, and the most frequent one after the last.",
        }
