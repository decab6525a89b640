"""Intervals that cover what they say, calibrated on data that was held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import rate
from keraseq.evaluate.backtesting import chunks, cut, intervals, look_back_of, origins_of

if TYPE_CHECKING:
    from keraseq.data import Series


def conformal_margin(outside, coverage: float) -> np.ndarray:
    """How much wider an interval must be to hold so much of the truth.

    The value of rank `ceil((n + 1) * coverage)` among `outside`, `(n, ...)`: how far each truth
    lay outside the interval, negative inside (conformalised quantile regression). With too few
    values for the rank it is the largest.

    Example:

    >>> float(keraseq.evaluate.conformal_margin([3.0, -1.0, 0.0, 1.0], coverage=0.6))
    1.0

    References:
        Romano, Patterson & Candès 2019, "Conformalized Quantile Regression", arXiv:1905.03222.
    """
    outside = np.sort(np.asarray(outside, "float64"), axis=0)
    rank = math.ceil((len(outside) + 1) * rate("coverage", coverage))
    return outside[min(max(rank, 1), len(outside)) - 1]


class Conformal:
    """Any method with intervals that are calibrated on a part it was not trained on.

    Quantiles that the method gives are moved apart or together; the forecast of a method that
    gives none is the middle of intervals of its own errors. There is a margin for each coverage,
    step ahead and target, and for each series.

    What is promised is cover on average if the future is like the part (exchangeability), which
    no series quite is; see the coverage that `backtest` measures.

    Args:
        method: See `keraseq.evaluate.backtest`.
        series: What to calibrate on.
        horizon: Rows to forecast.
        quantiles: Of a method that gives none; pairs such as 0.1 and 0.9 are intervals.
        part: The part to calibrate on. Defaults to `"validation"`.
        look_back: Rows that the method sees, if it does not say so itself.

    Call arguments and result:
        Those of a method; `of_series` gives that of one series, if there are several.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": [float(i % 7) for i in range(140)]}))
    >>> naive = keraseq.evaluate.baselines(series, 2)["repeat last"]
    >>> method = keraseq.evaluate.Conformal(naive, series, 2, quantiles=(0.1, 0.9))
    >>> sorted(method([[[3.0]]], 2)["quantiles"])
    [0.1, 0.9]
    """

    def __init__(
        self,
        method: Callable,
        series: Series,
        horizon: int,
        *,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        part: str = "validation",
        look_back: int | None = None,
        identifier: str | None = None,
    ):
        self.method, self.series, self.horizon = method, series, horizon
        self.quantiles = tuple(rate("quantile", one) for one in quantiles)
        self.part, self.identifier = part, identifier
        self.look_back = look_back_of("method", method, look_back)
        self._margins: dict[str, dict] = {}

    def of_series(self, identifier: str) -> Conformal:
        """The method for one series, with the margins that are there already."""
        one = Conformal(
            self.method, self.series, self.horizon, quantiles=self.quantiles, part=self.part,
            look_back=self.look_back, identifier=identifier,
        )  # fmt: skip
        one._margins = self._margins
        return one

    def margins(self) -> dict[tuple[float, float], np.ndarray]:
        """Pair of quantiles -> margins `(horizon, targets)` of the series."""
        name = self.identifier
        if name is None:
            if len(self.series.frames) > 1:
                raise ValueError("margins are measured series by series; take of_series(NAME)")
            [name] = self.series.frames
        if name not in self._margins:
            rows = origins_of(self.series, self.part, self.horizon, 1, self.look_back)[name]
            outside: dict[tuple, list] = {}
            for [(_, at)] in chunks({name: rows}, alone=True):
                past, future, truth = cut(self.series, name, at, self.look_back, self.horizon)
                future = future if self.series.future_covariates else None
                found = self._bare(past, self.horizon, future)[1]
                for low, high in intervals(found):
                    far = np.maximum(found[low] - truth, truth - found[high])
                    outside.setdefault((low, high), []).append(far)
            self._margins[name] = {
                pair: conformal_margin(np.concatenate(parts), pair[1] - pair[0])
                for pair, parts in outside.items()
            }
        return self._margins[name]

    def _bare(self, past, horizon: int, future):
        """Forecast and quantiles of the method, or the forecast as every quantile."""
        method = self.method
        if self.identifier is not None and hasattr(method, "of_series"):
            method = method.of_series(self.identifier)
        found = method(past, horizon, future)
        given = found.get("quantiles") or dict.fromkeys(self.quantiles, found["mean"])
        return found["mean"], dict(given)

    def __call__(self, past, horizon: int | None = None, future=None) -> dict:
        horizon = self.horizon if horizon is None else horizon
        middle, found = self._bare(past, horizon, future)
        for (low, high), margin in self.margins().items():
            found[low] = np.minimum(found[low] - margin[:horizon], middle)
            found[high] = np.maximum(found[high] + margin[:horizon], middle)
        return {"mean": middle, "quantiles": found}
