"""What a reader of strings hears in a recording, and how often it is wrong."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from keraseq import data
from keraseq.bundle import Bundle
from keraseq.checks import boolean
from keraseq.data.labelled.mel import HOP, squeezed
from keraseq.data.labelled.signals import samples_of
from keraseq.evaluate import log_softmax
from keraseq.keras_inside import without_advice_on_tracing
from keraseq.recipes import origin
from keraseq.recipes.transcribe.settings import Settings
from keraseq.recipes.transcribe.strings import Strings, glued

STRINGS = 200  # of a part that are measured
TOGETHER = 32  # strings in a batch
TOGETHER_IN_TIME = 2  # frames side by side in a step: half the steps, of 30 ms
STEP = TOGETHER_IN_TIME * HOP
MULTIPLE = 16  # of the steps: JAX compiles anew for each length
SQUEEZED = 20  # frames of a piece whose nearest word is sought
PAUSE, QUIET = 0.05, 0.15  # seconds between pieces; of the range from hum to voice


@dataclass(frozen=True)
class Again(origin.Again):
    """Arguments that read the data again: of `data.load` or `data.labelled_signals`."""

    path: str | None = None
    label: str | None = None
    group: str | None = None
    held_out: str | None = None
    rate: int | None = None


@dataclass(frozen=True)
class Encoder:
    """What `keraseq.data.SignalEncoder.to_dict` writes."""

    rate: int
    deviation: list[float]
    words: bool


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    encoder: Encoder
    classes: list[str]
    data: origin.Source[Again]
    settings: Settings


class Parts(NamedTuple):
    """What a bundle holds beside its model."""

    encoder: data.SignalEncoder
    classes: list[str]
    data: origin.Source
    settings: Settings


class Found(NamedTuple):
    """A word: the number of its class, the steps that name it, how likely the surest is."""

    label: int
    start: int
    end: int
    probability: float


def parts_of(bundle: Bundle) -> Parts:
    """What a bundle holds beside its model, if it fits it."""
    with bundle.reading(Stored, "reader of strings of this recipe") as stored:
        encoder = data.SignalEncoder(**asdict(stored.encoder))
        width = TOGETHER_IN_TIME * len(encoder)
        wanted = ((None, None, width), (None, None, len(stored.classes) + 1))
        if (bundle.model.input_shape, bundle.model.output_shape) != wanted:
            raise ValueError(
                f"it names {len(stored.classes)} classes and {len(encoder)} bands, its model has "
                f"shapes {bundle.model.input_shape} and {bundle.model.output_shape}: they do not "
                "belong together"
            )
    return Parts(encoder, stored.classes, stored.data, stored.settings)


def steps(rows: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Frames of a string as steps of several side by side."""
    found = []
    for row in rows:
        row = np.pad(row, ((0, -len(row) % TOGETHER_IN_TIME), (0, 0)), "edge")
        found.append(row.reshape(-1, TOGETHER_IN_TIME * row.shape[1]))
    return found


def padded(rows: Sequence[np.ndarray], odd: int | None = None) -> np.ndarray:
    """Strings of steps side by side: each goes on with its last one, which is silence.

    `odd` says whether the length is an odd multiple (1) or an even one (0). Default: as it comes.
    """
    count = -(-max(map(len, rows)) // MULTIPLE)
    count += odd is not None and count % 2 != odd
    return np.stack(
        [np.pad(row, ((0, count * MULTIPLE - len(row)), (0, 0)), "edge") for row in rows]
    )


def read_strings(model: keras.Model, rows: Sequence[np.ndarray]) -> list[list[Found]]:
    """The words of each string, by the likeliest class of each step."""
    found: list = [None] * len(rows)
    order = np.argsort([len(row) for row in rows], kind="stable")
    with without_advice_on_tracing():
        for at in range(0, len(rows), TOGETHER):
            chosen = order[at : at + TOGETHER]
            logits = model.predict_on_batch(padded([rows[i] for i in chosen]))
            for i, its in zip(chosen, logits, strict=True):
                found[i] = words_of(log_softmax(its[: len(rows[i])]))
    return found


def words_of(logs: np.ndarray) -> list[Found]:
    """Runs of steps with the same likeliest class, without those of none (0): greedy CTC.

    Args:
        logs: Log-probabilities `(steps, 1 + classes)`.
    """
    best = logs.argmax(1)
    edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
    return [
        Found(int(best[start]) - 1, int(start), int(end), float(np.exp(logs[start:end].max())))
        for start, end in pairwise(edges)
        if best[start]
    ]


def distance(one: Sequence, other: Sequence) -> int:
    """How many are to be put in, left out or changed to make one sequence of the other."""
    before = np.arange(len(other) + 1)
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
        before = row
    return int(before[-1])


def error_rate(truth: Sequence[Sequence], found: Sequence[Sequence]) -> float:
    """Edits to all strings over their words (Levenshtein)."""
    wrong = sum(distance(*pair) for pair in zip(truth, found, strict=True))
    return wrong / max(1, sum(map(len, truth)))


def predict(bundle: Bundle, raw, **reading) -> pd.DataFrame:
    """Which words are said in recordings, and when.

    Args:
        bundle: What `train` made.
        raw: WAV files, folders or tables by their paths, one or several; or arrays of samples at
            the model's rate, or pairs of samples and their rate.
        **reading: How a table is read, where it is not as in training.

    Returns:
        A row a word: `recording`; `label`; `start` and `end`, seconds between which the model names
        it: where it is sure, not how long the word is; `probability`, of its surest step, not
        calibrated. `attrs["recordings"]` names all, also those in which nothing was heard.
    """
    parts = parts_of(bundle)
    samples, names = samples_of(raw, parts.encoder.rate, {**parts.data.known, **reading})
    strings = read_strings(bundle.model, steps(parts.encoder.rows(samples)))
    columns = ["recording", "label", "start", "end", "probability"]
    frame = pd.DataFrame(
        [
            (name, parts.classes[one.label], one.start * STEP, one.end * STEP, one.probability)
            for name, its in zip(names, strings, strict=True)
            for one in its
        ],
        columns=columns,
    )
    frame.attrs["recordings"] = names
    return frame


def shown(found: pd.DataFrame) -> list[str]:
    """A line a recording: its name and what was heard, with the times."""
    lines = []
    for name in found.attrs["recordings"]:
        own = found[found.recording == name]
        words = [
            f"{label} ({start:.2f} s)" for label, start in zip(own.label, own.start, strict=True)
        ]
        lines.append(f"{name}: {' '.join(words) or 'nothing'}")
    return lines


def evaluate(
    bundle: Bundle,
    source=None,
    *,
    baselines: bool = True,
    report: Callable[[str], None] | None = None,
    **reading,
) -> pd.DataFrame:
    """How often the model is wrong on strings that are glued of single words, the same each time.

    Args:
        bundle: What `train` made.
        source: Recordings in parts, or as in training. Default: the data of the training.
        baselines: Whether to measure a simple method too: cut at pauses, and of each piece the
            nearest word. Defaults to `True`.
        report: Gets a line before it. Default: none.
        **reading: How the source is read, where it is not as in training.

    Returns:
        A row a part and method: `part`, `method`; `error_rate`, edits over words; `right`, the
        fraction of whole strings; `strings`, `words`, their numbers.

    Raises:
        ValueError: The bundle is of another recipe, the data are not there or have changed, or they
            have other classes.
    """
    parts = parts_of(bundle)
    boolean("baselines", baselines)
    found = parts.data.found(source, reading, data.LabelledSignals, data.labelled_signals)
    if found is None:
        found = data.labelled_signals(source, **reading)
    if list(found.classes) != parts.classes:
        raise ValueError(
            f"the data have the classes {', '.join(found.classes)}; the model knows "
            f"{', '.join(parts.classes)}"
        )
    name = f"{'bidirectional ' * parts.settings.bidirectional}{parts.settings.cell}, CTC"
    methods = {name: lambda rows: words_in(read_strings(bundle.model, steps(rows)))}
    if baselines:
        (report or (lambda line: None))("nearest words")
        methods["cut at pauses, nearest word"] = nearest_words(found, parts.encoder)
    rows = []
    for part in ("test", "validation"):
        strings = glued(found, part, STRINGS, parts.settings.most)
        heard_in = parts.encoder.rows(strings.inputs)
        rows += [
            measured(part, method, strings, read(heard_in)) for method, read in methods.items()
        ]
    return pd.DataFrame(rows)


def words_in(found: list[list[Found]]) -> list[list[int]]:
    """The words alone."""
    return [[one.label for one in its] for its in found]


def measured(part: str, method: str, strings: Strings, found: list[list[int]]) -> dict:
    """A row of the table."""
    right = [a == b for a, b in zip(strings.targets, found, strict=True)]
    return {
        "part": part,
        "method": method,
        "error_rate": error_rate(strings.targets, found),
        "right": float(np.mean(right)),
        "strings": len(right),
        "words": sum(map(len, strings.targets)),
    }


def nearest_words(parts: data.LabelledSignals, encoder) -> Callable:
    """Strings cut where they are quiet; each piece is the word of the nearest recording."""

    def square(row):
        return squeezed(row - row.mean(0), np.linspace(0, len(row) - 1, SQUEEZED)).ravel()

    known = np.array([square(row) for row in encoder.rows(parts.train.inputs)])
    pause = round(PAUSE / HOP)

    def pieces(row):
        level = row.mean(1)
        low, high = np.quantile(level, (0.05, 0.95))
        loud = level > low + QUIET * (high - low)
        at = np.flatnonzero(loud)
        if not len(at):
            return []
        return [
            one for one in np.split(at, np.flatnonzero(np.diff(at) > pause) + 1) if len(one) > 4
        ]

    def read(rows):
        found = []
        for row in rows:
            squares = [square(row[one[0] : one[-1] + 1]) for one in pieces(row)]
            gaps = [((known - one) ** 2).sum(1).argmin() for one in squares]
            found.append([int(parts.train.targets[i]) for i in gaps])
        return found

    return read
