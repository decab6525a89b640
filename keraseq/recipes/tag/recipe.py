"""How a tagger is made of sentences and trained."""

import math
import sys
from dataclasses import dataclass, replace

import keras
import numpy as np

from keraseq import data, models
from keraseq.bundle import Score
from keraseq.data import tagged
from keraseq.data.tagged.encoder import plain
from keraseq.data.tagged.schemes import OUTSIDE
from keraseq.evaluate import entity_counts, entity_f1
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest
from keraseq.recipes.tag.evaluation import MULTIPLE, decoded, evaluate, predict
from keraseq.recipes.tag.settings import NONE, Settings

WIDTH = 100  # of random vectors
SHIFT = 0.5  # steps in which the score of no entity is lowered


@dataclass(frozen=True)
class Prepared:
    """Sentences, what turns them into numbers, their rows by part, and pretrained vectors."""

    parts: data.TaggedSentences
    encoder: data.WordEncoder
    rows: dict[str, list[np.ndarray]]
    vectors: dict[str, np.ndarray]

    def fixed(self, settings: Settings) -> int:
        """How many words, the last ones, have vectors that stay as they are."""
        tuned = sum(word in self.vectors for word in self.encoder.words)
        return len(self.encoder.more) + (0 if settings.tune_vectors else tuned)


def worth(model: keras.Model, prepared: Prepared) -> dict[str, float]:
    """Accuracy of words on the validation part, and F1 of its entities."""
    parts, found = prepared.parts, decoded(model, prepared.rows["validation"])
    pairs = [(true, its) for true, (its, _) in zip(parts.validation.targets, found, strict=True)]
    right = {"accuracy": float(np.mean(np.concatenate([true == its for true, its in pairs])))}
    if parts.scheme != "iob2":
        return right
    names = [[[parts.tags[i] for i in its] for its in pair] for pair in pairs]
    return right | {"f1": entity_f1([entity_counts(*pair) for pair in names])["f1"]}


def shifted(model: keras.Model, prepared: Prepared, say) -> dict[str, float]:
    """Lowers the score of no entity as long as F1 on the validation part rises; what it is then.

    Networks name too few entities: most words are none, and F1 counts what is missed.
    """
    layer, outside = model.get_layer("logits"), prepared.parts.tags.index(OUTSIDE)
    kernel, best = layer.get_weights()
    found, lowered = worth(model, prepared), 0.0
    while True:
        bias = best.copy()
        bias[outside] -= SHIFT
        layer.set_weights([kernel, bias])
        other = worth(model, prepared)
        if other["f1"] <= found["f1"]:
            layer.set_weights([kernel, best])
            say(f"the score of {OUTSIDE} is {lowered:g} lower: F1 on validation {found['f1']:.4f}")
            return found
        best, found, lowered = bias, other, lowered + SHIFT


class Tag(Recipe):
    """Sentences with a tag at every word -> a tagger; see `keraseq.recipes.recipe.Recipe`."""

    name, Settings, Data = "tag", Settings, data.TaggedSentences
    reads_again = ("token", "tag", "sentence", "layout", "sep", "header", "encoding")

    def read(self, source, settings: Settings) -> data.TaggedSentences:
        """A public set by its name, or raw sentences."""
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if isinstance(source, str) and source in data.sets.names("tagged"):
            return data.load(source, **options)
        return data.tagged_sentences(source, **options)

    def completed(self, parts: data.TaggedSentences, settings: Settings) -> Settings:
        """The scheme, a conditional random field where it is one of entities, vectors or none."""
        crf = parts.scheme == "iob2" if settings.crf is None else settings.crf
        vectors = None if settings.vectors == NONE else settings.vectors
        return replace(settings, crf=crf, vectors=vectors, scheme=parts.scheme)

    def known(self, parts: data.TaggedSentences) -> str:
        """What tells the data from others."""
        return digest(parts.sha256, parts.tags)

    def prepare(self, parts: data.TaggedSentences, settings: Settings) -> Prepared:
        """The words of the training part, and their vectors."""
        vectors: dict[str, np.ndarray] = {}
        if settings.vectors:
            wanted = {plain(word) for words in parts.train.inputs for word in words}
            vectors = tagged.read_vectors(settings.vectors, wanted, settings.more_words)
            width = len(next(iter(vectors.values())))
            if settings.embedding not in (None, width):
                raise ValueError(
                    f"embedding must be {width}, the width of {settings.vectors!r}; received "
                    f"embedding={settings.embedding}"
                )
        encoder = data.WordEncoder.of(
            parts.train.inputs, vectors, settings.word_length, settings.least
        )
        rows = {
            part: [encoder.encode(words) for words in parts.part(part).inputs]
            for part in ("train", "validation")
        }
        return Prepared(parts, encoder, rows, vectors)

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Batches of sentences of like length."""
        return tagged.batches(
            prepared.rows[part],
            prepared.parts.part(part).targets,
            settings.batch_size,
            characters=settings.character_units > 0,
            shuffle=part == "train",
            multiple=MULTIPLE if keras.backend.backend() == "jax" else 1,
        )

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model of the settings."""
        encoder, parts = prepared.encoder, prepared.parts
        width = len(next(iter(prepared.vectors.values()), ())) or settings.embedding or WIDTH
        dropped = settings.recurrent_dropout
        return models.sequence_tagger(
            len(parts.tags),
            vocabulary=len(encoder),
            embedding=width,
            fixed=prepared.fixed(settings),
            word_dropout=settings.word_dropout,
            characters=len(encoder.characters) + 2 if settings.character_units else 0,
            character_embedding=settings.character_embedding,
            character_units=settings.character_units or 1,
            crf=settings.crf,
            forbidden=tagged.forbidden(parts.tags) if parts.scheme == "iob2" else (),
            cell=settings.cell,
            units=settings.units,
            layers=settings.layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            cell_options={"recurrent_dropout": dropped} if dropped else {},
            name="tagger",
        )

    def begin(self, model, prepared: Prepared, settings: Settings, folder, say) -> None:
        """Puts the pretrained vectors in; others are as long as Lample et al. have them."""
        layer, encoder, vectors = model.get_layer("embedding"), prepared.encoder, prepared.vectors
        tables = layer.get_weights()
        width = tables[0].shape[1]
        edge = math.sqrt(3 / width)
        every = np.random.uniform(-edge, edge, (len(encoder), width))  # noqa: NPY002 - seeded
        words = [*encoder.words, *encoder.more]
        for at, word in enumerate(words, len(encoder) - len(words)):
            if word in vectors:
                every[at] = vectors[word]
        layer.set_weights(np.split(every, [len(tables[0])])[: len(tables)])
        if vectors:
            have = sum(word in vectors for word in encoder.words)
            say(f"{have:,} of {len(encoder.words):,} words have a vector in {settings.vectors!r}")

    def compiling(self, settings: Settings) -> dict:
        """No accuracy, which potentials have none of: `worth` decodes."""
        return {"metrics": []}

    def best_by(self, settings: Settings) -> tuple[str, str]:
        """F1 of entities, or accuracy of words."""
        return "val_f1" if settings.scheme == "iob2" else "val_accuracy", "max"

    def worth(self, model, prepared: Prepared, settings: Settings) -> dict[str, float]:
        """What the tags are worth, by which the best epoch is chosen."""
        return worth(model, prepared)

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a tag if all are alike."""
        return math.log(max(2, len(prepared.parts.tags)))

    def said(self, logs: dict, prepared: Prepared) -> str:
        """Cost, accuracy of words, and F1 of entities."""
        names = {"accuracy": "accuracy", "f1": "F1 of entities"}
        scores = [f", {name} {logs[key]:.4f}" for key, name in names.items() if key in logs]
        return f"loss {logs['loss']:.4f}{''.join(scores)}"

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model, what reads raw words, and where the data came from."""
        parts = prepared.parts
        entities = parts.scheme == "iob2" and OUTSIDE in parts.tags
        found = shifted(model, prepared, say) if entities else worth(model, prepared)
        stored = {
            "encoder": prepared.encoder.to_dict(),
            "tags": list(parts.tags),
            "scheme": parts.scheme,
            "data": {"name": parts.name, "sha256": parts.sha256, "options": parts.options},
        }
        if "f1" in found:
            return model, stored, Score("validation F1 of entities", found["f1"])
        return model, stored, Score("validation accuracy of words", found["accuracy"])

    def title(self, parts: data.TaggedSentences, settings: Settings) -> str:
        """What the model is."""
        return f"{settings.cell} tagger of {parts.name}"

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def lines(self, found) -> list[str]:
        """A line a sentence: entities in brackets, coloured in a terminal; else word_TAG."""
        colour = sys.stdout.isatty()
        return [
            shown(one.token.tolist(), one.tag.tolist(), found.attrs.get("scheme"), colour)
            for _, one in found.groupby("sentence")
        ]


def shown(words: list[str], tags: list[str], scheme: str | None, colour: bool = False) -> str:
    """A tagged sentence on a line.

    Example:

    >>> from keraseq.recipes.tag.recipe import shown
    >>> shown(["Jo", "Ox", "left"], ["B-person", "I-person", "O"], "iob2")
    '[Jo Ox]person left'
    """
    if scheme != "iob2":
        return " ".join(f"{word}_{tag}" for word, tag in zip(words, tags, strict=True))
    parts, at = [], 0
    for start, end, kind in tagged.entities(tags):
        text = " ".join(words[start:end])
        parts += [*words[at:start], f"\033[7m{text}\033[0m {kind}" if colour else f"[{text}]{kind}"]
        at = end
    return " ".join([*parts, *words[at:]])
