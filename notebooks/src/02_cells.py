# %% [markdown]
# # The cells: equation, code, and what the gates do
#
# Every cell of keraseq: what each gate is for, the equations of its paper, and beside them the code
# that computes them. Then all of them learn a small task in which gates must open and shut, and you
# see them do it.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
# For another backend, first: %env KERAS_BACKEND=jax
epochs = 20
sequences = 2048
units = 6
seed = 0

# %% [markdown]
# ## All cells at a glance
# One table, `keraseq.cells.CELLS`, names them all; a name goes into `cell=` of every builder.
# Parameters are those of a cell with 64 inputs and 64 units.

# %%
import numpy as np
import pandas as pd
import seaborn

import keraseq
from keraseq import inspection
from keraseq.inspection import Equations

table = pd.DataFrame(keraseq.cells.table(features=64, units=64)).set_index("name")
lists = {name: table[name].str.join(", ") for name in ("gates", "states")}
table.assign(**lists).drop(columns=["class", "options"])

# %% [markdown]
# ## From Elman to the LSTM
# A recurrent cell reads one step $x_t$ and its old state $h_{t-1}$, and gives a new state $h_t$.
# Elman's network makes the new state anew at every step: nothing protects what it holds. In the
# code `x_...` and `projected` are $W x_t + b$, computed for all steps at once before the loop.

# %%
Equations("elman")

# %% [markdown]
# The LSTM adds a second state $c_t$, which is only added to and multiplied by gates. A gate is a
# number between 0 and 1 for each unit.

# %%
Equations("lstm")

# %% [markdown]
# ## The GRU, and what a search made of it
# The GRU does with one state: its update gate keeps and lets go at once. Jozefowicz, Zaremba &
# Sutskever (2015) changed its equations ten thousand times, and kept three of them. Look at what
# each update gate reads: MUT1's reads the input alone.

# %%
Equations("gru")

# %%
from IPython.display import Markdown, display

for name in ("mut1", "mut2", "mut3"):
    display(Markdown(f"### `{name}`"), Equations(name))

# %% [markdown]
# ## Fewer gates
# How much of this is needed? JANET is an LSTM with its forget gate alone; the others have one gate
# as well, or none. IndRNN lets a unit see only itself; RHN goes through several layers in a step.

# %%
for name in ("mgu", "ugrnn", "ligru", "janet", "minimal-rnn", "rhn", "indrnn"):
    display(Markdown(f"### `{name}`"), Equations(name))

# %% [markdown]
# ## Linear cells, and exponential gates
# In the first three no gate reads the state. So the step is linear in the state, and all steps of a
# sequence can be computed at once. sLSTM is an LSTM whose input gate may grow beyond 1; a
# normaliser $n_t$ divides by it.

# %%
for name in ("min-gru", "min-lstm", "lru", "slstm"):
    display(Markdown(f"### `{name}`"), Equations(name))

# %% [markdown]
# ## A task for gates: hold a bit
# At every step the cell reads a random bit (-1 or 1) and a mark (0 or 1). It must say, at every
# step, the bit that stood at the last mark. So it has to take a new bit at a mark, and to hold it
# against all the other bits until the next one. Guessing is right half of the time.

# %%
steps, random = np.arange(30), np.random.default_rng(seed)
bits = random.choice([-1.0, 1.0], (sequences, 30))
marks = (random.random((sequences, 30)) < 0.1) | (steps == 0)
last = np.maximum.accumulate(np.where(marks, steps, 0), axis=1)
inputs = np.stack([bits, marks], axis=-1).astype("float32")
labels = (np.take_along_axis(bits, last, axis=1) > 0).astype("int32")
train, test = slice(0, -256), slice(-256, None)
pd.DataFrame({"bit": bits[0], "mark": marks[0], "say": 2 * labels[0] - 1}).astype(int).T

# %%
classes = {kind: name for name, (kind, _) in reversed(keraseq.cells.CELLS.items())}
models, right = {}, {}
for name in reversed(classes.values()):
    keraseq.train.seed_everything(seed)
    models[name] = keraseq.models.sequence_tagger(2, features=2, cell=name, units=units)
    keraseq.train.compile(models[name], learning_rate=0.02)
    models[name].fit(inputs[train], labels[train], batch_size=64, epochs=epochs, verbose=0)
    right[name] = models[name].evaluate(inputs[test], labels[test], verbose=0)[1]
pd.Series(right, name="right, of all steps").round(3).to_frame().T

# %% [markdown]
# Two cells fail. `lru` multiplies its state by the same number at every step, whatever it reads,
# and adds the input to it; a unit of `indrnn` has no gate either and sees no other unit. Neither
# can tell a bit at a mark from any other bit and hold it. Elman's network has no gate too, but its
# units see each other, and over 30 steps that is enough.
#
# ## Gates at work
# One test sequence is read by the LSTM; a column is a step, a row a unit, dark is open; the numbers
# below the map are the bits, `|` is a mark. Look at the columns with a mark: there most rows of the
# forget gate go pale, the old bit is let go; between marks they are darker, the bit is held. The
# six units share the work, so not every row does the same.

# %%
chosen = np.flatnonzero(marks[test].sum(axis=1) == 4)[0] - 256
pairs = zip(bits[chosen], marks[chosen], strict=True)
below = [f"{'|' if mark else ''}{bit:+.0f}" for bit, mark in pairs]
frame = inspection.activations(models["lstm"], inputs[chosen])
names = ["forget gate f", "input gate i", "cell state c"]
_ = keraseq.plots.gates(frame, names=names, labels=below, xlabel="bit, and | at a mark")

# %% [markdown]
# Now all cells that have gates. Six test sequences are read; a line shows how open a gate is so
# many steps after a mark, the mean over units and sequences. Step 0 is the mark itself. Look for
# the kink at 0: what keeps the old state (forget gates, the update gates of `gru`, `ugrnn`, `ligru`
# and `minimal-rnn`) shuts there, what lets the candidate in (input gates, the update gates of
# `mut1`, `mut2`, `mut3`, `min-gru`) opens. `mgu` shows no kink: its one gate has two jobs.

# %%
since = (steps - last[-6:]).ravel()
gates = pd.concat(
    inspection.activations(model, inputs[-6:].reshape(-1, 2)).assign(cell=name)
    for name, model in models.items()
)
gates = gates[gates["name"].str.fullmatch(r"\w+ gate \w")]
gates = gates.assign(gate=gates["name"].str[:-2], since=since[gates["step"] - 1])

# %%
look = {"palette": "colorblind", "height": 2.1, "aspect": 1.25, "col_wrap": 4, "errorbar": None}
near = gates[gates["since"] <= 10]
grid = seaborn.relplot(near, x="since", y="value", hue="gate", col="cell", kind="line", **look)
grid.set_titles("{col_name}").set_axis_labels("steps since the mark", "openness")
_ = grid.set(ylim=(0, 1), xticks=[0, 5, 10])

# %% [markdown]
# ## What to take along
# A gate is worth its parameters where something must be held and let go. In numbers, the forget
# gate of the LSTM at a mark and between marks:

# %%
forget = gates[(gates["cell"] == "lstm") & (gates["gate"] == "forget gate")]
means = forget.groupby(forget["since"] == 0)["value"].mean()
print(f"forget gate of the LSTM: {means[True]:.2f} at a mark, {means[False]:.2f} between marks")
