"""How a translator is made of pairs of sentences and trained."""

import math
from dataclasses import dataclass, replace

import keras
import numpy as np

from keraseq import data, losses, models
from keraseq import train as training
from keraseq.bundle import Score
from keraseq.data.parts import PARTS
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest
from keraseq.recipes.translate.evaluation import (
    MEASURES,
    evaluate,
    in_order,
    predict,
    translated,
)
from keraseq.recipes.translate.settings import OF_LEVEL, Settings


@dataclass(frozen=True)
class Prepared:
    """Pairs, what reads and writes sentences, and rows of ids by part, none too long."""

    parts: data.Pairs
    encoder: data.SentenceEncoder
    rows: dict[str, tuple[list[np.ndarray], list[np.ndarray]]]
    too_long: int


class Translate(Recipe):
    """Pairs of sentences -> a translator; see `keraseq.recipes.recipe.Recipe`.

    The best epoch is that of the best greedy translations of validation sentences, not of the
    lowest loss; the test part is not looked at.
    """

    name, Settings, Data = "translate", Settings, data.Pairs
    reads_again = ("source_column", "target_column", "reverse", "sep", "header", "encoding")

    def read(self, source, settings: Settings) -> data.Pairs:
        """A public set by its name, or files, a table, a list."""
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if isinstance(source, str) and source in data.sets.SETS:
            return data.load(source, **options)
        return data.sentence_pairs(source, **options)

    def completed(self, pairs: data.Pairs, settings: Settings) -> Settings:
        """The settings, with those of the level where nothing is given."""
        missing = {
            k: v for k, v in OF_LEVEL[settings.level].items() if getattr(settings, k) is None
        }
        return replace(settings, **missing)

    def known(self, pairs: data.Pairs) -> str:
        """What tells pairs from others."""
        return digest(pairs.train, pairs.validation)

    def prepare(self, pairs: data.Pairs, settings: Settings) -> Prepared:
        """The vocabulary of the training part, and the rows."""
        sentences = [*pairs.train.inputs, *pairs.train.targets]
        options = settings.level, settings.vocabulary_size, settings.length
        encoder = data.SentenceEncoder.of(sentences, *options)
        rows, too_long = {}, 0
        for part in PARTS[:2]:
            sides = [encoder.rows(side) for side in pairs.part(part)]
            kept = [
                at
                for at, both in enumerate(zip(*sides, strict=True))
                if max(map(len, both)) <= settings.length + 1
            ]
            if not kept:
                raise ValueError(
                    f"{pairs.name}: no {part} pair has at most length={settings.length} tokens"
                )
            too_long += len(sides[0]) - len(kept)
            sources, targets = ([side[at] for at in kept] for side in sides)
            rows[part] = [in_order(row, settings) for row in sources], targets
        return Prepared(pairs, encoder, rows, too_long)

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Batches of pairs of like length."""
        return data.pairs.batches(
            *prepared.rows[part],
            settings.batch_size,
            start=prepared.encoder.start,
            shuffle=part == "train",
            multiple=16 if keras.backend.backend() == "jax" else 4,  # it compiles for every length
        )

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model of the settings."""
        return models.encoder_decoder(
            len(prepared.encoder),
            len(prepared.encoder),
            embedding=settings.embedding,
            cell=settings.cell,
            units=settings.units,
            layers=settings.layers,
            bidirectional=settings.bidirectional,
            encoder_units=settings.encoder_units,
            attention=None if settings.attention == "none" else settings.attention,
            input_feeding=settings.input_feeding,
            tie_embeddings=settings.tie_embeddings,
            dropout=settings.dropout,
            scheduled_sampling=training and settings.scheduled_sampling > 0,
            cell_options={"recurrent_dropout": settings.recurrent_dropout},
            name="translator",
        )

    def begin(self, model, prepared: Prepared, settings: Settings, folder, say) -> None:
        """Says what is left out."""
        if prepared.too_long:
            say(f"{prepared.too_long:,} pairs of more than {settings.length} tokens are left out")

    def compiling(self, settings: Settings) -> dict:
        """The cross-entropy of smoothed labels; padded steps are left out."""
        return {"loss": losses.CrossEntropy(settings.label_smoothing), "metrics": []}

    def callbacks(self, settings: Settings) -> list:
        """The rate at which the decoder reads its own words."""
        if not settings.scheduled_sampling:
            return []
        last, decay = settings.scheduled_sampling, settings.sampling_decay
        return [training.SamplingSchedule(last, settings.epochs, decay)]

    def best_by(self, settings: Settings) -> tuple[str, str]:
        """The measure of translations."""
        return f"val_{settings.measure}", "max"

    def worth(self, model, prepared: Prepared, settings: Settings) -> dict[str, float]:
        """The measure of translations, by which the best epoch is chosen."""
        some = slice(settings.measured_sentences)
        sources, references = (side[some] for side in prepared.parts.validation)
        found = translated(model, prepared.encoder, settings, sources)
        return {settings.measure: MEASURES[settings.measure](found.translation, references)}

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a token if all are alike."""
        return math.log(len(prepared.encoder))

    def said(self, logs: dict, prepared: Prepared) -> str:
        """The cost of a token, and BLEU."""
        scores = [f", {name} {logs[name]:.2f}" for name in MEASURES if name in logs]
        return f"{logs['loss']:.4f} nats per token{''.join(scores)}"

    def sample(self, model: keras.Model, prepared: Prepared, settings: Settings) -> str:
        """A sentence of the validation part, and what the model makes of it."""
        source = prepared.parts.validation.inputs[0]
        [written] = translated(model, prepared.encoder, settings, [source]).translation
        return f"{source}\n{written}"

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model, what reads and writes sentences, and its BLEU."""
        pairs = prepared.parts
        stored = {
            "encoder": prepared.encoder.to_dict(),
            "languages": list(pairs.languages),
            "data": {"name": pairs.name, "sha256": pairs.sha256, "options": pairs.options},
        }
        count = min(settings.measured_sentences, len(pairs.validation.inputs))
        measured = f"{settings.measure} of the first {count:,} validation sentences, greedy"
        return model, stored, Score(measured, max(log[f"val_{settings.measure}"]))

    def title(self, pairs: data.Pairs, settings: Settings) -> str:
        """What the model is."""
        return f"Translator from {pairs.languages[0]} to {pairs.languages[1]}, of {pairs.name}"

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def lines(self, found) -> list[str]:
        """The translations, one a line."""
        return found.translation.tolist()

    def verdict(self, bundle, table) -> str:
        """How BLEU was computed."""
        return f"BLEU and chrF by sacreBLEU, {table.attrs['signature']}"
