# %% [markdown]
# # Gradients through time: why recurrent networks are hard to train
#
# A loss at step T reaches step t through a product of T - t Jacobians. We watch such products
# vanish and explode, write back-propagation through time by hand, fall off a cliff, and see what
# gates and training change.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
steps = 50
units = 64
epochs = 8
sequences = 6400
seed = 0

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import keraseq
from keraseq import inspection, plots

keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)
x = rng.normal(size=(1, steps, units)).astype("float32")

# %% [markdown]
# ## Powers of a number
#     h_t = u h_{t-1},   dh_t/dh_0 = u^t
#
# A linear network whose U is 1.1 or 0.9 times the identity.

# %%
for u in (1.1, 0.9):
    start = keras.initializers.Identity(u)
    cell = keraseq.cells.ElmanCell(4, activation="linear", recurrent_initializer=start)
    frame = inspection.propagation(keraseq.layers.RNN(cell), np.ones((1, 50, 3), "float32"))
    print(f"{u}^50 = {10 ** frame['log10'].iloc[-1]:.4g}")

# %% [markdown]
# **See:** after 50 steps a tenth too much is a factor of 117, a tenth too little one of 1/194.
#
# ## Back-propagation through time, by hand
#     a_t = x_t W + h_{t-1} U + b,   h_t = tanh(a_t)
#     delta_t = dL/dh_t = g_t + (delta_{t+1} * tanh'(a_{t+1})) U'
#     dL/dU = sum over t of h_{t-1}' (delta_t * tanh'(a_t))
#
# L is the sum of all outputs here, so every g_t is 1. NumPy beside automatic differentiation:

# %%
layer = keraseq.layers.RNN(keraseq.cells.ElmanCell(units), return_sequences=True)
layer.build(x.shape)
by_hand = inspection.bptt(layer.cell, x, np.ones(x.shape))
_, by = keraseq.autodiff.gradients(lambda x: keras.ops.sum(layer(x)), [x], layer.weights)
difference = abs(by_hand.recurrent_kernel - by[1]).max() / abs(by[1]).max()
print(f"largest difference of dL/dU: {difference:.0e} of its largest number")

# %% [markdown]
# **See:** the same, up to the float32 of the layer (in float64 the tests ask for 1e-12).
#
# ## The product of Jacobians
#     J_t = dh_t/dh_{t-1} = diag(tanh'(a_t)) U',   P_t = J_t ... J_1
#
# Its largest singular value: the most that any change of h_0 can have grown.

# %%
normal = keras.initializers.RandomNormal
starts = {"orthogonal": "orthogonal"}
starts |= {f"Gaussian x {k}": normal(stddev=k / units**0.5) for k in (1, 1.5, 3)}
_, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for ax, deviation in zip(axes, (0.1, 1.0), strict=True):
    frames = []
    for name, start in starts.items():
        layer = keraseq.layers.RNN(keraseq.cells.ElmanCell(units, recurrent_initializer=start))
        frames.append(inspection.propagation(layer, deviation * x).assign(start=name))
    plots.propagation(pd.concat(frames), by="start", ax=ax, bound=True)
    ax.set_title(f"inputs of deviation {deviation}; dotted: |J_1| ... |J_t|", fontsize="medium")

# %% [markdown]
# **See:** U decides only while tanh is nearly linear; with inputs of deviation 1 even an orthogonal
# U, whose own singular values are all 1, loses the gradient. The bound of the lecture, the product
# of the norms, holds and says little: in every step some unit has tanh' near 1, never the same one.
#
# ## h_100 against x_1
# The same without derivatives: the first input goes from -3 to 3, all others are 0.

# %%
first = np.zeros((301, 100, 1), "float32")
first[:, 0, 0] = np.linspace(-3, 3, 301)
_, axes = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
for ax, (name, start) in zip(axes, starts.items(), strict=True):
    layer = keraseq.layers.RNN(keraseq.cells.ElmanCell(units, recurrent_initializer=start))
    h = keras.ops.convert_to_numpy(layer(first))
    ax.plot(first[:, 0, 0], h[:, 0], linewidth=1)
    ax.set(title=name, xlabel="$x_1$", ylim=(-1.05, 1.05))
_ = axes[0].set_ylabel("a unit of $h_{100}$")

# %% [markdown]
# **See:** what does not explode leaves little trace of x_1; what explodes has walls and plateaus,
# and on a plateau the gradient is 0 all the same.
#
# ## The cliff
#     h_t = sigmoid(w h_{t-1} + b),   h_0 = 0.5,   L = (h_50 - 0.7)^2
#
# Two parameters, so that the loss can be drawn (Pascanu et al. 2013). Descent by the gradient as it
# is, with its norm limited to 0.5, and with each of its two numbers limited to 0.5:

# %%
cell = keraseq.cells.ElmanCell(1, activation="sigmoid", dtype="float64")
cell.build((None, 1))
given = np.zeros((1, 50, 1)), np.eye(50)[None, :, -1:]  # the inputs; slopes of h_50 alone
paths = {clip: [np.array([4.4, -2.0])] for clip in ("none", "norm", "value")}
for clip, path in paths.items():
    while len(path) <= 80:
        w, b = path[-1]
        cell.set_weights([np.zeros((1, 1)), np.array([[w]]), np.array([b])])
        h, _, _, by_w, by_b, _ = inspection.bptt(cell, *given, initial_state=0.5)
        g = 2 * (h[0, -1, 0] - 0.7) * np.array([by_w[0, 0], by_b[0]])
        g = {"none": g, "norm": g * min(1, 0.5 / np.linalg.norm(g)), "value": g.clip(-0.5, 0.5)}
        path.append(path[-1] - 0.2 * g[clip])

# %%
w, b = np.meshgrid(np.linspace(3.9, 4.9, 200), np.linspace(-2.4, -1.7, 200))
h = np.full_like(w, 0.5)
for _ in range(50):
    h = 1 / (1 + np.exp(-w * h - b))
ax = plots.new_axes(None, 7.5, 4.5)
plt.colorbar(ax.contourf(w, b, (h - 0.7) ** 2, levels=20, cmap="Greys"), label="loss")
for (clip, path), colour in zip(paths.items(), plots.COLOURS[4:1:-1], strict=True):
    ax.plot(*np.transpose(path), ".-", linewidth=1, color=colour, label=f"clipping: {clip}")
ax.set(xlim=(3.9, 4.9), ylim=(-2.4, -1.7), xlabel="w", ylabel="b")
_ = ax.legend(loc="lower right")
print({clip: np.round(path[-1], 1).tolist() for clip, path in paths.items()})

# %% [markdown]
# **See:** the gradient as it is leaves the picture in one step, at the cliff. Limiting its norm
# keeps its direction and creeps along the edge to where the loss is least; limiting each number
# turns it.
#
# ## Gates
#     LSTM: c_t = f_t * c_{t-1} + i_t * g_t           GRU: h_t = z_t * h_{t-1} + (1 - z_t) * g_t

# %%
lstm = keraseq.cells.LSTMCell
cells = {name: keraseq.cells.get(name, units) for name in ("elman", "gru", "mut1")}
cells |= {f"lstm, forget bias {b:g}": lstm(units, forget_bias=b) for b in (0.0, 1.0)}
cells["lstm, chrono"] = lstm(units, chrono=steps)
layers = {name: keraseq.layers.RNN(cell) for name, cell in cells.items()}
_, axes = plt.subplots(1, 2, figsize=(13, 4), layout="constrained", width_ratios=[3, 2])
found = [inspection.propagation(one, x).assign(cell=name) for name, one in layers.items()]
plots.propagation(pd.concat(found), by="cell", ax=axes[0])
path = {s: inspection.propagation(layers["lstm, chrono"], x, state=s) for s in ("hidden", "cell")}
plots.propagation(pd.concat([one.assign(by=s) for s, one in path.items()]), by="by", ax=axes[1])
_ = axes[1].set_title("lstm, chrono: from h to h, from c to c", fontsize="medium")

# %% [markdown]
# **See:** a gate as such keeps nothing. A forget gate that starts open does: bias 1 helps, chrono
# (biases for lags up to the length) keeps c, and h only as far as it feeds c.
#
# ## Truncated back-propagation
# Every output is sent back k steps and no further. How wrong is dL/dU, for a loss at the end?

# %%
inputs, last = x[..., :2], np.zeros((1, steps, units))
last[:, -1] = rng.normal(size=units)
rows = []
for name in ("gru", "lstm, forget bias 1", "lstm, chrono"):
    cell = type(cells[name]).from_config(cells[name].get_config())
    cell.build((None, 2))
    whole = inspection.bptt(cell, inputs, last).recurrent_kernel
    for k in range(0, steps - 5, 4):
        part = inspection.bptt(cell, inputs, last, horizon=k).recurrent_kernel
        rows.append((name, k + 1, np.linalg.norm(part - whole) / np.linalg.norm(whole)))
frame = pd.DataFrame(rows, columns=["cell", "step", "norm"])
_ = plots.gradient_norms(frame, by="cell").set(xlabel="steps kept", ylabel="$|g_k - g| / |g|$")

# %% [markdown]
# **See:** a short horizon takes little of a GRU's gradient at the start, which has vanished anyway;
# the LSTM's reaches back to the first step, and is cut.
#
# ## What training does
# The adding problem: the sum of two marked numbers among many. `GradientReport` looks at the
# gradients after each epoch, for about a tenth of what the epoch costs.

# %%
adding = keraseq.experiments.tasks.adding.Adding(steps)
train, test = adding.generate(rng, sequences), adding.generate(rng, 128)
layer = keraseq.layers.RNN(keraseq.cells.GRUCell(32), name="gru")
model = keras.Sequential([keras.Input((steps, 2)), layer, keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(5e-3, global_clipnorm=1.0), "mse")
frames = [inspection.gradient_norms(model, *test).assign(when="before")]
far = [inspection.propagation(layer, test.inputs[:2]).assign(when="before")]
report = keraseq.train.GradientReport(*test)
log = model.fit(*train, batch_size=64, epochs=epochs, callbacks=[report], verbose=0).history
frames.append(inspection.gradient_norms(model, *test).assign(when="after"))
far.append(inspection.propagation(layer, test.inputs[:2]).assign(when="after"))
pd.DataFrame(log).round(3).T

# %%
_, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
plots.propagation(pd.concat(far), by="when", ax=axes[0])
frame = pd.concat(frames).query("by == 'hidden'")
plots.gradient_norms(frame, by="when", ax=axes[1])
_ = axes[1].set_ylabel("$|dL/dh_t|$, all rows")

# %% [markdown]
# **See:** before, a loss at the end reaches the first step a millionfold weaker; the trained GRU
# hands gradients through all steps. (After, they are small because the loss is.)
#
# ## Does the start predict it?
# Every cell, trained on the adding problem of 60 steps (`python benchmarks/gradients.py memory`).

# %%
frame = keraseq.experiments.measured("gradients-memory")
of = frame.groupby(["cell", "seed"], sort=False)
table = of.agg(start=("start", "last"), after=("after", "last"), loss=("loss", "last"))
table["steps used"] = of["use"].apply(lambda use: use.clip(0, 1).sum())
print(f"Spearman, start and steps used: {table['start'].corr(table['steps used'], 'spearman'):.2f}")
table.groupby("cell").mean().sort_values("steps used").round(3)

# %% [markdown]
# **See:** no. Gated cells whose gradients vanish at the start (`start` and `after` are log10 of the
# largest singular value over 60 steps) learn to open their gates; Elman networks whose gradients
# explode at the start learn nothing. What a cell *can* do counts, not only where it begins.
