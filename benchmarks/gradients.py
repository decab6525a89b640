"""How gradients go through time at the start of training: frames and figures.

    python benchmarks/gradients.py [--steps 50] [--seeds 2] [--units 64]

Writes benchmarks/results/gradients-{starts,cells}.csv and benchmarks/figures/gradients-*.png.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import pandas as pd

import keraseq

HERE = Path(__file__).parent
T = "steps"  # stands for the number of steps


def normal(scale):
    """A Gaussian start of U with a spectral radius of about `scale`."""
    return lambda units: keras.initializers.RandomNormal(stddev=scale / units**0.5, seed=None)


@keras.saving.register_keras_serializable("benchmarks")
class Scaled(keras.initializers.Initializer):
    """factor * I. (Keras 3.15's Identity forgets its gain when it is copied.)"""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, shape, dtype=None):
        return self.factor * keras.ops.eye(*shape, dtype=dtype)

    def get_config(self):
        return {"factor": self.factor}


def scaled(factor):
    return lambda units: Scaled(factor)


STARTS = {
    "orthogonal": lambda units: "orthogonal",
    "Gaussian": normal(1.0),
    "Gaussian x 1.5": normal(1.5),
    "Gaussian x 3": normal(3.0),
    "identity": lambda units: "identity",
    "identity x 0.9": scaled(0.9),
    "identity x 1.1": scaled(1.1),
}
ACTIVATIONS = ("linear", "tanh", "relu", "sigmoid")
CELLS = {
    "Elman, tanh": ("elman", {}),
    "IRNN": ("irnn", {}),
    "LSTM, forget bias 0": ("lstm", {"forget_bias": 0.0}),
    "LSTM, forget bias 1": ("lstm", {}),
    "LSTM, chrono": ("lstm", {"chrono": T}),
    "GRU": ("gru", {}),
    "MUT1": ("mut1", {}),
    "MUT2": ("mut2", {}),
    "MUT3": ("mut3", {}),
}


def measured(name, options, args, seed, deviation, state=None):
    """`propagation` of a new cell for one sequence of Gaussian numbers, the largest value only."""
    keras.utils.set_random_seed(seed)
    options = {key: args.steps if value is T else value for key, value in options.items()}
    layer = keraseq.layers.RNN(keraseq.cells.get(name, args.units, **options))
    x = np.random.default_rng(seed).normal(0, deviation, (1, args.steps, args.units))
    frame = keraseq.inspection.propagation(layer, x.astype("float32"), state=state)
    frame = frame.loc[frame["rank"] == 1, ["step", "log10", "bound"]]
    return frame.assign(seed=seed, deviation=deviation, rank=1)


def starts(args):
    found = []
    for activation in ACTIVATIONS:
        for start, of in STARTS.items():
            for deviation in (1.0, 0.1):
                for seed in range(args.seeds):
                    options = {"activation": activation, "recurrent_initializer": of(args.units)}
                    one = measured("elman", options, args, seed, deviation)
                    found.append(one.assign(activation=activation, start=start))
    return pd.concat(found, ignore_index=True)


def cells(args):
    found = []
    for title, (name, options) in CELLS.items():
        states = (None, "hidden", "cell") if name == "lstm" else (None,)
        for state in states:
            for seed in range(args.seeds):
                one = measured(name, options, args, seed, 1.0, state)
                found.append(one.assign(cell=title, state=state or "whole"))
    return pd.concat(found, ignore_index=True)


def reach(logs):
    """Limits of an axis: a line that has fallen to nothing leaves the figure at its foot."""
    logs = logs[np.isfinite(logs)]
    return max(-25, logs.min() - 0.5), logs.max() + 0.5


def draw(frames, folder):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    frame = frames["starts"]
    style = keraseq.plots.styles(STARTS)
    for deviation in (1.0, 0.1):
        figure, axes = plt.subplots(2, 2, figsize=(10, 7), sharex=True, layout="constrained")
        for ax, activation in zip(axes.flat, ACTIVATIONS, strict=True):
            one = frame[(frame.activation == activation) & (frame.deviation == deviation)]
            keraseq.plots.propagation(one, by="start", style=style, ax=ax)
            ax.set_title(activation, loc="left", fontsize="medium")
            ax.get_legend().remove()
            ax.set(ylabel="", ylim=reach(one["log10"]))
            ax.set(xlabel="steps t" if ax in axes[1] else "")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
        figure.supylabel("largest singular value of $dh_t/dh_0$")
        figure.suptitle(f"Elman networks at the start, inputs of deviation {deviation:g}")
        figure.savefig(folder / f"gradients-starts-{deviation:g}.png", dpi=110)
    one = frame[(frame.activation == "tanh") & (frame.start == "orthogonal")]
    one = one.assign(inputs=[f"inputs of deviation {d:g}" for d in one.deviation])
    ax = keraseq.plots.propagation(one, by="inputs", bound=True)
    ax.set_title("tanh, orthogonal U: measured, and the bound (dotted)", fontsize="medium")
    ax.figure.savefig(folder / "gradients-bound.png", dpi=110)
    frame = frames["cells"]
    whole = frame[frame.state == "whole"]
    ax = keraseq.plots.propagation(
        whole, by="cell", ax=plt.subplots(figsize=(8, 4.5), layout="constrained")[1]
    )
    ax.set_title("Cells at the start, inputs of deviation 1", fontsize="medium")
    ax.figure.savefig(folder / "gradients-cells.png", dpi=110)
    one = frame[frame.cell.str.startswith("LSTM") & (frame.state != "whole")]
    one = one.assign(path=one.cell + ", " + one.state.map({"hidden": "h to h", "cell": "c to c"}))
    ax = keraseq.plots.propagation(
        one, by="path", ax=plt.subplots(figsize=(8, 4.5), layout="constrained")[1]
    )
    ax.set_title("LSTM: through h and through c", fontsize="medium")
    ax.figure.savefig(folder / "gradients-lstm.png", dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()
    frames = {"starts": starts(args), "cells": cells(args)}
    for name in ("results", "figures"):
        (args.out / name).mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.round(4).to_csv(args.out / "results" / f"gradients-{name}.csv", index=False)
    draw(frames, args.out / "figures")
    for name, names in (
        ("starts", ["activation", "start", "deviation"]),
        ("cells", ["cell", "state"]),
    ):
        frame = frames[name]
        marks = [t for t in (1, 10, 50, 100) if t <= args.steps]
        table = frame[frame.step.isin(marks)].pivot_table("log10", names, "step", sort=False)
        print((10**table).map("{:.2g}".format).to_string())


if __name__ == "__main__":
    main()
