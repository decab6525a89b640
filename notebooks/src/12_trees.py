# %% [markdown]
# # Recursive networks: back-propagation through trees
#
# A recurrent network reads word after word. A recursive one follows the structure of the sentence:
# each node of its tree gets a state, made of the states of its children, up to the root. Training
# data is the Stanford Sentiment Treebank, with a sentiment from 0 to 4 at every phrase.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
epochs = 3
units = 80
limit = 3000
seed = 0

# %%
from dataclasses import replace

import keras
import numpy as np
import pandas as pd

import keraseq
from keraseq import cells, data, layers, plots, recipes
from keraseq.recipes import presets

# %%
trees = data.load("sst")
print(trees)
[film] = [one for one in trees.test.inputs if "Frenetic" in one]
print(film)

# %% [markdown]
# Brown phrases are negative, green ones positive. "Funny" is positive; "not" turns it around, and
# the whole sentence follows what stands behind "but".

# %%
tree = data.labelled.parsed(film)
_ = plots.tree(tree.frame(), "truth")

# %% [markdown]
# ## One step
# The N-ary Tree-LSTM (Tai et al. 2015) is an LSTM with a forget gate for each child:
#
# $c = i \odot u + f_1 \odot c_1 + f_2 \odot c_2, \qquad h = o \odot \tanh(c)$
#
# $f_k = \sigma(W_f x + U_{k1} h_1 + U_{k2} h_2 + b_f)$, and $i$, $o$, $u$ likewise.
# With one child it is the LSTM: on a chain both give the same.

# %%
steps = 6
x = np.random.default_rng(seed).normal(size=(1, steps, 3)).astype("float32")
chain, _ = data.labelled.schedule([(), *((i,) for i in range(steps - 1))], arity=1, width=1)
along = layers.Tree(cells.TreeLSTMCell(4, arity=1), inner_inputs=True)
lstm = layers.RNN(cells.LSTMCell(4))
up = along([x, chain[None]])
lstm.build(x.shape)
lstm.set_weights(along.get_weights())
print("largest difference:", float(keras.ops.max(keras.ops.abs(up - lstm(x)))))

# %% [markdown]
# ## Many trees at once
# Nodes wait for their children. `schedule` plans two nodes of each tree a step, those farthest from
# the root first; a batch then takes about as many steps as its highest tree, not one a node.

# %%
encoder = data.TreeEncoder.of(trees.train.inputs)
rows = encoder.rows(trees.train.inputs[:limit])
batch, labels = data.labelled.tree_batches(rows, "nodes", batch_size=64)[len(rows) // 128]
nodes = int((batch["tokens"] > 0).sum() + batch["children"].any(-1).sum())
print(f"64 trees, {nodes:,} nodes, in {batch['children'].shape[1]} steps")

# %% [markdown]
# A gradient has less far to go: from the root to a word of a sentence, and along its words.

# %%
words = np.array([len(row.tokens) for row in rows])
height = np.array([len(row.children) for row in rows])
by_length = pd.DataFrame({"words": words // 5 * 5 + 2, "chain": words, "tree": height})
ax = by_length.groupby("words").mean().plot(color=[plots.COLOURS[4], plots.COLOURS[1]])
_ = plots.finish(ax.set(ylabel="steps from one end to the other") and ax)

# %% [markdown]
# ## Training
# Every node is told its label: a sentence teaches the sentiment of all its phrases in one pass. A
# small network on some of the sentences, with pretrained vectors.

# %%
stride = len(trees.train.inputs) // limit  # they are sorted by sentiment
some = replace(trees, train=data.Part(*(one[::stride] for one in trees.train)), options={})
settings = {"vectors": presets.GLOVE, "units": units, "epochs": epochs, "seed": seed}
bundle = recipes.train("classify", some, learning_rate=4e-3, pace=0.5, **settings)

# %% [markdown]
# What counts is the root. `binary` leaves neutral sentences out and asks for positive or negative.

# %%
table = recipes.evaluate(bundle, some).query("part == 'test'").set_index("method")
table[["accuracy", "low", "high", "binary", "binary_low", "binary_high"]].round(3)

# %% [markdown]
# ## What it says of a sentence it has not seen
# Red edges are where the model's label is not that of the readers who judged the phrase.

# %%
[other] = [one for one in trees.test.inputs if "revelatory" in one and "Flat" in one]
_ = plots.tree(recipes.classify.nodes(bundle, other))

# %% [markdown]
# "Not" takes "good" down to the middle; that it lifts "bad" a small network has not learned yet.

# %%
pairs = [f"(2 (1 {a}) (2 {b}))" for b in ("good", "bad", "awful") for a in ("very", "not")]
found = recipes.predict(bundle, pairs)
found["expected"] = sum(n * found[f"P({n})"] for n in range(5))
found[["tree", "label", "expected"]].round(2)

# %% [markdown]
# ## All sentences
# `benchmarks/trees.py` trains on all of them; `bilstm` reads the phrases as sequences.

# %%
runs = keraseq.experiments.measured("trees-sst")
shown = ["accuracy", "low", "high", "binary", "binary_low", "binary_high", "validation_accuracy"]
runs.set_index(["cell", "seed"])[shown].round(3)
