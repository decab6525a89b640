"""How gradients grow and shrink over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keraseq.plots.axes import Styles, chosen_styles, finish, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def propagation(
    frame: pd.DataFrame,
    *,
    by: str | None = None,
    bound: bool = False,
    style: Styles | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The largest singular value of d s_t / d s_0 over time, a line a name, on a log scale.

    A line is the geometric mean over rows and seeds; its band goes from the least to the greatest.

    Args:
        frame: What `keraseq.inspection.propagation` returns, or several of them in one with a
            column that names them.
        by: That column. Default: one line.
        bound: Whether to draw, dashed, what each cannot exceed: the product of the largest singular
            values of all steps. Defaults to `False`.
        style: What `styles` returns. Default: new ones.
        ax: Where to draw. Default: a new figure.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> layer = keraseq.layers.RNN(keraseq.cells.GRUCell(4))
    >>> frame = keraseq.inspection.propagation(layer, keras.ops.ones((2, 5, 3)))
    >>> keraseq.plots.propagation(frame).get_xlabel()
    'steps t'
    """
    frame = frame[frame["rank"] == 1]
    ax = over_time(frame, "log10", by, new_axes(ax), style, dashed="bound" if bound else None)
    ax.set(xlabel="steps t", ylabel="largest singular value of $ds_t/ds_0$")
    return ax


def gradient_norms(
    frame: pd.DataFrame, *, by: str = "by", style: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """The norm of a loss' gradient by states and weights at each step, on a log scale.

    Args:
        frame: What `keraseq.inspection.gradient_norms` returns, of one layer, or several of them
            with a column that names them.
        by: The column that names the lines. Defaults to `"by"`.
        style: What `styles` returns. Default: new ones.
        ax: Where to draw. Default: a new figure.

    Example:

    >>> import matplotlib, pandas as pd
    >>> matplotlib.use("agg")
    >>> frame = pd.DataFrame({"step": [1, 2], "by": "hidden", "norm": [0.01, 1.0]})
    >>> keraseq.plots.gradient_norms(frame).get_xlabel()
    'step t'
    """
    import numpy as np

    with np.errstate(divide="ignore"):
        frame = frame.assign(log10=np.log10(frame["norm"]))
    ax = over_time(frame, "log10", by, new_axes(ax), style)
    ax.set(xlabel="step t", ylabel="norm of the part of the gradient")
    return ax


def over_time(frame, value, by, ax, style, dashed=None) -> Axes:
    """Logarithms over the steps: mean, least and greatest of each name, ticks as powers of ten."""
    names = frame[by] if by else frame["step"].map(lambda _: "")
    style = chosen_styles(names, style)
    for name, one in frame.groupby(names, sort=False):
        steps = one.groupby("step")
        mean, low, high = (getattr(steps[value], kind)() for kind in ("mean", "min", "max"))
        look = {"color": style[name]["color"], "linestyle": style[name]["linestyle"]}
        look |= {"marker": style[name]["marker"], "markevery": max(1, len(mean) // 6)}
        ax.plot(mean.index, mean, label=name, markersize=5, linewidth=1.6, **look)
        ax.fill_between(mean.index, low, high, color=look["color"], alpha=0.15, linewidth=0)
        if dashed:
            most = steps[dashed].mean()
            ax.plot(most.index, most, color=look["color"], linestyle=(0, (2, 2)), linewidth=1)
    ax.yaxis.set_major_locator(powers(ax))
    ax.yaxis.set_major_formatter(lambda exponent, _: f"$10^{{{exponent:g}}}$")
    return finish(ax, legend=bool(by))


def powers(ax):
    """Ticks at whole powers of ten."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=7, integer=True)
