"""Time-series forecasting: a table of measurements -> a model -> a forecast that beats the naive.

    series = data.series("sales.csv", targets="y")          1, data
    bundle = recipes.forecast.train(series, horizon=24)     2 and 3, model and training
    print(recipes.forecast.evaluate(bundle, series))        4, beside every baseline
    bundle.save("sales")                                    5, all that a forecast needs
    recipes.forecast.Forecaster.of(bundle).forecast(series)

Numbers below were measured on ETTh1, 96 hours from 96 hours, on the validation part.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import keras
import numpy as np

from keraseq import data, models
from keraseq import evaluate as evaluation
from keraseq import train as training
from keraseq.bundle import Bundle, Card, Score
from keraseq.checks import number, one_of, positive_integer

# A season in a segment, so that segments of different days compare hour by hour.
SEGMENT_WITHOUT_SEASON = 8
# Seasons that a window shows, unless the horizon or the length of the series says otherwise.
SEASONS = 4
# Absolute error: it is what MASE counts, and its squared error too is lower than that of training
# on squared errors: 0.674 against 0.678 (128 units).
LOSS = "mae"
UNITS = 128
DROPOUT = 0.5
LEARNING_RATE = 1e-3
# After a tenth of the epochs the rate falls; in 30 epochs by a fifth each (Lin et al. 2023).
DECAY, WARM = 0.8, 0.1
EPOCHS, STEPS = 30, 1_500  # so many epochs, or as many more as so many steps need
PATIENCE = 1 / 3  # of the epochs
BATCH, BATCHES = 256, 32  # windows in a batch, unless an epoch then has fewer batches
QUANTILES = (0.1, 0.5, 0.9)
MODELS = {
    "segment": models.segment_forecaster,
    "direct": models.forecaster,
    "recursive": models.step_forecaster,
    "encoder-decoder": models.step_forecaster,
}
STEPWISE = ("recursive", "encoder-decoder")
HEADS = models.heads.HEADS
SCALES = ("train", "window")


@dataclass(frozen=True)
class Settings:
    """What a forecaster is made of; `train` fills in what is not given.

    Args:
        horizon: Rows to forecast.
        look_back: Rows that it sees.
        model: `"segment"`, `"direct"`, `"recursive"` or `"encoder-decoder"`.
        cell: A registered name, see `keraseq.cells.names()`.
        units: Size of the state.
        head: `"point"`, `"quantiles"` or `"gaussian"`.
        quantiles: Probabilities of the head of that name, and of the quantiles that a Gaussian
            forecast is given as.
        normalize: See `keraseq.models.WindowNormalization`.
        season: Rows in a season; follows from the series.
        segment: Rows in a segment, of the model of that name.
        scale: `"train"` scales by mean and deviation of the training part; `"window"` scales the
            targets by what `keraseq.data.window_scale` finds in each window besides.
        dropout: Fraction of the values to drop.
        prior: With the Gaussian head, standard deviation of a normal prior of the weights: maximum
            a posteriori instead of maximum likelihood.
        loss: Loss of the point head, a name that Keras knows.
        learning_rate, batch_size, epochs, seed: Of the training.
        stride: Rows from one window of the training part to the next.
    """

    horizon: int
    look_back: int
    model: str = "segment"
    cell: str = "gru"
    units: int = UNITS
    head: str = "point"
    quantiles: Sequence[float] = QUANTILES
    normalize: str | None = "last"
    season: int = 1
    segment: int = 24
    scale: str = "train"
    dropout: float = DROPOUT
    prior: float | None = None
    loss: str = LOSS
    learning_rate: float = LEARNING_RATE
    batch_size: int = BATCH
    epochs: int = EPOCHS
    seed: int = 0
    stride: int = 1


class Forecaster:
    """A trained model with all that a forecast needs: a method for `keraseq.evaluate.backtest`.

    Call arguments:
        past: `(windows, look_back, columns)` in the data's own units, columns in the order of the
            series: targets, past covariates, future covariates.
        horizon: Rows to forecast, at most what it was trained for. Default: that.
        future: `(windows, horizon, future covariates)` in the data's own units.

    Returns:
        A dictionary: `mean`, `(windows, horizon, targets)` in the data's own units, and with a head
        of distributions `quantiles`, probability -> array of that shape. For a model trained on
        absolute errors, and one of quantiles, `mean` is the median.

    Raises:
        ValueError: The horizon is longer than trained for, or a shape is another.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: Settings,
        *,
        targets: Sequence[str],
        past_covariates: Sequence[str] = (),
        future_covariates: Sequence[str] = (),
        scaler: data.Scaler,
    ):
        self.model, self.settings, self.scaler = model, settings, scaler
        self.targets, self.past_covariates = tuple(targets), tuple(past_covariates)
        self.future_covariates = tuple(future_covariates)

    @classmethod
    def of(cls, bundle: Bundle) -> "Forecaster":
        """The forecaster that a bundle holds."""
        if bundle.card.recipe != "forecast":
            raise ValueError(
                f"the bundle's card names the recipe {bundle.card.recipe!r}, not 'forecast'"
            )
        stored = bundle.preprocessing
        return cls(
            bundle.model,
            Settings(**stored["settings"]),
            targets=stored["targets"],
            past_covariates=stored["past_covariates"],
            future_covariates=stored["future_covariates"],
            scaler=data.Scaler.from_json(stored["scaler"]),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `past`, in order."""
        return self.targets + self.past_covariates + self.future_covariates

    def __call__(self, past, horizon: int | None = None, future=None) -> dict:
        past = np.asarray(past, "float64")
        horizon = self._check(past, horizon, future)
        inputs, center, scale = self._scaled(past, future)
        raw = np.asarray(self.model.predict(inputs, batch_size=1024, verbose=0), "float64")
        raw = raw[:, :horizon]
        if self.settings.head == "point":
            return {"mean": raw * scale + center}
        if self.settings.head == "gaussian":
            mean, deviation = raw[..., 0] * scale + center, raw[..., 1] * scale
            points = [normal_quantile(q) for q in self.settings.quantiles]
            values = [mean + point * deviation for point in points]
        else:
            values = [raw[..., i] * scale + center for i in range(raw.shape[-1])]
            mean = values[self.model.get_layer("forecast").middle]
        return {"mean": mean, "quantiles": dict(zip(self.settings.quantiles, values, strict=True))}

    def forecast(self, series: data.Series, known=None):
        """The rows after the end of each series, as one long frame.

        Args:
            series: Of the columns that the model was trained on.
            known: Future covariates that are no calendar features: a frame, or with several series
                identifier -> frame; see `keraseq.data.Series.future`.

        Returns:
            A frame `unique_id, ds`, a column for each target, and for each quantile of it one named
            like `y-0.9`.

        Raises:
            ValueError: A column is missing, a series is shorter than the look-back, or the future
                covariates end before the horizon does.
        """
        import pandas as pd

        self.check_columns(series)
        frames, horizon = [], self.settings.horizon
        pasts, futures = [], []
        for name, frame in series.frames.items():
            if len(frame) < self.settings.look_back:
                raise ValueError(
                    f"series {name!r} has {len(frame)} rows; the model looks back "
                    f"{self.settings.look_back}"
                )
            pasts.append(frame[list(self.columns)].to_numpy()[-self.settings.look_back :])
            if self.future_covariates:
                given = known.get(name) if isinstance(known, dict) else known
                futures.append(series.future(name, horizon, given).to_numpy())
        found = self(np.stack(pasts), horizon, np.stack(futures) if futures else None)
        for i, name in enumerate(series.frames):
            times = series.times_after(name, horizon)
            columns = {"unique_id": name, "ds": times}
            for j, target in enumerate(self.targets):
                columns[target] = found["mean"][i, :, j]
                for q, values in found.get("quantiles", {}).items():
                    columns[f"{target}-{q:g}"] = values[i, :, j]
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def check_columns(self, series: data.Series) -> None:
        """Raises if a series has not the columns that the model was trained on."""
        for role in ("targets", "past_covariates", "future_covariates"):
            wanted, given = getattr(self, role), getattr(series, role)
            if tuple(wanted) != tuple(given):
                raise ValueError(
                    f"the model was trained with {role}={list(wanted)}; received {list(given)}"
                )

    def _check(self, past, horizon, future) -> int:
        horizon = positive_integer("horizon", horizon or self.settings.horizon)
        if horizon > self.settings.horizon:
            raise ValueError(
                f"the model was trained to forecast {self.settings.horizon} rows; received "
                f"horizon={horizon}: train one with that horizon"
            )
        wanted = (self.settings.look_back, len(self.columns))
        if past.ndim != 3 or past.shape[1:] != wanted:
            raise ValueError(
                f"past must be (windows, {wanted[0]}, {wanted[1]}), its columns "
                f"{', '.join(self.columns)}; received shape {past.shape}"
            )
        if self.future_covariates and (future is None or np.shape(future)[1] < horizon):
            received = "none" if future is None else f"{np.shape(future)[1]} rows"
            raise ValueError(
                f"the future covariates {', '.join(self.future_covariates)} must be given for "
                f"{horizon} rows; received {received}"
            )
        return horizon

    def _scaled(self, past, future):
        """The model's inputs, and center and scale of its outputs."""
        count, futures = len(self.targets), len(self.future_covariates)
        mean, deviation = (np.array(v) for v in (self.scaler.mean, self.scaler.deviation))
        past = (past - mean) / deviation
        center, scale = mean[:count], deviation[:count]
        if self.settings.scale == "window":
            inner, spread = data.window_scale(past[:, :, :count], self.settings.season)
            past = np.concatenate([(past[:, :, :count] - inner) / spread, past[:, :, count:]], -1)
            center, scale = inner * scale + center, spread * scale
        past = past.astype("float32")
        if not futures:
            return past, center, scale
        future = (np.asarray(future, "float64") - mean[-futures:]) / deviation[-futures:]
        future = future.astype("float32")
        rest = self.settings.horizon - future.shape[1]  # a shorter horizon was asked for
        future = np.pad(future, ((0, 0), (0, max(rest, 0)), (0, 0)), mode="edge")
        return (
            {"features": past, "future": future[:, : self.settings.horizon]},
            center,
            scale,
        )


def train(
    series,
    horizon: int,
    look_back: int | None = None,
    *,
    folder: str | Path | None = None,
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
        verbose: As for `keras.Model.fit`.
        **options: Of `Settings`, such as `cell="mut1"`, `model="direct"`, `head="quantiles"`. By
            default one series is scaled by its training part, several by each window; a segment is
            a season; epochs are at least 30.

    Returns:
        A `keraseq.bundle.Bundle`; `Forecaster.of(bundle)` forecasts, `evaluate(bundle)` compares it
        with the baselines.

    Raises:
        ValueError: An unknown option or value, or series that are too short.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": [float(i % 7) for i in range(140)]}))
    >>> bundle = keraseq.recipes.forecast.train(series, 7, 14, units=4, epochs=1, segment=7)
    >>> keraseq.recipes.forecast.Forecaster.of(bundle).forecast(series).shape
    (7, 3)
    """
    source = series if isinstance(series, str) and series in data.public_series.NAMES else None
    series = series if isinstance(series, data.Series) else data.series(series)
    settings = chosen_settings(series, horizon, look_back, options)
    training.seed_everything(settings.seed)
    scaler = fitted_scaler(series)
    parts = {part: windows(series, part, settings, scaler) for part in ("train", "validation")}
    model = build(series, settings, len(parts["train"]))
    training.compile(model, loss(settings), learning_rate=settings.learning_rate, metrics=[])
    chosen, start = callbacks(settings, folder), time.perf_counter()
    batches = parts["train"].dataset(settings.batch_size, shuffle=True)
    history = model.fit(
        batches,
        validation_data=parts["validation"].dataset(settings.batch_size),
        epochs=settings.epochs,
        callbacks=chosen,
        shuffle=False,  # the dataset does
        verbose=verbose,
    ).epoch
    # A run that was resumed has trained more epochs than its history holds.
    epochs = int(model.optimizer.iterations) // len(batches)
    seconds = (time.perf_counter() - start) / max(len(history), 1)
    [stopping] = [one for one in chosen if isinstance(one, keras.callbacks.EarlyStopping)]
    return Bundle(
        model,
        {
            "settings": {**asdict(settings), "quantiles": list(settings.quantiles)},
            "targets": list(series.targets),
            "past_covariates": list(series.past_covariates),
            "future_covariates": list(series.future_covariates),
            "scaler": scaler.to_json(),
            "source": source,
            "calendar": list(series.calendar),
            "freq": series.freq,
            "season": series.season,
        },
        Card(
            title=f"Forecast of {horizon} rows: {settings.model} {settings.cell}",
            recipe="forecast",
            data=source or f"{len(series.frames)} series",
            split="by time; the epoch was chosen on the validation part",
            seeds=(settings.seed,),
            epochs=epochs,
            wall_time=seconds * epochs,
            metric=Score("validation loss", float(stopping.best)),
        ),
    )


def evaluate(bundle: Bundle, series=None, *, part: str = "test", stride: int = 1):
    """The model beside forecasts that need no training, on every window of a part.

    Args:
        bundle: What `train` returned, or a bundle that was loaded.
        series: A `keraseq.data.Series`, or what `keraseq.data.series` reads. Default: the public
            series that it was trained on.
        part: `"test"` or `"validation"`. Defaults to `"test"`.
        stride: Rows from one window to the next. Defaults to 1.

    Returns:
        A frame with a row a method, best first: `mae`, `mse` in the units of the data; `scaled_mae`
        and `scaled_mse` in units of the model's scaler; `mase`, the absolute error in units of the
        seasonal naive error before the part, series by series and target by target. Targets that
        never change there have no such unit and are left out of `mase`.

    Raises:
        ValueError: There are no series, or their columns are not those of the training.
    """
    import pandas as pd

    forecaster = Forecaster.of(bundle)
    series = series_of(bundle, series)
    forecaster.check_columns(series)
    settings, errors, scales = forecaster.settings, {}, []
    shape = {"look_back": settings.look_back, "horizon": settings.horizon, "stride": stride}
    for name, frame in series.frames.items():
        one = replace(series, frames={name: frame})
        inputs, truth, origins = data.SeriesWindows(one, part, **shape).arrays()
        known = frame[list(series.targets)].to_numpy("float64")
        first, _ = series.rows(part, name)
        scales += [seasonal_scales(known[:first], series.season)] * len(origins)
        for method, found in forecasts(forecaster, inputs, known, origins, series.season).items():
            errors.setdefault(method, []).append(truth - found)
    deviation = np.array(forecaster.scaler.deviation[: len(series.targets)])
    scales, rows = np.array(scales)[:, None], []
    for method, parts in errors.items():
        error = np.concatenate(parts)
        row = {"method": method, "mae": np.abs(error).mean(), "mse": np.square(error).mean()}
        row["mase"] = float(np.nanmean(np.abs(error) / scales))
        row["scaled_mae"] = np.abs(error / deviation).mean()
        row["scaled_mse"] = np.square(error / deviation).mean()
        rows.append(row)
    return pd.DataFrame(rows).sort_values("mae", ignore_index=True)


def series_of(bundle: Bundle, series) -> data.Series:
    """The series to evaluate on: those given, or the public ones of the training."""
    if isinstance(series, data.Series):
        return series
    stored = bundle.preprocessing
    if series is None and stored["source"] is None:
        raise ValueError("the bundle was trained on no public series: give the series to evaluate")
    if series is None:
        return data.series(stored["source"], targets=None if not stored["past_covariates"] else
                           stored["targets"], calendar=stored["calendar"])  # fmt: skip
    given = [name for name in stored["future_covariates"] if not name.endswith(("_sin", "_cos"))]
    return data.series(
        series,
        targets=stored["targets"],
        past_covariates=stored["past_covariates"],
        future_covariates=given,
        calendar=stored["calendar"],
    )


def forecasts(forecaster: Forecaster, inputs, known, origins, season: int) -> dict:
    """Name -> forecasts `(windows, horizon, targets)` of the model and of the baselines."""
    past, future = (inputs, None) if not isinstance(inputs, dict) else inputs.values()
    settings, horizon = forecaster.settings, forecaster.settings.horizon
    found = {f"{settings.model} {settings.cell}": forecaster(past, horizon, future)["mean"]}

    def each_target(method, *options):
        columns = [method(column, origins, horizon, *options) for column in known.T]
        return np.stack(columns, axis=-1)

    found["repeat last"] = each_target(evaluation.repeat_last)
    if season > 1 and origins.min() >= season:
        found[f"seasonal naive ({season})"] = each_target(evaluation.seasonal_naive, season)
    return found


def seasonal_scales(known, season: int) -> list[float]:
    """MASE's denominator of each target, NaN for one that repeats itself exactly."""
    scales = []
    for column in known.T:
        moved = len(column) > season and (column[season:] != column[:-season]).any()
        scales.append(evaluation.seasonal_scale(column, season) if moved else np.nan)
    return scales


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
        options["regularizer"] = models.gaussian_prior(settings.prior, values)
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
        return models.PinballLoss(settings.quantiles)
    return models.GaussianLoss() if settings.head == "gaussian" else settings.loss


def callbacks(settings: Settings, folder) -> list:
    """Early stopping and the falling rate; with a folder also what a killed run needs."""
    patience = max(3, round(settings.epochs * PATIENCE))
    schedule = keras.callbacks.LearningRateScheduler(Rate(settings.learning_rate, settings.epochs))
    if folder is not None:
        return training.callbacks(folder, patience=patience, others=[schedule])
    stopping = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    return [training.StopOnNaN(), stopping, schedule]


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
    for name, accepted in {"model": MODELS, "head": HEADS, "scale": SCALES}.items():
        if name in options:
            one_of(name, options[name], accepted)
    if options.get("prior") is not None and options.get("head") != "gaussian":
        raise ValueError(
            f"prior={options['prior']!r} needs head='gaussian'; "
            f"received head={options.get('head', 'point')!r}"
        )
    for name in ("learning_rate", "dropout"):
        if name in options:
            number(name, options[name])
    several = len(series.frames) > 1
    seasonal = several and series.season > 1 and options.get("model") not in STEPWISE
    chosen = {
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
    settings = Settings(horizon, look_back, **{**chosen, "segment": segment})
    count = len(windows(series, "train", settings))
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


def normal_quantile(probability: float) -> float:
    """The quantile of the normal distribution with mean 0 and deviation 1."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
