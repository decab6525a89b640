"""How a classifier of texts is trained, and goes on after a kill."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import pandas as pd

from keraseq import data, models
from keraseq import train as training
from keraseq.bundle import Bundle, Card, Score
from keraseq.data import labelled
from keraseq.evaluate import accuracy, temperature
from keraseq.recipes.imdb import pretraining, wide
from keraseq.recipes.imdb.baselines import MULTIPLE, logits_of
from keraseq.recipes.imdb.progress import Report, schedule
from keraseq.recipes.imdb.settings import Settings, checked
from keraseq.recipes.precision import layers_in
from keraseq.recipes.runs import PRETRAINING, claimed, digest, wall_time

WORST = 10  # times the logarithm of the classes: no model that learns comes near it


def train(
    reviews: data.LabelledTexts | str | Path | None = None,
    *,
    folder: str | Path | None = None,
    hold: bool = False,
    report: Callable[[str], None] | None = print,
    verbose: int | str = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **settings,
) -> Bundle:
    """Trains a classifier on the training part, chooses its epoch and temperature on validation.

    The test part is not looked at.

    Args:
        reviews: What `keraseq.data.load("imdb")` or `keraseq.data.reviews` gave, or a table for
            the latter. Default: `keraseq.data.load("imdb")`.
        folder: Where the run is kept, so that the same call goes on after a kill: checkpoints and
            `log.csv`. Default: nowhere.
        hold: Whether the folder stays this run's after its end, until
            `keraseq.recipes.runs.finish(folder)`. Defaults to `False`.
        report: Gets a line after each epoch; `None` is silent. Defaults to `print`.
        verbose: As for `fit`. Defaults to 0.
        callbacks: Further callbacks of `fit`.
        **settings: See `Settings`.

    Returns:
        A bundle: the model, in `preprocessing` its `encoder`, `classes`, `temperature` and the
        `data` it was trained on.

    Raises:
        ValueError: A setting is unknown or out of its range, or the folder holds a run of other
            settings or other data.
        FloatingPointError: The training has diverged; nothing is kept of it.

    Example:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"text": [f"good {i}" for i in range(40)], "label": [0, 1] * 20})
    >>> tiny = {"units": 4, "embedding": 4, "epochs": 1, "report": None}
    >>> bundle = keraseq.recipes.imdb.train(keraseq.data.reviews(frame), **tiny)
    >>> len(keraseq.recipes.imdb.predict(bundle, ["good 5", ""]))
    2

    References:
        Dai & Le 2015, "Semi-supervised Sequence Learning", arXiv:1511.01432.
    """
    begin, chosen, report = time.monotonic(), checked(settings), report or (lambda line: None)
    if reviews is None:
        reviews = data.load("imdb")
    elif not isinstance(reviews, data.LabelledTexts):
        reviews = data.reviews(reviews)
    known = digest(
        *((part.inputs, part.targets.tobytes()) for part in (reviews.train, reviews.validation)),
        *(reviews.classes, reviews.unlabelled),
    )
    with claimed(folder, "imdb", asdict(chosen), known, hold) as folder:
        training.seed_everything(chosen.seed)
        encoder = data.TextEncoder.of(
            reviews.train.inputs, chosen.level, chosen.vocabulary_size, chosen.length, chosen.keep
        )
        with layers_in(chosen.precision):
            model = classifier(len(encoder), len(reviews.classes), chosen)
        if chosen.pretraining:
            pretraining.pretrain(model, encoder, reviews, chosen, folder / PRETRAINING, report)
            training.seed_everything(chosen.seed)  # alike whether it was trained just now
        rows = {part: encoder.rows(reviews.part(part).inputs) for part in ("train", "validation")}
        others = [Report(chosen.epochs, report), *callbacks]
        carefully = training.callbacks(
            folder,
            patience=None,
            keep=True,
            limit=WORST * math.log(len(reviews.classes)),
            others=others,
        )
        fit(model, rows, reviews, chosen, carefully, verbose)
        best = keras.saving.load_model(folder / "best.keras")
        model = classifier(len(encoder), len(reviews.classes), chosen)  # in full precision
        model.set_weights(best.get_weights())
        log = pd.read_csv(folder / "log.csv")
        report(f"epoch {log.val_loss.argmin() + 1} is kept")
        if chosen.wide:
            model = with_wide_part(model, rows, reviews, chosen, report)
    logits = logits_of(model, rows["validation"])
    right = accuracy(logits, reviews.validation.targets)
    report(f"validation accuracy {right:.4f}")
    return Bundle(
        model,
        preprocessing={
            "encoder": encoder.to_dict(),
            "classes": list(reviews.classes),
            "temperature": temperature(logits, reviews.validation.targets),
            "data": {"name": reviews.name, "sha256": reviews.sha256, "options": reviews.options},
            "settings": asdict(chosen),
        },
        card=Card(
            title=f"{chosen.cell} classifier of {reviews.name}",
            data=reviews.name,
            data_sha256=reviews.sha256,
            split=reviews.split,
            seeds=(chosen.seed,),
            epochs=len(log),
            wall_time=wall_time(begin, carefully),
            metric=Score("validation accuracy", right),
            recipe="imdb",
        ),
    )


def fit(model, rows, reviews, settings: Settings, callbacks, verbose) -> None:
    """Trains the model, under callbacks that keep its best epoch."""
    sets = {
        part: labelled.batches(
            rows[part],
            reviews.part(part).targets,
            settings.batch_size,
            shuffle=part == "train",
            multiple=MULTIPLE,
        )
        for part in rows
    }
    compiled(model, settings, steps=len(sets["train"]))
    model.fit(
        sets["train"],
        validation_data=sets["validation"],
        shuffle=False,  # the data set does it
        epochs=settings.epochs,
        callbacks=callbacks,
        verbose=verbose,
    )


def with_wide_part(model, rows, reviews, settings: Settings, report) -> keras.Model:
    """The trained model, and runs of words that vote beside it."""
    vocabulary, classes = model.get_layer("embedding").input_dim, len(reviews.classes)
    return wide.add(
        model,
        lambda size: classifier(vocabulary, classes, settings, size),
        settings.wide,
        rows,
        {part: reviews.part(part).targets for part in rows},
        report,
    )


def classifier(vocabulary: int, classes: int, settings: Settings, wide: int = 0) -> keras.Model:
    """The model of the settings, with a wide part of so many runs of words."""
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
        cell_options=cell_options(settings),
        name="classifier",
    )


def cell_options(settings: Settings) -> dict:
    """The options of the cells."""
    return {"recurrent_dropout": settings.recurrent_dropout} if settings.recurrent_dropout else {}


def compiled(model: keras.Model, settings: Settings, steps: int) -> keras.Model:
    """The model with its optimizer for so many steps an epoch."""
    rate = schedule(settings.learning_rate, steps * settings.epochs)
    training.compile(model, learning_rate=rate, clipnorm=settings.clipnorm)
    if settings.weight_decay:
        optimizer = keras.optimizers.AdamW(
            rate,
            weight_decay=settings.weight_decay,
            global_clipnorm=settings.clipnorm,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer, model.loss, metrics=["accuracy"])
    return model
