"""Step 5, figures: a tidy frame goes in, Matplotlib `Axes` come out.

Every figure draws on the Axes that it is given, or on new ones, and says its units. People who see
fewer colours can tell these apart (Okabe & Ito 2008), and each cell has a marker of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keraseq.checks import positive_integer

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", ":", "-.")
BASELINE = "#555555"

Styles = Mapping[str, Mapping[str, Any]]


def styles(names: Iterable[str], families: Mapping[str, str] | None = None) -> dict[str, dict]:
    """A colour, a marker and a dash for each name, the same in every figure they are given to.

    Args:
        names: All names that can occur, in a fixed order, not only those of one figure.
        families: Name -> family. Members of a family share a colour and differ in the dash.
            Default: each name is its own.

    Returns:
        Name -> keyword arguments of `Axes.plot`.

    Example:

    >>> keraseq.plots.styles(["gru", "lstm"])["lstm"]["marker"]
    's'
    """
    chosen: dict[str, dict] = {}
    members: dict[str, int] = {}
    for name in names:
        family = (families or {}).get(name, name)
        place = list(members).index(family) if family in members else len(members)
        rank = members[family] = members.get(family, -1) + 1
        round_, colour = divmod(place, len(COLOURS))
        chosen[name] = {
            "color": COLOURS[colour],
            "marker": MARKERS[(place + round_) % len(MARKERS)],
            "linestyle": DASHES[(rank + round_) % len(DASHES)],
        }
    return chosen


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
        look = {"color": style[cell]["color"], "linestyle": style[cell]["linestyle"]}
        seaborn.lineplot(
            of_cell, x="step", y="validation", errorbar=("pi", 100), ax=ax, legend=False, **look
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
    ax.set_xlim(0, frame["train_seconds"].max() * 1.12)
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


def new_axes(ax: Axes | None, width: float = 6.4, height: float = 4.0) -> Axes:
    """The Axes given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def chosen_styles(cells: pd.Series, style: Styles | None) -> Styles:
    """The styles given, in their order, or new ones for the cells of a frame."""
    return styles(dict.fromkeys(cells)) if style is None else style


def show(set_limits, values, *others: float, margin: float = 0.08) -> None:
    """Sets the limits of an axis so that all finite values are inside, with a margin."""
    values = np.concatenate([np.asarray(values, float), np.asarray(others, float)])
    values = values[np.isfinite(values)]
    if len(values):
        low, high = values.min(), values.max()
        room = (high - low) * margin or abs(high) * margin or 1.0
        set_limits(low - room, high + room)


def write_value(ax: Axes, x: float, y: float, text: str) -> None:
    """A number above its mark."""
    ax.annotate(
        text,
        (x, y),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize="small",
        color="#333333",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )


def finish(ax: Axes, legend: bool = False, grid: str = "both") -> Axes:
    """What all figures share: a light grid, no box, the legend outside of the data."""
    ax.grid(visible=False)
    ax.grid(axis=grid, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize="small")
    return ax


def gates(
    frame: pd.DataFrame,
    *,
    names: Iterable[str] | None = None,
    labels: Iterable | None = None,
    xlabel: str = "step",
    ax: Axes | Iterable[Axes] | None = None,
) -> np.ndarray:
    """What the gates and states of a cell do along a sequence: a heat map each, a row a unit.

    Units stand in the order of their mean in the first map, so that what goes together is seen
    together. Gates, between 0 and 1, are drawn from white to blue; what has a sign from brown over
    white to green.

    Args:
        frame: What `keraseq.inspection.activations` returns.
        names: Which to show. Default: all.
        labels: A text for each step, such as the characters read. Default: its number.
        xlabel: What a step is.
        ax: Axes, one for each name. Default: a new figure, one map below the other.

    Returns:
        An array of Axes.

    Raises:
        ValueError: A name is not in the frame.
    """
    import seaborn

    known = list(dict.fromkeys(frame["name"]))
    names = known if names is None else list(names)
    for name in names:
        if name not in known:
            raise ValueError(f"unknown gate {name!r}; the frame has: {', '.join(known)}")
    if ax is None:
        import matplotlib.pyplot as plt

        size = (9, 1.7 * len(names) + 0.4)
        _, ax = plt.subplots(len(names), 1, figsize=size, sharex=True, layout="constrained")
    panels = np.atleast_1d(np.asarray(ax, dtype=object))
    order = None
    for panel, name in zip(panels, names, strict=True):
        values = frame[frame["name"] == name].pivot(index="unit", columns="step", values="value")
        if order is None or len(order) != len(values):
            order = values.mean(axis=1).sort_values(ascending=False).index
        signed = values.to_numpy().min() < 0
        reach = max(1.0, float(np.abs(values.to_numpy()).max()))
        seaborn.heatmap(
            values.loc[order],
            ax=panel,
            cmap="BrBG" if signed else "Blues",
            vmin=-reach if signed else 0,
            vmax=reach,
            yticklabels=False,
            xticklabels=10 if labels is None else [str(label) for label in labels],
            cbar_kws={"pad": 0.01},
        )
        panel.set(xlabel="", ylabel="units")
        panel.set_title(name, loc="left", fontsize="medium")
        panel.tick_params(axis="x", rotation=0, length=0)
    panels[-1].set_xlabel(xlabel)
    return panels


def coloured_text(
    text: str | Sequence[str],
    values,
    *,
    width: int = 80,
    limit: float | None = None,
    label: str = "activation",
    ax: Axes | None = None,
) -> Axes:
    """A text with a number behind each character: brown below 0, white at 0, green above.

    Lines break where the text breaks, and at the width. A figure takes some hundred characters; for
    more, and in notebooks, see `keraseq.inspection.ColouredText`.

    Args:
        text: A text, or the texts of its tokens; a token as wide as its characters.
        values: A number for each character, or token.
        width: Characters in a line, a positive integer. Defaults to 80.
        limit: The number at which the colours end. Default: the greatest, sign aside.
        label: What the numbers are. Defaults to `"activation"`.
        ax: Where to draw. Default: a new figure.

    Raises:
        ValueError: There is no text, the lengths differ, or `width` is no positive integer.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> ax = keraseq.plots.coloured_text("ab de", [0, 1, -1, 0.5, 0.2], width=3)
    >>> [text.get_text() for text in ax.texts]
    ['a', 'b', ' ', 'd', 'e']
    """
    width = positive_integer("width", width)
    values = np.asarray(values, float)
    tokens = list(text)
    if not tokens or values.shape != (len(tokens),):
        raise ValueError(
            f"values must be a number for each of the characters or tokens, at least one; received "
            f"{len(tokens)} and shape {values.shape}"
        )
    lines: list[list[tuple[str, float]]] = [[]]
    for token, value in zip(tokens, values, strict=True):
        for character in token:
            if len(lines[-1]) == width:
                lines.append([])
            shown = {"\n": "↵", "\t": "→"}.get(character, character)
            lines[-1].append((shown, value))
            if character == "\n":
                lines.append([])
    lines = [line for line in lines if line]
    grid = np.full((len(lines), max(map(len, lines))), np.nan)
    for row, line in enumerate(lines):
        grid[row, : len(line)] = [value for _, value in line]
    ax = new_axes(ax, width=0.105 * grid.shape[1] + 1.2, height=0.19 * len(lines) + 0.7)
    limit = float(np.nanmax(np.abs(grid))) or 1.0 if limit is None else limit
    reach = limit / 0.7  # the dark ends of the scale would hide the letters
    image = ax.imshow(grid, cmap="BrBG", vmin=-reach, vmax=reach, aspect="auto")
    for row, line in enumerate(lines):
        for column, (character, _) in enumerate(line):
            look = {"fontfamily": "monospace", "fontsize": 8, "parse_math": False}
            ax.text(column, row, character, ha="center", va="center", **look)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, label=label)
    bar.ax.set_ylim(-limit, limit)
    ax.set(xticks=[], yticks=[])
    ax.set_frame_on(False)
    return ax
