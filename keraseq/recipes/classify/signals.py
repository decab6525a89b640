"""Recordings: log-mel frames, and the simple methods for them."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from keraseq import data, models
from keraseq.data import labelled
from keraseq.data.labelled.mel import LONGER, squeezed, stretched, varied
from keraseq.data.labelled.parts import labels_of
from keraseq.data.labelled.signals import heard, is_recording, samples_of
from keraseq.data.labelled.table import FILES, OF_FILES, table
from keraseq.evaluate import accuracy, log_softmax
from keraseq.files import checked_json
from keraseq.recipes.classify.baselines import multiple_of
from keraseq.recipes.classify.kinds import Kind
from keraseq.recipes.classify.settings import Settings

PENALTIES = (0.01, 0.1, 1.0, 10.0)  # C of the logistic regression, chosen on validation
VOICES = (0.9, 1.0, 1.1)  # a recording is heard as of a shorter throat, as it is, of a longer one
SQUEEZED = 20  # frames of a spectrogram whose neighbours are sought


@dataclass(frozen=True)
class Stored:
    """What `keraseq.data.SignalEncoder.to_dict` writes."""

    rate: int
    deviation: list[float]
    words: bool


class Signals(Kind):
    """WAV files; see `Kind`. Padding is `NaN`, which the model masks."""

    name, Data, column, fill = "signals", data.LabelledSignals, "recording", math.nan

    def takes(self, source, settings: Settings) -> bool:
        """WAV files, folders of them, and tables that name them."""
        if settings.path or settings.group or settings.held_out or settings.rate:
            return True
        if is_recording(source):
            return True
        if isinstance(source, (str, Path)):
            folder = Path(source)
            if folder.is_dir():
                return any(is_recording(one) for at in ("*", "*/*") for one in folder.glob(at))
            if not str(source).lower().endswith(FILES):
                return False
        elif not hasattr(source, "columns"):
            return False
        frame = table(source, **{name: getattr(settings, name) for name in OF_FILES}).frame
        return "path" in frame and len(frame) > 0 and is_recording(str(frame["path"].iloc[0]))

    def read(self, source, **options) -> data.LabelledSignals:
        """A folder, or a table of paths."""
        return data.labelled_signals(source, **options)

    def whole(self, source, encoder, options: dict) -> tuple[list, list, str]:
        """All recordings of a source."""
        options = {k: options[k] for k in ("path", "label", *OF_FILES) if k in options}
        found = heard(source, **options)
        return found.at(encoder.rate), labels_of(found), found.name

    def raw(self, given, encoder, options: dict) -> tuple[list, list[str]]:
        """WAV files, folders and tables by their paths; or samples, with their rate or at its."""
        samples, names = samples_of(given, encoder.rate, options)
        return encoder.rows(samples), names

    def encoder(self, parts: data.LabelledSignals, settings: Settings) -> data.SignalEncoder:
        """The deviations of the bands of the training part."""
        return data.SignalEncoder.of(parts.train.inputs, parts.rate, words=True)

    def decoded(self, stored: dict) -> data.SignalEncoder:
        """The rate and the deviations that were kept."""
        return data.SignalEncoder(**asdict(checked_json(json.dumps(stored), Stored)))

    def batches(self, rows, labels=None, settings=None, weights=None, shuffle=False):
        """As for every kind; in training another voice says them in each epoch."""
        if not (shuffle and settings.varied):
            return super().batches(rows, labels, settings, weights, shuffle)
        how = {"weights": weights, "shuffle": True, "fill": self.fill}
        how |= {"change": varied, "longer": LONGER}
        return labelled.batches(
            rows, labels, settings.batch_size, multiple=multiple_of(rows), **how
        )

    def build(self, encoder, classes: int, settings: Settings) -> keras.Model:
        """The model."""
        return models.sequence_classifier(
            classes,
            features=len(encoder),
            embedding_dropout=0.0,
            masked=True,
            **settings.tower(),
        )

    def logits(self, model, rows: Sequence[np.ndarray]) -> np.ndarray:
        """The mean log-probabilities of each recording in several voices."""
        voices = ([stretched(row, one) for row in rows] for one in VOICES)
        return np.mean([log_softmax(super(Signals, self).logits(model, its)) for its in voices], 0)

    def methods(self, model, name: str, rows: Sequence[np.ndarray]) -> dict:
        """The model as it predicts, and on the recordings as they are."""
        return {
            name: self.logits(model, rows),
            f"{name}, in one voice": super().logits(model, rows),
        }

    def baselines(self, parts: data.LabelledSignals, encoder, report, leave_out) -> Iterator[tuple]:
        """Spectra without their order, and the nearest neighbour of a squeezed spectrogram."""
        labels = {name: parts.part(name).targets for name in ("train", "validation")}
        report("average spectrum")
        seen, check = (averages(parts.part(name).inputs, encoder) for name in labels)
        yield (
            "average log-mel spectrum, nearest neighbour",
            lambda inputs: nearest(averages(inputs, encoder), seen, labels["train"], parts.classes),
        )
        logistic = regression(seen, labels["train"], check, labels["validation"])
        yield (
            "average log-mel spectrum, logistic regression",
            lambda inputs: logistic.predict_proba(averages(inputs, encoder)),
        )
        report("nearest neighbour")
        known = squares(encoder.rows(parts.train.inputs))
        yield (
            f"spectrogram of {SQUEEZED} frames, nearest neighbour",
            lambda inputs: nearest(
                squares(encoder.rows(inputs)), known, labels["train"], parts.classes
            ),
        )


def averages(recordings: Sequence[np.ndarray], encoder) -> np.ndarray:
    """The mean over time of each log-mel spectrogram."""
    return np.array([encoder.spectrogram(one).mean(0) for one in recordings])


def squares(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Each spectrogram in `SQUEEZED` frames, however long it is."""
    return np.array([squeezed(row, np.linspace(0, len(row) - 1, SQUEEZED)).ravel() for row in rows])


def nearest(found: np.ndarray, known: np.ndarray, labels: np.ndarray, classes) -> np.ndarray:
    """The class of the nearest of known points, as probabilities that are almost sure."""
    squared = (known**2).sum(1) - 2 * found @ known.T
    named = labels[squared.argmin(1)]
    sure = np.full((len(found), len(classes)), 0.1 / (len(classes) - 1))
    sure[np.arange(len(found)), named] = 0.9
    return sure


def regression(seen, labels, check, check_labels):
    """scikit-learn's logistic regression, with the penalty that is best on validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = [
        make_pipeline(StandardScaler(), LogisticRegression(C=one, max_iter=2000)).fit(seen, labels)
        for one in PENALTIES
    ]
    return max(fitted, key=lambda one: accuracy(one.predict_proba(check), check_labels))
