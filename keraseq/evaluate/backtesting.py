"""Rolling-origin evaluation: every method forecasts from the same origins, as if in those days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of, positive_integer
from keraseq.evaluate.forecasts import crps, pinball, seasonal_scale, smape

if TYPE_CHECKING:
    import pandas as pd

    from keraseq.data import Scaler, Series

WINDOWS = 2_048  # forecast in one call
KEYS = ["method", "series", "target", "step", "windows"]


@dataclass(frozen=True)
class Backtest:
    """What `backtest` measured.

    Args:
        table: A row for each method, series, target and step ahead: the number of `windows`, and
            the mean of each metric over them.

    The metrics, in the units of the data unless said otherwise:
        `mae`, `mse` (in `summary` also `rmse`); `mase`, the absolute error in units of the seasonal
        naive error before the part, NaN for a target that repeats itself there; `smape`, 0 to 200
        as in M4; `scaled_mae`, `scaled_mse` in units of the scaler, if one was given; for methods
        that give quantiles `pinball-0.1` and so on, `crps`, and for each pair of them such as 0.1
        and 0.9 `coverage-0.8`, the fraction of the truth inside, and `width-0.8`.
    """

    table: pd.DataFrame

    def summary(self, by: str | None = None) -> pd.DataFrame:
        """A row a method, the lowest `mae` first; every window, target and step counts alike.

        Args:
            by: Also a row for each `"step"`, `"series"` or `"target"`. Default: none.
        """
        by = None if by is None else one_of("by", by, ("step", "series", "target"))
        keys = ["method"] if by is None else ["method", by]
        metrics = [name for name in self.table if name not in KEYS and name != "rmse"]
        values, weights = self.table[metrics], self.table["windows"]
        groups = [self.table[key] for key in keys]
        total = values.mul(weights, axis=0).groupby(groups, sort=False).sum(min_count=1)
        count = values.notna().mul(weights, axis=0).groupby(groups, sort=False).sum()
        found = (total / count.where(count > 0)).reset_index()
        found.insert(found.columns.get_loc("mse") + 1, "rmse", np.sqrt(found["mse"]))
        best = found.groupby("method")["mae"].transform("mean")
        order = found.assign(best=best).sort_values(["best"], kind="stable").index
        return found.loc[order].dropna(axis=1, how="all").reset_index(drop=True)


def backtest(
    methods: Callable | Mapping[str, Callable],
    series: Series,
    horizon: int,
    *,
    look_back: int | None = None,
    part: str = "test",
    stride: int = 1,
    scaler: Scaler | None = None,
) -> Backtest:
    """Lets methods forecast from every origin of a part, and compares them with what came.

    A method is anything that is called as `method(past, horizon, future)` with `past (windows,
    look_back, columns)` in the units of the data, targets first, and `future (windows, horizon,
    future covariates)` or `None`, and returns `{"mean": (windows, horizon, targets)}`, and if it
    can `"quantiles"`: probability -> array of that shape. `keraseq.recipes.forecast.Forecaster`,
    those of `keraseq.evaluate.baselines` and `keraseq.evaluate.Conformal` are methods. A method
    sees the rows before the origin and nothing else; those of an attribute `look_back`, if it has
    one. One that is another for each series has `of_series(identifier)`, which returns it, and one
    that depends on the time `at_origins(rows)`.

    Args:
        methods: A method, or name -> method.
        series: A `keraseq.data.Series`.
        horizon: Rows to forecast.
        look_back: Rows that methods without an attribute of that name see.
        part: The targets of every window lie in this part: `"test"`, `"validation"` or `"train"`.
            Defaults to `"test"`.
        stride: Rows from one origin to the next. Defaults to 1: every window.
        scaler: A `keraseq.data.Scaler` for `scaled_mae` and `scaled_mse`. Default: none.

    Returns:
        A `Backtest`; `.summary()` is the table to print.

    Raises:
        ValueError: A part is shorter than the horizon, a method has no look-back, or what it
            returns has another shape.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": [float(i) for i in range(100)]}))
    >>> found = keraseq.evaluate.backtest(keraseq.evaluate.baselines(series, 2), series, 2)
    >>> float(found.summary().set_index("method")["mae"]["repeat last"])
    1.5
    """
    import pandas as pd

    horizon, stride = positive_integer("horizon", horizon), positive_integer("stride", stride)
    methods = methods if isinstance(methods, Mapping) else {"method": methods}
    backs = {name: look_back_of(name, one, look_back) for name, one in methods.items()}
    origins = origins_of(series, part, horizon, stride, max(backs.values()))
    tables = []
    for name, method in methods.items():
        sums: dict[str, dict[str, np.ndarray]] = {}
        for chunk in chunks(origins, alone=depends(method)):
            pieces = [cut(series, one, at, backs[name], horizon) for one, at in chunk]
            past, future, truth = (np.concatenate(x) for x in zip(*pieces, strict=True))
            found = placed(method, *chunk[0])(
                past, horizon, future if series.future_covariates else None
            )
            check(name, found, truth.shape)
            start = 0
            for one, at in chunk:
                rows = slice(start, start := start + len(at))
                scales = scales_of(series, one, part, scaler)
                for metric, values in measured(found, truth, rows, *scales).items():
                    kept = sums.setdefault(one, {})
                    kept[metric] = kept.get(metric, 0) + values.sum(axis=0)
        tables += [
            rows_of(name, one, series.targets, kept, len(origins[one]))
            for one, kept in sums.items()
        ]
    return Backtest(pd.concat(tables, ignore_index=True))


def depends(method: Callable) -> bool:
    """Whether a method is another for each series, or at each time."""
    return hasattr(method, "of_series") or hasattr(method, "at_origins")


def placed(method: Callable, name: str, origins: np.ndarray) -> Callable:
    """The method of one series and at some origins, if it is another for each."""
    method = method.of_series(name) if hasattr(method, "of_series") else method
    return method.at_origins(origins) if hasattr(method, "at_origins") else method


def look_back_of(name: str, method: Callable, given: int | None) -> int:
    """Rows that a method sees."""
    own = getattr(method, "look_back", given)
    if own is None:
        raise ValueError(f"method {name!r} has no attribute look_back: give look_back=")
    return positive_integer("look_back", own)


def origins_of(series: Series, part: str, horizon: int, stride: int, back: int):
    """Identifier -> rows of the first targets of all windows."""
    found = {}
    for name, frame in series.frames.items():
        first, last = series.rows(part, name)
        first = max(first, back)
        found[name] = np.arange(first, last - horizon + 1, stride)
        if not len(found[name]):
            raise ValueError(
                f"series {name!r}: look_back={back} and horizon={horizon} do not fit: its {part} "
                f"part lets {max(last - first, 0)} of its {len(frame)} rows be targets"
            )
    return found


def chunks(origins: Mapping[str, np.ndarray], alone: bool) -> Iterator[list]:
    """Lists of `(identifier, origins)`, about `WINDOWS` in all; `alone` keeps series apart."""
    chunk, count = [], 0
    for name, rows in origins.items():
        for start in range(0, len(rows), WINDOWS):
            chunk.append((name, rows[start : start + WINDOWS]))
            count += len(chunk[-1][1])
            if alone or count >= WINDOWS:
                yield chunk
                chunk, count = [], 0
    if chunk:
        yield chunk


def cut(series: Series, name: str, origins: np.ndarray, back: int, horizon: int):
    """Past, known future and truth of some windows of a series."""
    values = series.frames[name][list(series.columns)].to_numpy("float64")
    ahead = values[origins[:, None] + np.arange(horizon)]
    past = values[origins[:, None] + np.arange(-back, 0)]
    known = len(series.columns) - len(series.future_covariates)
    return past, ahead[:, :, known:], ahead[:, :, : len(series.targets)]


def check(name: str, found, shape: tuple[int, ...]) -> None:
    """Raises if a method returned something else than it must."""
    if not isinstance(found, Mapping) or "mean" not in found:
        raise ValueError(f"method {name!r} must return a dictionary with 'mean'; received {found}")
    for key, values in {"mean": found["mean"], **found.get("quantiles", {})}.items():
        if np.shape(values) != shape:
            raise ValueError(
                f"method {name!r} must return {key!r} of shape {shape}; received {np.shape(values)}"
            )


def scales_of(series: Series, name: str, part: str, scaler: Scaler | None):
    """MASE's scale of each target, NaN where there is none, and the deviation of the scaler."""
    first = max(series.rows(part, name)[0], series.rows("train", name)[1])
    known = series.frames[name][list(series.targets)].to_numpy("float64")[:first]
    scales = []
    for column in known.T:
        try:
            scales.append(seasonal_scale(column, series.season))
        except ValueError:
            scales.append(np.nan)
    if scaler is None:
        return np.array(scales), None
    deviation = [scaler.deviation[scaler.columns.index(one)] for one in series.targets]
    return np.array(scales), np.array(deviation)


def measured(found: Mapping, truth: np.ndarray, rows: slice, scales, deviation) -> dict:
    """Metric -> values `(windows, horizon, targets)` of some of the windows."""
    truth, mean = truth[rows], np.asarray(found["mean"], "float64")[rows]
    error = truth - mean
    values = {"mae": np.abs(error), "mse": error**2}
    values |= {"mase": np.abs(error) / scales, "smape": smape(truth, mean)}
    if deviation is not None:
        values["scaled_mae"] = np.abs(error) / deviation
        values["scaled_mse"] = (error / deviation) ** 2
    quantiles = {q: np.asarray(f, "float64")[rows] for q, f in found.get("quantiles", {}).items()}
    for q, forecast in quantiles.items():
        values[f"pinball-{q:g}"] = pinball(truth, forecast, q)
    if quantiles:
        values["crps"] = crps(truth, quantiles)
    for low, high in intervals(quantiles):
        inside = (quantiles[low] <= truth) & (truth <= quantiles[high])
        values[f"coverage-{high - low:.6g}"] = inside.astype("float64")
        values[f"width-{high - low:.6g}"] = quantiles[high] - quantiles[low]
    return values


def intervals(quantiles) -> list[tuple[float, float]]:
    """Pairs of probabilities with as much below the one as above the other."""
    return [
        (low, high)
        for low in quantiles
        for high in quantiles
        if low < 0.5 and abs(low + high - 1) < 1e-9
    ]


def rows_of(method: str, name: str, targets, sums: Mapping[str, np.ndarray], count: int):
    """The rows of one method and series."""
    import pandas as pd

    horizon = len(next(iter(sums.values())))
    frame = pd.DataFrame(
        {
            "method": method,
            "series": name,
            "target": np.tile(list(targets), horizon),
            "step": np.repeat(np.arange(1, horizon + 1), len(targets)),
            "windows": count,
        }
    )
    metrics = pd.DataFrame({key: values.ravel() / count for key, values in sums.items()})
    return pd.concat([frame, metrics], axis=1)
