"""The one way in which every recipe is trained: folder, seed, rate, callbacks, report."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import pandas as pd

from keraseq import train as training
from keraseq.bundle import Bundle, Card
from keraseq.files import read_json, remove, write
from keraseq.recipes import RECIPES
from keraseq.recipes.presets import preset
from keraseq.recipes.recipe import Recipe, Settings
from keraseq.train import Resume

SETTINGS, KEPT = "settings.json", "resume.npz"
PRETRAINING = "pretraining"  # folder of a training before the training, inside that of the run
MADE = (KEPT, "best.keras", "log.csv", PRETRAINING, SETTINGS)
WARM_STEPS = 200  # from a tenth of the rate up: Adam's second moments are wild at the start
FACTOR, EPOCHS_OF_PLATEAU = 0.5, 1  # "plateau": halved after each epoch that brought nothing
FALL, STEADY = 0.8, 0.1  # "falling": by a fifth in each thirtieth, after a tenth of the epochs


def train(
    recipe: Recipe,
    source,
    *,
    folder: str | Path | None = None,
    hold: bool = False,
    report: Callable[[str], None] | None = print,
    verbose: int | str = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **settings,
) -> Bundle:
    """Trains by a recipe; what is kept is the best epoch, by the validation part.

    Args:
        recipe: The recipe.
        source: What it reads.
        folder: Where the run is kept, so that the same call goes on after a kill: checkpoints and
            `log.csv`. Default: nowhere.
        hold: Whether the folder stays this run's after its end, until `finish(folder)`. Defaults to
            `False`.
        report: Gets a line or more after each epoch; `None` is silent. Defaults to `print`.
        verbose: As for `fit`. Defaults to 0.
        callbacks: Further callbacks of `fit`.
        **settings: Of `recipe.Settings`.
    """
    return trained(
        recipe,
        *read(recipe, source, settings),
        folder=folder,
        hold=hold,
        report=report,
        verbose=verbose,
        callbacks=callbacks,
    )


def read(recipe: Recipe, source, settings: dict) -> tuple:
    """The parts of some data, and all settings for them: given, of a preset, or by default."""
    if source is None:
        raise ValueError(f"{recipe.name} needs a source: {RECIPES[recipe.name].reads}")
    if recipe.start is not None:
        settings = recipe.inherited(settings)
    else:
        settings = {**preset(recipe.name, source), **settings}
    chosen = recipe.Settings.of(settings)
    parts = recipe.read(source, chosen)
    return parts, recipe.completed(parts, chosen)


def trained(recipe, parts, chosen: Settings, *, folder, hold, report, verbose, callbacks) -> Bundle:
    """As `train`, with what `read` gave."""
    begin, say = time.monotonic(), report or (lambda line: None)
    training.seed_everything(chosen.seed)
    prepared = recipe.prepare(parts, chosen)
    learn, check = (recipe.batches(prepared, part, chosen) for part in ("train", "validation"))
    begun = {**asdict(chosen), "start": None}
    if recipe.start is not None:
        begun["start"] = digest(*(one.tobytes() for one in recipe.start.model.get_weights()))
    with claimed(folder, recipe.name, begun, recipe.known(parts), hold) as folder:
        training.seed_everything(chosen.seed)
        with layers_in(chosen.precision):
            model = recipe.build(prepared, chosen, training=True)
        recipe.begin(model, prepared, chosen, folder, say)
        arrays = {} if not isinstance(learn, tuple) else {"batch_size": chosen.batch_size}
        steps = len(learn[1]) // chosen.batch_size if arrays else len(learn)
        compiled(model, chosen, steps, **recipe.compiling(chosen))
        monitor, mode = recipe.best_by(chosen)
        others = [*following(chosen, monitor, mode), *recipe.callbacks(chosen)]
        if report is not None:
            sample = lambda model: recipe.sample(model, prepared, chosen)  # noqa: E731
            others.append(Report(recipe, prepared, chosen.epochs, say, sample))
        carefully = training.callbacks(
            folder,
            monitor=monitor,
            mode=mode,
            patience=chosen.patience or None,
            keep=True,
            limit=training.divergence.WORST * recipe.ignorance(prepared, chosen, check),
            others=[*others, *callbacks],
        )
        worth = lambda model: recipe.worth(model, prepared, chosen)  # noqa: E731
        carefully = [Worth(worth), *carefully]  # all others read it
        model.fit(
            *(learn[:2] if arrays else [learn]),
            sample_weight=learn[2] if arrays else None,
            validation_data=check,
            validation_batch_size=arrays.get("batch_size"),
            shuffle=False,  # a data set does it
            epochs=chosen.epochs,
            callbacks=carefully,
            verbose=verbose,
            **arrays,
        )
        with layers_in("float32"):
            model = recipe.build(prepared, chosen, training=False)
        copy_weights(keras.saving.load_model(folder / "best.keras", compile=False), model)
        log = pd.read_csv(folder / "log.csv")
        best = log[monitor].argmin() if mode == "min" else log[monitor].argmax()
        say(f"epoch {best + 1} is kept")
        model, preprocessing, metric = recipe.finish(model, prepared, log, chosen, say)
    card = Card(
        **recipe.card(prepared, chosen),
        seeds=(chosen.seed,),
        epochs=len(log),
        wall_time=wall_time(begin, carefully),
        metric=metric,
        recipe=recipe.name,
    )
    return Bundle(model, {**preprocessing, "settings": plain(asdict(chosen))}, card)


def plain(settings: dict) -> dict:
    """Settings as a bundle holds them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}


def compiled(model: keras.Model, settings: Settings, steps: int, loss=None, **options) -> None:
    """Compiles the model of some settings for so many steps an epoch."""
    rate = settings.learning_rate
    if settings.decay == "cosine":
        rate = schedule(rate, steps * settings.epochs)
    training.compile(model, loss, learning_rate=rate, clipnorm=settings.clipnorm, **options)
    if settings.weight_decay:
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=settings.weight_decay, global_clipnorm=settings.clipnorm
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer, model.loss, metrics=options.get("metrics", ["accuracy"]))


def schedule(top: float, steps: int):
    """Up from a tenth, then down to zero with a cosine."""
    warm = min(WARM_STEPS, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        top / 10, max(steps - warm, 1), warmup_target=top, warmup_steps=warm
    )


@dataclass(frozen=True)
class Falling:
    """The learning rate of an epoch: as it is for a tenth of the epochs, then falling.

    In 30 epochs by a fifth each (Lin et al. 2023).
    """

    start: float
    epochs: int

    def __call__(self, epoch: int, rate: float | None = None) -> float:
        return self.start * FALL ** (30 * max(0.0, epoch / self.epochs - STEADY))


def following(settings: Settings, monitor: str, mode: str) -> list[keras.callbacks.Callback]:
    """The callbacks of a rate that changes from epoch to epoch."""
    if settings.decay == "plateau":
        plateau = {"factor": FACTOR, "patience": EPOCHS_OF_PLATEAU}
        return [keras.callbacks.ReduceLROnPlateau(monitor, mode=mode, **plateau)]
    if settings.decay == "falling":
        falling = Falling(settings.learning_rate, settings.epochs)
        return [keras.callbacks.LearningRateScheduler(falling)]
    return []


class Worth(keras.callbacks.Callback):
    """Adds to the logs of an epoch what a function of the model says of the validation part."""

    def __init__(self, worth: Callable):
        super().__init__()
        self.worth = worth

    def on_epoch_end(self, epoch, logs=None):
        """Adds it."""
        logs |= {f"val_{name}": value for name, value in self.worth(self.model).items()}


class Report(keras.callbacks.Callback):
    """Says after each epoch how good the model is, how long it took and how long it will take.

    Args:
        recipe, prepared: For what it says of the logs of a part.
        epochs: Number of epochs.
        say: Gets the text.
        sample: Gives what the model makes. Default: nothing is shown.
    """

    def __init__(self, recipe: Recipe, prepared, epochs: int, say: Callable, sample=None):
        super().__init__()
        self.recipe, self.prepared, self.epochs, self.say = recipe, prepared, epochs, say
        self.sample, self.begin = sample or (lambda model: ""), 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the time."""
        self.begin = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Says it."""
        parts = {"train": {}, "validation": {}}
        for name, value in logs.items():
            part = "validation" if name.startswith("val_") else "train"
            parts[part][name.removeprefix("val_")] = value
        costs = ", ".join(
            f"{part} {self.recipe.said(logs, self.prepared)}" for part, logs in parts.items()
        )
        seconds, coming = time.monotonic() - self.begin, self.epochs - epoch - 1
        left = f", at most {duration(seconds * coming)} left" if coming else ""
        sample = "".join(f"\n    {line}" for line in self.sample(self.model).splitlines())
        self.say(f"epoch {epoch + 1}/{self.epochs}: {costs}; {seconds:.0f} s{left}{sample}")


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Layers that are made meanwhile compute in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def copy_weights(trained: keras.Model, other: keras.Model) -> None:
    """Gives the layers of another model the weights of those of the same name in the first."""
    for layer in trained.layers:
        if layer.weights:
            other.get_layer(layer.name).set_weights(layer.get_weights())


@contextmanager
def claimed(
    folder: str | Path | None, recipe: str, settings: dict, data: str, hold: bool = False
) -> Iterator[Path]:
    """The folder of a run, which is that run's until the block has ended.

    A run that a kill ended goes on if it is begun again with the same recipe, settings and data; in
    between the folder is refused to any other. A training that diverged leaves nothing in it.

    Args:
        folder: The folder, made if need be; `None` is one that is removed after the block.
        recipe: Name of the recipe.
        settings: What the run is made with, as JSON can hold it.
        data: What tells its data from others, see `digest`.
        hold: Whether the folder stays the run's after the block, until `finish`: who saves what
            came of the run calls it after that. Defaults to `False`.

    Raises:
        ValueError: The folder holds another run that is not finished.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    folder = Path(folder)
    claim(folder, {"recipe": recipe, "data": data, **settings})
    try:
        yield folder
    except FloatingPointError:  # going on would end there again
        for name in MADE:
            remove(folder / name)
        raise
    if not hold:
        finish(folder)


def claim(folder: Path, settings: dict) -> None:
    """Notes the settings of a run in its folder, or says that another run is there."""
    path = folder / SETTINGS
    settings = json.loads(json.dumps(settings, default=float))  # as they come back
    before = read_json(path) if path.is_file() else None
    if (folder / KEPT).is_file() or (before and any(folder.glob(f"{PRETRAINING}/*.npz"))):
        if before is None:
            raise ValueError(
                f"{str(folder)!r} holds an unfinished run that no recipe began; remove it, or "
                "choose another folder"
            )
        for name, value in settings.items():
            if before.get(name) != value:
                other = f"with {name}={before.get(name)!r}, this one has {name}={value!r}"
                if name == "data":  # whose digest tells a reader nothing
                    other = "of other data"
                raise ValueError(
                    f"{str(folder)!r} holds an unfinished run {other}; go on with that one, or "
                    "remove the folder"
                )
        return
    for name in MADE:  # of a run that is over, or had not come to the end of an epoch
        remove(folder / name)
    write(path, json.dumps(settings))


def finish(folder: str | Path) -> None:
    """Says that a run is over: another may begin in its folder."""
    for name in (KEPT, SETTINGS):
        remove(Path(folder) / name)


def wall_time(begin: float, callbacks: Sequence) -> float:
    """Seconds since `time.monotonic()` was `begin`, and those of the run before it was killed."""
    earlier = sum(one.earlier for one in callbacks if isinstance(one, Resume))
    return time.monotonic() - begin + earlier


def digest(*parts) -> str:
    """What tells some data from others: 16 digits of the SHA-256 of plain values and bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(repr(part).encode())
    return found.hexdigest()[:16]
