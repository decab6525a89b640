# %% [markdown]
# # Sequences of all kinds
#
# What an LSTM reads need not be words. Here it reads people who move, and films. One recipe,
# `classify`, reads them all: from raw files to a model that reads raw files.

# %% tags=["parameters"]
action_epochs = 25
examples = 1000
epochs = 6
seed = 0

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import keraseq
from keraseq import data, plots, recipes

# %% [markdown]
# ## Skeletons
# MSR Action3D: ten people, twenty actions, the places of twenty joints in each frame. People of
# odd numbers are learned from, people of even numbers are told: nobody stands in two parts. Places
# are measured from the hip, in lengths of the spine, so that it does not matter where somebody
# stands or how tall they are. Training turns and stretches the movements, and changes their pace.

# %%
bodies = data.load("msraction3d")
print(str(bodies).partition(";")[0])
settings = {"epochs": action_epochs, "seed": seed, "report": None}
bundle = recipes.train("classify", bodies, layers=2, **settings)
table = recipes.evaluate(bundle, bodies).query("part == 'test'")
table.set_index("method")[["accuracy", "low", "high"]].round(3)

# %% [markdown]
# The logistic regression knows mean, spread and slope of each joint, and little of the order.
# What is confused are actions of the same arm.

# %%
found = recipes.classify.predictions(bundle, bodies, "test")
_ = plots.confusion_matrix(found.truth, found.label)

# %% [markdown]
# As a movement goes on, the model makes up its mind. It saw this person for the first time.

# %%
kick = bodies.classes.index("side kick")
example = bodies.test.inputs[int(np.flatnonzero(bodies.test.targets == kick)[1])]
_ = plots.motion(example, recipes.classify.over_time(bundle, example))

# %% [markdown]
# ## Frames
# Donahue et al. (2015) put a convolutional network on each frame, an LSTM above it, and average
# its predictions over time. On films of people single frames already tell most: the ball is seen,
# the pool is seen. These films ask what no frame can show: **where does the digit move?** It
# starts anywhere and comes back at the other side, so that every frame is as likely for each
# answer.

# %%
films = data.load("moving-mnist", examples=examples)
_, axes = plt.subplots(2, 8, figsize=(9, 2.6))
for row, film, label in zip(axes, *films.test, strict=False):
    row[0].set_title(films.classes[label], loc="left")
    for ax, frame in zip(row, film, strict=False):
        ax.imshow(frame[..., 0], cmap="gray_r")
        ax.set(xticks=[], yticks=[])

# %%
rows = {}
for cell, pooling in (("none", "average"), ("lstm", "last"), ("lstm", "average")):
    settings = {"cell": cell, "pooling": pooling, "epochs": epochs, "seed": seed}
    watcher = recipes.train("classify", films, report=None, **settings)
    found = recipes.classify.predictions(watcher, films, "test")
    rows[f"{cell}, {pooling}"] = {"test accuracy": found.right.mean()}
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# Without recurrence one of eight directions is guessed.

# %% [markdown]
# ## All of it
# `benchmarks/frames.py` trains on more digits, asks which of two is faster, and draws the skeletons
# as stick figures, frame by frame.

# %%
results = Path(keraseq.__file__).parent.parent / "benchmarks" / "results"
runs = pd.concat(map(pd.read_csv, sorted(results.glob("frames-*.csv"))))
shown = runs.groupby(["what", "row", "learn"]).accuracy.agg(["mean", "min", "max", "count"])
shown.round(3)
