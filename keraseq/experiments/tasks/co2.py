"""Weekly carbon dioxide at Mauna Loa, half a year ahead."""

from functools import cached_property

import keras
import numpy as np

from keraseq import data, evaluate, models
from keraseq.data import Scaler
from keraseq.experiments.tasks.task import Task, reshuffled

SEASON = 52  # weeks
LOOK_BACK = 52  # weeks that a model sees
HORIZON = 26  # weeks to forecast


class CO2(Task):
    """MASE of forecasts 1 to 26 weeks ahead, over every window of the last years."""

    name = "co2"
    title = "CO2: weekly carbon dioxide at Mauna Loa, 1 to 26 weeks ahead"
    metric = "mase"
    metric_label = "MASE"
    direction = "min"
    builder = staticmethod(models.forecaster)
    options = {"horizon": HORIZON, "features": 1, "length": LOOK_BACK, "normalize": "last"}  # noqa: RUF012
    budget = 5_000
    steps = 800
    learning_rate = 5e-3
    step_cost = 4.0

    @cached_property
    def gappy(self):
        """The weeks as they were measured."""
        return data.co2()

    @cached_property
    def borders(self) -> data.Borders:
        """Where validation and test begin."""
        return data.split_by_time(len(self.gappy), validation=0.15, test=0.15)

    @cached_property
    def weeks(self):
        """The series without gaps; the future of a part never fills the part before."""
        train = self.gappy.iloc[: self.borders.validation]
        filled = self.gappy.copy()
        filled.iloc[: self.borders.validation] = data.fill_gaps(train, "linear")
        return data.fill_gaps(filled, "previous")

    @cached_property
    def scaler(self) -> Scaler:
        """To mean 0 and deviation 1 of the training part."""
        return Scaler.fit(self.weeks.iloc[: self.borders.validation])

    @cached_property
    def scale(self) -> float:
        """MASE's denominator, from the training part."""
        train = self.weeks["co2"].to_numpy()[: self.borders.validation]
        return evaluate.seasonal_scale(train, SEASON)

    @cached_property
    def parts(self) -> dict[str, data.Windows]:
        """Windows whose targets lie in each part, scaled."""
        edges = [0, self.borders.validation, self.borders.test, len(self.weeks)]
        scaled = self.scaler.transform(self.weeks)
        return {
            part: data.windows(
                scaled, look_back=LOOK_BACK, horizon=HORIZON, first=edges[i], last=edges[i + 1]
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
        """MASE over all windows and all weeks ahead."""
        inputs, _, origins = self.parts[part]
        forecasts = self.scaler.inverse(model.predict(inputs, batch_size=512, verbose=0))[..., 0]
        return evaluate.mase(self.truth(origins), forecasts, self.scale)

    def truth(self, origins) -> np.ndarray:
        """What came, in ppm, `(origins, horizon)`."""
        return self.weeks["co2"].to_numpy()[origins[:, None] + np.arange(HORIZON)]

    def baselines(self):
        """Forecasts that need no training."""
        values, origins = self.weeks["co2"].to_numpy(), self.parts["test"].origins
        forecasts = {
            "seasonal naive (52 weeks)": evaluate.seasonal_naive(values, origins, HORIZON, SEASON),
            "seasonal naive with drift": evaluate.seasonal_naive(
                values, origins, HORIZON, SEASON, drift=True
            ),
            "repeat last": evaluate.repeat_last(values, origins, HORIZON),
        }
        truth = self.truth(origins)
        return {
            name: evaluate.mase(truth, values, self.scale) for name, values in forecasts.items()
        }

    def facts(self):
        """For the report."""
        index, borders = self.weeks.index, self.borders
        gaps = self.gappy["co2"].isna().to_numpy()
        later = int(gaps[borders.validation :].sum())

        def years(first, last):
            return f"{index[first]:%Y-%m} to {index[last - 1]:%Y-%m}"

        windows = {name: f"{len(part.origins):,}" for name, part in self.parts.items()}
        return {
            "Data": f"Weekly CO2 at Mauna Loa from statsmodels, {len(index):,} weeks, ppm. "
            f"{int(gaps.sum())} weeks are missing: those of the training part "
            f"({int(gaps.sum()) - later}) are filled by a straight line between the neighbours, "
            f"later ones ({later}) by the last known value.",
            "Split": f"By time: train {years(0, borders.validation)}, validation "
            f"{years(borders.validation, borders.test)}, test {years(borders.test, len(index))}; "
            f"{windows['train']}, {windows['validation']} and {windows['test']} windows. All "
            "targets of a window lie in its part; its inputs may reach back across the border.",
            "Model": f"{LOOK_BACK} weeks in, scaled by mean and deviation of the training part, "
            f"the last value subtracted; one recurrent layer; {HORIZON} weeks out at once, the "
            "last value added again.",
            "Metric": "Mean absolute error over all windows and all weeks ahead, divided by the "
            f"training part's mean absolute change over {SEASON} weeks ({self.scale:.3f} ppm).",
            "Baselines": "The same week a year ago; the same plus the last year's change; the last "
            "known value.",
        }

    def raw(self):
        """The measurements."""
        return self.gappy["co2"].to_numpy("float64").tobytes()
