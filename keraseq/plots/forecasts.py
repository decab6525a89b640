"""Forecasts: what is expected, how sure it is, and how errors grow with the horizon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from keraseq.evaluate import intervals
from keraseq.plots.axes import COLOURS, finish, new_axes, styles

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PALEST, DEEPEST = 0.25, 0.6  # share of the colour in the widest and the narrowest interval


def fan_chart(
    forecast: pd.DataFrame,
    history: pd.Series | None = None,
    *,
    target: str = "y",
    truth: pd.Series | None = None,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A forecast with its intervals as bands, after the last rows that were known.

    Args:
        forecast: Of one series, as `keraseq.recipes.forecast.Forecaster.forecast` returns it: `ds`,
            a column of the target, and if there are quantiles columns such as `y-0.1` and `y-0.9`.
        history: The known values before it, by time.
        target: The column to draw. Defaults to `"y"`.
        truth: What came, by time, if it is known.
        label: Name and unit of the values. Default: the target's name.
        ax: Where to draw. Default: a new figure.

    Raises:
        ValueError: The target is no column, or there is more than one series.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ds": range(2), "y": [1, 2], "y-0.1": [0, 0], "y-0.9": [2, 4]})
    >>> keraseq.plots.fan_chart(frame, label="sales a day").get_ylabel()
    'sales a day'
    """
    if target not in forecast:
        columns = ", ".join(map(repr, forecast.columns))
        raise ValueError(f"unknown target {target!r}; the forecast has: {columns}")
    if "unique_id" in forecast and forecast["unique_id"].nunique() > 1:
        raise ValueError("a fan chart shows one series; choose the rows of one unique_id")
    ax = new_axes(ax, width=8.4, height=3.8)
    quantiles = {
        float(name.removeprefix(f"{target}-")): forecast[name]
        for name in forecast
        if str(name).startswith(f"{target}-")
    }
    times = forecast["ds"].to_numpy()
    colour = COLOURS[1]
    if history is not None:
        ax.plot(history.index, history, color=COLOURS[0], linewidth=1.2, label="known")
    pairs = sorted(intervals(quantiles), key=lambda pair: pair[0])
    for (low, high), shade in zip(pairs, shades(colour, len(pairs)), strict=True):
        ax.fill_between(
            times,
            quantiles[low].to_numpy("float64"),
            quantiles[high].to_numpy("float64"),
            color=shade,
            linewidth=0,
            label=f"{high - low:.0%} interval",
        )
    ax.plot(times, forecast[target], color=colour, linewidth=1.6, label="forecast")
    if truth is not None:
        ax.plot(truth.index, truth, color=COLOURS[4], linewidth=1.2, linestyle="--", label="truth")
    if history is not None and len(history):
        ax.axvline(history.index[-1], color="#999999", linewidth=0.8, linestyle=":")
    ax.set(ylabel=target if label is None else label)
    if np.issubdtype(times.dtype, np.datetime64):
        import matplotlib.dates as dates

        locator = dates.AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    else:
        ax.set_xlabel("row")
    return finish(ax, legend=True)


def shades(colour: str, count: int) -> list[np.ndarray]:
    """So many opaque shades of a colour, the palest first: each is what the legend shows of it."""
    from matplotlib.colors import to_rgb

    steps = np.linspace(PALEST, DEEPEST, max(count, 2))[:count]
    return [1 - share * (1 - np.array(to_rgb(colour))) for share in steps]


def errors_by_step(
    frame: pd.DataFrame,
    *,
    metric: str = "mae",
    methods: Iterable[str] | None = None,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """How the error of each method grows with the steps ahead.

    Args:
        frame: What `keraseq.evaluate.Backtest.summary("step")` returns.
        metric: The column to draw. Defaults to `"mae"`.
        methods: Which to show, in this order. Default: all.
        label: Name and unit of the metric. Default: its name.
        ax: Where to draw. Default: a new figure.

    Raises:
        ValueError: The metric is no column, or a method is not in the frame.
    """
    known = list(dict.fromkeys(frame["method"]))
    methods = known if methods is None else list(methods)
    for name in methods:
        if name not in known:
            raise ValueError(f"unknown method {name!r}; the frame has: {', '.join(known)}")
    if metric not in frame:
        raise ValueError(f"unknown metric {metric!r}; the frame has: {', '.join(frame)}")
    ax = new_axes(ax, width=7.4)
    for name, style in styles(methods).items():
        rows = frame[frame["method"] == name]
        look = {key: style[key] for key in ("color", "linestyle")}
        ax.plot(rows["step"], rows[metric], label=name, linewidth=1.5, **look)
    ax.set(xlabel="steps ahead", ylabel=metric.upper() if label is None else label)
    ax.set_ylim(bottom=0)
    return finish(ax, legend=True)
