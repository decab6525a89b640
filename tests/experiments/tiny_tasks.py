"""Tasks that take a moment, for tests; workers import them by name."""

import os
import signal
import time

import keras
import numpy as np

from keraseq import models
from keraseq.experiments import Task


class Sums(Task):
    """Whether three numbers sum up to more than zero."""

    name = "sums"
    title = "Sums: <three> numbers"
    metric = "accuracy"
    metric_label = "accuracy"
    direction = "max"
    builder = staticmethod(models.sequence_classifier)
    options = {"classes": 2, "features": 1, "length": 3}  # noqa: RUF012
    budget = 60
    steps = 24
    batch_size = 8
    learning_rate = 0.01

    def __init__(self):
        rng = np.random.default_rng(0)
        self.parts = {}
        for part, rows in (("train", 64), ("validation", 32), ("test", 32)):
            inputs = rng.normal(size=(rows, 3, 1)).astype("float32")
            self.parts[part] = inputs, (inputs.sum(axis=(1, 2)) > 0).astype("int32")

    @property
    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def training_rows(self, rng, rows):
        at = rng.integers(0, 64, rows)
        return tuple(array[at] for array in self.parts["train"])

    def score(self, model, part):
        inputs, labels = self.parts[part]
        return float(np.mean(model.predict(inputs, batch_size=32, verbose=0).argmax(-1) == labels))

    def further(self, model):
        inputs, labels = (array[:16] for array in self.parts["test"])
        return {"first half": float(np.mean(model.predict(inputs, verbose=0).argmax(-1) == labels))}

    def baselines(self):
        return {"always yes": float(self.parts["test"][1].mean())}

    def facts(self):
        return {"Data": "Random numbers & nothing else."}

    def raw(self):
        return self.parts["train"][0].tobytes()

    def sample(self, model, seed):
        return f"<seed {seed}>"


class Crashing(Sums):
    """The worker dies on the first row of LSTM trials, and GRU trials raise."""

    def build(self, cell, units):
        if cell == "lstm":
            os.kill(os.getpid(), signal.SIGKILL)
        if cell == "gru":
            raise MemoryError("no room\nfor this")
        return super().build(cell, units)


class Diverging(Sums):
    """The loss is NaN after the first look."""

    def training_rows(self, rng, rows):
        inputs, labels = super().training_rows(rng, rows)
        self.drawn = getattr(self, "drawn", 0) + rows
        return (inputs * np.nan if self.drawn > 60 else inputs), labels


class Slow(Sums):
    """Every look takes a while, so that a test can kill the run in the middle."""

    def score(self, model, part):
        time.sleep(float(os.environ.get("SECONDS_OF_A_LOOK", "0.25")))
        return super().score(model, part)


def doubled():
    """A task that a function makes."""
    task = Sums()
    task.steps = 48
    return task
