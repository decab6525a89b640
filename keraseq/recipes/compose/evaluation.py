"""What a model of music says of pieces, beside keys that know no chords, and what it draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import pandas as pd
from pydantic import Field

from keraseq import data, generation
from keraseq.bundle import Bundle
from keraseq.checks import boolean
from keraseq.data import music
from keraseq.evaluate import KeyFrequencies, frame_costs
from keraseq.keras_inside import without_advice_on_tracing
from keraseq.recipes import origin
from keraseq.recipes.compose.settings import Settings

TOGETHER = 2048  # frames that are scored at once, at most, but a piece is at least
BASELINES = {"each key, given itself before": True, "how often each key sounds": False}


@dataclass(frozen=True)
class Again(origin.Again):
    """Arguments of `keraseq.data.piano_rolls` that read the data again."""

    source: str | list[str] | None = None
    step: Annotated[float, Field(gt=0)] | None = None


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    data: origin.Source[Again]
    settings: Settings


def parts_of(bundle: Bundle) -> Stored:
    """What a bundle of this recipe holds beside its model, if it fits it."""
    with bundle.reading(Stored, "model of music") as stored:
        if bundle.model.output_shape[-1] != music.KEYS:
            raise ValueError(f"its model knows other keys than the {music.KEYS} of a piano")
    return stored


def costs_of(model: keras.Model, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What each frame of each piece but the first costs, from its start on, in nats.

    Args:
        model: A model of `keraseq.models.roll_model`.
        pieces: Piano rolls `(frames, 88)`, of at least two frames.
    """
    longest = max(map(len, pieces))
    sets = music.batches(
        pieces, max(1, TOGETHER // longest), following=len(model.inputs) > 1, shuffle=False
    )
    found: list = [None] * len(pieces)
    with without_advice_on_tracing():
        for (inputs, targets), group in zip(sets, sets.groups, strict=True):
            logits = model.predict_on_batch(inputs)
            for row, one in enumerate(group):
                its = slice(1, len(pieces[one // 12]))
                found[one // 12] = frame_costs(logits[row, its], targets[row, its])
    return found


def predict(
    bundle: Bundle, raw=None, *, length: int = 64, temperature: float = 1.0, seed: int = 0
) -> pd.DataFrame:
    """The notes of a piece that the model makes.

    Args:
        bundle: What `train` made.
        raw: What it goes on from: a MIDI file, or a piano roll. Default: nothing.
        length: Frames to draw. Defaults to 64.
        temperature: Below 1 likelier keys, above 1 wilder ones. Defaults to 1.
        seed: Of what is drawn. Defaults to 0.

    Returns:
        A row a note, those of the beginning too: `key` as MIDI counts, its `name`, `start` and
        `frames`; `keraseq.data.music.roll` makes a piano roll of it. Its `attrs` have the `step`,
        the `beginning`, in frames, and the `length` with it.

    Raises:
        BundleError: The bundle is of another recipe, damaged, or its parts do not belong together.
        ValueError: The file cannot be read, or an argument is out of its range.
    """
    stored, beginning = parts_of(bundle), None
    if isinstance(raw, (str, Path)):
        beginning = music.read_midi(raw, stored.settings.step)
    elif raw is not None:
        beginning = music.checked(raw)
    start = None if beginning is None else np.pad(beginning, ((1, 0), (0, 0)))
    drawn = generation.compose(bundle.model, start, length, temperature=temperature, seed=seed)
    whole = drawn if beginning is None else np.concatenate([beginning, drawn])
    found = music.notes(whole)
    found.attrs |= {
        "step": stored.settings.step,
        "beginning": len(whole) - len(drawn),
        "length": len(whole),
    }
    return found


def evaluate(bundle: Bundle, source=None, *, baselines: bool = True) -> pd.DataFrame:
    """What a frame costs under the model, and under keys that know no chords.

    Pieces are scored from their start to their end; the first frame of each is given. Intervals are
    those of a mean over pieces, by the spread between them.

    Args:
        bundle: What `train` made.
        source: Pieces in parts, or MIDI files, all of which are scored. Default: the data that the
            model was trained on.
        baselines: Whether to count keys of the training part; left out where that cannot be read.
            Defaults to `True`.

    Returns:
        A row a part and method: `part`, `method`, `nats_per_frame` with its 95 % interval `low` to
        `high`, and the numbers of `frames` and `pieces`.

    Raises:
        ValueError: The bundle is of another recipe, or the data are not there or have changed.
    """
    stored = parts_of(bundle)
    boolean("baselines", baselines)
    found = stored.data.found(source, {}, data.PianoRolls, data.piano_rolls)
    each = (
        {"whole": music.whole(source, stored.settings.step)}
        if found is None
        else {"validation": found.validation, "test": found.test}
    )
    settings = stored.settings
    methods = {
        f"{settings.cell}, {settings.head} keys": lambda pieces: costs_of(bundle.model, pieces)
    }
    if baselines and found is not None:
        for name, itself in BASELINES.items():
            count = KeyFrequencies(found.train, itself)
            methods[name] = lambda pieces, count=count: [count(piece) for piece in pieces]
    rows = [
        {"part": part, "method": name, **measured(method(pieces))}
        for part, pieces in each.items()
        for name, method in methods.items()
    ]
    return pd.DataFrame(rows)


def measured(costs: list[np.ndarray]) -> dict:
    """The mean cost of a frame, and its interval by the spread between pieces."""
    sizes, sums = np.array([len(one) for one in costs]), np.array([one.sum() for one in costs])
    mean = sums.sum() / sizes.sum()
    spread = float("nan")
    if len(costs) > 1:  # of a ratio of two means
        rest = ((sums - mean * sizes) ** 2).sum() / (len(costs) - 1)
        spread = 1.96 * np.sqrt(rest / len(costs)) / sizes.mean()
    row = {"nats_per_frame": mean, "low": mean - spread, "high": mean + spread}
    return row | {"frames": int(sizes.sum()), "pieces": len(costs)}
