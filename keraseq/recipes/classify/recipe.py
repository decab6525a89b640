"""How a classifier of texts is made and trained."""

import math
from dataclasses import dataclass

import keras
import numpy as np

from keraseq import data, models
from keraseq import train as training
from keraseq.bundle import Score
from keraseq.data import labelled
from keraseq.data.labelled.table import FILES
from keraseq.evaluate import accuracy, temperature
from keraseq.recipes.classify import pretraining, wide
from keraseq.recipes.classify.baselines import MULTIPLE, logits_of
from keraseq.recipes.classify.evaluation import evaluate, predict
from keraseq.recipes.classify.settings import Settings
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import PRETRAINING, digest


@dataclass(frozen=True)
class Prepared:
    """Labelled texts, what reads them, and their token ids by part."""

    reviews: data.LabelledTexts
    encoder: data.TextEncoder
    rows: dict[str, list[np.ndarray]]


class Classify(Recipe):
    """Texts with a label -> a classifier; see `keraseq.recipes.recipe.Recipe`.

    Epoch and temperature are chosen on validation; the test part is not looked at.

    References:
        Dai & Le 2015, "Semi-supervised Sequence Learning", arXiv:1511.01432.
    """

    name, Settings, Data = "classify", Settings, data.LabelledTexts

    def read(self, source, settings: Settings) -> data.LabelledTexts:
        """The IMDB reviews (also by default), or a table of texts and labels."""
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if source is None or isinstance(source, (str, bytes)) or hasattr(source, "__fspath__"):
            path = "" if source is None else str(source)
            if not path.lower().endswith(FILES):
                for name in ("text", "label", "test"):
                    if name in options:
                        raise ValueError(
                            f"{name}={options[name]!r} is of a table, not of the IMDB reviews"
                        )
                return data.load("imdb", source=None if path in ("", "imdb") else source, **options)
        return data.reviews(source, **options)

    def known(self, reviews: data.LabelledTexts) -> str:
        """What tells texts from others."""
        return digest(
            *(
                (part.inputs, part.targets.tobytes())
                for part in (reviews.train, reviews.validation)
            ),
            *(reviews.classes, reviews.unlabelled),
        )

    def prepare(self, reviews: data.LabelledTexts, settings: Settings) -> Prepared:
        """The vocabulary of the training part, and the token ids."""
        encoder = data.TextEncoder.of(
            reviews.train.inputs,
            settings.level,
            settings.vocabulary_size,
            settings.length,
            settings.keep,
        )
        parts = ("train", "validation")
        return Prepared(
            reviews, encoder, {part: encoder.rows(reviews.part(part).inputs) for part in parts}
        )

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Batches of texts of like length."""
        return labelled.batches(
            prepared.rows[part],
            prepared.reviews.part(part).targets,
            settings.batch_size,
            shuffle=part == "train",
            multiple=MULTIPLE,
        )

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model, without its wide part, which is fitted apart."""
        return classifier(len(prepared.encoder), len(prepared.reviews.classes), settings)

    def begin(self, model, prepared: Prepared, settings: Settings, folder, say) -> None:
        """Pretraining."""
        if settings.pretraining:
            encoder, reviews = prepared.encoder, prepared.reviews
            pretraining.pretrain(model, encoder, reviews, settings, folder / PRETRAINING, say, self)
            training.seed_everything(settings.seed)  # alike whether it was trained just now

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a label if all are alike."""
        return math.log(len(prepared.reviews.classes))

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model with its wide part, what reads raw text, and its calibration."""
        reviews, encoder, rows = prepared.reviews, prepared.encoder, prepared.rows
        if settings.wide:
            model = wide.add(
                model,
                lambda size: classifier(len(encoder), len(reviews.classes), settings, size),
                settings.wide,
                rows,
                {part: reviews.part(part).targets for part in rows},
                say,
            )
        logits, labels = logits_of(model, rows["validation"]), reviews.validation.targets
        right = accuracy(logits, labels)
        say(f"validation accuracy {right:.4f}")
        stored = {
            "encoder": encoder.to_dict(),
            "classes": list(reviews.classes),
            "temperature": temperature(logits, labels),
            "data": {"name": reviews.name, "sha256": reviews.sha256, "options": reviews.options},
        }
        return model, stored, Score("validation accuracy", right)

    def card(self, prepared: Prepared, settings: Settings) -> dict:
        """What a reader must know of the data."""
        reviews = prepared.reviews
        return {
            "title": f"{settings.cell} classifier of {reviews.name}",
            "data": reviews.name,
            "data_sha256": reviews.sha256,
            "split": reviews.split,
        }

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def lines(self, found) -> list[str]:
        """A line a text: class, probability, the beginning of the text."""
        rows = found[["label", "probability", "text"]].itertuples(index=False)
        return [f"{label} {chance:.3f}  {shortened(text)}" for label, chance, text in rows]


def classifier(vocabulary: int, classes: int, settings: Settings, wide: int = 0) -> keras.Model:
    """The model of the settings, with a wide part of so many runs of words."""
    dropped = settings.recurrent_dropout
    return models.sequence_classifier(
        classes,
        vocabulary=vocabulary,
        embedding=settings.embedding,
        cell=settings.cell,
        units=settings.units,
        layers=settings.layers,
        bidirectional=settings.bidirectional,
        dropout=settings.dropout,
        embedding_dropout=settings.embedding_dropout,
        word_dropout=settings.word_dropout,
        pairs=settings.pairs,
        wide=wide,
        pooling=settings.pooling,
        cell_options={"recurrent_dropout": dropped} if dropped else {},
        name="classifier",
    )


def shortened(text: str, length: int = 80) -> str:
    """A text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
