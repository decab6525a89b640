"""Trainings and comparisons: a curve an epoch, a mark a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from keraseq.plots.axes import (
    BASELINE,
    COLOURS,
    Styles,
    chosen_styles,
    finish,
    new_axes,
    show,
    write_value,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def learning_curves(
    frame: pd.DataFrame,
    *,
    label: str = "validation value",
    baseline: tuple[str, float] | None = None,
    style: Styles | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Validation value against training steps: each cell's mean, and a band from worst to best.

    The first looks, far from all later ones, may lie outside the figure.

    Args:
        frame: Columns `cell`, `seed`, `step`, `validation`.
        label: What `validation` is, with its unit.
        baseline: Name and value of a line to compare with. Default: none.
        style: Of each cell; see `styles`. Default: by the order of the frame.
        ax: Where to draw. Default: a new figure.
    """
    import seaborn

    ax = new_axes(ax)
    style = chosen_styles(frame["cell"], style)
    frame = frame.dropna(subset=["validation"])
    for cell in style:
        of_cell = frame[frame["cell"] == cell]
        if of_cell.empty:
            continue
        look = {one: style[cell][one] for one in ("color", "linestyle")}
        seaborn.lineplot(
            of_cell,
            x="step",
            y="validation",
            errorbar=("pi", 100),
            err_kws={"alpha": 0.12, "linewidth": 0.8, "edgecolor": (look["color"], 0.7)},
            ax=ax,
            legend=False,
            **look,
        )
        mean = of_cell.groupby("step")["validation"].mean()
        ax.plot(mean.index, mean, label=cell, markersize=5, **style[cell])
    values = frame.loc[frame["step"] > frame["step"].max() * 0.15, "validation"]
    show(ax.set_ylim, values, *([baseline[1]] if baseline else []))
    if baseline:
        name, value = baseline
        ax.axhline(value, color=BASELINE, linestyle=(0, (6, 3)), linewidth=1.2, label=name)
    ax.set(xlabel="training steps", ylabel=f"{label} on validation")
    return finish(ax, legend=True)


def final_metric(
    frame: pd.DataFrame,
    *,
    label: str = "test value",
    direction: str = "min",
    baselines: Mapping[str, float] | None = None,
    digits: int = 3,
    style: Styles | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The value of each cell on the test part: a mark a seed, the mean, and the baselines below.

    A baseline that lies far off is shown by an arrow at the edge, with its value.

    Args:
        frame: Columns `cell`, `test`, a row a seed.
        label: What `test` is, with its unit.
        direction: `"min"` or `"max"`, whichever is better: the best baseline gets a line.
        baselines: Name -> value. Default: none.
        digits: Decimals of the values that are written. Defaults to 3.
        style: Of each cell; see `styles`. Default: by the order of the frame.
        ax: Where to draw. Default: a new figure.
    """
    ax = new_axes(ax)
    style = chosen_styles(frame["cell"], style)
    cells = [cell for cell in style if (frame["cell"] == cell).any()]
    baselines = dict(baselines or {})
    best = (min if direction == "min" else max)(baselines.values(), default=None)
    by_cell = frame.groupby("cell")["test"]
    edges = [*(by_cell.mean() - by_cell.std()), *(by_cell.mean() + by_cell.std())]
    show(ax.set_xlim, [*frame["test"], *edges], *([] if best is None else [best]), margin=0.12)
    low, high = ax.get_xlim()
    for row, cell in enumerate(cells):
        values = frame.loc[frame["cell"] == cell, "test"].to_numpy()
        colour = style[cell]["color"]
        mean = values.mean()
        if len(values) > 1:
            sd = values.std(ddof=1)
            ax.plot([mean - sd, mean + sd], [row, row], color=colour, linewidth=6, alpha=0.25)
        ax.plot(values, [row] * len(values), "o", color=colour, markersize=4, alpha=0.7)
        ax.plot(mean, row, "|", color=colour, markersize=13, markeredgewidth=2.5)
        write_value(ax, mean, row, f"{mean:.{digits}f}")
    for row, value in enumerate(baselines.values(), start=len(cells)):
        inside = low <= value <= high
        at = min(max(value, low), high)
        marker = "D" if inside else "<" if value < low else ">"
        ax.plot(at, row, marker, color=BASELINE, markersize=6, clip_on=False)
        if inside:
            write_value(ax, value, row, f"{value:.{digits}f}")
        else:
            side = "left" if value < low else "right"
            ax.annotate(
                f"{value:.{digits}f}",
                (at, row),
                xytext=(10 if side == "left" else -10, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                color=BASELINE,
                fontsize="small",
            )
    if best is not None:
        ax.axvline(best, color=BASELINE, linestyle=(0, (6, 3)), linewidth=1.2, zorder=0)
    rows = [*cells, *baselines]
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.4, -0.9)
    better = "lower" if direction == "min" else "higher"
    ax.set(xlabel=f"{label} on test ({better} is better)", ylabel="")
    return finish(ax, grid="x")


def quality_against_time(
    frame: pd.DataFrame,
    *,
    label: str = "test value",
    baseline: tuple[str, float] | None = None,
    style: Styles | None = None,
    ax: Axes | None = None,
) -> Axes:
    """What a cell reaches against what it costs: a small mark a seed, a large one for the mean.

    Args:
        frame: Columns `cell`, `test`, `train_seconds`, a row a seed.
        label: What `test` is, with its unit.
        baseline: Name and value of a line to compare with. Default: none.
        style: Of each cell; see `styles`. Default: by the order of the frame.
        ax: Where to draw. Default: a new figure.
    """
    ax = new_axes(ax)
    style = chosen_styles(frame["cell"], style)
    for cell in style:
        of_cell = frame[frame["cell"] == cell]
        if of_cell.empty:
            continue
        seconds, values = of_cell["train_seconds"], of_cell["test"]
        look = {"color": style[cell]["color"], "marker": style[cell]["marker"], "linestyle": ""}
        ax.plot(seconds, values, markersize=4, alpha=0.5, **look)
        ax.plot(seconds.mean(), values.mean(), markersize=10, label=cell, **look)
    show(ax.set_ylim, frame["test"], *([baseline[1]] if baseline else []))
    ax.set_xlim(0, frame["train_seconds"].max() * 1.12 or 1.0)  # a single step counts none
    if baseline:
        name, value = baseline
        ax.axhline(
            value, color=BASELINE, linestyle=(0, (6, 3)), linewidth=1.2, label=name, zorder=0
        )
    ax.set(xlabel="seconds of training, without compiling", ylabel=f"{label} on test")
    return finish(ax, legend=True)


def history(
    frame, *, metrics: Iterable[str] | None = None, ax: Axes | Iterable[Axes] | None = None
) -> np.ndarray:
    """What Keras recorded while a model was trained: a panel a metric, training and validation.

    Args:
        frame: What `fit` returned, its dictionary, or a frame such as a `CSVLogger` leaves, with a
            column `epoch`.
        metrics: Which to show, without `val_`. Default: all.
        ax: Axes, one for each metric. Default: a new figure.

    Returns:
        An array of Axes.

    Raises:
        ValueError: There is nothing to show, or a metric was not recorded.
    """
    import pandas as pd
    import seaborn

    frame = pd.DataFrame(getattr(frame, "history", frame)).copy()
    if "epoch" not in frame:
        frame["epoch"] = range(1, len(frame) + 1)
    elif len(frame) and frame["epoch"].min() == 0:
        frame["epoch"] += 1  # as CSVLogger counts
    known = [c for c in frame if c not in ("epoch", "learning_rate") and not c.startswith("val_")]
    metrics = known if metrics is None else list(metrics)
    unknown = [metric for metric in metrics if metric not in known]
    if unknown or not metrics or frame.empty:
        raise ValueError(
            f"unknown metric {unknown[0]!r}; recorded: {', '.join(known)}"
            if unknown
            else "the history is empty: nothing was recorded"
        )
    if ax is None:
        import matplotlib.pyplot as plt

        width = 5.2 * len(metrics)
        _, ax = plt.subplots(1, len(metrics), figsize=(width, 3.6), layout="constrained")
    panels = np.atleast_1d(np.asarray(ax, dtype=object))
    for panel, metric in zip(panels, metrics, strict=True):
        for column, name, dash in (
            (metric, "training", "-"),
            (f"val_{metric}", "validation", "--"),
        ):
            if column in frame:
                seaborn.lineplot(
                    frame,
                    x="epoch",
                    y=column,
                    ax=panel,
                    label=name,
                    color=COLOURS[1],
                    linestyle=dash,
                )
        if f"val_{metric}" in frame:
            panel.lines[-1].set_color(COLOURS[4])
        panel.set(xlabel="epoch", ylabel=metric.replace("_", " "))
        panel.xaxis.get_major_locator().set_params(integer=True)
        finish(panel).legend(frameon=False)
    return panels
