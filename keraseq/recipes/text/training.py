"""How a language model is trained on a text, and goes on after a kill."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from keraseq import cells, data, generation, models
from keraseq import train as training
from keraseq.bundle import Bundle, Card, Score, load
from keraseq.checks import one_of, positive_integer, positive_number, rate
from keraseq.recipes.precision import PRECISIONS, layers_in
from keraseq.recipes.runs import claimed, digest, wall_time
from keraseq.recipes.text.evaluation import Stored, parts_of_bundle, said, unit_of
from keraseq.recipes.weights import copy_weights

DECAYS = ("cosine", "plateau")
WARM_STEPS = 200  # from a tenth of the rate up: Adam's second moments are wild at the start
FACTOR, EPOCHS_OF_PLATEAU = 0.5, 1  # "plateau": halved after each epoch that brought nothing
# Of characters one in a thousand is shown as unknown in training, so that a model has learnt to go
# on after one. Among words the rare ones are unknown anyway.
UNKNOWN_RATE = 1e-3
WORST = 10  # times the logarithm of the vocabulary: no model that learns comes near it
SAMPLE, TEMPERATURE = 200, 0.8  # tokens of the sample after each epoch
SHAPE = ("cell", "units", "layers", "embedding", "tie_embeddings")  # settings that weights fit


@dataclass(frozen=True)
class Settings:
    """What a language model is made of and how it is trained; `None` is filled in by the level.

    Args:
        cell: A registered name, see `keraseq.cells.names()`.
        units: Size of the state.
        layers: Number of recurrent layers.
        embedding: Width of the tokens' vectors; 0 for one-hot vectors.
        tie_embeddings: Whether the logits are products with these vectors.
        dropout: Fraction of the values to drop after the embedding, between layers and before the
            logits.
        recurrent_dropout: Of the operands of recurrent products, one mask a window (Gal &
            Ghahramani 2016).
        batch_size: Rows that run through the text side by side.
        length: Steps through which the gradient goes back; the state goes on from window to window.
        restarts: Fraction of the windows that start from the zero state within a text; see
            `keraseq.data.text.streams`.
        learning_rate: Of Adam, at its highest.
        decay: `"cosine"`, to zero at the last epoch, or `"plateau"`, halved after an epoch without
            a better validation loss.
        clipnorm: Largest norm of all gradients together.
        epochs: At most so many.
        patience: Epochs without a better validation loss after which to stop; 0 never stops.
        scheduled_sampling: Rate in the last epoch at which the model reads words of its own, see
            `keraseq.models.ScheduledSampling`; 0 is teacher forcing.
        precision: Of the training: `"float32"`, or `"mixed_bfloat16"`, whose matrix products are
            several times as fast where the processor has instructions for them (GPUs from 2020 on,
            CPUs with AMX). What is kept, and what it is measured with, is float32.
        seed: Of weights, dropout and the samples.
    """

    cell: str = "lstm"
    units: int | None = None
    layers: int | None = None
    embedding: int | None = None
    tie_embeddings: bool | None = None
    dropout: float | None = None
    recurrent_dropout: float | None = None
    batch_size: int = 32
    length: int | None = None
    restarts: float = 0.02
    learning_rate: float = 2e-3
    decay: str = "cosine"
    clipnorm: float = 1.0
    epochs: int = 30
    patience: int = 0
    scheduled_sampling: float = 0.0
    precision: str = "float32"
    seed: int = 0


# Characters: one wide layer, as the text is small; one-hot vectors are the usual input.
# Words: most parameters are vectors of words, so they are shared with the logits, and dropped much
# (Zaremba et al. 2014); 35 steps are that paper's.
OF_LEVEL = {
    "character": {
        "units": 640,
        "layers": 1,
        "embedding": 0,
        "tie_embeddings": False,
        "dropout": 0.4,
        "recurrent_dropout": 0.25,
        "length": 64,
    },
    "word": {
        "units": 400,
        "layers": 2,
        "embedding": 400,
        "tie_embeddings": True,
        "dropout": 0.5,
        "recurrent_dropout": 0.25,
        "length": 35,
    },
}
OF_LEVEL["wordpiece"] = OF_LEVEL["word"]


@dataclass(frozen=True)
class Trained(Stored):
    """What training further needs of a bundle's preprocessing, besides."""

    settings: Settings


def train(
    source,
    level: str | None = None,
    *,
    folder: str | Path | None = None,
    hold: bool = False,
    start: Bundle | str | Path | None = None,
    report: Callable[[str], None] | None = print,
    verbose: int | str = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    corpus_options: dict | None = None,
    **settings,
) -> Bundle:
    """Trains a language model on a text, and lets it write a little after each epoch.

    The state is carried from window to window and starts anew where a document does; what is kept
    is the epoch with the lowest validation loss.

    Args:
        source: A `keraseq.data.Corpus`, or what `keraseq.data.text_corpus` reads.
        level: `"character"`, `"word"` or `"wordpiece"`; a corpus knows its own. Default: that of
            the bundle to start from, else `"character"`.
        folder: Where the run is kept, so that the same call goes on after a kill: checkpoints and
            `log.csv`. Default: nowhere.
        hold: Whether the folder stays this run's after its end, until
            `keraseq.recipes.runs.finish(folder)`. Defaults to `False`.
        start: A bundle of this recipe, or its folder, to train further: its weights, its size and
            its tokenizer; the rest is as given. Default: random weights.
        report: Gets the text after each epoch; `None` is silent. Defaults to `print`.
        verbose: As for `fit`. Defaults to 0.
        callbacks: Further callbacks of `fit`.
        corpus_options: Further arguments of `keraseq.data.text_corpus`.
        **settings: See `Settings`.

    Returns:
        A bundle: the model (for any batch, without states kept in it), its tokenizer, and in
        `preprocessing["corpus"]` what it was trained on.

    Raises:
        ValueError: A setting is unknown or out of its range, the text is too short, the folder
            holds a run of other settings or other data, or the bundle to start from does not fit.
        FloatingPointError: The training has diverged; nothing is kept of it.

    Example:

    >>> corpus = keraseq.data.text_corpus("python_docs", limit=5000)
    >>> tiny = {"units": 8, "length": 16, "batch_size": 4, "epochs": 1, "report": None}
    >>> bundle = keraseq.recipes.text.train(corpus, **tiny)
    >>> bundle.card.recipe, bundle.model.input_shape
    ('text', (None, None))
    """
    begin = time.monotonic()
    corpus, options = source, dict(corpus_options or {})
    if start is not None:
        start = start if isinstance(start, Bundle) else load(start)
        level, options["tokenizer"] = what_it_reads(start, level)
    if not isinstance(source, data.Corpus):
        corpus = data.text_corpus(source, level or "character", **options)
    chosen = completed(corpus.level, settings, start)
    if start is not None and corpus.tokenizer != options["tokenizer"]:
        raise ValueError(
            "the corpus has another tokenizer than the bundle to start from; accepted: files, or a "
            "corpus read with tokenizer="
        )

    learn, check = streams(corpus, chosen)
    known = digest(corpus.train, corpus.validation, corpus.tokenizer.to_json())
    given = start and digest(*(weight.tobytes() for weight in start.model.get_weights()))
    with claimed(folder, "text", {**asdict(chosen), "start": given}, known, hold) as folder:
        training.seed_everything(chosen.seed)
        model = training_model(corpus, chosen)
        if start is not None:
            copy_weights(start.model, model)
        writer = writing_model(corpus, chosen)
        steps = len(learn.tokens) // chosen.batch_size
        training.compile(
            model,
            learning_rate=learning_rate(chosen, steps),
            clipnorm=chosen.clipnorm,
            metrics=[],
        )
        others = [Report(writer, corpus, chosen, report), *callbacks]
        if chosen.decay == "plateau":
            others.insert(
                0,
                keras.callbacks.ReduceLROnPlateau(factor=FACTOR, patience=EPOCHS_OF_PLATEAU),
            )
        if chosen.scheduled_sampling:
            others.insert(0, training.SamplingSchedule(chosen.scheduled_sampling, chosen.epochs))
        carefully = training.callbacks(
            folder,
            patience=chosen.patience or None,
            keep=True,
            limit=WORST * math.log(max(2, len(corpus.tokenizer))),
            others=others,
        )
        model.fit(
            learn.inputs,
            learn.targets,
            sample_weight=learn.weights,
            validation_data=(check.inputs, check.targets, check.weights),
            batch_size=chosen.batch_size,
            validation_batch_size=chosen.batch_size,
            shuffle=False,
            epochs=chosen.epochs,
            callbacks=carefully,
            verbose=verbose,
        )
        copy_weights(keras.saving.load_model(folder / "best.keras"), writer)
        log = pd.read_csv(folder / "log.csv")
    return Bundle(
        writer,
        preprocessing={
            "tokenizer": corpus.tokenizer.to_json(),
            "corpus": {**corpus.options, "sha256": corpus.sha256},
            "settings": asdict(chosen),
        },
        card=Card(
            title=f"Language model of {corpus.name}",
            data=corpus.name,
            data_sha256=corpus.sha256,
            split=corpus.split,
            seeds=(chosen.seed,),
            epochs=len(log),
            wall_time=wall_time(begin, carefully),
            metric=Score(
                f"nats per {unit_of(corpus.level)}, validation, in rows", min(log["val_loss"])
            ),
            recipe="text",
        ),
    )


def what_it_reads(bundle: Bundle, level: str | None = None):
    """Level and tokenizer of a bundle of this recipe, whose level must be as given."""
    tokenizer, stored = parts_of_bundle(bundle, Trained)
    known = stored.corpus.level
    if level not in (None, known):
        raise ValueError(f"the bundle to start from has level={known!r}; received level={level!r}")
    return known, tokenizer


def completed(level: str, settings: dict, start: Bundle | None = None) -> Settings:
    """The settings, checked, with those of the level where nothing is given."""
    if start is not None:
        before = asdict(parts_of_bundle(start, Trained)[1].settings)
        for name in SHAPE:
            if settings.setdefault(name, before[name]) != before[name]:
                raise ValueError(
                    f"the bundle to start from has {name}={before[name]!r}; "
                    f"received {name}={settings[name]!r}"
                )
    known = [one.name for one in fields(Settings)]
    for name in settings:
        one_of("setting", name, known)
    given = Settings(**settings)
    usual = dict(OF_LEVEL[level])
    if given.units is not None and usual["tie_embeddings"]:
        usual["embedding"] = given.units  # tied vectors are as wide as the top layer
    chosen = replace(given, **{k: v for k, v in usual.items() if getattr(given, k) is None})
    for name in ("units", "layers", "batch_size", "length", "epochs"):
        positive_integer(name, getattr(chosen, name))
    cells.get(chosen.cell, chosen.units)  # or says which cells there are
    one_of("decay", chosen.decay, DECAYS)
    one_of("precision", chosen.precision, PRECISIONS)
    for name in ("dropout", "recurrent_dropout"):
        rate(name, getattr(chosen, name))
    for name in ("learning_rate", "clipnorm"):
        positive_number(name, getattr(chosen, name))
    if chosen.patience:
        positive_integer("patience", chosen.patience)
    rate("scheduled_sampling", chosen.scheduled_sampling, closed=True)
    return chosen


def streams(corpus: data.Corpus, settings: Settings):
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
                f"the {part} part of {corpus.name!r} has {sum(map(len, tokens)):,} tokens: {error}"
            ) from None
    learn, tokenizer = rows["train"], corpus.tokenizer
    if getattr(tokenizer, "unknown", None) == "replace":
        rng = np.random.default_rng(settings.seed)
        learn.tokens[rng.random(learn.tokens.shape) < UNKNOWN_RATE] = len(tokenizer) - 1
    return learn, rows["validation"]


def options_of_model(corpus: data.Corpus, settings: Settings) -> dict:
    """What the builder gets, in training and after it."""
    return {
        "vocabulary": len(corpus.tokenizer),
        "embedding": settings.embedding or None,
        "cell": settings.cell,
        "units": settings.units,
        "layers": settings.layers,
        "dropout": settings.dropout,
        "tie_embeddings": settings.tie_embeddings,
        "cell_options": {"recurrent_dropout": settings.recurrent_dropout},
    }


def training_model(corpus: data.Corpus, settings: Settings) -> keras.Model:
    """The model that carries its states from batch to batch."""
    with layers_in(settings.precision):
        return models.language_model(
            **options_of_model(corpus, settings),
            stateful=True,
            resets=True,
            batch_size=settings.batch_size,
            length=settings.length,
            scheduled_sampling=settings.scheduled_sampling > 0,
        )


def writing_model(corpus: data.Corpus, settings: Settings) -> keras.Model:
    """The model that is kept: any batch, any length, float32, and no states in it."""
    with layers_in("float32"):
        return models.language_model(**options_of_model(corpus, settings))


def learning_rate(settings: Settings, steps: int):
    """The rate, or its schedule over all epochs of so many steps."""
    top, total = settings.learning_rate, steps * settings.epochs
    if settings.decay == "plateau":
        return top
    warm = min(WARM_STEPS, total // 10)
    return keras.optimizers.schedules.CosineDecay(
        top / 10, max(total - warm, 1), warmup_target=top, warmup_steps=warm
    )


class Report(keras.callbacks.Callback):
    """Says after each epoch how good the model is, and lets it write.

    Args:
        writer: A model without states, to write with; it gets the trained model's weights.
        corpus: For the tokenizer, and the start of the validation part as a prompt.
        settings: For the number of epochs and the seed.
        report: Gets the text; `None` does nothing at all.
    """

    def __init__(self, writer, corpus, settings, report):
        super().__init__()
        self.writer, self.corpus, self.settings, self.report = writer, corpus, settings, report
        self.begin = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the time."""
        self.begin = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Says it."""
        if self.report is None:
            return
        costs = ", ".join(
            f"{part} {said(logs[name], self.corpus.level)}"
            for part, name in (("train", "loss"), ("validation", "val_loss"))
        )
        seconds = time.monotonic() - self.begin
        copy_weights(self.model, self.writer)
        self.report(
            f"epoch {epoch + 1}/{self.settings.epochs}: {costs}; {seconds:.0f} s\n"
            + indented(self.sample())
        )

    def sample(self) -> str:
        """What the model writes after the first line of the validation part."""
        text = self.corpus.validation[0]
        prompt = text[: text.find("\n", 1) + 1] or text[:40]
        written = generation.generate(
            self.writer,
            prompt,
            SAMPLE,
            temperature=TEMPERATURE,
            seed=self.settings.seed,
            tokenizer=self.corpus.tokenizer,
        )
        return prompt + written


def indented(text: str) -> str:
    """A text as a block of its own."""
    return "\n".join(f"    {line}" for line in text.splitlines())
