# %% [markdown]
# # The cells: equation, code, and what the gates do
#
# Every cell of keraseq beside the equation of its paper, the code that computes it, its size, and
# its gates at work on a real sequence: weekly carbon dioxide at Mauna Loa, which rises for decades
# and swings with the seasons.

# %% tags=["parameters"]
epochs = 17
stride = 1
units = 16
seed = 0

# %% [markdown]
# ## All cells at a glance
# One table, `keraseq.cells.CELLS`, names them all. Parameters are those of a cell with 64 inputs
# and 64 units.

# %%
import pandas as pd

import keraseq

table = pd.DataFrame(keraseq.cells.table(features=64, units=64))
table["gates"] = table["gates"].str.join(", ")
table["states"] = table["states"].str.join(", ")
table.drop(columns=["class", "options"]).set_index("name")

# %% [markdown]
# ## Equation and code
# `step` is the formula, line by line; `x_...` are the parts of `W x + b`, computed for all steps of
# a sequence at once before the loop. One name for each class:

# %%
from IPython.display import Markdown, display

classes = {kind: name for name, (kind, _) in reversed(keraseq.cells.CELLS.items())}
for name in reversed(classes.values()):
    equation = keraseq.inspection.equation(name)
    code = keraseq.inspection.step_source(name)
    display(Markdown(f"### `{name}`\n```text\n{equation}\n```\n```python\n{code}\n```"))

# %% [markdown]
# ## A real sequence
# Two years of weeks go in, half a year comes out. Scaled by the training part alone.

# %%
from keraseq import data

weeks = data.load("co2", fill="previous")
scaler = data.Scaler.fit(weeks.part("train")["series"])
shape = {"look_back": 104, "horizon": 26, "scaler": scaler}
train = data.SeriesWindows(weeks, "train", **shape, stride=stride).arrays()
test = data.SeriesWindows(weeks, "test", **shape).arrays()
print(f"{len(train.origins)} windows to train on, {len(test.origins)} to look at")

# %% [markdown]
# Each cell is trained a little, so that its gates mean something.

# %%
models = {}
for name in reversed(classes.values()):
    keraseq.train.seed_everything(seed)
    models[name] = keraseq.models.forecaster(
        26, features=1, length=104, cell=name, units=units, normalize="last"
    )
    keraseq.train.compile(models[name], "mae", learning_rate=5e-3, jit_compile=False)
    models[name].fit(train.inputs, train.targets, batch_size=64, epochs=epochs, verbose=0)

# %% [markdown]
# ## Gates at work
# What is read is the last window of the test part. Each row of a map is a unit, in the order of its
# mean; dark is open. First the LSTM, whose cell state `c` carries what the forget gate keeps.

# %%
window = test.inputs[-1]
frame = keraseq.inspection.activations(models["lstm"], window)
_ = keraseq.plots.gates(frame, xlabel="week")

# %% [markdown]
# MUT1's update gate sees the input alone; its reset gate sees the state as well.

# %%
frame = keraseq.inspection.activations(models["mut1"], window)
_ = keraseq.plots.gates(frame, xlabel="week")

# %% [markdown]
# And the gates of every cell that has one: the mean over units, with a band from the lowest to the
# highest tenth of the units. The dotted line is what was read, at half scale. Gates follow the
# seasons.

# %%
import seaborn

gates = pd.concat(
    keraseq.inspection.activations(model, window).assign(cell=name)
    for name, model in models.items()
)
gates = gates[gates["name"].str.contains("gate") & ~gates["name"].str.contains("before")]
gates["gate"] = gates["name"].str.replace(r" \w$", "", regex=True)

# %%
look = {"palette": "colorblind", "height": 2.1, "aspect": 1.25, "col_wrap": 4}
grid = seaborn.relplot(
    gates, x="step", y="value", hue="gate", col="cell", kind="line", errorbar=("pi", 80), **look
)
grid.set_titles("{col_name}").set_axis_labels("week", "openness").set(ylim=(0, 1))
low, high = window.min(), window.max()
for ax in grid.axes.flat:
    ax.plot(range(1, 105), 0.5 * (window[:, 0] - low) / (high - low), color="0.4", ls=":", lw=1)

# %% [markdown]
# ## Size
# What a unit costs: parameters of each cell for given units, on this series.

# %%
counts = {name: model.count_params() for name, model in models.items()}
ax = keraseq.plots.new_axes(None)
seaborn.barplot(x=list(counts.values()), y=list(counts), color=keraseq.plots.COLOURS[1], ax=ax)
ax.set(xlabel=f"parameters of a forecaster with {units} units", ylabel="")
_ = keraseq.plots.finish(ax, grid="x")

# %% [markdown]
# The LSTM's forget gate, whose bias starts at 1, that is 0.73 open, after this little training:

# %%
opened = gates[(gates["cell"] == "lstm") & (gates["gate"] == "forget gate")]["value"].mean()
print(f"mean opening of the LSTM's forget gate: {opened:.2f}")
