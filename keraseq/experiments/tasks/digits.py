"""Handwritten digits read row by row."""

from functools import cached_property

import keras
import numpy as np

from keraseq import evaluate, models
from keraseq.data import digits
from keraseq.experiments.tasks.task import Task, reshuffled


class Digits(Task):
    """Accuracy on a fifth of scikit-learn's digits, as sequences of 8 rows of 8 grey values."""

    name = "digits"
    title = "Digits: scikit-learn's handwritten digits, read as 8 steps of 8 grey values"
    metric = "accuracy"
    metric_label = "accuracy"
    direction = "max"
    builder = staticmethod(models.sequence_classifier)
    options = {"classes": 10, "features": 8, "length": 8}  # noqa: RUF012
    budget = 5_000
    steps = 1_500
    learning_rate = 5e-3
    step_cost = 2.0

    @cached_property
    def parts(self) -> digits.Parts:
        """Train, validation and test; the same for every cell and seed."""
        return digits.load(validation=0.2, test=0.2, seed=0)

    @property
    def loss(self):
        """Cross-entropy, in nats."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def training_rows(self, rng, rows):
        """Every image of the training part once, in random order, then all again."""
        train = self.parts.train
        at = reshuffled(rng, len(train.labels), rows)
        return train.inputs[at], train.labels[at]

    def score(self, model, part):
        """Fraction of images whose class is named rightly."""
        inputs, labels = getattr(self.parts, part)
        return evaluate.accuracy(model.predict(inputs, batch_size=512, verbose=0), labels)

    def baselines(self):
        """What does not read in steps."""
        train, test = self.parts.train, self.parts.test
        return {
            "logistic regression": evaluate.logistic_regression(*train, *test),
            "majority class": evaluate.majority_class(train.labels, test.labels),
        }

    def facts(self):
        """For the report."""
        sizes = [f"{len(part.labels):,}" for part in self.parts]
        return {
            "Data": "8 by 8 images of handwritten digits inside scikit-learn, grey values 0 to 1.",
            "Split": "At random, with the same mix of classes in each part, the same for every "
            f"cell and seed: train {sizes[0]}, validation {sizes[1]}, test {sizes[2]} images. "
            f"One image is {1 / len(self.parts.test.labels):.4f} of the accuracy.",
            "Model": "Each row is a step, from the top; one recurrent layer; logits from its last "
            "output.",
            "Metric": "Fraction of test images whose digit is named rightly.",
            "Baselines": "Logistic regression on all 64 grey values at once (standardised), and "
            "the most frequent digit.",
        }

    def raw(self):
        """Images and labels of all parts."""
        return b"".join(
            np.ascontiguousarray(array).tobytes() for part in self.parts for array in part
        )
