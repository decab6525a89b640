"""How gradients go through time, before, during and after training: frames and figures.

    python benchmarks/gradients.py [NAME ...] [--steps 50] [--seeds 2] [--units 64] [--draw]

    starts     Elman networks by start and activation; the bound of the lecture over the norm
    cells      LSTM (forget bias 0, 1, chrono), GRU, MUT1-3 and others; through h and through c
    map        h_t against x_1
    truncated  the error of truncated back-propagation against its horizon
    additive   the LSTM's additive path beside a ResNet's
    cliff      a network of two parameters, with and without clipping (Pascanu et al. 2013)
    training   clipping by norm and by value, L2, an orthogonal U, Pascanu's Omega
    memory     every cell on the adding problem: what its gradients said at the start, and after,
               beside how far back it uses its input (half an hour)
    characters the same of a language model of characters, Python's reference (seven minutes)

Without names all of them. Each writes benchmarks/results/gradients-NAME.csv and its figures
benchmarks/figures/gradients-*.png; `--draw` draws from what was written before.
"""

import argparse
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd

import keraseq
from keraseq.data import text
from keraseq.experiments.tasks.adding import Adding
from keraseq.experiments.tasks.characters import Characters
from keraseq.inspection.bptt import sigmoid, written_out
from keraseq.inspection.graded import grown, singular_values

HERE = Path(__file__).parent
T = "steps"  # stands for the number of steps


def normal(scale):
    """A Gaussian start of U with a spectral radius of about `scale`."""
    return lambda units: keras.initializers.RandomNormal(stddev=scale / units**0.5, seed=None)


STARTS = {
    "orthogonal": lambda units: "orthogonal",
    "Gaussian": normal(1.0),
    "Gaussian x 1.5": normal(1.5),
    "Gaussian x 3": normal(3.0),
    "identity": lambda units: "identity",
    "identity x 0.9": lambda units: keras.initializers.Identity(0.9),
    "identity x 1.1": lambda units: keras.initializers.Identity(1.1),
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


def made(name, options, units, steps, seed):
    """A layer with a new cell; of `options` T is the number of steps, and a start is of `units`."""
    keras.utils.set_random_seed(seed)
    options = {key: steps if value is T else value for key, value in options.items()}
    start = options.get("recurrent_initializer")
    if callable(start) and not isinstance(start, keras.initializers.Initializer):
        options["recurrent_initializer"] = start(units)
    return keraseq.layers.RNN(keraseq.cells.get(name, units, **options))


def measured(name, options, args, seed, deviation, state=None):
    """`propagation` of a new cell for one sequence of Gaussian numbers, the largest value only."""
    layer = made(name, options, args.units, args.steps, seed)
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
                    options = {"activation": activation, "recurrent_initializer": of}
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


def built(name, options, args, features, seed, steps=None):
    """A cell with weights."""
    layer = made(name, options, args.units, steps or args.steps, seed)
    layer.build((None, None, features))
    return layer.cell


MAPS = {
    "linear, orthogonal": {"activation": "linear"},
    "tanh, orthogonal": {},
    "tanh, Gaussian x 1.5": {"recurrent_initializer": normal(1.5)},
    "tanh, Gaussian x 3": {"recurrent_initializer": normal(3.0)},
}


def map(args):
    """A unit of h_t while the first input goes from -3 to 3 and the others stay."""
    found, x = [], np.linspace(-3, 3, 401)
    for title, options in MAPS.items():
        cell = built("elman", options, args, 8, seed=0)
        rng = np.random.default_rng(0)
        direction, others = rng.normal(size=8) / 8**0.5, rng.normal(0, 0.1, (args.map_steps, 8))
        kernel, written = np.asarray(cell.kernel), written_out(cell)
        h = written.step(x[:, None] * direction @ kernel, np.zeros((len(x), args.units)))
        for t in range(1, args.map_steps + 1):
            if t in (1, 10, args.map_steps):
                one = {"start": title, "step": t, "x": x, "h": h[:, 0], "other": h[:, 1]}
                found.append(pd.DataFrame(one))
            h = written.step(others[t - 1] @ kernel, h)
    return pd.concat(found, ignore_index=True)


TRUNCATED = {
    "Elman, tanh, orthogonal": ("elman", {}),
    "IRNN": ("irnn", {}),
    "GRU": ("gru", {}),
    "LSTM, forget bias 1": ("lstm", {}),
    "LSTM, chrono": ("lstm", {"chrono": T}),
}


def truncated(args):
    """Relative error of dL/dU with a horizon: the adding problem at the start, a random readout."""
    found, (x, y) = [], Adding(args.steps).generate(np.random.default_rng(0), 16)
    horizons = [k for k in (0, 1, 2, 4, 8, 15, 25, 35, 45) if k < args.steps]
    for title, (name, options) in TRUNCATED.items():
        for seed in range(args.seeds):
            cell = built(name, options, args, 2, seed)
            readout = np.random.default_rng(seed).normal(size=args.units) / args.units**0.5
            slopes = np.zeros((len(x), args.steps, args.units))
            said = keraseq.inspection.bptt(cell, x, slopes).states[:, -1, : args.units] @ readout
            slopes[:, -1] = (said[:, None] - y) * readout
            whole = keraseq.inspection.bptt(cell, x, slopes).recurrent_kernel
            for k in horizons:
                part = keraseq.inspection.bptt(cell, x, slopes, horizon=k).recurrent_kernel
                error = np.linalg.norm(part - whole) / np.linalg.norm(whole)
                cosine = (part * whole).sum() / np.linalg.norm(part) / np.linalg.norm(whole)
                row = {"cell": title, "seed": seed, "horizon": k, "error": error}
                found.append({**row, "cosine": cosine})
    return pd.DataFrame(found)


def additive(args):
    """Largest, middle and least singular value of d s_t / d s_0, over layers and over steps."""
    found, n = [], args.units

    def note(path, seed, factors):
        n = factors[0].shape[-1]
        product = (np.eye(n), np.zeros(n), np.eye(n))
        for t, one in enumerate(factors, start=1):
            product = grown(product, one)
            logs = singular_values(*product[1:]) / np.log(10)
            ranks = [0, args.units // 2, args.units - 1]  # what is beyond is h, which keeps nothing
            for name, log in zip(("largest", "middle", "least"), logs[ranks], strict=True):
                row = {"path": path, "seed": seed, "step": t, "value": name}
                found.append({**row, "log10": log})

    for seed in range(args.seeds):
        rng = np.random.default_rng(seed)
        for residual in (False, True):
            h, factors = rng.normal(size=n), []
            for _ in range(args.steps):
                V, W = rng.normal(size=(2, n, n)) / n**0.5
                inner = np.tanh(W @ h)
                step = (V / args.steps**0.5 if residual else V) @ np.diag(1 - inner**2) @ W
                factors.append(residual * np.eye(n) + step)
                h = residual * h + (V / args.steps**0.5 if residual else V) @ inner
            name = "ResNet: h + V tanh(W h)" if residual else "without h +: V tanh(W h)"
            note(name, seed, factors)
        for title, options in (("forget bias 1", {}), ("chrono", {"chrono": T})):
            cell = built("lstm", options, args, n, seed)
            x = rng.normal(size=(1, args.steps, n))
            layer = keraseq.layers.RNN(cell)
            Js = keraseq.inspection.jacobians(layer, x.astype("float32"))[0].astype("float64")
            note(f"LSTM, {title}: all paths", seed, Js)
            written = written_out(cell)
            states = keraseq.inspection.bptt(cell, x, np.zeros((1, args.steps, n))).states
            before = np.concatenate([np.zeros((1, 1, 2 * n)), states[:, :-1]], axis=1)
            projected = x @ np.asarray(cell.kernel) + np.asarray(cell.bias)
            gates = written.gates(projected, before)[2][0]
            note(f"LSTM, {title}: c + alone", seed, [np.diag(f) for f in gates])
    return pd.DataFrame(found)


def cliff(args):
    """Descent on (h_50 - 0.7)^2 of h_t = sigmoid(w h_{t-1} + b), h_0 = 0.5: where it goes."""
    layer = made("elman", {"activation": "sigmoid", "dtype": "float64"}, 1, 50, seed=0)
    layer.build((None, None, 1))
    found, x, slopes = [], np.zeros((1, 50, 1)), np.zeros((1, 50, 1))
    for clip in ("none", "norm", "value"):
        p = np.array([4.4, -2.0])
        for step in range(args.cliff_steps + 1):
            layer.set_weights([np.zeros((1, 1)), p[:1, None], p[1:]])
            start = np.full((1, 1), 0.5)
            h = keraseq.inspection.bptt(layer.cell, x, slopes, initial_state=start).states[0, -1, 0]
            slopes[0, -1, 0] = 2 * (h - 0.7)
            by = keraseq.inspection.bptt(layer.cell, x, slopes, initial_state=start)
            g = np.array([by.recurrent_kernel[0, 0], by.bias[0]])
            row = {"clip": clip, "step": step, "w": p[0], "b": p[1], "loss": (h - 0.7) ** 2}
            found.append({**row, "norm": np.linalg.norm(g)})
            p = p - 0.2 * clipped([g], clip, 0.5)[0]
    return pd.DataFrame(found)


def clipped(slopes, clip, limit):
    """Gradients, their norm together or each of their numbers limited."""
    if clip == "value":
        return [np.clip(one, -limit, limit) for one in slopes]
    norm = np.sqrt(sum((one**2).sum() for one in slopes))
    return [one * min(1.0, limit / norm) for one in slopes] if clip == "norm" else slopes


def by_omega(deltas, states, U):
    """Pascanu's Omega, the sum over t of (|d_t+1 J| / |d_t+1| - 1)^2: its gradient by U alone."""
    d = deltas[:, 1:]
    v = d * (states[:, 1:] > 0)
    sent = v @ U.T
    before = np.linalg.norm(d, axis=-1) + 1e-30
    after = np.linalg.norm(sent, axis=-1) + 1e-30
    excess = after / before - 1
    return np.einsum("bt,bti,btj->ij", 2 * excess / (before * after), sent, v) / len(d)


RUNS = {  # clip, limit, L2, orthogonal, Omega
    "no clipping": ("none", 0, 0, 0, 0),
    "norm at most 1": ("norm", 1.0, 0, 0, 0),
    "each number at most 0.1": ("value", 0.1, 0, 0, 0),
    "norm, L2 of U 0.01": ("norm", 1.0, 0.01, 0, 0),
    "norm, |U'U - I|^2 0.01": ("norm", 1.0, 0, 0.01, 0),
    "norm, Omega 0.01": ("norm", 1.0, 0, 0, 0.01),
}


@np.errstate(over="ignore", invalid="ignore")  # one of the runs explodes
def training(args):
    """The adding problem by plain descent, by hand: a ReLU network from the identity (IRNN)."""
    found, steps, n = [], args.training_steps, args.training_units
    task = Adding(args.training_length)
    for run, (clip, limit, l2, orthogonal, omega) in RUNS.items():
        for seed in range(args.seeds):
            layer = made("irnn", {}, n, steps, seed)
            layer.build((None, None, 2))
            W, U, b = layer.get_weights()
            rng = np.random.default_rng(seed)
            values = [W, U, b, rng.normal(size=n) / n**0.5, np.zeros(1)]
            values = [one.astype("float64") for one in values]
            for step in range(steps):
                x, y = task.generate(rng, 16)
                layer.set_weights(values[:3])
                written, h = written_out(layer.cell), np.zeros((16, n))
                for now in np.moveaxis(x @ values[0] + values[2], 1, 0):
                    h = written.step(now, h)
                error = h @ values[3] + values[4] - y[:, 0]
                slopes = np.zeros((16, task.length, n))
                slopes[:, -1] = 2 * error[:, None] * values[3] / 16
                by = keraseq.inspection.bptt(layer.cell, x, slopes)
                g = [by.kernel, by.recurrent_kernel, by.bias]
                g += [2 * error @ h / 16, 2 * np.array([error.mean()])]
                norm = np.sqrt(sum((one**2).sum() for one in g))
                row = {"run": run, "seed": seed, "step": step, "mse": (error**2).mean()}
                found.append({**row, "norm": norm})
                if not np.isfinite(norm) or norm > 1e30:
                    break
                U = values[1]
                g[1] = g[1] + 2 * l2 * U + 4 * orthogonal * U @ (U.T @ U - np.eye(n))
                if omega:
                    g[1] = g[1] + omega * by_omega(by.deltas, by.states, U)
                g = clipped(g, clip, limit)
                values = [a - args.rate * d for a, d in zip(values, g, strict=True)]
    frame = pd.DataFrame(found)
    frame["block"] = frame["step"] // max(1, steps // 60)
    grouped = frame.groupby(["run", "seed", "block"], sort=False)
    return grouped.agg(
        step=("step", "max"), mse=("mse", "mean"), norm=("norm", "max")
    ).reset_index()


CELLS_TRAINED = {
    **{name: (name, {}) for name in keraseq.cells.names()},
    "elman, Gaussian": ("elman", {"recurrent_initializer": normal(1.0)}),
    "elman, Gaussian x 1.5": ("elman", {"recurrent_initializer": normal(1.5)}),
    "lstm, forget bias 0": ("lstm", {"forget_bias": 0.0}),
    "lstm, chrono": ("lstm", {"chrono": T}),
    "gru, update bias 2": ("gru", {"bias_initializer": {"update": keras.initializers.Constant(2)}}),
}


def used(model, part):
    """For each lag, how much of a marked number comes out: 1 is all of it, 0 nothing."""
    inputs, steps = part.inputs, part.inputs.shape[1]
    rows, places = np.nonzero(inputs[..., 1])
    said = []
    for number in (0.0, 1.0):
        changed = inputs[rows].copy()
        changed[np.arange(len(rows)), places, 0] = number
        said.append(model.predict(changed, batch_size=500, verbose=0)[:, 0])
    return pd.Series(said[1] - said[0]).groupby(steps - places).mean()


def moved(model, part):
    """For each lag, how much of the next character's probability another character moves."""

    def said(inputs):
        return np.exp(keraseq.evaluate.log_softmax(model.predict(inputs, verbose=0)[:, -1]))

    truth, found = said(part[0]), {}
    for lag in range(1, part[0].shape[1] + 1):
        changed = part[0].copy()
        changed[:, -lag] = np.roll(changed[:, -lag], 1)  # what stands there in another row
        found[lag] = np.abs(said(changed) - truth).sum(axis=1).mean() / 2
    return pd.Series(found)


def top(model, x):
    """log10 of the largest singular value by step, mean of the rows."""
    frame = keraseq.inspection.propagation(model, x)
    return frame[frame["rank"] == 1].groupby("step")["log10"].mean()


def memory(args):
    """Every cell before and after it has learned the adding problem, or has not."""
    task = Adding(args.memory_steps)
    sizes = args.memory_rows, 1000
    train, test = (task.generate(np.random.default_rng(i), n) for i, n in enumerate(sizes))

    def build(layer):
        inputs = keras.Input(train.inputs.shape[1:])
        return keras.Model(inputs, keras.layers.Dense(1)(layer(inputs))), "mse"

    return before_and_after(args, build, train, test, used, args.epochs, 64)


def characters(args):
    """The same as a language model, with a loss at every step."""
    task, rng = Characters(), np.random.default_rng(0)
    task.window = steps = args.character_steps
    train = task.training_rows(rng, args.character_rows)
    starts = rng.integers(0, len(task.parts["test"]) - steps, 200)
    test = text.windows(task.parts["test"], steps, starts=starts)
    size = len(task.vocabulary)

    def build(layer):
        inputs = keras.Input((steps,), dtype="int32")
        layer.return_sequences = True
        states = layer(keras.layers.Embedding(size, 32)(inputs))
        return keras.Model(inputs, keras.layers.Dense(size)(states)), task.loss

    return before_and_after(args, build, train, test, moved, args.character_epochs, 32)


def before_and_after(args, build, train, test, use, epochs, rows):
    """Of every cell the gradients at the start and after training, and how it uses its input."""
    found, steps = [], test[0].shape[1]
    for title, (name, options) in CELLS_TRAINED.items():
        for seed in range(args.seeds):
            model, loss = build(made(name, options, args.memory_units, steps, seed))
            model.compile(keras.optimizers.Adam(3e-3, clipnorm=1.0), loss)
            one = pd.DataFrame({"start": top(model, test[0][:4])})
            model.fit(*train, batch_size=rows, epochs=epochs, verbose=0)
            one["after"], one["use"] = top(model, test[0][:4]), use(model, test)
            one["loss"] = model.evaluate(*test, batch_size=500, verbose=0)
            found.append(one.assign(cell=title, seed=seed).reset_index())
            print(f"{title}, seed {seed}: {one['loss'].iloc[0]:.4f}", file=sys.stderr, flush=True)
    return pd.concat(found, ignore_index=True)


STEPS = {  # of the shares by lag: how many steps of input are used
    "memory": lambda use: use.clip(0, 1).sum(),
    "characters": lambda use: (use >= 0.01).sum(),
}


def correlation(frame, in_steps, draws=2000):
    """Spearman's, of log10 at the start and the steps used; its interval by bootstrap of cells."""
    one = frame.groupby(["cell", "seed"], sort=False).agg(
        start=("start", "last"),
        after=("after", "last"),
        steps=("use", in_steps),
        loss=("loss", "last"),
    )
    pairs = one[["start", "steps"]].to_numpy()
    by_cell = pairs.reshape(one.index.get_level_values("cell").nunique(), -1, 2)
    rng = np.random.default_rng(0)

    def of(pairs):
        with np.errstate(invalid="ignore", divide="ignore"):  # one cell, drawn again and again
            return np.corrcoef(pd.DataFrame(pairs).rank().to_numpy().T)[0, 1]

    chosen = rng.integers(0, len(by_cell), (draws, len(by_cell)))
    drawn = [of(by_cell[some].reshape(-1, 2)) for some in chosen]
    return one.reset_index(), of(pairs), *pd.Series(drawn).quantile([0.025, 0.975])


def reach(logs):
    """Limits of an axis: a line that has fallen to nothing leaves the figure at its foot."""
    logs = logs[np.isfinite(logs)]
    return max(-25, logs.min() - 0.5), logs.max() + 0.5


def panels(rows, columns, width, height, **more):
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", **more)


def save(figure, folder, name):
    figure.savefig(folder / f"gradients-{name}.png", dpi=110)


def titled(ax, text):
    ax.set_title(text, loc="left", fontsize="medium")


def draw_starts(frame, folder):
    style = keraseq.plots.styles(STARTS)
    for deviation in (1.0, 0.1):
        figure, axes = panels(2, 2, 10, 7, sharex=True)
        for ax, activation in zip(axes.flat, ACTIVATIONS, strict=True):
            one = frame[(frame.activation == activation) & (frame.deviation == deviation)]
            keraseq.plots.propagation(one, by="start", style=style, ax=ax)
            titled(ax, activation)
            ax.get_legend().remove()
            ax.set(ylabel="", ylim=reach(one["log10"]))
            ax.set(xlabel="steps t" if ax in axes[1] else "")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
        figure.supylabel("largest singular value of $dh_t/dh_0$")
        figure.suptitle(f"Elman networks at the start, inputs of deviation {deviation:g}")
        save(figure, folder, f"starts-{deviation:g}")
    one = frame[(frame.activation == "tanh") & (frame.start == "orthogonal")]
    one = one.assign(inputs=[f"inputs of deviation {d:g}" for d in one.deviation])
    ax = keraseq.plots.propagation(one, by="inputs", bound=True, ax=panels(1, 1, 8, 4)[1])
    titled(
        ax,
        "tanh, orthogonal U: measured, and its bound, the product of all $|D_t|$ (dotted)",
    )
    save(ax.figure, folder, "bound")


def draw_cells(frame, folder):
    ax = panels(1, 1, 8, 4.5)[1]
    keraseq.plots.propagation(frame[frame.state == "whole"], by="cell", ax=ax)
    titled(ax, "Cells at the start, inputs of deviation 1")
    save(ax.figure, folder, "cells")
    one = frame[frame.cell.str.startswith("LSTM") & (frame.state != "whole")]
    figure, axes = panels(1, 2, 9.5, 4, sharey=True)
    for ax, state, title in zip(axes, ("hidden", "cell"), ("h", "c"), strict=True):
        keraseq.plots.propagation(one[one.state == state], by="cell", ax=ax)
        titled(ax, f"LSTM: from {title} to {title}, all paths between")
        ax.set(ylabel=f"largest singular value of $d{title}_t/d{title}_0$")
    axes[0].get_legend().remove()
    save(figure, folder, "lstm")


def draw_map(frame, folder):
    steps = sorted(frame["step"].unique())
    figure, axes = panels(len(MAPS), len(steps), 9, 8, sharex=True)
    for row, title in zip(axes, MAPS, strict=True):
        for ax, t in zip(row, steps, strict=True):
            one = frame[(frame.start == title) & (frame.step == t)]
            for column, colour in (("h", 1), ("other", 2)):
                ax.plot(one["x"], one[column], ".", color=keraseq.plots.COLOURS[colour], ms=1.5)
            keraseq.plots.finish(ax)
            room = max(0.05, 1.1 * one[["h", "other"]].abs().to_numpy().max())
            ax.set(ylim=(-room, room), xlabel="$x_1$" if title == list(MAPS)[-1] else "")
            titled(ax, f"$h_{{{t}}}$" if title == next(iter(MAPS)) else "")
        row[0].set_ylabel(title, fontsize="small")
    figure.suptitle("Two units of $h_t$ against the first input")
    save(figure, folder, "map")


def draw_truncated(frame, folder):
    figure, axes = panels(1, 2, 10, 4)
    style = keraseq.plots.styles(TRUNCATED)
    for title in TRUNCATED:
        one = frame[frame.cell == title].groupby("horizon")[["error", "cosine"]].mean()
        for ax, value in zip(axes, one, strict=True):
            ax.plot(one.index, one[value].where(one[value] > 1e-9), label=title, **style[title])
    axes[0].set(yscale="log", ylabel="$|g_k - g| / |g|$, $g = dL/dU$", xlabel="horizon k, steps")
    axes[1].set(ylabel="cosine of $g_k$ and $g$", xlabel="horizon k, steps")
    titled(axes[0], "Truncated back-propagation: its bias")
    titled(axes[1], "... and its direction")
    for ax in axes:
        keraseq.plots.finish(ax, legend=ax is axes[1])
    save(figure, folder, "truncated")


def draw_additive(frame, folder):
    paths = list(dict.fromkeys(frame["path"]))
    figure, axes = panels(2, 3, 11, 6, sharex=True, sharey=True)
    style = keraseq.plots.styles(["largest", "middle", "least"])
    for ax, path in zip(axes.flat, paths, strict=True):
        one = frame[frame["path"] == path]
        for value in ("largest", "middle", "least"):
            line = one[one.value == value].groupby("step")["log10"].mean()
            look = {key: style[value][key] for key in ("color", "linestyle")}
            ax.plot(line.index, line, label=value, **look)
        keraseq.plots.finish(ax)
        titled(ax, path)
        ax.yaxis.set_major_formatter(lambda e, _: f"$10^{{{e:g}}}$")
        ax.set(ylim=(-20.5, 3), xlabel="layers or steps" if ax in axes[1] else "")
    axes[0, 0].legend(frameon=False, title="singular value")
    figure.supylabel("singular values of $ds_t/ds_0$")
    save(figure, folder, "additive")


def draw_cliff(frame, folder):
    w, b = np.meshgrid(np.linspace(4.0, 4.7, 300), np.linspace(-2.3, -1.9, 300))
    h = np.full_like(w, 0.5)
    for _ in range(50):
        h = sigmoid(w * h + b)
    figure, axes = panels(1, 2, 11, 4.4, width_ratios=[1.4, 1])
    drawn = axes[0].contourf(w, b, (h - 0.7) ** 2, levels=20, cmap="Greys")
    figure.colorbar(drawn, ax=axes[0], label="loss $(h_{50} - 0.7)^2$")
    for number, (clip, one) in enumerate(frame.groupby("clip", sort=False), start=1):
        look = {"color": keraseq.plots.COLOURS[(0, 4, 1, 2)[number]]}
        label = {"none": "no clipping", "norm": "norm at most 0.5"}.get(clip, "numbers at most 0.5")
        axes[0].plot(one["w"], one["b"], marker=".", markersize=4, linewidth=1, label=label, **look)
        axes[1].plot(one["step"], one["loss"], linewidth=1.3, label=label, **look)
    axes[0].set(xlim=(4.0, 4.7), ylim=(-2.3, -1.9), xlabel="w", ylabel="b")
    titled(axes[0], "$h_t = \\sigma(w h_{t-1} + b)$: descent from w = 4.4, b = -2")
    axes[1].set(xlabel="step of descent", ylabel="loss", yscale="log", ylim=(1e-5, 1))
    titled(axes[1], "Loss on the way")
    axes[0].legend(fontsize="small", loc="lower right")  # where no path and no curve is
    keraseq.plots.finish(axes[1])
    save(figure, folder, "cliff")


def draw_training(frame, folder):
    figure, axes = panels(1, 2, 11, 4.2)
    style = keraseq.plots.styles(RUNS)
    for run in RUNS:
        one = frame[frame.run == run].groupby("block")[["step", "mse", "norm"]].mean()
        for ax, value in zip(axes, ("mse", "norm"), strict=True):
            ax.plot(one["step"], one[value], label=run, markevery=10, markersize=5, **style[run])
    axes[0].axhline(1 / 6, color="#555555", linewidth=0.8)
    axes[0].set(yscale="log", xlabel="step", ylabel="mean squared error", ylim=(0.05, 10))
    axes[1].set(
        yscale="log", xlabel="step", ylabel="largest norm of the gradient", ylim=(None, 1e8)
    )
    titled(axes[0], "Adding problem, IRNN (grey: always the mean)")
    titled(axes[1], "Before clipping")
    for ax in axes:
        keraseq.plots.finish(ax, legend=ax is axes[1])
    save(figure, folder, "training")


def draw_memory(frame, folder):
    label = "share of a marked number that comes out"
    one = used_and_start(frame, folder, "memory", label, "linear")
    one = one.groupby("cell").mean(numeric_only=True).sort_values("start")
    ax, places = panels(1, 1, 8, 5.5)[1], range(len(one))
    ax.hlines(places, one["start"], one["after"], color="#bbbbbb", linewidth=1.5)
    for name, colour in (("start", 2), ("after", 1)):
        label = {"start": "before training", "after": "after it"}[name]
        ax.scatter(one[name], places, color=keraseq.plots.COLOURS[colour], label=label, zorder=3)
    ax.set_yticks(places, [f"{c} ({e:.4f})" for c, e in one["loss"].items()], fontsize="small")
    ax.set(xlabel=f"log10 of the largest singular value of $ds_{{{frame.step.max()}}}/ds_0$")
    titled(ax, "Adding problem: before and after training (mean squared error)")
    keraseq.plots.finish(ax)
    ax.legend(frameon=False)
    save(ax.figure, folder, "trained")


def draw_characters(frame, folder):
    label = "share of the next character's probability that another character moves"
    used_and_start(frame, folder, "characters", label, "log")


def used_and_start(frame, folder, name, label, scale):
    """How far back each cell uses its input, and that against the gradients at its start."""
    from matplotlib.colors import LogNorm, Normalize

    one, value, low, high = correlation(frame, STEPS[name])
    table = frame.pivot_table("use", "cell", "step", sort=False)
    table = table.loc[one.groupby("cell")["steps"].mean().sort_values().index]
    figure, axes = panels(1, 2, 12, 5.5, width_ratios=[1.3, 1])
    steps = table.columns
    extent = (steps.min() - 0.5, steps.max() + 0.5, -0.5, len(table) - 0.5)
    norm = Normalize(0, 1) if scale == "linear" else LogNorm(1e-3, 1, clip=True)
    look = {"aspect": "auto", "cmap": "viridis", "norm": norm, "origin": "lower"}
    image = axes[0].imshow(table, extent=extent, **look)
    figure.colorbar(image, ax=axes[0], label=label)
    axes[0].set_yticks(range(len(table)), table.index, fontsize="small")
    axes[0].set(xlabel="steps back from the end")
    titled(axes[0], "After training: how far back the input is used")
    axes[1].scatter(one["start"], one["steps"], color=keraseq.plots.COLOURS[1], s=22)
    axes[1].set(
        xlabel=f"log10 of the largest value of $ds_{{{steps.max()}}}/ds_0$ at the start",
        ylabel="steps of input used after training",
    )
    titled(axes[1], f"Spearman {value:.2f} (95 % {low:.2f} to {high:.2f}, {len(table)} cells)")
    keraseq.plots.finish(axes[1])
    save(figure, folder, name)
    return one


FIGURES = {
    "starts": (starts, draw_starts),
    "cells": (cells, draw_cells),
    "map": (map, draw_map),
    "truncated": (truncated, draw_truncated),
    "additive": (additive, draw_additive),
    "cliff": (cliff, draw_cliff),
    "training": (training, draw_training),
    "memory": (memory, draw_memory),
    "characters": (characters, draw_characters),
}
TABLES = {"starts": ["activation", "start", "deviation"], "cells": ["cell", "state"]}


def main():
    import matplotlib

    matplotlib.use("agg")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE)
    for name, default in SIZES.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    args = parser.parse_args()
    for name in ("results", "figures"):
        (args.out / name).mkdir(parents=True, exist_ok=True)
    for name in args.names or FIGURES:
        measure, draw = FIGURES[keraseq.checks.one_of("name", name, FIGURES)]
        path = args.out / "results" / f"gradients-{name}.csv"
        if not args.draw:
            measure(args).to_csv(path, index=False, float_format="%.5g")
        frame = pd.read_csv(path)
        draw(frame, args.out / "figures")
        if name in TABLES:
            marks = frame[frame.step.isin([1, 10, 50, 100])]
            table = marks.pivot_table("log10", TABLES[name], "step", sort=False)
            print((10**table).map("{:.2g}".format).to_string())


SIZES = {
    "steps": 50,
    "seeds": 2,
    "units": 64,
    "map_steps": 100,
    "cliff_steps": 80,
    "training_steps": 2000,
    "training_units": 32,
    "training_length": 30,
    "rate": 0.02,
    "memory_steps": 60,
    "memory_units": 32,
    "memory_rows": 6400,
    "epochs": 15,
    "character_steps": 64,
    "character_rows": 6400,
    "character_epochs": 5,
}


if __name__ == "__main__":
    main()
