# %% [markdown]
# # Which cell? Compare them, your own among them
#
# First you compare three cells on a task of your own, in a minute or two: one of the cells is
# yours. Then you read a larger study in the same way: do the conclusions of the paper behind MUT1
# to MUT3 (Jozefowicz, Zaremba & Sutskever 2015) hold here, and who remembers over hundreds of
# steps?

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
steps = 400
seeds = 3
length = 20
rows = 1000

# %% [markdown]
# ## Your own task
# Data are arrays: inputs `(n, steps, features)` and a class for each row. Here a step is a random
# bit (-1 or 1) and a mark, which is set in one step of seven; the class is the bit at the last
# mark. Whoever holds the wrong bit, or lets go of the right one, is right half of the time. Change
# it: a file, `"sales.csv[target=units]"` or `"reviews.csv[label=stars]"`, works as well.

# %%
# %matplotlib inline
from pathlib import Path

import numpy as np
import pandas as pd

from keraseq import data, experiments
from keraseq.experiments import figures

# %%
random = np.random.default_rng(0)
bits = random.choice([-1.0, 1.0], (3 * rows, length))
marks = random.random((3 * rows, length)) < 0.15
marks[:, 0] = True
last = length - 1 - marks[:, ::-1].argmax(axis=1)
inputs = np.stack([bits, marks], axis=-1).astype("float32")
classes = (bits[np.arange(3 * rows), last] > 0).astype("int32")
cuts = [slice(i * rows, (i + 1) * rows) for i in range(3)]
hold = data.Parts(*(data.Part(inputs[cut], classes[cut]) for cut in cuts))

# %% [markdown]
# ## Your own cell
# A cell is a class with its equation in `step`. It stands in a file, since worker processes import
# it. This one keeps nine tenths of its old state at every step, whatever it reads. Change it.

# %%
_ = Path("leaky.py").write_text("""from keraseq.cells import ElmanCell
class LeakyCell(ElmanCell):
    def step(self, x, states):
        new = 0.9 * states[0] + 0.1 * super().step(x, states)[0]
        return new, [new]""")

# %% [markdown]
# ## The comparison
# Held equal for all: the number of parameters (units are solved for), the data and their order for
# each seed, the optimizer, the number of steps. The same call in a shell: `keraseq compare --task
# sales.csv --target units --cells elman,leaky:LeakyCell`.

# %%
cells = ["elman", "gru", "leaky:LeakyCell"]
quick = {"budget": 1500, "out": "runs/own", "fresh": True, "progress": False}
own = experiments.compare({"hold": hold}, cells, steps=steps, seeds=seeds, **quick)
Path("leaky.py").unlink()
own.summary()[["cell", "mean", "low", "high", "units", "parameters", "runs"]].round(3)

# %% [markdown]
# Look at when each curve leaves the dotted line: that is the floor, what the most frequent class
# gives on the same validation rows. A line is the mean over seeds, a band reaches from the worst to
# the best of them. A mean that moved away from others by less than their bands says little.

# %%
figures.learning(own, "hold")

# %% [markdown]
# Is a difference more than luck? Runs of one seed see the same batches, so cells are compared in
# pairs. "Yes" and "no" are said only where the interval of the difference excludes zero.

# %%
for one, other in (("gru", "elman"), ("leaky:LeakyCell", "elman")):
    print(f"{one} is better than {other}? {own.claim('hold', one, other)}")

# %% [markdown]
# ## A study: arithmetic
# Two numbers of up to eight digits hidden among letters, added or subtracted:
# `3e36d9-h1h39f94eeh43keg3c=-13991064.` Each cell tried the same learning rates from one seed; the
# best on validation was repeated with three fresh seeds, and these alone saw the test part. A dot
# is a seed, the thin line the interval of the mean, the diamond what needs no learning. Look for
# groups that do not overlap: GRU, MUT2 and MUT3 stand apart from all others, and not from each
# other.

# %%
study = experiments.Results.read("arithmetic-xml")
figures.final(study, ["arithmetic"])

# %% [markdown]
# The same over the course of training, five cells of the ten. Which of them would still rise?

# %%
shown = ["elman", "lstm", "lstm[forget_gate=false]", "gru", "mut1"]
figures.learning(study, "arithmetic", shown)

# %% [markdown]
# ## Does the paper hold?
# Each of its conclusions as a pair of cells, on arithmetic, on arithmetic with twice the steps
# (five cells only), and on XML, where a cell says the next symbol of random nested tags. All is
# said of these budgets; the paper trained far longer and searched over many more settings.

# %%
without = {gate: f"lstm[{gate}_gate=false]" for gate in ("forget", "input")}
claims = {
    "the LSTM needs its forget gate": ("lstm", without["forget"]),
    "... more than its input gate": (without["input"], without["forget"]),
    "a forget bias of 1 helps the LSTM": ("lstm", "lstm[forget_bias=0]"),
    "with it the LSTM is better than the GRU": ("lstm", "gru"),
    "MUT1 is better than the GRU": ("mut1", "gru"),
    "MUT1 is better than the LSTM": ("mut1", "lstm"),
}

# %%
longer = experiments.Results.read("arithmetic-long")
places = {"arithmetic": (study, "arithmetic"), "twice the steps": (longer, "arithmetic")}
places["XML"] = (study, "xml")
pd.DataFrame(
    {
        place: {said: results.claim(task, *pair) for said, pair in claims.items()}
        for place, (results, task) in places.items()
    }
)

# %% [markdown]
# In words: a forget bias of 1 helps everywhere. On XML, where the names of open tags must be kept
# until they are closed, the LSTM without a forget gate learns hardly more than which symbol follows
# the last one. On arithmetic it learns faster than the LSTM that has one, which has caught up after
# twice the steps. MUT1, the paper's best, is level with the GRU on XML and far behind on
# arithmetic.

# %% [markdown]
# ## Over hundreds of steps
# The adding problem: two marked numbers among 100, and their sum is asked for. Who always says 1
# pays the dotted line. Look at the order in which the curves fall.

# %%
memory = experiments.Results.read("memory")
shown = ["elman", "irnn", "lstm", "gru", "mut1"]
figures.learning(memory, "adding-100", shown)

# %% [markdown]
# Among 400 numbers, and with half the training, Elman's network and the LSTM end on the floor, and
# the GRU is only just below it. Mind the scale of the axis.

# %%
figures.learning(memory, "adding-400", [cell for cell in shown if cell != "irnn"])

# %% [markdown]
# With three times the steps of training the GRU solves it from every seed, and the LSTM from none.
# So "cannot" in a comparison always means: not within this budget.

# %%
long_run = experiments.Results.read("adding-400-long")
means = long_run.summary().set_index("cell")["mean"].round(4)
print(f"adding-400, three times the steps: {means.to_dict()}")
