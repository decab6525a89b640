"""The figures of a comparison; each can be read on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keraseq import cells as cell_table
from keraseq import plots
from keraseq.checks import one_of
from keraseq.experiments.report import statistics
from keraseq.experiments.report.results import Results
from keraseq.experiments.tasks import variants

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR = {"color": "#B00020", "linestyle": ":", "linewidth": 1.6}
TALL = 0.32  # inches that a row of a figure takes


def figures(results: Results) -> dict[str, Figure]:
    """All figures, by the name of their file: some for each task, and one over all tasks."""
    drawn: dict[str, Figure] = {}
    shown = [name for name in results.tasks if len(results.finished(name))]
    for name in results.tasks:
        if name in shown:
            drawn[f"{name}-learning"] = learning(results, name)
            drawn[f"{name}-final"] = final(results, [name])
            drawn[f"{name}-time"] = cost(results, name)
        if searched(results, name) is not None:
            drawn[f"{name}-search"] = search(results, name)
    if shown:
        drawn["overview"] = final(results, shown)
    return drawn


def cell_styles(cells: list[str]) -> dict[str, dict]:
    """A look for each of the cells; those of a class share its colour.

    Registered cells look the same in every comparison.
    """
    every = list(dict.fromkeys([*cell_table.names(), *cells]))
    classes = {name: variants.class_name(name) for name in every}
    style = plots.styles(every, classes)
    return {cell: style[cell] for cell in cells}


def panels(count: int, width: float = 6.8, height: float = 4.0) -> tuple[Figure, list[Axes]]:
    """A figure of some panels side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def learning(results: Results, task: str, cells: Sequence[str] | None = None) -> Figure:
    """Validation value against steps, a band from the worst to the best seed, and the floor.

    The floor is that of the validation part, and is drawn where it is known.

    Args:
        results: Of the comparison.
        task: Name of the task.
        cells: Which to draw: bands of more than five hide each other. Default: all.
    """
    figure, [ax] = panels(1)
    curves = results.curves()
    known = results.settings["cells"]
    shown = [one_of("cell", cell, known) for cell in cells or known]
    curves = curves[curves["cell"].isin(shown)]
    plots.learning_curves(
        curves[curves["task"] == task],
        label=results.tasks[task]["metric_label"],
        style=cell_styles(shown),
        ax=ax,
    )
    floor_line(ax.axhline, results.floor(task, "validation"))
    plots.finish(ax, legend=True)
    return figure


def final(results: Results, names: list[str]) -> Figure:
    """The test value of each cell with its interval, the baselines, the floor; a panel a task."""
    rows = len(results.settings["cells"]) + max(len(results.baselines(name)) for name in names)
    width = 6.8 if len(names) == 1 else 5.4
    figure, axes = panels(len(names), width, max(4.0, TALL * rows + 1.2))
    style = cell_styles(results.settings["cells"])
    for ax, task in zip(axes, names, strict=True):
        described, finished = results.tasks[task], results.finished(task)
        plots.final_metric(
            finished,
            label=described["metric_label"],
            style=style,
            direction=described["direction"],
            baselines=results.baselines(task),
            digits=described["digits"],
            ax=ax,
        )
        present = [cell for cell in style if cell in set(finished["cell"])]
        for row, cell in enumerate(present):
            interval = statistics.bootstrap(list(results.runs(task)[cell].values()))
            ends = [interval.low, interval.high]
            ax.plot(ends, [row, row], "|-", color=style[cell]["color"], linewidth=1, markersize=7)
        low, high = ax.get_xlim()
        floor = results.floor(task)
        if floor and low <= floor[1] <= high:  # else its arrow at the edge says where it is
            floor_line(ax.axvline, floor)
        if len(names) > 1:
            ax.set_title(task)
    return figure


def cost(results: Results, task: str) -> Figure:
    """What a cell reaches against seconds of training, and against its number of parameters."""
    figure, axes = panels(2, width=5.6)
    finished = results.finished(task)
    of = {"train_seconds": "seconds of training, without compiling"}
    of |= {"parameters": "trainable parameters"}
    for ax, (column, label) in zip(axes, of.items(), strict=True):
        plots.quality_against_time(
            finished.assign(train_seconds=finished[column].astype(float)),
            label=results.tasks[task]["metric_label"],
            style=cell_styles(results.settings["cells"]),
            baseline=best_baseline(results, task),
            ax=ax,
        )
        ax.set_xlabel(label)
        floor_line(ax.axhline, results.floor(task))
    values = finished["parameters"].astype(float)
    room = max(0.2 * (values.max() - values.min()), 0.01 * values.max(), 1.0)
    axes[1].set_xlim(values.min() - room, values.max() + room)
    axes[0].get_legend().remove()
    plots.finish(axes[1], legend=True)
    return figure


def searched(results: Results, task: str) -> pd.DataFrame | None:
    """The search trials of a task that have a value, or None where there was no search."""
    trials = results.trials("search")
    trials = trials[(trials["task"] == task) & trials["validation"].notna()]
    return trials if len(trials) else None


def search(results: Results, task: str) -> Figure:
    """The best value so far of each cell's search, and the values against the learning rate."""
    figure, [trace, rate] = panels(2, width=5.6)
    trials, described = searched(results, task), results.tasks[task]
    best = np.minimum if described["direction"] == "min" else np.maximum
    for cell, style in cell_styles(results.settings["cells"]).items():
        of_cell = trials[trials["cell"] == cell].sort_values("number")
        if of_cell.empty:
            continue
        values = of_cell["validation"].to_numpy(float)
        line = {one: style[one] for one in ("color", "linestyle")}
        trace.step(of_cell["number"] + 1, best.accumulate(values), where="post", **line)
        trace.plot([], [], label=cell, **style)  # for the legend: line and mark
        for axis, x in ((trace, of_cell["number"] + 1), (rate, of_cell["learning_rate"])):
            whole = (of_cell["status"] != "pruned").to_numpy()
            look = {"color": style["color"], "marker": style["marker"], "linestyle": ""}
            axis.plot(x[whole], values[whole], markersize=5, **look)
            axis.plot(x[~whole], values[~whole], markersize=5, markerfacecolor="none", **look)
    label = f"{described['metric_label']} on validation"
    trace.set(xlabel="trial of the search (line: best so far)", ylabel=label)
    trace.locator_params(axis="x", integer=True)
    rate.set(xlabel="learning rate (open: pruned)", ylabel=label, xscale="log")
    for ax in (trace, rate):
        floor_line(ax.axhline, results.floor(task, "validation"))
        plots.finish(ax)
    place = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    rate.legend(*trace.get_legend_handles_labels(), frameon=False, fontsize="small", **place)
    return figure


def best_baseline(results: Results, task: str) -> tuple[str, float] | None:
    """The best baseline, unless it is the floor, which has a line of its own."""
    best = next(iter(results.baselines(task).items()), None)
    floor = results.floor(task)
    return None if best is not None and floor and best[0] == floor[0] else best


def floor_line(draw, floor: tuple[str, float] | None) -> None:
    """A dotted line at what no learning gives; the view is widened to it, at most twofold.

    Where it lies further off, its name says so.
    """
    if not floor:
        return
    ax, axis = draw.__self__, "y" if draw.__name__ == "axhline" else "x"
    low, high = sorted(getattr(ax, f"get_{axis}lim")())
    span, name = high - low, f"floor {floor[1]:.4g}: {floor[0]}"
    if low - span <= floor[1] <= high + span:
        draw(floor[1], label=name, zorder=0, **FLOOR)
        ends = min(low, floor[1] - 0.04 * span), max(high, floor[1] + 0.04 * span)
        getattr(ax, f"set_{axis}lim")(*ends)
    else:
        where = "below" if floor[1] < low else "above"
        ax.plot([], [], label=f"{name} ({where}, outside)", **FLOOR)
