"""How a forecaster is made: settings that follow from the series, model, training, calibration.

Numbers below are squared errors on ETTh1, 96 hours from 96 hours, on the validation part.
"""

import math
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import keras
import numpy as np

from keraseq import data, layers, losses, models
from keraseq import train as training
from keraseq.bundle import Bundle, Card, Score
from keraseq.checks import one_of, positive_integer, positive_number, rate
from keraseq.evaluate import conformal_margin, intervals
from keraseq.recipes.forecast.forecaster import Forecaster, Settings, transformed
from keraseq.recipes.runs import claimed, digest, wall_time

# A season in a segment, so that segments of different days compare hour by hour.
SEGMENT_WITHOUT_SEASON = 8
# Seasons that a window shows, unless the horizon or the length of the series says otherwise.
SEASONS = 4
DEFAULTS = {
    "model": "segment",  # direct: few steps, and no forecast is fed back
    "cell": "gru",
    "units": 128,
    "head": "point",
    "quantiles": (0.1, 0.5, 0.9),
    "dropout": 0.5,
    "prior": None,
    # Absolute error is what MASE counts; and its squared error too is lower than that of training
    # on squared errors: 0.674 against 0.678.
    "loss": "mae",
    "learning_rate": 1e-3,
    "stride": 1,
    "seed": 0,
}
# After a tenth of the epochs the rate falls; in 30 epochs by a fifth each (Lin et al. 2023).
DECAY, WARM = 0.8, 0.1
EPOCHS, STEPS = 30, 1_500  # so many epochs, or as many more as so many steps need
PATIENCE = 1 / 3  # of the epochs
WORST = 10  # times the loss of a forecast that knows nothing: no model that learns comes near it
BATCH, BATCHES = 256, 32  # windows in a batch, unless an epoch then has fewer batches
MODELS = {
    "segment": models.segment_forecaster,
    "direct": models.forecaster,
    "recursive": models.step_forecaster,
    "encoder-decoder": models.step_forecaster,
}
STEPWISE = ("recursive", "encoder-decoder")
HEADS = layers.heads.HEADS
SCALES = ("train", "window")
TRANSFORMS = ("log",)


def train(
    series,
    horizon: int,
    look_back: int | None = None,
    *,
    folder: str | Path | None = None,
    hold: bool = False,
    verbose: int | str = 0,
    **options,
) -> Bundle:
    """A forecaster of some series, trained on their training part, its epoch chosen on validation.

    Args:
        series: A `keraseq.data.Series`, or what `keraseq.data.series` reads.
        horizon: Rows to forecast.
        look_back: Rows that it sees. Default: four seasons or two horizons, whichever is more, but
            no more than a third of the shortest training part.
        folder: Where the run keeps its files; a run that was killed goes on from its last epoch if
            it is started again with the same folder. Default: nowhere.
        hold: Whether the folder stays this run's after its end, until
            `keraseq.recipes.runs.finish(folder)`. Defaults to `False`.
        verbose: As for `keras.Model.fit`.
        **options: Of `Settings`, such as `cell="mut1"`, `model="direct"`, `head="quantiles"`. By
            default one series is scaled by its training part, several by each window; a segment is
            a season; epochs are at least 30.

    Returns:
        A `keraseq.bundle.Bundle`; `Forecaster.of(bundle)` forecasts, `evaluate(bundle)` compares it
        with the baselines.

    Raises:
        ValueError: An unknown option or value, series that are too short, or the folder holds a run
            of other settings or other series.
        FloatingPointError: The training has diverged; nothing is kept of it.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": [float(i % 7) for i in range(140)]}))
    >>> bundle = keraseq.recipes.forecast.train(series, 7, 14, units=4, epochs=1, segment=7)
    >>> keraseq.recipes.forecast.Forecaster.of(bundle).forecast(series).shape
    (7, 6)
    """
    series = series if isinstance(series, data.Series) else data.series(series)
    settings = chosen_settings(series, horizon, look_back, options)
    begin, run = time.monotonic(), nullcontext()
    if folder is not None:
        run = claimed(folder, "forecast", asdict(settings), fingerprint(series), hold)
    with run as folder:
        return trained(series, settings, folder, begin, verbose)


def trained(series: data.Series, settings: Settings, folder, begin: float, verbose) -> Bundle:
    """The forecaster of the settings, trained since `begin`."""
    training.seed_everything(settings.seed)
    seen = transformed(series, settings.transform)
    scaler = fitted_scaler(seen)
    parts = {part: windows(seen, part, settings, scaler) for part in ("train", "validation")}
    model = build(series, settings, len(parts["train"]))
    training.compile(model, loss(settings), learning_rate=settings.learning_rate, metrics=[])
    batches = parts["train"].dataset(settings.batch_size, shuffle=True)
    check = parts["validation"].dataset(settings.batch_size)
    chosen = callbacks(
        settings, folder, limit=WORST * max(1.0, loss_of_the_middle(settings, check))
    )
    model.fit(
        batches,
        validation_data=check,
        epochs=settings.epochs,
        callbacks=chosen,
        shuffle=False,  # the dataset does
        verbose=verbose,
    )
    [stopping] = [one for one in chosen if isinstance(one, keras.callbacks.EarlyStopping)]
    forecaster = Forecaster(
        model,
        settings,
        targets=series.targets,
        past_covariates=series.past_covariates,
        future_covariates=series.future_covariates,
        scaler=scaler,
    )
    return Bundle(
        model,
        {
            "margins": calibrated(forecaster, series),
            "settings": {**asdict(settings), "quantiles": list(settings.quantiles)},
            "targets": list(series.targets),
            "past_covariates": list(series.past_covariates),
            "future_covariates": list(series.future_covariates),
            "scaler": scaler.to_json(),
            "source": series.source,
            "calendar": list(series.calendar),
            "freq": series.freq,
            "season": series.season,
        },
        Card(
            title=f"Forecast of {settings.horizon} rows: {settings.model} {settings.cell}",
            recipe="forecast",
            data=series.source or f"{len(series.frames)} series",
            split="by time; the epoch was chosen on the validation part",
            seeds=(settings.seed,),
            epochs=int(model.optimizer.iterations) // len(batches),
            wall_time=wall_time(begin, chosen),
            metric=Score("validation loss", float(stopping.best)),
        ),
    )


def fingerprint(series: data.Series) -> str:
    """What tells series from others: their values, times, columns, and what is done with them."""
    import pandas as pd

    parts = []
    for name, frame in series.frames.items():
        rows = pd.util.hash_pandas_object(frame).to_numpy()
        parts += [name, list(frame.columns), series.borders[name], rows.tobytes()]
    roles = (series.targets, series.past_covariates, series.future_covariates, series.calendar)
    return digest(*parts, roles, series.freq, series.season)


def fitted_scaler(series: data.Series) -> data.Scaler:
    """The scaler of the training parts of all series together."""
    import pandas as pd

    return data.Scaler.fit(pd.concat(series.part("train").values(), ignore_index=True))


def windows(series, part, settings, scaler=None, stride=None) -> data.SeriesWindows:
    """The windows of a part, scaled as the settings say."""
    return data.SeriesWindows(
        series,
        part,
        look_back=settings.look_back,
        horizon=settings.horizon,
        stride=stride or (settings.stride if part == "train" else 1),
        scaler=scaler,
        per_window=settings.scale == "window",
    )


def build(series: data.Series, settings: Settings, count: int) -> keras.Model:
    """The model of the settings, for `count` windows to train on."""
    options = {
        "features": len(series.columns),
        "targets": len(series.targets),
        "future": len(series.future_covariates),
        "length": settings.look_back,
        "cell": settings.cell,
        "units": settings.units,
        "dropout": settings.dropout,
        "normalize": settings.normalize,
        "head": settings.head,
        "quantiles": settings.quantiles,
    }
    if settings.prior is not None:
        values = count * settings.horizon * len(series.targets)
        options["regularizer"] = losses.gaussian_prior(settings.prior, values)
    if settings.model == "segment":
        options["segment"] = settings.segment
        options["channel_embedding"] = len(series.targets) > 1
    if settings.model in ("segment", "direct"):
        options["season"] = settings.season
    else:
        options["decoder"] = "same" if settings.model == "recursive" else "own"
    return MODELS[settings.model](settings.horizon, **options)


def loss(settings: Settings):
    """The loss that belongs to the head."""
    if settings.head == "quantiles":
        return losses.PinballLoss(settings.quantiles)
    return losses.GaussianLoss() if settings.head == "gaussian" else settings.loss


def loss_of_the_middle(settings: Settings, batches) -> float:
    """The loss of the forecast that is 0, in the model's own scale, with a deviation of 1."""
    losses, cost = [], keras.losses.get(loss(settings))
    for _, truth in batches:
        truth = np.asarray(truth)
        middle = np.zeros_like(truth)
        if settings.head == "gaussian":
            middle = np.stack([middle, middle + 1], axis=-1)
        elif settings.head == "quantiles":
            middle = np.stack([middle] * len(settings.quantiles), axis=-1)
        losses.append(float(np.mean(keras.ops.convert_to_numpy(cost(truth, middle)))))
    return float(np.mean(losses))


def callbacks(settings: Settings, folder, limit: float) -> list:
    """Early stopping and the falling rate; with a folder also what a killed run needs."""
    patience = max(3, round(settings.epochs * PATIENCE))
    schedule = keras.callbacks.LearningRateScheduler(Rate(settings.learning_rate, settings.epochs))
    if folder is not None:
        return training.callbacks(
            folder, patience=patience, keep=True, limit=limit, others=[schedule]
        )
    stopping = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    return [training.StopOnDivergence(limit), stopping, schedule]


@dataclass(frozen=True)
class Rate:
    """The learning rate of an epoch: as it is for a tenth of the epochs, then falling."""

    start: float
    epochs: int

    def __call__(self, epoch: int, rate: float | None = None) -> float:
        return self.start * DECAY ** (30 * max(0.0, epoch / self.epochs - WARM))


def chosen_settings(series: data.Series, horizon, look_back, options: dict) -> Settings:
    """The settings, with defaults that follow from the series."""
    known = [field.name for field in fields(Settings) if field.name != "season"]
    for name in options:
        one_of("option", name, known)
    horizon = positive_integer("horizon", horizon)
    accepting = {"model": MODELS, "head": HEADS, "scale": SCALES, "transform": TRANSFORMS}
    for name, accepted in accepting.items():
        if options.get(name) is not None:
            one_of(name, options[name], accepted)
    if options.get("prior") is not None and options.get("head") != "gaussian":
        raise ValueError(
            f"prior={options['prior']!r} needs head='gaussian'; "
            f"received head={options.get('head', 'point')!r}"
        )
    for name in ("units", "stride", "segment", "batch_size", "epochs"):
        if options.get(name) is not None:
            positive_integer(name, options[name])
    positive_number("learning_rate", options.get("learning_rate", DEFAULTS["learning_rate"]))
    rate("dropout", options.get("dropout", DEFAULTS["dropout"]))
    several = len(series.frames) > 1
    seasonal = several and series.season > 1 and options.get("model") not in STEPWISE
    chosen = {
        **DEFAULTS,
        "scale": "window" if several else "train",
        "normalize": "season" if seasonal else "last",
        **options,
        "season": series.season,
    }
    segment = chosen.get("segment") or (
        series.season if series.season > 1 else SEGMENT_WITHOUT_SEASON
    )
    if look_back is None:
        look_back = default_look_back(series, horizon, segment)
    look_back = positive_integer("look_back", look_back)
    if "segment" not in options:  # the largest that fits
        segment = max(n for n in range(1, min(segment, look_back) + 1) if look_back % n == 0)
    shape = {"look_back": look_back, "horizon": horizon, "stride": chosen["stride"]}
    count = len(data.SeriesWindows(series, "train", **shape))
    batch = options.get("batch_size") or min(BATCH, max(8, count // BATCHES))
    epochs = options.get("epochs") or max(EPOCHS, math.ceil(STEPS / math.ceil(count / batch)))
    return Settings(
        horizon,
        look_back,
        **{**chosen, "segment": segment, "batch_size": batch, "epochs": epochs},
    )


def default_look_back(series: data.Series, horizon: int, segment: int) -> int:
    """Some seasons, in whole segments, that leave most of the training part to learn from."""
    shortest = min(borders.validation for borders in series.borders.values())
    wanted = max(SEASONS * segment, 2 * horizon)
    return max(1, min(math.ceil(wanted / segment), shortest // 3 // segment)) * segment


def calibrated(forecaster: Forecaster, series: data.Series, part: str = "validation") -> dict:
    """Margins that make the intervals cover what they say on a part that was not trained on.

    As `keraseq.evaluate.Conformal`, but in the model's own scale, so that one margin for each step
    ahead and target serves all series. The epoch was chosen on the same part, which is little
    beside its number of windows, and they overlap: cover is promised on average, not for any one
    day.

    Returns:
        Coverage as text -> margins `(horizon, targets)`.
    """
    settings = forecaster.settings
    shape = {"look_back": settings.look_back, "horizon": settings.horizon}
    outside: dict[str, list] = {}
    for name, frame in series.frames.items():
        one = replace(series, frames={name: frame})
        inputs, truth, _ = data.SeriesWindows(one, part, **shape).arrays()
        past, future = (inputs, None) if not isinstance(inputs, dict) else inputs.values()
        found, center, scale = forecaster.scaled_quantiles(past, None, future)
        if not all(np.isfinite(one).all() for one in found.values()):
            raise FloatingPointError(
                f"the training has diverged: the forecasts of the {part} part are not finite. "
                f"To mend it, lower the learning rate (now {settings.learning_rate:.3g}; in a "
                "shell --learning-rate)"
            )
        truth = (forecaster.to_model(truth) - center) / scale
        for low, high in intervals(settings.quantiles):
            far = np.maximum(found[low] - truth, truth - found[high])
            outside.setdefault(f"{high - low:.6g}", []).append(far)
    return {
        coverage: conformal_margin(np.concatenate(parts), float(coverage))
        for coverage, parts in outside.items()
    }
