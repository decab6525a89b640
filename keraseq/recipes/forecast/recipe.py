"""How a forecaster is made: settings that follow from the series, model, training, calibration."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from keraseq import data, losses, models
from keraseq.bundle import Bundle, Score
from keraseq.evaluate import conformal_margin, intervals
from keraseq.evaluate.conformal import check_enough
from keraseq.recipes.forecast.evaluation import evaluate, reading_of, series_of, verdict
from keraseq.recipes.forecast.forecaster import OF_FILES, READS_AGAIN, Forecaster, transformed
from keraseq.recipes.forecast.settings import Settings
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest

# A season in a segment, so that segments of different days compare hour by hour.
SEGMENT_WITHOUT_SEASON = 8
# Seasons that a window shows, unless the horizon or the length of the series says otherwise.
SEASONS = 4
EPOCHS, STEPS = 30, 1_500  # so many epochs, or as many more as so many steps need
PATIENCE = 1 / 3  # of the epochs
BATCH, BATCHES = 256, 32  # windows in a batch, unless an epoch then has fewer batches
MODELS = {
    "segment": models.segment_forecaster,
    "direct": models.forecaster,
    "recursive": models.step_forecaster,
    "encoder-decoder": models.step_forecaster,
}
PANELS = 6  # of the figure, at most
STEPWISE = ("recursive", "encoder-decoder")


@dataclass(frozen=True)
class Prepared:
    """Series, what scales them, and their windows by part."""

    series: data.Series
    scaler: data.Scaler
    windows: dict[str, data.SeriesWindows]


class Forecast(Recipe):
    """Series -> a forecaster, trained on their training part; see `keraseq.recipes.recipe.Recipe`.

    Epoch and intervals are those of the validation part.
    """

    name, Settings, Data = "forecast", Settings, data.Series
    reads_by, reads_again = ("targets",), READS_AGAIN

    def read(self, source, settings: Settings) -> data.Series:
        """Series of a file, a frame, or by name."""
        if self.read_already(source, settings):
            return source
        return data.series(source, **self.reading(settings))

    def completed(self, series: data.Series, settings: Settings) -> Settings:
        """The settings, with what follows from the series where nothing is given."""
        several = len(series.frames) > 1
        seasonal = several and series.season > 1 and settings.model not in STEPWISE
        segment = settings.segment or (
            series.season if series.season > 1 else SEGMENT_WITHOUT_SEASON
        )
        look_back = settings.look_back or default_look_back(series, settings.horizon, segment)
        if settings.segment is None:  # the largest that fits
            segment = max(n for n in range(1, min(segment, look_back) + 1) if look_back % n == 0)
        shape = {"look_back": look_back, "horizon": settings.horizon, "stride": settings.stride}
        count = len(data.SeriesWindows(series, "train", **shape))
        batch = settings.batch_size or min(BATCH, max(8, count // BATCHES))
        epochs = settings.epochs or max(EPOCHS, math.ceil(STEPS / math.ceil(count / batch)))
        patience = settings.patience
        return replace(
            settings,
            look_back=look_back,
            segment=segment,
            season=series.season,
            scale=settings.scale or ("window" if several else "train"),
            normalize=settings.normalize or ("season" if seasonal else "last"),
            batch_size=batch,
            epochs=epochs,
            patience=max(3, round(epochs * PATIENCE)) if patience is None else patience,
        )

    def known(self, series: data.Series) -> str:
        """What tells series from others: values, times, columns, and what is done with them."""
        import pandas as pd

        parts = []
        for name, frame in series.frames.items():
            rows = pd.util.hash_pandas_object(frame).to_numpy()
            parts += [name, list(frame.columns), series.borders[name], rows.tobytes()]
        roles = (series.targets, series.past_covariates, series.future_covariates, series.calendar)
        return digest(*parts, roles, series.freq, series.season)

    def prepare(self, series: data.Series, settings: Settings) -> Prepared:
        """The scaler of the training parts of all series together, and the windows."""
        import pandas as pd

        seen = transformed(series, settings.transform)
        scaler = data.Scaler.fit(pd.concat(seen.part("train").values(), ignore_index=True))
        windows = {
            part: data.SeriesWindows(
                seen,
                part,
                look_back=settings.look_back,
                horizon=settings.horizon,
                stride=settings.stride if part == "train" else 1,
                scaler=scaler,
                per_window=settings.scale == "window",
            )
            for part in ("train", "validation")
        }
        for low, high in intervals(settings.quantiles):
            check_enough(len(windows["validation"]), high - low)
        return Prepared(series, scaler, windows)

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Batches of windows."""
        return prepared.windows[part].dataset(settings.batch_size, shuffle=part == "train")

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model of the settings."""
        return forecaster(prepared.series, settings, len(prepared.windows["train"]))

    def compiling(self, settings: Settings) -> dict:
        """The loss that belongs to the head."""
        return {"loss": loss(settings), "metrics": []}

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The loss of the forecast that is 0 in the model's own scale; 1 at least."""
        return max(1.0, loss_of_the_middle(settings, check))

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model, its columns, scaler and intervals."""
        series = prepared.series
        columns = {
            name: list(getattr(series, name))
            for name in ("targets", "past_covariates", "future_covariates")
        }
        method = Forecaster(model, settings, **columns, scaler=prepared.scaler)
        stored = {
            "margins": calibrated(method, series),
            **columns,
            "scaler": prepared.scaler.to_json(),
            "source": series.source,
            "calendar": list(series.calendar),
            "freq": series.freq,
            "season": series.season,
            "tz": series.tz,
            "id": list(series.id),
            "time": list(series.time),
            "day_first": series.day_first,
            "categories": {one: list(texts) for one, texts in series.categories.items()},
        }
        return model, stored, Score("validation loss", float(log.val_loss.min()))

    def card(self, prepared: Prepared, settings: Settings) -> dict:
        """What a reader must know of the data."""
        series = prepared.series
        return {
            "title": f"Forecast of {settings.horizon} rows: {settings.model} {settings.cell}",
            "data": series.source or f"{len(series.frames)} series",
            "split": "by time; the epoch was chosen on the validation part",
        }

    evaluate = staticmethod(evaluate)

    def verdict(self, bundle: Bundle, table) -> str:
        """Whether the model is better than every baseline."""
        return verdict(table, Forecaster.of(bundle))

    def predict(self, bundle: Bundle, raw=None, known=None, **reading):
        """The rows after the end of each series, see `Forecaster.forecast`.

        `known` may be a file, which is read like the series.
        """
        series = series_of(bundle, raw, **reading)
        if known is not None and not isinstance(known, Mapping):
            reading = reading_of(bundle) | reading
            reading = {key: reading[key] for key in OF_FILES if key in reading}
        else:
            reading = {}
        return Forecaster.of(bundle).forecast(series, known, **reading)

    def raw(self, given: list[str], stdin):
        """A file, or a table in CSV from the standard input."""
        if len(given) > 1:
            raise ValueError(f"forecast reads one table; received {', '.join(given)}")
        return given[0] if given else stdin.read()

    def lines(self, found):
        """The table of the forecasts: times, the forecast of each target, then the quantiles."""
        if found["ds"].dtype.kind == "M":
            found = found.assign(ds=found["ds"].astype(str))  # days without hours
        inside = [any(one.startswith(f"{other}-") for other in found) for one in found]
        found = found.iloc[:, sorted(range(len(inside)), key=inside.__getitem__)]
        return found if found["unique_id"].nunique() > 1 else found.drop(columns="unique_id")

    def draw(self, bundle: Bundle, raw, found, path: Path, **reading) -> None:
        """The forecasts of the first few targets as fan charts."""
        draw(series_of(bundle, raw, **reading), found, path)


def forecaster(series: data.Series, settings: Settings, count: int) -> keras.Model:
    """The model of the settings, for `count` windows to train on."""
    options = {
        "features": len(series.columns),
        "targets": len(series.targets),
        "future": len(series.future_covariates),
        "length": settings.look_back,
        "cell": settings.cell,
        "units": settings.units,
        "dropout": settings.dropout,
        "normalize": None if settings.normalize == "none" else settings.normalize,
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


def default_look_back(series: data.Series, horizon: int, segment: int) -> int:
    """Some seasons, in whole segments, that leave most of the training part to learn from."""
    shortest = min(borders.validation for borders in series.borders.values())
    wanted = max(SEASONS * segment, 2 * horizon)
    whole = min(math.ceil(wanted / segment), shortest // 3 // segment) * segment
    return whole or max(1, shortest // 3)


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


def draw(series: data.Series, found, path: Path) -> None:
    """The forecasts of the first few targets as fan charts, one below the other."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from keraseq import plots

    shown = [(name, target) for name in series.frames for target in series.targets][:PANELS]
    figure, panels = plt.subplots(
        len(shown), 1, figsize=(9, 3.0 * len(shown) + 0.4), layout="constrained", squeeze=False
    )
    for panel, (name, target) in zip(panels[:, 0], shown, strict=True):
        ours = found[found["unique_id"] == name]
        history = series.frames[name][target].iloc[-3 * len(ours) :]
        plots.fan_chart(ours, history, target=target, ax=panel)
        if len(series.frames) > 1:
            panel.set_title(name, loc="left", fontsize="medium")
    figure.savefig(path, dpi=150)
    plt.close(figure)
