"""What a classifier says of raw input, and what it is worth beside simple methods."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from keraseq import data
from keraseq.bundle import Bundle
from keraseq.checks import boolean
from keraseq.data.labelled.parts import SeriesColumns, numbered
from keraseq.evaluate import (
    accuracy,
    accuracy_interval,
    balanced_accuracy,
    calibration_error,
    macro_f1,
    negative_log_likelihood,
    probabilities,
)
from keraseq.recipes import origin
from keraseq.recipes.classify import kinds
from keraseq.recipes.classify.baselines import most_frequent
from keraseq.recipes.classify.settings import Settings


@dataclass(frozen=True)
class Again(origin.Again):
    """Arguments that read the data again: of `data.load`, `data.reviews` or `labelled_series`."""

    text: str | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None
    channels: str | list[str] | None = None
    decimal: str | None = None
    overlap: str | None = None
    path: str | None = None
    group: str | None = None
    held_out: str | None = None
    rate: int | None = None
    sequence: str | None = None
    fold: int | None = None
    folds: int | None = None


@dataclass(frozen=True)
class Source(origin.Source[Again]):
    """The data of the training."""

    options: Again
    columns: SeriesColumns | None = None  # of the training table


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    encoder: dict[str, Any]
    classes: list[str]
    temperature: Annotated[float, Field(gt=0)]
    data: Source
    settings: Settings


def predict(bundle: Bundle, raw, **reading) -> pd.DataFrame:
    """The class of each example, and how likely it is.

    Args:
        bundle: What `train` made.
        raw: Of texts a list of raw texts, `str` or UTF-8 bytes, of any length, also none. Of series
            a file, a frame or arrays, as `keraseq.data.labelled_series` takes them, with or without
            labels; a table has to have the columns of the training table. Of recordings paths of
            WAV files, folders or tables, or samples at the model's rate, or pairs of samples and
            their rate. Of DNA letters, or paths of FASTA files, folders or tables.
        **reading: How series are read, where it is not as in training: `id`, `time`, `channels`,
            `label`.

    Returns:
        A row an example: `text`, or in `series`, `recording` or `sequence` its name or number;
        `label`, its `probability`, and the probability of each class in a column of its name in
        brackets, as `P(pos)`. They are calibrated: divided by the temperature that fits the
        validation part best.

    Raises:
        BundleError: The bundle is of another recipe, damaged, or its parts do not belong together.
        ValueError: A text is no UTF-8, or series cannot be read, or have other columns or channels.
        TypeError: One is no text.
    """
    parts = parts_of(bundle)
    rows, shown = parts.kind.raw(raw, parts.encoder, parts.reading(reading))
    classes = parts.classes
    logits = np.zeros((0, len(classes)))
    if rows:
        logits = parts.kind.logits(bundle.model, rows)
    chances = probabilities(logits, parts.temperature)
    frame = pd.DataFrame(
        {
            parts.kind.column: shown,
            "label": [classes[i] for i in chances.argmax(-1)],
            "probability": chances.max(-1) if rows else [],
        }
    )
    return frame.assign(**{f"P({one})": chances[:, i] for i, one in enumerate(classes)})


def evaluate(
    bundle: Bundle,
    source=None,
    *,
    baselines: bool = True,
    report: Callable[[str], None] | None = None,
    **reading,
) -> pd.DataFrame:
    """The model on raw data, and simple methods that learned from the same training part.

    Args:
        bundle: What `train` made.
        source: Examples in parts; or raw examples with their labels, as in training, all of which
            are scored, unless they are those that the model was trained on; or the archive or
            folder of the IMDB reviews. Default: the data that the model was trained on.
        baselines: Whether to train the simple methods. All name the most frequent class. Texts:
            a mean of word vectors, logistic regression on TF-IDF of words and pairs; it takes a few
            minutes on all IMDB reviews. Series: logistic regression on summaries, MiniRocket where
            aeon is installed, the nearest neighbour under dynamic time warping. Recordings: the
            average spectrum, and the nearest neighbour of squeezed spectrograms. DNA: naive Bayes
            of letters, of words of six, and by position. They are left out where the training part
            cannot be read. Defaults to `True`.
        report: Gets a line before each simple method. Default: none.
        **reading: How the source is read, where it is not as in training.

    Returns:
        A row a part and method, the model first, then its recurrent and its wide part alone, where
        it has both: `part`, `method`; `accuracy` with its 95 % interval `low` to `high`;
        `examples`, their number; `balanced_accuracy`, `macro_f1`, `nats` (mean negative
        log-likelihood) and `calibration_error`; of DNA `mcc`, and of two classes `sensitivity` and
        `specificity`, the second class being the one that is looked for. `attrs["left_out"]` says
        which simple methods are missing, and why.

    Raises:
        ValueError: The bundle is of another recipe, the data are not there or have changed, or they
            have classes that the model does not know.
    """
    parts = parts_of(bundle)
    boolean("baselines", baselines)
    found, alone = scored(parts, source, reading)
    each = {"whole": alone}
    if found is not None:
        each = {name: found.part(name) for name in ("validation", "test")}
    rows, left_out = [], []
    for name, one in each.items():
        inputs = parts.encoder.rows(one.inputs)
        by_method = parts.kind.methods(bundle.model, parts.kind.called(parts.settings), inputs)
        for method, logits in by_method.items():
            chances = probabilities(logits, parts.temperature)
            rows.append(measured(name, method, chances, one) | parts.kind.more(None, chances, one))
    if baselines and found is not None:
        say = report or (lambda line: None)
        simple = parts.kind.baselines(found, parts.encoder, say, left_out.append)
        for method, chances_of in (most_frequent(found), *simple):
            for name, one in each.items():
                chances = chances_of(one.inputs)
                more = parts.kind.more(chances_of, chances, one)
                rows.append(measured(name, method, chances, one) | more)
    frame = pd.DataFrame(rows)
    frame = frame.sort_values("part", kind="stable", ascending=False, ignore_index=True)
    frame.attrs["left_out"] = left_out
    return frame


class Parts(NamedTuple):
    """What a bundle of this recipe holds beside its model."""

    encoder: Any
    classes: list[str]
    temperature: float
    data: Source
    settings: Settings
    kind: kinds.Kind

    def reading(self, given: dict) -> dict:
        """How other data are read: as in training, but for what is given."""
        return {**self.data.known, "columns": self.data.columns, **given}


def parts_of(bundle: Bundle) -> Parts:
    """What a bundle holds beside its model, if it fits it."""
    with bundle.reading(Stored, "classifier of this recipe") as stored:
        kind = kinds.get(stored.settings.kind or "texts")
        kinds.check_complete(stored.settings)
        encoder, model = kind.decoded(stored.encoder), bundle.model
        kind.check(model, encoder)
        if model.output_shape != (None, len(stored.classes)):
            raise ValueError(
                f"it names {len(stored.classes)} classes and its model has "
                f"{model.output_shape[-1]}: they do not belong together"
            )
    others = (stored.classes, stored.temperature, stored.data, stored.settings)
    return Parts(encoder, *others, kind)


def scored(parts: Parts, source, reading: dict):
    """`(parts, None)`, two of which are scored, or `(None, part)`, which is scored whole."""
    kind, trained = parts.kind, parts.data
    if isinstance(source, data.Labelled) and not isinstance(source, kind.Data):
        raise ValueError(f"the model reads {kind.name}; received {source.what}")
    if trained.name in data.sets.SETS and kind.archive(source):
        found = data.load(trained.name, **trained.known, source=source)
    else:
        found = trained.found(source, reading, kind.Data, kind.read)
    if found is None:
        inputs, labels, name = kind.whole(source, parts.encoder, parts.reading(reading))
        return None, numbered(inputs, list(map(str, labels)), parts.classes, name)
    if list(found.classes) != parts.classes:
        raise ValueError(
            f"the data have the classes {', '.join(found.classes)}; the model knows "
            f"{', '.join(parts.classes)}"
        )
    return found, None


def measured(name: str, method: str, chances: np.ndarray, part: data.Part) -> dict:
    """A row of the table."""
    labels, logs = part.targets, np.log(np.maximum(chances, 1e-12))
    right = accuracy(chances, labels)
    low, high = accuracy_interval(right, len(labels))
    return {
        "part": name,
        "method": method,
        "accuracy": right,
        "low": low,
        "high": high,
        "examples": len(labels),
        "balanced_accuracy": balanced_accuracy(chances, labels),
        "macro_f1": macro_f1(chances, labels),
        "nats": float(negative_log_likelihood(logs, labels).mean()),
        "calibration_error": calibration_error(chances, labels),
    }
