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
    """MASE of forecasts over every window of the last part of one series.

    A subclass gives the `series`, in which the first target of the first frame counts.
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
            "features": 1,
            "length": self.look_back,
            "normalize": "last",
        }

    @property
    @abstractmethod
    def series(self) -> data.Series:
        """One series of one target, and the borders of its parts."""

    @property
    def frame(self):
        """The series as a frame of one column."""
        [frame] = self.series.frames.values()
        return frame

    @property
    def borders(self) -> data.Borders:
        """Where validation and test begin."""
        [borders] = self.series.borders.values()
        return borders

    @property
    def values(self) -> np.ndarray:
        """The series, `(time,)`."""
        return self.frame.iloc[:, 0].to_numpy("float64")

    @cached_property
    def scaler(self) -> Scaler:
        """To mean 0 and deviation 1 of the training part."""
        return Scaler.fit(self.frame.iloc[: self.borders.validation])

    @cached_property
    def scale(self) -> float:
        """MASE's denominator, from the training part."""
        return evaluate.seasonal_scale(self.values[: self.borders.validation], self.season)

    @cached_property
    def parts(self) -> dict[str, data.Windows]:
        """Windows whose targets lie in each part, scaled."""
        shape = {"look_back": self.look_back, "horizon": self.horizon, "scaler": self.scaler}
        return {
            part: data.SeriesWindows(self.series, part, **shape).arrays()
            for part in data.Parts._fields
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
        """MASE over all windows and all rows ahead."""
        inputs, _, origins = self.parts[part]
        forecasts = self.scaler.inverse(model.predict(inputs, batch_size=512, verbose=0))[..., 0]
        return evaluate.mase(self.truth(origins), forecasts, self.scale)

    def truth(self, origins) -> np.ndarray:
        """What came, `(origins, horizon)`."""
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
            past = self.values[origins[:, None] + np.arange(-method.look_back, 0), None]
            forecast = method(past, self.horizon)["mean"][..., 0]
            found[name] = evaluate.mase(self.truth(origins), forecast, self.scale)
        return found

    @property
    def split(self) -> str:
        index, borders = self.frame.index, self.borders

        def months(first, last):
            dated = hasattr(index, "strftime")
            first, last = (f"{index[i]:%Y-%m}" if dated else f"row {i}" for i in (first, last - 1))
            return f"{first} to {last}"

        windows = {name: f"{len(part.origins):,}" for name, part in self.parts.items()}
        return (
            f"By time: train {months(0, borders.validation)}, validation "
            f"{months(borders.validation, borders.test)}, test {months(borders.test, len(index))}; "
            f"{windows['train']}, {windows['validation']} and {windows['test']} windows. All "
            "targets of a window lie in its part; its inputs may reach back across the border."
        )

    def facts(self):
        return {
            "Split": self.split,
            "Model": f"{self.look_back} rows in, scaled by mean and deviation of the training "
            f"part, the last value subtracted; one recurrent layer; {self.horizon} rows out at "
            "once, the last value added again.",
            "Metric": "Mean absolute error over all windows and all rows ahead, divided by the "
            f"training part's mean absolute change over {self.season} rows ({self.scale:.3f}).",
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
        gaps = np.isnan(self.gappy)
        later = int(gaps[self.borders.validation :].sum())
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
