"""How a reader of several words in a row is made of single ones and trained."""

from dataclasses import dataclass

import keras
import numpy as np

from keraseq import data, models
from keraseq.bundle import Score
from keraseq.data.batches import Batches, cut
from keraseq.data.labelled.mel import varied
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest
from keraseq.recipes.transcribe.reading import (
    TOGETHER_IN_TIME,
    error_rate,
    evaluate,
    padded,
    predict,
    read_strings,
    shown,
    steps,
)
from keraseq.recipes.transcribe.settings import Settings
from keraseq.recipes.transcribe.strings import Strings, glued, speakers, string

CHECKED = 200  # strings of the validation part
WORDS = 3  # recordings of the training part for each string of an epoch


@dataclass(frozen=True)
class Prepared:
    """Single words, what turns them into frames, and strings of the validation part."""

    parts: data.LabelledSignals
    encoder: data.SignalEncoder
    check: Strings
    rows: list[np.ndarray]


class Transcribe(Recipe):
    """Recordings of single words -> a reader of strings of them; see `Recipe`.

    Each epoch glues other strings together, each of one speaker where it is known who speaks.
    """

    name, Settings, Data = "transcribe", Settings, data.LabelledSignals
    reads_again = ("path", "label", "sep", "header", "encoding")

    def read(self, source, settings: Settings) -> data.LabelledSignals:
        """A public set by its name, or WAV files."""
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if isinstance(source, str) and source in data.sets.names("labelled signals"):
            return data.load(source, **options)
        return data.labelled_signals(source, **options)

    def known(self, parts: data.LabelledSignals) -> str:
        """What tells the data from others."""
        return digest(parts.sha256, parts.classes, parts.rate)

    def prepare(self, parts: data.LabelledSignals, settings: Settings) -> Prepared:
        """The deviations of the bands, of strings of the training part."""
        heard = glued(parts, "train", CHECKED, settings.most).inputs
        encoder = data.SignalEncoder.of(heard, parts.rate)
        check = glued(parts, "validation", CHECKED, settings.most)
        return Prepared(parts, encoder, check, steps(encoder.rows(check.inputs)))

    def batches(self, prepared: Prepared, part: str, settings: Settings) -> Batches:
        """Batches of strings: of the training part others in each epoch."""
        encoder, most = prepared.encoder, settings.most
        if part == "validation":
            targets, rows = prepared.check.targets, prepared.rows
            order = cut(np.argsort([len(row) for row in rows]), settings.batch_size)
            draw = lambda shuffle: order  # noqa: E731

            def strings_of(chosen):
                return [rows[i] for i in chosen], [targets[i] for i in chosen]

        else:
            words, rate = prepared.parts.train, prepared.parts.rate
            own = speakers(words, prepared.parts.groups)
            count = max(len(words.inputs) // WORDS, 2 * settings.batch_size)
            draw = lambda shuffle: cut(  # noqa: E731
                np.random.randint(2**31, size=count),  # noqa: NPY002
                settings.batch_size,
            )

            def strings_of(seeds):
                rngs = [np.random.default_rng(seed) for seed in seeds]
                strings = [string(words, own, rate, most, rng) for rng in rngs]
                rows = encoder.rows(one for one, _ in strings)
                if settings.varied:
                    rows = [varied(row, rng) for row, rng in zip(rows, rngs, strict=True)]
                return steps(rows), [its for _, its in strings]

        def gather(chosen):
            rows, its = strings_of(chosen)
            # Keras learns from the first two batches which axes vary: these differ in length.
            odd = next((1 - i for i, one in enumerate(sets.groups[:2]) if one is chosen), None)
            table = np.zeros((len(its), most), "int32")
            for row, words in zip(table, its, strict=True):
                row[: len(words)] = np.array(words) + 1  # 0 is no word
            return padded(rows, odd), table

        sets = Batches(draw, gather, shuffle=part == "train")
        return sets

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """A tagger of frames, whose first class is that nothing begins."""
        dropped = settings.recurrent_dropout
        return models.sequence_tagger(
            len(prepared.parts.classes) + 1,
            features=TOGETHER_IN_TIME * len(prepared.encoder),
            cell=settings.cell,
            units=settings.units,
            layers=settings.layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            cell_options={"recurrent_dropout": dropped} if dropped else {},
            name="transcriber",
        )

    def compiling(self, settings: Settings) -> dict:
        """Connectionist temporal classification."""
        return {"loss": keras.losses.CTC(), "metrics": []}

    def best_by(self, settings: Settings) -> tuple[str, str]:
        """The error rate."""
        return "val_error_rate", "min"

    def worth(self, model, prepared: Prepared, settings: Settings) -> dict[str, float]:
        """That error rate, of the validation part's strings."""
        words = [[one.label for one in its] for its in read_strings(model, prepared.rows)]
        return {"error_rate": error_rate(prepared.check.targets, words)}

    def said(self, logs: dict[str, float], prepared) -> str:
        """Loss and error rate."""
        errors = f" error rate {logs['error_rate']:.4f}" if "error_rate" in logs else ""
        return f"loss {logs['loss']:.4f}{errors}"

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a string if every class is as likely in each step: at most so much."""
        longest = max(len(row) for row in prepared.rows)
        return float(longest * np.log(len(prepared.parts.classes) + 1))

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model, what reads recordings, and its error rate."""
        parts, errors = prepared.parts, float(log["val_error_rate"].min())
        stored = {
            "encoder": prepared.encoder.to_dict(),
            "classes": list(parts.classes),
            "data": {"name": parts.name, "sha256": parts.sha256, "options": parts.options},
        }
        return model, stored, Score("validation error rate", errors)

    def title(self, parts: data.LabelledSignals, settings: Settings) -> str:
        """What the model is."""
        return f"{settings.cell} reader of strings of {parts.name}"

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def lines(self, found) -> list[str]:
        """A line a recording: its name and what was heard."""
        return shown(found)
