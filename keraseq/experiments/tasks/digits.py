"""Handwritten digits, read row by row or pixel by pixel."""

from functools import cached_property
from typing import ClassVar

import numpy as np

from keraseq import evaluate, models
from keraseq.data import Part, Parts, load
from keraseq.experiments.tasks.arrays import ArrayTask


class Images(ArrayTask):
    """What tasks share that name the digit on an image; a subclass says how it is read."""

    metric = "accuracy"
    metric_label = "accuracy"
    direction = "max"
    builder = staticmethod(models.sequence_classifier)
    floor = "majority class"
    reading: ClassVar[str]  # a sentence for the report

    def images(self) -> Parts:
        """The images, `(n, height, width)`, and their labels."""
        return load("digits")

    def steps_of(self, images: np.ndarray) -> np.ndarray:
        """Images as sequences `(n, steps, features)`: row by row, or pixel by pixel."""
        return images.reshape(len(images), self.options["length"], -1)

    @cached_property
    def parts(self):
        """Train, validation and test; the same for every cell and seed."""
        parts = self.images()._asdict()
        return {name: Part(self.steps_of(p.inputs), p.targets) for name, p in parts.items()}

    def baselines(self, part="test"):
        train, test = self.parts["train"], self.parts[part]
        return {"majority class": evaluate.majority_class(train.targets, test.targets)}

    def facts(self):
        sizes = [f"{len(part.targets):,}" for part in self.parts.values()]
        return {
            "Split": f"The same for every cell and seed: train {sizes[0]}, validation {sizes[1]}, "
            f"test {sizes[2]} images. "
            f"One image is {1 / len(self.parts['test'].targets):.4f} of the accuracy.",
            "Model": f"{self.reading} One recurrent layer; logits from its last output.",
            "Metric": "Fraction of test images whose digit is named rightly.",
            "Baselines": "The most frequent digit.",
        }


class Digits(Images):
    """Accuracy on a fifth of scikit-learn's digits, as sequences of 8 rows of 8 grey values."""

    name = "digits"
    title = "Digits: scikit-learn's handwritten digits, read as 8 steps of 8 grey values"
    options = {"classes": 10, "features": 8, "length": 8}  # noqa: RUF012
    budget = 5_000
    steps = 800
    learning_rate = 5e-3
    step_cost = 2.0
    reading = "Each row is a step, from the top."

    def baselines(self, part="test"):
        train, test = self.parts["train"], self.parts[part]
        regression = evaluate.logistic_regression(*train, *test)
        return {"logistic regression": regression, **super().baselines(part)}

    def facts(self):
        return {
            "Data": "8 by 8 images of handwritten digits inside scikit-learn, grey values 0 to 1, "
            "split at random with the same mix of classes in each part.",
            **super().facts(),
            "Baselines": "Logistic regression on all 64 grey values at once (standardised), and "
            "the most frequent digit.",
        }


class DigitPixels(Digits):
    """The same digits, a grey value at a time: 64 steps."""

    name = "digits-pixels"
    title = "Digits, pixel by pixel: scikit-learn's handwritten digits, read as 64 grey values"
    options = {"classes": 10, "features": 1, "length": 64}  # noqa: RUF012
    steps = 2_000
    step_cost = 7.0
    reading = "Each grey value is a step, row by row from the top left."


class MNISTRows(Images):
    """Accuracy on MNIST, read row by row: 28 steps."""

    name = "mnist-rows"
    title = "MNIST, row by row: 28 steps of 28 grey values"
    options = {"classes": 10, "features": 28, "length": 28}  # noqa: RUF012
    budget = 20_000
    steps = 3_000
    learning_rate = 3e-3
    step_cost = 10.0
    reading = "Each row is a step, from the top."

    def images(self):
        """MNIST's own test file; validation is the end of its training file."""
        return load("mnist")

    def facts(self):
        about = "MNIST (LeCun et al. 1998), 28 by 28 grey values, 0 to 1."
        return {"Data": about, **super().facts()}


class MNIST(MNISTRows):
    """Accuracy on MNIST, read pixel by pixel: 784 steps (Le, Jaitly & Hinton 2015)."""

    name = "mnist"
    title = "MNIST, pixel by pixel: 784 grey values"
    options = {"classes": 10, "features": 1, "length": 784}  # noqa: RUF012
    steps = 10_000
    learning_rate = 1e-3
    step_cost = 150.0
    reading = "Each grey value is a step, row by row from the top left."


class PermutedMNIST(MNIST):
    """The same pixels in a random order, one for all images."""

    name = "mnist-permuted"
    title = "MNIST, permuted: 784 grey values in an order drawn once"
    reading = "Each grey value is a step; their order was drawn at random, once for all images."

    def steps_of(self, images):
        """Images as sequences of single grey values, in the order drawn."""
        order = np.random.default_rng(2015).permutation(28 * 28)
        return super().steps_of(images)[:, order]
