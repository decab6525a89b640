"""Forecasting: weekly carbon dioxide, and the oil temperature of a transformer."""

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import keras
import numpy as np

from keraseq import data, evaluate, models
from keraseq.data import Scaler
from keraseq.evaluate.forecast_baselines import (
    Baseline,
    RepeatLast,
    SeasonalDrift,
    SeasonalNaive,
)
from keraseq.experiments.tasks.task import Task, reshuffled


class Forecasting(Task):
    """MASE of forecasts over every window of the last part of series.

    A subclass gives the `series`. Each target of each series is scaled by its own training part.
    """

    metric = "mase"
    metric_label = "MASE"
    direction = "min"
    builder = staticmethod(models.forecaster)
    budget = 5_000
    steps = 800
    learning_rate = 5e-3
    season: ClassVar[int]  # rows
    look_back: ClassVar[int]  # rows that a model sees
    horizon: ClassVar[int]  # rows to forecast

    @property
    def options(self):
        """Of the builder."""
        return {
            "horizon": self.horizon,
            "features": len(self.series.targets),
            "targets": len(self.series.targets),
            "length": self.look_back,
            "normalize": "last",
        }

    @property
    @abstractmethod
    def series(self) -> data.Series:
        """Series of targets alone, and the borders of their parts."""

    @cached_property
    def values(self) -> np.ndarray:
        """The rows of all series, one after the other, `(rows, targets)`."""
        return np.concatenate([one.to_numpy("float64") for one in self.series.frames.values()])

    @cached_property
    def places(self) -> np.ndarray:
        """The number of the series that each row is of, `(rows,)`."""
        frames = self.series.frames.values()
        return np.repeat(np.arange(len(frames)), [*map(len, frames)])

    @cached_property
    def scalers(self) -> list[Scaler]:
        """To mean 0 and deviation 1 of the training part, one for each series."""
        return [Scaler.fit(one) for one in self.series.part("train").values()]

    @cached_property
    def scales(self) -> np.ndarray:
        """MASE's denominators, `(series, targets)`, from the training parts."""
        return np.array(
            [
                [self.scale_of(key, column) for _, column in frame.items()]
                for key, frame in self.series.part("train").items()
            ]
        )

    def scale_of(self, key: str, column) -> float:
        """MASE's denominator of a target of a series."""
        try:
            return evaluate.seasonal_scale(column, self.season)
        except ValueError as error:
            raise ValueError(f"series {key!r}, column {column.name!r}: {error}") from None

    @cached_property
    def parts(self) -> dict[str, data.Windows]:
        """Windows whose targets lie in each part, scaled."""
        pairs = zip(self.scalers, self.series.frames.items(), strict=True)
        frames = {key: scaler.transform(frame) for scaler, (key, frame) in pairs}
        scaled = replace(self.series, frames=frames)
        shape = {"look_back": self.look_back, "horizon": self.horizon}
        return {
            part: data.SeriesWindows(scaled, part, **shape).arrays() for part in data.Parts._fields
        }

    @property
    def loss(self):
        """Mean absolute error, of which MASE is a multiple."""
        return keras.losses.MeanAbsoluteError()

    def training_rows(self, rng, rows):
        """Every window of the training part once, in random order, then all again."""
        train = self.parts["train"]
        at = reshuffled(rng, len(train.origins), rows)
        return train.inputs[at], train.targets[at]

    def score(self, model, part):
        """MASE over all windows, all rows ahead and all targets."""
        inputs, _, origins = self.parts[part]
        forecasts = model.predict(inputs, batch_size=512, verbose=0).astype("float64")
        for number, scaler in enumerate(self.scalers):
            ours = self.places[origins] == number
            forecasts[ours] = scaler.inverse(forecasts[ours])
        return self.error(forecasts, origins)

    def error(self, forecasts, origins) -> float:
        """MASE of forecasts `(windows, horizon, targets)` in the units of the data."""
        scales = self.scales[self.places[origins], None]
        return evaluate.mase(self.truth(origins) / scales, forecasts / scales, 1.0)

    def truth(self, origins) -> np.ndarray:
        """What came, `(origins, horizon, targets)`."""
        return self.values[origins[:, None] + np.arange(self.horizon)]

    def methods(self) -> dict[str, Baseline]:
        """What needs no training."""
        return {
            f"seasonal naive ({self.season} rows)": SeasonalNaive(self.series, self.season),
            "repeat last": RepeatLast(self.series, 1),
        }

    def baselines(self):
        """MASE of the methods that need no training, at every origin of the test part."""
        origins, found = self.parts["test"].origins, {}
        for name, method in self.methods().items():
            past = self.values[origins[:, None] + np.arange(-method.look_back, 0)]
            found[name] = self.error(method(past, self.horizon)["mean"], origins)
        return found

    @property
    def split(self) -> str:
        frames, windows = self.series.frames, self.parts.items()
        windows = {name: f"{len(part.origins):,}" for name, part in windows}
        counted = (
            f"{windows['train']}, {windows['validation']} and {windows['test']} windows. All "
            "targets of a window lie in its part; its inputs may reach back across the border."
        )
        if len(frames) > 1:
            return f"Each series by time: train, then validation, then test; {counted}"
        [(key, frame)] = frames.items()
        index, borders = frame.index, self.series.borders[key]

        def months(first, last):
            dated = hasattr(index, "strftime")
            first, last = (f"{index[i]:%Y-%m}" if dated else f"row {i}" for i in (first, last - 1))
            return f"{first} to {last}"

        return (
            f"By time: train {months(0, borders.validation)}, validation "
            f"{months(borders.validation, borders.test)}, test {months(borders.test, len(index))}; "
            f"{counted}"
        )

    def facts(self):
        one = (
            f" ({self.scales.item():.3f})" if self.scales.size == 1 else ", each target by its own"
        )
        return {
            "Split": self.split,
            "Model": f"{self.look_back} rows in, scaled by mean and deviation of the training "
            f"part, the last value subtracted; one recurrent layer; {self.horizon} rows out at "
            "once, the last value added again.",
            "Metric": "Mean absolute error over all windows and all rows ahead, divided by the "
            f"training part's mean absolute change over {self.season} rows{one}.",
            "Baselines": "The same row a season ago; the last known value.",
        }

    def raw(self):
        return self.values.tobytes()


class CO2(Forecasting):
    """MASE of forecasts 1 to 26 weeks ahead, over every window of the last years."""

    name = "co2"
    title = "CO2: weekly carbon dioxide at Mauna Loa, 1 to 26 weeks ahead"
    step_cost = 4.0
    floor = "seasonal naive (52 weeks)"
    season = look_back = 52  # weeks
    horizon = 26

    @cached_property
    def series(self) -> data.Series:
        """The weeks without gaps; the future of a part never fills the part before."""
        return data.load("co2")

    @cached_property
    def gappy(self) -> np.ndarray:
        """The weeks as they were measured, NaN where they were not."""
        table, _ = data.sets.SETS["co2"].read()
        return table["co2"].to_numpy("float64")

    def methods(self):
        """The naive ones, and one that goes on as the last year did."""
        return {
            "seasonal naive (52 weeks)": SeasonalNaive(self.series, self.season),
            "seasonal naive with drift": SeasonalDrift(self.series, self.season + 1),
            "repeat last": RepeatLast(self.series, 1),
        }

    def facts(self):
        gaps, [borders] = np.isnan(self.gappy), self.series.borders.values()
        later = int(gaps[borders.validation :].sum())
        return {
            "Data": f"Weekly CO2 at Mauna Loa from statsmodels, {len(gaps):,} weeks, ppm. "
            f"{int(gaps.sum())} weeks are missing: those of the training part "
            f"({int(gaps.sum()) - later}) are filled by a straight line between the neighbours, "
            f"later ones ({later}) by the last known value.",
            **super().facts(),
            "Baselines": "The same week a year ago; the same plus the last year's change; the last "
            "known value.",
        }

    def raw(self):
        """The measurements, gaps included."""
        return self.gappy.tobytes()


class ETTh1(Forecasting):
    """MASE of the oil temperature of ETTh1, a day ahead from four."""

    name = "etth1"
    title = "ETTh1: oil temperature of a transformer, 1 to 24 hours ahead"
    budget = 10_000
    steps = 1_500
    step_cost = 8.0
    floor = "seasonal naive (24 rows)"
    season = horizon = 24  # hours
    look_back = 96

    @cached_property
    def series(self) -> data.Series:
        """Degrees Celsius, with the published borders."""
        found = data.load("etth1", targets="OT")
        frames = {name: frame[["OT"]] for name, frame in found.frames.items()}
        return replace(found, frames=frames, past_covariates=())

    def facts(self):
        about = "Hourly oil temperature (OT) of ETTh1 (Zhou et al. 2021), on its own past alone."
        return {"Data": about, **super().facts()}
