"""Polyphonic music."""

from functools import cached_property

import numpy as np

from keraseq import models
from keraseq.data import Part, PianoRolls, load
from keraseq.data.music import KEYS
from keraseq.data.parts import PARTS
from keraseq.evaluate import KeyFrequencies, frame_costs
from keraseq.experiments.tasks.arrays import IGNORED, ArrayTask
from keraseq.experiments.tasks.task import reshuffled
from keraseq.losses import KeysLoss

LENGTH = 64  # frames of a training window


def frame_nats(outputs, targets) -> tuple[float, int]:
    """Cost of the frames that count, summed over keys and frames, and their number."""
    counts = targets[..., 0] != IGNORED
    return float(frame_costs(np.asarray(outputs)[counts], targets[counts]).sum()), int(counts.sum())


class Chorales(ArrayTask):
    """Nats a frame of Bach's chorales: which of 88 keys sound next."""

    name = "jsb"
    title = "JSB chorales: which keys sound in the next frame"
    metric = "nats"
    metric_label = "nats a frame"
    direction = "min"
    builder = staticmethod(models.sequence_tagger)
    options = {"classes": KEYS, "features": KEYS}  # noqa: RUF012
    budget = 40_000
    steps = 2_000
    batch_size = 16
    learning_rate = 3e-3
    step_cost = 15.0
    floor = "how often each key sounds"
    measure = staticmethod(frame_nats)

    @cached_property
    def pieces(self) -> PianoRolls:
        """The piano rolls."""
        return load("jsb")

    @cached_property
    def parts(self):
        """Pieces filled up to the longest of their part; targets are a frame ahead."""
        return {name: filled(getattr(self.pieces, name)) for name in PARTS}

    @property
    def loss(self):
        return KeysLoss()

    def training_rows(self, rng, rows):
        """Windows of pieces, every piece in turn, from a random frame."""
        chosen = []
        for number in reshuffled(rng, len(self.pieces.train), rows):
            piece = self.pieces.train[number]
            first = int(rng.integers(0, max(len(piece) - LENGTH, 1)))
            chosen.append(piece[first : first + LENGTH + 1])
        return filled(chosen, LENGTH)

    def baselines(self):
        """What does not listen."""
        count = KeyFrequencies(self.pieces.train)
        costs = np.concatenate([count(piece) for piece in self.pieces.test])
        return {"how often each key sounds": float(costs.mean())}

    def facts(self):
        sizes = [len(getattr(self.pieces, part)) for part in PARTS]
        return {
            "Data": "Bach's chorales as piano rolls of 88 keys (Boulanger-Lewandowski et al. "
            "2012).",
            "Split": f"The given one: train {sizes[0]}, validation {sizes[1]}, test {sizes[2]} "
            "pieces.",
            "Model": "A frame of 88 keys at each step, one recurrent layer, 88 logits. Trained on "
            f"windows of {LENGTH} frames; pieces are scored from their start to their end.",
            "Metric": "Negative log-likelihood of a frame, summed over the keys, in nats; the "
            "first frame of a piece is given.",
            "Baselines": "Keys sound as often as in the training part, each by itself.",
        }


def filled(pieces: list[np.ndarray], length: int | None = None) -> Part:
    """Pieces as one array, filled with silence; frames to fill up with are no targets."""
    length = length or max(map(len, pieces)) - 1
    inputs = np.zeros((len(pieces), length, KEYS), "float32")
    targets = np.full_like(inputs, IGNORED)
    for row, piece in enumerate(pieces):
        inputs[row, : len(piece) - 1] = piece[:-1]
        targets[row, : len(piece) - 1] = piece[1:]
    return Part(inputs, targets)
