# %% [markdown]
# # Which cell? A study repeated
#
# MUT1 to MUT3 come from a search through ten thousand architectures (Jozefowicz, Zaremba &
# Sutskever 2015). Do that paper's conclusions hold here, on a budget that two processor cores
# carry? And which cells carry a value over hundreds of steps? This notebook trains next to nothing:
# it reads what `keraseq compare --config benchmarks/studies/NAME.toml` left behind.

# %% tags=["parameters"]
studies = "benchmarks/results/studies"

# %%
# %matplotlib inline
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

import keraseq
from keraseq import experiments, plots
from keraseq.experiments import figures, statistics

# %% [markdown]
# ## What is held equal
# Each model has one recurrent layer of as many units as the budget pays for. Every cell tries the
# same learning rates from one seed, the best on validation is repeated with three fresh seeds, and
# these alone see the test part. Seeds are shared: runs of one seed see the same batches, so cells
# are compared in pairs.

# %%
root = Path(keraseq.__file__).parent.parent / studies
study = experiments.Results.read(root / "arithmetic-xml")
print((root / "arithmetic-xml" / "config.toml").read_text())
shown = ["task", "cell", "units", "parameters", "learning_rate", "runs", "step_ms", "loop"]
study.summary()[shown].round({"step_ms": 1})

# %% [markdown]
# ## Arithmetic
# Two numbers of up to eight digits hidden among letters, added or subtracted:
# `3e36d9-h1h39f94eeh43keg3c=-13991064.` A dot is a seed, the thin line the bootstrap interval of
# the mean (of three runs it reaches from the worst to the best), the pale band one standard
# deviation either way, a vertical line a baseline.

# %%
display(figures.final(study, ["arithmetic"]))
figures.learning(study, "arithmetic")

# %% [markdown]
# ## XML
# The next symbol of random nested tags. Names of new tags cannot be guessed, closing ones can.

# %%
figures.final(study, ["xml"])

# %% [markdown]
# ## Does more training change it?
# Five of these cells on arithmetic again, at the rate the search chose, for 3,000 steps: twice as
# many.

# %%
longer = experiments.Results.read(root / "arithmetic-long")
figures.learning(longer, "arithmetic")

# %% [markdown]
# ## Does the paper hold?
# For each claim the paired difference in accuracy, its interval, and whether it holds. "Yes" and
# "no" are said only where the interval excludes zero. All is said of these budgets; the paper
# trained far longer and searched over many more settings.

# %%
without = {gate: f"lstm[{gate}_gate=false]" for gate in ("forget", "input", "output")}
claims = {
    "the LSTM needs its forget gate": ("lstm", without["forget"]),
    "... more than its input gate": (without["input"], without["forget"]),
    "... more than its output gate": (without["output"], without["forget"]),
    "a forget bias of 1 helps the LSTM": ("lstm", "lstm[forget_bias=0]"),
    "with it the LSTM is better than the GRU": ("lstm", "gru"),
    "MUT1 is better than the GRU": ("mut1", "gru"),
    "MUT1 is better than the LSTM": ("mut1", "lstm"),
}


# %%
def said(results, task: str, one: str, other: str) -> str:
    runs = results.runs(task)
    if not {one, other} <= set(runs):
        return ""
    mean, low, high = statistics.difference(runs[one], runs[other])
    verdict = statistics.verdict(runs[one], runs[other], results.tasks[task]["direction"])
    return f"{verdict}: {mean:+.3f} [{low:+.3f}, {high:+.3f}]"


# %%
places = {
    "arithmetic": (study, "arithmetic"),
    "arithmetic, twice the steps": (longer, "arithmetic"),
    "XML": (study, "xml"),
}
table = {
    place: {claim: said(*results, *pair) for claim, pair in claims.items()}
    for place, results in places.items()
}
pd.DataFrame(table)

# %% [markdown]
# In words: a forget bias of 1 helps everywhere. On XML, where the names of open tags must be kept
# until they are closed, the LSTM without a forget gate learns hardly more than which symbol follows
# the last one. On arithmetic it learns faster than the LSTM that has one, which has caught up after
# twice the steps; what arithmetic cannot do without is the input gate. GRU, MUT2 and MUT3 are not
# told apart. MUT1, the paper's best, is level with them on XML and far behind on arithmetic.

# %% [markdown]
# ## Quality against time
# Equal parameters are not equal time. Of the gated cells MUT1 has the most units, and it took the
# longest: on this machine its layer chose a loop that is not compiled (see `loop` above). Times
# were taken while the other core was busy.

# %%
figures.cost(study, "arithmetic")

# %% [markdown]
# ## Over hundreds of steps
# The adding problem (two marked numbers among T; always saying 1 costs 1/6) and copy memory (ten
# symbols after T blanks; knowing nothing of them costs 10 ln 8 / (T + 20)). Solved: an error below
# 0.01, or a tenth of the floor. Budgets of steps are short, so what is not solved here may be
# solved later.

# %%
memory = experiments.Results.read(root / "memory")
shown = ["task", "cell", "mean", "low", "high", "solved", "runs", "solved_step", "not_converged"]
memory.summary()[shown].sort_values(["task", "mean"]).round(4)

# %%
figure, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
curves, style = memory.curves(), figures.cell_styles(memory.settings["cells"])
for ax, task in zip(axes.flat, memory.tasks, strict=True):
    of_task, label = curves[curves["task"] == task], memory.tasks[task]["metric_label"]
    line = memory.floor(task)
    plots.learning_curves(of_task, label=label, baseline=line, style=style, ax=ax)
    ax.set_title(task)
    shown = ax.get_legend_handles_labels()
    ax.get_legend().remove()
_ = figure.legend(*shown, loc="outside right center", frameon=False)

# %% [markdown]
# Over 100 steps of the adding problem the GRU, MUT2, MUT3 and the ReLU network with an identity
# start are through after 500 to 700 steps, MUT1 and the LSTM need twice as many; without its input
# or forget gate, or with a forget bias of 0, the LSTM does not solve it in time. The three longer
# ones are solved by none: so few training steps do not reach that far. At this rate the ReLU
# network explodes over 400 and 500 steps. Two cells with three times the training steps over 400:
# the GRU solves it from every seed, the LSTM from none.

# %%
figures.learning(experiments.Results.read(root / "adding-400-long"), "adding-400")

# %% [markdown]
# ## Your own cell, your own data
# A cell of your own stands in a file, since worker processes import it. Data are a file,
# `"sales.csv[target=units]"` or `"reviews.csv[label=stars]"`, or what `keraseq.data` read. One
# small step of the cell is tried first; what is wrong with it is said with its line. In the shell:
# `keraseq compare --task sales.csv --target units --cells lstm,leaky:LeakyCell`. So few steps say
# nothing about the cells; `steps` and `seeds` left out take the usual ones.

# %%
Path("leaky.py").write_text("""from keraseq.cells import ElmanCell
class LeakyCell(ElmanCell):
    def step(self, x, states):
        new = 0.9 * states[0] + 0.1 * super().step(x, states)[0]
        return new, [new]""")
units = np.arange(200) % 7 + np.random.default_rng(0).normal(0, 0.3, 200)
days = pd.date_range("2026-01-01", periods=200, freq="D")
sales = keraseq.data.series(pd.DataFrame({"units": units}, index=days))
quick = {"seeds": 1, "steps": 20, "out": "runs/own", "fresh": True, "progress": False}
own = experiments.compare({"sales": sales}, ["lstm", "leaky:LeakyCell"], **quick)
Path("leaky.py").unlink()
own.summary()[["task", "cell", "mean", "units", "parameters", "loop"]].round(3)

# %% [markdown]
# ## Ranks
# One more than the number of cells that are told apart as better; cells that are not share a rank.

# %%
pd.concat([study.ranks(), memory.ranks()], axis=1, keys=["study", "memory"])
