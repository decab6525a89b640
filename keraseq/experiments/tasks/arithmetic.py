"""Sums and differences of numbers hidden among letters."""

import numpy as np

from keraseq import models
from keraseq.checks import positive_integer
from keraseq.data import Part
from keraseq.experiments.tasks.arrays import IGNORED, Generated

DISTRACTORS = "abcdefghijk"
END = "."
SYMBOLS = "0123456789+-=" + END + DISTRACTORS
CODES = {symbol: code for code, symbol in enumerate(SYMBOLS)}
RUN = 3  # letters in a row, at most


class Arithmetic(Generated):
    """Symbols of the answer that are right, in `3e36d9-h1h39f94eeh43keg3c=-13991064.`

    Args:
        digits: Digits of a number, from 1 to 15. Defaults to 8, as in the paper.

    References:
        Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
        Architectures", ICML.
    """

    name = "arithmetic"
    metric = "accuracy"
    metric_label = "accuracy"
    direction = "max"
    builder = staticmethod(models.language_model)
    budget = 50_000
    steps = 5_000
    learning_rate = 3e-3
    floor = "most frequent at its place"

    def __init__(self, operand: int = 8):
        self.operand = positive_integer("digits", operand)
        if self.operand > 15:
            raise ValueError(f"arithmetic has at most 15 digits; received {operand}")
        self.title = f"Arithmetic: numbers of up to {operand} digits among letters, added up"
        self.question = 4 * operand + 4  # symbols up to "="; longer ones are drawn again
        self.length = self.question + operand + 2  # a sign, a carry; the end comes for the last
        self.options = {"vocabulary": len(SYMBOLS), "length": self.length}
        self.step_cost = 2 + 0.2 * self.length
        super().__init__()

    def line(self, rng) -> tuple[str, str]:
        """A question that is not too long, and its answer."""
        while True:
            first, second = (
                int(rng.integers(10 ** (size - 1), 10**size))
                for size in rng.integers(1, self.operand + 1, 2)
            )
            plus = bool(rng.integers(2))
            digits = str(first) + "+-"[not plus] + str(second)
            runs = np.minimum(rng.geometric(0.5, len(digits)) - 1, RUN)
            letters = iter(rng.integers(0, len(DISTRACTORS), runs.sum()))
            question = "".join(
                digit + "".join(DISTRACTORS[next(letters)] for _ in range(run))
                for digit, run in zip(digits, runs, strict=True)
            )
            if len(question) < self.question:
                return question + "=", str(first + second if plus else first - second) + END

    def generate(self, rng, rows):
        """Question and answer side by side; the targets are the answer, a step ahead."""
        inputs = np.full((rows, self.length), CODES[END], "int32")
        targets = np.full((rows, self.length), IGNORED, "int32")
        for row in range(rows):
            question, answer = self.line(rng)
            codes = [CODES[symbol] for symbol in question + answer]
            inputs[row, : len(codes) - 1] = codes[:-1]
            targets[row, len(question) - 1 : len(codes) - 1] = codes[len(question) :]
        return Part(inputs, targets)

    def baselines(self, part="test"):
        """What does not read the question."""
        train = answers(self.generate(np.random.default_rng([2015, 2]), 5000).targets)
        test = answers(self.parts[part].targets)
        guess = [np.bincount(column[column != IGNORED], minlength=1).argmax() for column in train.T]
        counts = test != IGNORED
        return {
            "most frequent at its place": float(((test == guess) & counts).sum() / counts.sum())
        }

    def facts(self):
        return {
            "Data": f"Two numbers of 1 to {self.operand} digits, added or subtracted; after each "
            f"symbol up to {RUN} letters that mean nothing; questions of at most {self.question} "
            "symbols. Departs from the paper in what it does not print: how many letters there "
            "are, and that each line is a sequence of its own.",
            "Split": self.split,
            "Model": "One-hot symbols, one recurrent layer, logits at each step. The answer so far "
            "is read while the rest is asked for.",
            "Metric": "Fraction of the answer's symbols, sign and end included, that are right.",
            "Baselines": "The symbol that is most frequent at its place of the answer.",
        }


def answers(targets: np.ndarray) -> np.ndarray:
    """Answers from their first symbol, `(rows, longest)`, filled with `IGNORED`."""
    rows = [row[row != IGNORED] for row in targets]
    found = np.full((len(rows), targets.shape[1]), IGNORED, targets.dtype)
    for row, answer in enumerate(rows):
        found[row, : len(answer)] = answer
    return found
