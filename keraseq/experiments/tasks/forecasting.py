"""Forecasting: weekly carbon dioxide, and the oil temperature of a transformer."""

from abc import abstractmethod
from functools import cached_property
from typing import ClassVar

import keras
import numpy as np

from keraseq import data, evaluate, models
from keraseq.data import Scaler
from keraseq.experiments.tasks.task import Task, reshuffled


class Forecasting(Task):
    """MASE of forecasts over every window of the last part of one series.

    A subclass gives the `series` without gaps and the `borders` of its parts.
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
    def series(self):
        """A frame of one column, without gaps."""

    @property
    @abstractmethod
    def borders(self) -> data.Borders:
        """Where validation and test begin."""

    @property
    def values(self) -> np.ndarray:
        """The series, `(time,)`."""
        return self.series.iloc[:, 0].to_numpy("float64")

    @cached_property
    def scaler(self) -> Scaler:
        """To mean 0 and deviation 1 of the training part."""
        return Scaler.fit(self.series.iloc[: self.borders.validation])

    @cached_property
    def scale(self) -> float:
        """MASE's denominator, from the training part."""
        return evaluate.seasonal_scale(self.values[: self.borders.validation], self.season)

    @cached_property
    def parts(self) -> dict[str, data.Windows]:
        """Windows whose targets lie in each part, scaled."""
        edges = [0, self.borders.validation, self.borders.test, len(self.series)]
        scaled = self.scaler.transform(self.series)
        return {
            part: data.windows(
                scaled,
                look_back=self.look_back,
                horizon=self.horizon,
                first=edges[i],
                last=edges[i + 1],
            )
            for i, part in enumerate(("train", "validation", "test"))
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

    def forecasts(self) -> dict[str, np.ndarray]:
        """Forecasts that need no training, at every origin of the test part."""
        values, origins = self.values, self.parts["test"].origins
        seasonal = evaluate.seasonal_naive(values, origins, self.horizon, self.season)
        return {
            f"seasonal naive ({self.season} rows)": seasonal,
            "repeat last": evaluate.repeat_last(values, origins, self.horizon),
        }

    def baselines(self):
        """MASE of the forecasts that need no training."""
        truth = self.truth(self.parts["test"].origins)
        return {
            name: evaluate.mase(truth, values, self.scale)
            for name, values in self.forecasts().items()
        }

    @property
    def split(self) -> str:
        """For the facts."""
        index, borders = self.series.index, self.borders

        def months(first, last):
            return f"{index[first]:%Y-%m} to {index[last - 1]:%Y-%m}"

        windows = {name: f"{len(part.origins):,}" for name, part in self.parts.items()}
        return (
            f"By time: train {months(0, borders.validation)}, validation "
            f"{months(borders.validation, borders.test)}, test {months(borders.test, len(index))}; "
            f"{windows['train']}, {windows['validation']} and {windows['test']} windows. All "
            "targets of a window lie in its part; its inputs may reach back across the border."
        )

    def facts(self):
        """For the report."""
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
        """The measurements."""
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
    def gappy(self):
        """The weeks as they were measured."""
        return data.co2()

    @cached_property
    def borders(self) -> data.Borders:
        """The last 15 % are the test part, the 15 % before validation."""
        return data.split_by_time(len(self.gappy), validation=0.15, test=0.15)

    @cached_property
    def series(self):
        """The series without gaps; the future of a part never fills the part before."""
        train = self.gappy.iloc[: self.borders.validation]
        filled = self.gappy.copy()
        filled.iloc[: self.borders.validation] = data.fill_gaps(train, "linear")
        return data.fill_gaps(filled, "previous")

    def forecasts(self):
        """The naive ones, and one that goes on as the last year did."""
        origins = self.parts["test"].origins
        drifting = evaluate.seasonal_naive(
            self.values, origins, self.horizon, self.season, drift=True
        )
        seasonal, last = super().forecasts().values()
        return {
            "seasonal naive (52 weeks)": seasonal,
            "seasonal naive with drift": drifting,
            "repeat last": last,
        }

    def facts(self):
        """For the report."""
        gaps = self.gappy["co2"].isna().to_numpy()
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
        return self.gappy["co2"].to_numpy("float64").tobytes()


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
    def series(self):
        """Degrees Celsius."""
        return data.ett("h1")[["OT"]]

    @property
    def borders(self) -> data.Borders:
        """The published ones: twelve, four and four months of thirty days."""
        return data.Borders(12 * 30 * 24, 16 * 30 * 24)

    def facts(self):
        """For the report."""
        about = "Hourly oil temperature (OT) of ETTh1 (Zhou et al. 2021), on its own past alone."
        return {"Data": about, **super().facts()}
