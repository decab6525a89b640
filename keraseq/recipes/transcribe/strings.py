"""Strings of words: recordings of single words, glued together with silence."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keraseq.data.labelled.parts import content
from keraseq.data.labelled.signals import LabelledSignals
from keraseq.data.parts import Part

GAP, EDGE = (0.05, 0.4), (0.1, 0.4)  # seconds of silence between words, and at both ends
HUM = (1e-4, 3e-3)  # how loud silence is


class Strings(NamedTuple):
    """Samples of each string, and which words were glued."""

    inputs: list[np.ndarray]
    targets: list[list[int]]


def speakers(part: Part, groups: Mapping[str, str]) -> list[np.ndarray]:
    """The numbers of the recordings of each group; all of them are one where nobody said."""
    named = np.array([groups.get(content(one), "") for one in part.inputs])
    return [np.flatnonzero(named == one) for one in np.unique(named)]


def glued(
    parts: LabelledSignals, part: str = "test", count: int = 200, most: int = 5, seed: int = 0
) -> Strings:
    """Strings of one to so many words of one speaker, each with silence around it.

    Args:
        parts: Recordings of single words.
        part: Which of them. Defaults to `"test"`.
        count: Number of strings. Defaults to 200.
        most: The most words in one. Defaults to 5.
        seed: Which. Defaults to 0.

    Example:

    >>> import numpy as np
    >>> part = keraseq.data.Part([np.ones(800, "float32")], np.array([0]))
    >>> parts = keraseq.data.LabelledSignals("one", ("a", "b"), part, part, part, rate=8000)
    >>> keraseq.recipes.transcribe.glued(parts, count=3, most=2).targets
    [[0, 0], [0, 0], [0, 0]]
    """
    words, rng = parts.part(part), np.random.default_rng(seed)
    own = speakers(words, parts.groups)
    made = [string(words, own, parts.rate, most, rng) for _ in range(count)]
    return Strings([samples for samples, _ in made], [its for _, its in made])


def string(words: Part, own: Sequence[np.ndarray], rate: int, most: int, rng) -> tuple:
    """One string, and its words."""
    chosen = rng.choice(own[rng.integers(len(own))], rng.integers(1, most + 1))
    hum = np.exp(rng.uniform(*np.log(HUM)))

    def silence(seconds):
        return np.zeros(int(rate * rng.uniform(*seconds)))

    pieces = [silence(EDGE)]
    for one in chosen:
        pieces += [words.inputs[one], silence(GAP)]
    samples = np.concatenate([*pieces, silence(EDGE)])
    samples = samples + hum * rng.standard_normal(len(samples))
    return samples.astype("float32"), words.targets[chosen].tolist()
