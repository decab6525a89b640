# %% [markdown]
# # A model that writes: from noise to Shakespeare
#
# A character model learns what comes next in a text. It is measured in nats a character beside
# n-grams, writes after every epoch, and is then looked into: which units know that a line is long,
# or that a string is open? The second part does the same with Python source.

# %% tags=["parameters"]
epochs = 3
python_epochs = 6
units = 256
limit = None
python_limit = 700_000
length = 64
seed = 0

# %% [markdown]
# ## The text
# Tiny Shakespeare; the last tenth is for validation, as in nanoGPT.

# %%
from pathlib import Path

import pandas as pd

import keraseq
from keraseq import data, inspection, plots, recipes

corpus = data.text_corpus("tinyshakespeare", limit=limit)
print(corpus)
print(corpus.train[0][:150])

# %% [markdown]
# ## Noise
# Before training every character is as likely as any other.

# %%
keraseq.train.seed_everything(seed)
noise = keraseq.models.language_model(len(corpus.tokenizer), cell="gru", units=units)
print(keraseq.generate(noise, "ROMEO:\n", 120, seed=seed, tokenizer=corpus.tokenizer))

# %% [markdown]
# ## Training
# The state is carried from window to window, so the model learns beyond the 64 characters through
# which the gradient goes back. After each epoch: nats (and bits) a character, and what it writes.

# %%
settings = {"length": length, "learning_rate": 4e-3, "seed": seed}
bundle = recipes.train("write", corpus, cell="gru", units=units, epochs=epochs, **settings)

# %% [markdown]
# ## A larger model, trained longer
# `saved_models/shakespeare` has one layer of 640 LSTM units and was trained for 40 epochs. Both
# read the whole validation part with one state, beside n-grams with Witten-Bell smoothing.

# %%
root = Path(keraseq.__file__).parent.parent
saved = keraseq.bundle.load(root / "saved_models" / "shakespeare")
tables = [recipes.write.evaluate(bundle), recipes.write.evaluate(saved, orders=())]
costs = pd.concat(tables).query("part == 'validation'").sort_values("nats_per_character")
costs[["method", "nats_per_character", "bits_per_character"]].round(3)

# %%
import seaborn

ax = plots.new_axes(None, 7, 3.4)
ours = costs["method"].str.contains("gru|lstm")
colours = [plots.COLOURS[1] if one else "#bbbbbb" for one in ours]
ax.barh(costs["method"], costs["nats_per_character"], color=colours, height=0.7)
for place, value in enumerate(costs["nats_per_character"]):
    ax.text(value + 0.03, place, f"{value:.3f}", va="center", fontsize="small")
ax.invert_yaxis()
ax.set(xlabel="nats a character on validation (lower is better)", ylabel="")
_ = plots.finish(ax, grid="x")

# %% [markdown]
# ## Writing
# Low temperatures repeat what is safe, high ones invent. The same seed gives the same text.

# %%
for temperature in (0.4, 0.8, 1.2):
    text = keraseq.generate(saved, "ROMEO:\n", 200, temperature=temperature, seed=seed)
    print(f"--- temperature {temperature} ---\nROMEO:\n{text}\n")

# %% [markdown]
# ## Units that mean something
# Every unit of the saved model is judged by how well it tells whether a feature holds (AUC, 0.5 is
# chance) or how it goes with a number (rank correlation); `held_out` is on text that had no say.

# %%
text = corpus.validation[0][:40_000]
tokens = corpus.tokenizer.encode(text)
states = inspection.unit_activations(saved.model, tokens, state="cell")
found = inspection.find_units(states, inspection.text_features(text))
found.groupby("feature").head(3).round(3)

# %%
best = found[found["feature"] == "line position"].iloc[0]
shown = text[200:520]
values = states[200:520, best["unit"]] * best["direction"]
_ = plots.coloured_text(shown, values, label=f"unit {best['unit']}: line position")

# %% [markdown]
# ## Python
# The same recipe reads the source of Python's standard library, which every installation has.

# %%
source = data.text_corpus("python_source", limit=python_limit)
print(str(source).splitlines()[0])
programmer = recipes.train(
    "write", source, cell="gru", units=units, epochs=python_epochs, report=None, **settings
)
print(recipes.write.evaluate(programmer, orders=(5,))[["part", "method", "nats_per_character"]])

# %%
print(keraseq.generate(programmer, "def read(", 400, temperature=0.6, seed=seed))

# %% [markdown]
# A unit for comments, one for strings: after a few epochs there are some that follow them a little.

# %%
code = source.validation[0][:30_000]
tokens = source.tokenizer.encode(code)
states = inspection.unit_activations(programmer.model, tokens)
found = inspection.find_units(states, inspection.text_features(code, "python"))
best = found[found["feature"] == "inside comment"].iloc[0]
values = states[:600, best["unit"]] * best["direction"]
_ = plots.coloured_text(code[:600], values, label=f"unit {best['unit']}: inside comment")
found.groupby("feature").head(1).round(3)

# %% [markdown]
# ## Which cell?
# Models of a million parameters each, the same settings and epochs for every cell
# (`benchmarks/text_cells.py`); a dot is a seed.

# %%
runs = pd.read_csv(root / "benchmarks" / "results" / "text-cells.csv")
order = runs.groupby("cell")["nats"].mean().sort_values().index
ax = plots.new_axes(None, 6.4, 3)
seaborn.stripplot(runs, x="nats", y="cell", order=order, color=plots.COLOURS[1], size=7, ax=ax)
ax.set(xlabel="nats a character on validation (lower is better)", ylabel="")
plots.finish(ax)
runs.pivot_table(index="cell", values=["nats", "processor_seconds_an_epoch", "units"]).round(3)
