"""How a language model is made of a text and trained."""

import math
from dataclasses import asdict, dataclass, replace

import keras
import numpy as np

from keraseq import data, generation, models
from keraseq import train as training
from keraseq.bundle import Bundle, Score
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import copy_weights, digest, layers_in
from keraseq.recipes.write.evaluation import Stored, evaluate, parts_of_bundle, said, unit_of
from keraseq.recipes.write.settings import OF_LEVEL, Settings

# Of characters one in a thousand is shown as unknown in training, so that a model has learnt to go
# on after one. Among words the rare ones are unknown anyway.
UNKNOWN_RATE = 1e-3
SAMPLE, TEMPERATURE = 200, 0.8  # tokens of the sample after each epoch
SHAPE = ("cell", "units", "layers", "embedding", "tie_embeddings")  # settings that weights fit


@dataclass(frozen=True)
class Trained(Stored):
    """What further training needs of a bundle's preprocessing, besides."""

    settings: Settings


@dataclass(frozen=True)
class Prepared:
    """A corpus in rows, and the model that writes the samples."""

    parts: data.Corpus
    rows: dict
    writer: keras.Model


class Write(Recipe):
    """A text -> a language model; see `keraseq.recipes.recipe.Recipe`.

    The state is carried from window to window and starts anew where a document does.
    """

    name, Settings, Data, writes = "write", Settings, data.Corpus, True

    def inherited(self, given: dict) -> dict:
        """What was given, with the level and the size of the bundle to start from."""
        before = asdict(parts_of_bundle(self.start, Trained)[1].settings)
        before["level"] = self.trained_on().level
        given = dict(given)
        for name in (*SHAPE, "level"):
            if given.setdefault(name, before[name]) != before[name]:
                raise ValueError(
                    f"the bundle to start from has {name}={before[name]!r}; "
                    f"received {name}={given[name]!r}"
                )
        return given

    def trained_on(self):
        """The corpus of the bundle to start from."""
        return parts_of_bundle(self.start, Trained)[1].corpus

    def read(self, source, settings: Settings) -> data.Corpus:
        """A corpus of files, with the tokenizer of the bundle to start from if there is one."""
        tokenizer = None if self.start is None else parts_of_bundle(self.start)[0]
        if not isinstance(source, self.Data):
            level = settings.level or "character"
            return data.text_corpus(source, level, tokenizer=tokenizer, **self.reading(settings))
        self.read_already(source, settings)
        if settings.level not in (None, source.level):
            raise ValueError(f"the corpus has level={source.level!r}; received {settings.level!r}")
        if tokenizer is not None and source.tokenizer != tokenizer:
            raise ValueError(
                "the corpus has another tokenizer than the bundle to start from; accepted: files, "
                "or a corpus read with tokenizer="
            )
        return source

    def completed(self, corpus: data.Corpus, settings: Settings) -> Settings:
        """The settings with those of the level where nothing is given."""
        usual = {**OF_LEVEL[corpus.level], "level": corpus.level}
        if settings.units is not None and usual["tie_embeddings"]:
            usual["embedding"] = settings.units  # tied vectors are as wide as the top layer
        missing = {k: v for k, v in usual.items() if getattr(settings, k) is None}
        return replace(settings, **missing)

    def known(self, corpus: data.Corpus) -> str:
        """What tells a corpus from others."""
        return digest(corpus.train, corpus.validation, corpus.tokenizer.to_json())

    def prepare(self, corpus: data.Corpus, settings: Settings) -> Prepared:
        """The training and the validation part, laid out in rows."""
        rows = {}
        for part in ("train", "validation"):
            tokens = corpus.tokens(part)
            try:
                rows[part] = data.text.streams(
                    tokens,
                    settings.batch_size,
                    settings.length,
                    restarts=settings.restarts if part == "train" else 0.0,
                    seed=settings.seed,
                )
            except ValueError as error:
                raise ValueError(
                    f"the {part} part of {corpus.name!r} has {sum(map(len, tokens)):,} tokens: "
                    f"{error}"
                ) from None
        learn, tokenizer = rows["train"], corpus.tokenizer
        if getattr(tokenizer, "unknown", None) == "replace":
            rng = np.random.default_rng(settings.seed)
            learn.tokens[rng.random(learn.tokens.shape) < UNKNOWN_RATE] = len(tokenizer) - 1
        with layers_in("float32"):
            writer = language_model(corpus, settings)
        return Prepared(corpus, rows, writer)

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Inputs, targets and weights, in the order of the text."""
        rows = prepared.rows[part]
        return rows.inputs, rows.targets, rows.weights

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model that carries its states from batch to batch, or the one without any."""
        if not training:
            return prepared.writer
        return language_model(
            prepared.parts,
            settings,
            stateful=True,
            resets=True,
            batch_size=settings.batch_size,
            length=settings.length,
            scheduled_sampling=settings.scheduled_sampling > 0,
        )

    def begin(self, model, prepared, settings, folder, say) -> None:
        """Starts with the weights of the bundle to start from."""
        if self.start is not None:
            copy_weights(self.start.model, model)

    def compiling(self, settings: Settings) -> dict:
        """No accuracy: its cost shows with many words."""
        return {"metrics": []}

    def callbacks(self, settings: Settings) -> list:
        """The rate at which the model reads its own words."""
        if not settings.scheduled_sampling:
            return []
        return [training.SamplingSchedule(settings.scheduled_sampling, settings.epochs)]

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a token if all are alike."""
        return math.log(max(2, len(prepared.parts.tokenizer)))

    def said(self, logs: dict, prepared: Prepared) -> str:
        """The cost in the words of the level."""
        return said(logs["loss"], prepared.parts.level)

    def sample(self, model: keras.Model, prepared: Prepared, settings: Settings) -> str:
        """What the model writes after the first line of the validation part."""
        copy_weights(model, prepared.writer)
        text, options = prepared.parts.validation[0], {"temperature": TEMPERATURE}
        prompt = text[: text.find("\n", 1) + 1] or text[:40]
        options |= {"seed": settings.seed, "tokenizer": prepared.parts.tokenizer}
        return prompt + generation.generate(prepared.writer, prompt, SAMPLE, **options)

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model (for any batch, without states kept in it), its tokenizer, its corpus."""
        corpus = prepared.parts
        stored = {
            "tokenizer": corpus.tokenizer.to_json(),
            "corpus": {**corpus.options, "sha256": corpus.sha256},
        }
        measured = f"nats per {unit_of(corpus.level)}, validation, in rows"
        return model, stored, Score(measured, min(log["val_loss"]))

    def title(self, corpus: data.Corpus, settings: Settings) -> str:
        """What the model is."""
        return f"Language model of {corpus.name}"

    evaluate = staticmethod(evaluate)

    def raw(self, given: list[str], stdin) -> str:
        """A prompt."""
        return " ".join(given) if given else stdin.read().decode()

    def predict(self, bundle: Bundle, raw: str = "", length: int = 300, **options):
        """What the model writes after a prompt, see `keraseq.generate`."""
        return generation.generate(bundle, raw, length, **options)


def language_model(corpus: data.Corpus, settings: Settings, **options) -> keras.Model:
    """The model of the settings."""
    return models.language_model(
        vocabulary=len(corpus.tokenizer),
        embedding=settings.embedding or None,
        cell=settings.cell,
        units=settings.units,
        layers=settings.layers,
        dropout=settings.dropout,
        tie_embeddings=settings.tie_embeddings,
        cell_options={"recurrent_dropout": settings.recurrent_dropout},
        **options,
    )
