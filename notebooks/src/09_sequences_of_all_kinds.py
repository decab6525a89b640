# %% [markdown]
# # Sequences of all kinds
#
# What an LSTM reads need not be words. Here it reads people who move, and films. One recipe,
# `classify`, reads them all: from raw files to a model that reads raw files.

# %% tags=["parameters"]
examples = 500
epochs = 6
seed = 0

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import keraseq
from keraseq import bundle, data, plots, recipes

root = Path(keraseq.__file__).parent.parent

# %% [markdown]
# ## Skeletons
# MSR Action3D: ten people, twenty actions, the places of twenty joints in each frame. People of
# odd numbers are learned from, people of even numbers are told: nobody stands in two parts. Places
# are measured from the hip, in lengths of the spine, so that it does not matter where somebody
# stands or how tall they are. Training turns and stretches the movements, and changes their pace.
# `keraseq train classify msraction3d --validation 0` made this model:

# %%
bodies = data.load("msraction3d", validation=0)
actor = bundle.load(root / "saved_models" / "action")
found = recipes.classify.predictions(actor, bodies, "test")
print(f"{found.right.mean():.1%} of {len(found)} actions of people it has not seen are right")
_ = plots.confusion_matrix(found.truth, found.label)

# %% [markdown]
# As a movement goes on, the model makes up its mind.

# %%
example = bodies.test.inputs[np.flatnonzero(found.truth == "side kick")[0]]
_ = plots.motion(example, recipes.classify.over_time(actor, example))

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

# %% [markdown]
# Without recurrence (`cell="none"`) one of eight directions is guessed.

# %%
rows = {}
for cell in ("none", "lstm"):
    settings = {"cell": cell, "epochs": epochs, "seed": seed, "learning_rate": 4e-3}
    watcher = recipes.train("classify", films, report=None, **settings)
    said = recipes.classify.predictions(watcher, films, "test")
    rows[cell] = {"test accuracy": said.right.mean()}
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# `benchmarks/frames.py` trains on more digits, asks which of two is faster, and draws the skeletons
# as stick figures, frame by frame. `none` averages single frames, `last` is told by the last state,
# `average` by the predictions of all steps.

# %%
results = root / "benchmarks" / "results"
runs = pd.concat(map(pd.read_csv, sorted(results.glob("frames-*.csv"))))
shown = runs.groupby(["what", "row", "learn"]).accuracy.agg(["mean", "min", "max", "count"])
shown.round(3)
