# %% [markdown]
# # A model that writes: from "hello" to Shakespeare
#
# A character model learns which letter comes next. First four letters, small enough to see every
# number; then Shakespeare, measured beside n-grams; then a look inside: which units know that a
# line is long, and is there one for comments?

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
# For another backend, first: %env KERAS_BACKEND=jax
epochs = 1
python_epochs = 3
units = 256
limit = None
python_limit = 200_000
length = 64
seed = 0

# %% [markdown]
# ## Four letters
# The word is "hello", its letters h, e, l, o. A network reads numbers, so each letter becomes a
# vector with a single 1: one-hot. The model reads "hell" and has to say "ello": at each step the
# next letter. It is told the right letter at each step, whatever it said before: that is teacher
# forcing.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn

import keraseq
from keraseq import data, experiments, inspection, plots, recipes

letters = data.CharacterVocabulary("helo")
read = letters.encode("hell")
hot = np.eye(len(letters), dtype=int)[read]
pd.DataFrame(hot, list("hell"), list(letters.characters)).assign(next=list("ello"))

# %% [markdown]
# A simple recurrent network of four units. Look at the two rows that read "l": the input is the
# same, and the right answer is not. Only the state, which knows how much was read, tells them
# apart. Before training no letter is much likelier than another; afterwards each row has one dark
# field, and it is the right one.

# %%
keraseq.train.seed_everything(seed)
toy = keraseq.models.language_model(len(letters), cell="elman", units=4)
keraseq.train.compile(toy, learning_rate=0.05)
said = {"before": toy.predict(read[None], verbose=0)[0]}
_ = toy.fit(read[None], letters.encode("ello")[None], epochs=150, verbose=0)
said["after 150 epochs"] = toy.predict(read[None], verbose=0)[0]

# %%
figure, panels = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
look = {"annot": True, "fmt": ".2f", "cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False}
look |= {"xticklabels": list(letters.characters), "yticklabels": list("hell")}
for ax, (title, logits) in zip(panels, said.items(), strict=True):
    chances = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    seaborn.heatmap(chances, ax=ax, **look)
    ax.set(title=title, xlabel="probability of the next letter", ylabel="read")

# %% [markdown]
# Now nobody tells it the right letters: it reads "h", says a letter, reads what it said, and so on.
# That is how every model below writes.

# %%
print("h" + keraseq.generate(toy, "h", 4, temperature=0, tokenizer=letters))

# %% [markdown]
# ## Shakespeare
# The same with 66 characters and a million steps; the last tenth is for validation, as in nanoGPT.
# Before training every character is as likely as any other.

# %%
corpus = data.text_corpus("tinyshakespeare", limit=limit)
print(corpus)
keraseq.train.seed_everything(seed)
noise = keraseq.models.language_model(len(corpus.tokenizer), cell="gru", units=units)
print(keraseq.generate(noise, "ROMEO:\n", 120, seed=seed, tokenizer=corpus.tokenizer))

# %% [markdown]
# The state is carried from window to window, so the model learns beyond the 64 characters through
# which the gradient goes back. After each epoch: nats (and bits) a character, and what it writes.

# %%
settings = {"length": length, "learning_rate": 4e-3, "seed": seed}
bundle = recipes.train("write", corpus, cell="gru", units=units, epochs=epochs, **settings)

# %% [markdown]
# ## Is that good?
# An n-gram looks up what followed the last n - 1 characters in the training text; it needs no
# network and seconds. Beside it stand the small GRU and `shakespeare`, a model that comes with
# keraseq: one layer of 640 LSTM units, trained for 40 epochs. All read the whole validation part.
# Shorter bars are better; look at which grey bars lie above the small GRU.

# %%
saved = keraseq.bundle.load("shakespeare")
few = {"orders": (1, 3, 5)}
tables = [recipes.write.evaluate(bundle, **few), recipes.write.evaluate(saved, orders=())]
costs = pd.concat(tables).query("part == 'validation'").set_index("method")["nats_per_character"]
costs = costs.sort_values()
ours = costs.index.str.contains("gru|lstm")

# %%
ax = plots.new_axes(None, 7, 3)
ax.barh(costs.index, costs, color=np.where(ours, plots.COLOURS[1], "#bbbbbb"), height=0.7)
ax.bar_label(ax.containers[0], fmt="%.3f", padding=3, fontsize="small")
ax.invert_yaxis()
ax.set(xlabel="nats a character on validation (lower is better)", ylabel="", xlim=(0, 3.8))
_ = plots.finish(ax, grid="x")
small, ngram = costs["gru, carried state"], costs[~ours].min()
better = "beats" if small < ngram else "LOSES against"
print(f"the small GRU: {small:.3f} nats; it {better} the {costs[~ours].idxmin()}: {ngram:.3f}")

# %% [markdown]
# A recurrent network pays only if it is large enough and trained long enough. So the larger one
# writes from here on. Low temperatures repeat what is safe, high ones invent; the same seed gives
# the same text.

# %%
for temperature in (0.4, 0.8, 1.2):
    text = keraseq.generate(saved, "ROMEO:\n", 200, temperature=temperature, seed=seed)
    print(f"--- temperature {temperature} ---\nROMEO:\n{text}\n")

# %% [markdown]
# ## Units that mean something
# Every unit of the saved model is asked how well it goes with the place in the line (rank
# correlation; 0 is chance, 1 perfect). The unit is chosen on the first half of the text; `held_out`
# is the second half, which had no say: only that number counts. Look at the colours: the unit
# counts from the left margin to the end of the line.

# %%
text = corpus.validation[0][:20_000]
states = inspection.unit_activations(saved.model, corpus.tokenizer.encode(text), state="cell")
found = inspection.find_units(states, inspection.text_features(text))
best = found[found["feature"] == "line position"].iloc[0]
label = f"unit {best['unit']}, held-out correlation with the place {best['held_out']:.2f}"
shown = slice(text.index("\n", 200) + 1, text.index("\n", 500))
values = states[shown, best["unit"]] * best["direction"]
_ = plots.coloured_text(text[shown], values, label=label)

# %% [markdown]
# ## Python
# The same recipe reads the source of Python's standard library, which every installation has. Three
# epochs over so short a text are few: look at the table, the 5-gram is far better, and at what the
# model writes. More text and epochs are two parameters at the top.

# %%
source = data.text_corpus("python_source", limit=python_limit)
options = {"cell": "gru", "units": units, "epochs": python_epochs, "report": None, **settings}
programmer = recipes.train("write", source, **options)
print(recipes.write.evaluate(programmer, orders=(5,))[["part", "method", "nats_per_character"]])
print(keraseq.generate(programmer, "def read(", 400, temperature=0.6, seed=seed))

# %% [markdown]
# Does this small model have a unit for comments, strings, brackets? The best unit of each feature;
# a unit "follows" a feature here if on the held-out half its AUC is above 0.8 (0.5 is chance), or
# its correlation above 0.6. Compare `search` with `held_out`: the best of 256 units looks good on
# the text on which it was chosen, and some of that does not last. Here only the place in the line
# is followed; for comments and strings this model has no unit that deserves the name.

# %%
code = source.validation[0][:20_000]
states = inspection.unit_activations(programmer.model, source.tokenizer.encode(code))
units_found = inspection.find_units(states, inspection.text_features(code, "python"))
tops = units_found.groupby("feature").head(1).set_index("feature").round(3)
tops.assign(follows=tops["held_out"] > tops["measure"].map({"AUC": 0.8, "correlation": 0.6}))

# %% [markdown]
# ## Which cell?
# Models of a million parameters each, the same settings and epochs for every cell; a dot is a seed.
# The rightmost cell has no gates.

# %%
runs = experiments.measured("text-cells")
order = runs.groupby("cell")["nats"].mean().sort_values().index
ax = plots.new_axes(None, 6.4, 3)
seaborn.stripplot(runs, x="nats", y="cell", order=order, color=plots.COLOURS[1], size=7, ax=ax)
ax.set(xlabel="nats a character on validation (lower is better)", ylabel="")
_ = plots.finish(ax)
