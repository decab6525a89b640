"""Forecasts that a model must beat, each a method for `keraseq.evaluate.backtest`."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import positive_integer
from keraseq.data import deviation_of, negligible

if TYPE_CHECKING:
    from keraseq.data import Series

SEASONS = 10  # that smoothing runs through before it forecasts
SMOOTHING_ROWS = 1_000  # that its constants are fitted on: the last of the training part
RIDGE = 1e-3  # of the mean square of the linear model's inputs


def baselines(series: Series, horizon: int, look_back: int | None = None) -> dict[str, Baseline]:
    """Every baseline that a table of forecasts should have, fitted on the training part alone.

    * `repeat last`: the last value.
    * `seasonal naive (s)`: the values of a season ago, if there are seasons.
    * `drift`: the line through the first and the last value of the look-back.
    * `AR(p)`: each target alone, statsmodels' `AutoReg`, with two seasons of lags or ten.
    * `exponential smoothing`: each target alone, statsmodels' `ExponentialSmoothing` with a damped
      trend and, if there are seasons, an additive one.
    * `linear`: the horizon as a linear function of the look-back less its last value, one for each
      target and the same for all series (NLinear).

    Args:
        series: A `keraseq.data.Series`.
        horizon: Rows to forecast.
        look_back: Rows that the drift and the linear model see. Default: four seasons or two
            horizons, whichever is more.

    Returns:
        Name -> method. What must be fitted is fitted when it is first used.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": [float(i % 7) for i in range(140)]}))
    >>> methods = keraseq.evaluate.baselines(series, horizon=3)
    >>> past = [[[float(i % 7)] for i in range(28)]]
    >>> methods["repeat last"](past, 3)["mean"].tolist()
    [[[6.0], [6.0], [6.0]]]

    References:
        Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", chapters 5, 8 and 9.
        Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", for the last.
    """
    horizon, season = positive_integer("horizon", horizon), series.season
    known = min(borders.validation for borders in series.borders.values())
    if look_back is None:
        look_back = max(4 * season, 2 * horizon)
    look_back = max(2, min(positive_integer("look_back", look_back), known - horizon))
    lags = max(1, min(2 * season if season > 1 else 10, known // 4))
    smoothed = max(2, min(max(SEASONS * season, 50), known))
    seasonal = season > 1 and known > 2 * season
    methods: dict[str, Baseline] = {"repeat last": RepeatLast(series, 1)}
    if season > 1 and known >= season:
        methods[f"seasonal naive ({season})"] = SeasonalNaive(series, season)
    methods["drift"] = Drift(series, look_back)
    methods[f"AR({lags})"] = Autoregression(series, lags)
    methods["exponential smoothing"] = ExponentialSmoothing(
        series, smoothed, season=season if seasonal else 1
    )
    if known >= look_back + horizon:
        methods["linear"] = Linear(series, look_back, horizon)
    return methods


@dataclass(frozen=True)
class Baseline(ABC):
    """A method that forecasts each target from its own past.

    Args:
        series: What is to be forecast; methods that are fitted see its training part.
        look_back: Rows that the method sees.

    Call arguments:
        past: `(windows, look_back, columns)` in the units of the data, targets first.
        horizon: Rows to forecast.
        future: Not read.

    Returns:
        `{"mean": (windows, horizon, targets)}`.
    """

    series: Series
    look_back: int

    def __call__(self, past, horizon: int, future=None) -> dict[str, np.ndarray]:
        past = np.asarray(past, "float64")
        columns = [
            self.target(past[:, -self.look_back :, i], positive_integer("horizon", horizon), i)
            for i in range(len(self.series.targets))
        ]
        return {"mean": np.stack(columns, axis=-1)}

    @abstractmethod
    def target(self, past: np.ndarray, horizon: int, which: int) -> np.ndarray:
        """The forecast `(windows, horizon)` of one target from its past `(windows, look_back)`."""


class RepeatLast(Baseline):
    """The last value, again and again."""

    def target(self, past, horizon, which):
        return np.repeat(past[:, -1:], horizon, axis=1)


class SeasonalNaive(Baseline):
    """The look-back, which is one season, again and again."""

    def target(self, past, horizon, which):
        return past[:, np.arange(horizon) % self.look_back]


class SeasonalDrift(Baseline):
    """The values of a season ago, and for each season ahead the change over the last one.

    The look-back is one season and one row.
    """

    def target(self, past, horizon, which):
        seasons, row = np.divmod(np.arange(horizon), self.look_back - 1)
        return past[:, 1 + row] + (past[:, -1:] - past[:, :1]) * (seasons + 1)


class Drift(Baseline):
    """The line through the first and the last value of the look-back."""

    def target(self, past, horizon, which):
        slope = (past[:, -1:] - past[:, :1]) / (self.look_back - 1)
        return past[:, -1:] + slope * np.arange(1, horizon + 1)


@dataclass(frozen=True)
class Linear(Baseline):
    """Linear in the look-back less its last value; least squares over all windows of training.

    Args:
        horizon: Rows that it is fitted for; shorter ones may be asked for.
    """

    horizon: int

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """Of each target, `(look_back + 1, horizon)`; the last row is the bias."""
        rows = self.look_back + self.horizon
        weights = []
        for target in self.series.targets:
            square = np.zeros((self.look_back + 1,) * 2)
            product = np.zeros((self.look_back + 1, self.horizon))
            for frame in self.series.part("train").values():
                values = frame[target].to_numpy("float64")
                values = values / deviation_of(values)  # so that series count alike
                windows = np.lib.stride_tricks.sliding_window_view(values, rows)
                last = windows[:, self.look_back - 1, None]
                inputs = np.pad(windows[:, : self.look_back] - last, ((0, 0), (0, 1)))
                inputs[:, -1] = 1.0
                square += inputs.T @ inputs
                product += inputs.T @ (windows[:, self.look_back :] - last)
            ridge = RIDGE * max(np.trace(square) / len(square), 1e-12)
            weights.append(np.linalg.solve(square + ridge * np.eye(len(square)), product))
        return weights

    def target(self, past, horizon, which):
        if horizon > self.horizon:
            raise ValueError(
                f"the linear model was fitted for horizon={self.horizon}; "
                f"received horizon={horizon}"
            )
        weights = self.weights[which][:, :horizon]
        # Weights are free of scale; the bias is not, and belongs to series of deviation 1.
        bias = weights[-1] * (past.std(axis=1, keepdims=True) if len(self.series.frames) > 1 else
                              self.deviations[which])  # fmt: skip
        return past[:, -1:] + (past - past[:, -1:]) @ weights[:-1] + bias

    @cached_property
    def deviations(self) -> list[float]:
        """Of each target of the one series there is."""
        [train] = self.series.part("train").values()
        return [deviation_of(train[one].to_numpy("float64")) for one in self.series.targets]


@dataclass(frozen=True)
class Local(Baseline):
    """A method with parameters of its own for each series: take it by `of_series`."""

    identifier: str | None = None
    fitted: dict = field(default_factory=dict, repr=False)

    def of_series(self, identifier: str) -> Local:
        """The method for one series."""
        return replace(self, identifier=identifier)

    def parameters(self, which: int):
        """Of one target, fitted when they are first asked for; `None` if it never changes."""
        identifier = self.identifier
        if identifier is None:
            if len(self.series.frames) > 1:
                raise ValueError("this method is fitted series by series; take of_series(NAME)")
            [identifier] = self.series.frames
        key = identifier, which
        if key not in self.fitted:
            train = self.series.part("train")[identifier]
            values = train[self.series.targets[which]].to_numpy("float64")
            import statsmodels.tools.sm_exceptions  # noqa: F401 - it sets filters when imported

            with warnings.catch_warnings():
                # That columns repeat each other, or that the optimum is not exact.
                warnings.simplefilter("ignore")
                steady = negligible(np.ptp(values), values)
                self.fitted[key] = None if steady else self.fit(values)
        return self.fitted[key]

    def target(self, past, horizon, which):
        parameters = self.parameters(which)
        if parameters is None:
            return np.repeat(past[:, -1:], horizon, axis=1)
        return self.run(past, horizon, parameters)

    @abstractmethod
    def fit(self, train: np.ndarray):
        """The parameters that a training part gives."""

    @abstractmethod
    def run(self, past, horizon, parameters) -> np.ndarray:
        """The forecast `(windows, horizon)`."""


class Autoregression(Local):
    """`y_t = c + a_1 y_{t-1} + ... + a_p y_{t-p}`, with `p = look_back`."""

    def fit(self, train):
        from statsmodels.tsa.ar_model import AutoReg

        return AutoReg(train, lags=self.look_back, trend="c").fit().params

    def run(self, past, horizon, parameters):
        constant, weights = parameters[0], parameters[1:]
        known = past[:, ::-1].copy()  # the latest first, as the weights
        found = np.empty((len(past), horizon))
        for step in range(horizon):
            found[:, step] = constant + known @ weights
            known = np.concatenate([found[:, step, None], known[:, :-1]], axis=1)
        return found


@dataclass(frozen=True)
class ExponentialSmoothing(Local):
    """Level, damped trend and season, each smoothed, over the look-back of each window.

    The smoothing constants are those that statsmodels finds on the training part. A window starts
    from the mean of its first season and that season's shape.

    Args:
        season: Rows in a season; 1 for none.
    """

    season: int = 1

    def fit(self, train):
        from statsmodels.tsa import holtwinters

        seasonal = {"seasonal": "add", "seasonal_periods": self.season} if self.season > 1 else {}
        model = holtwinters.ExponentialSmoothing(
            train[-SMOOTHING_ROWS:],
            trend="add",
            damped_trend=True,
            initialization_method="heuristic" if len(train) >= 10 else "estimated",
            **seasonal,
        )
        found = model.fit(use_brute=False).params
        names = ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
        return [float(found[name]) if np.isfinite(found[name]) else 0.0 for name in names]

    def run(self, past, horizon, parameters):
        alpha, beta, gamma, phi = parameters
        first = past[:, : self.season]
        level, trend = first.mean(axis=1), np.zeros(len(past))
        seasons = first - level[:, None] if self.season > 1 else np.zeros((len(past), 1))
        for t in range(past.shape[1]):
            now, before, expected = t % self.season, level, level + phi * trend
            level = alpha * (past[:, t] - seasons[:, now]) + (1 - alpha) * expected
            trend = beta * (level - before) + (1 - beta) * phi * trend
            seasons[:, now] = gamma * (past[:, t] - expected) + (1 - gamma) * seasons[:, now]
        damped = np.cumsum(phi ** np.arange(1, horizon + 1))
        ahead = (past.shape[1] + np.arange(horizon)) % self.season
        return level[:, None] + damped * trend[:, None] + seasons[:, ahead]
