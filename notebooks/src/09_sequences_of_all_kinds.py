# %% [markdown]
# # Sequences of all kinds
#
# What a recurrent network reads need not be words. Here it reads people who move, films, spoken
# digits, DNA and chorales: from raw files to a model that reads raw files.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install 'keraseq[music]'
examples = 500
epochs = 6
words = 2250
speech_epochs = 8
pieces = 2433
dna_epochs = 8
chorales = 229
music_epochs = 12
seed = 0

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from keraseq import bundle, data, evaluate, experiments, generation, plots, recipes
from keraseq.data import music

# %% [markdown]
# ## Skeletons
# MSR Action3D: ten people, twenty actions, the places of twenty joints in each frame. People of
# odd numbers are learned from, people of even numbers are told: nobody stands in two parts. Places
# are measured from the hip, in lengths of the spine, so that it does not matter where somebody
# stands or how tall they are. Training turns and stretches the movements, and changes their pace.
# `keraseq train classify msraction3d --validation 0` made this model:

# %%
bodies = data.load("msraction3d", validation=0)
actor = bundle.load("action")
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
names = ("direction", "faster", "drawn", "skeletons")
runs = pd.concat(experiments.measured(f"frames-{name}") for name in names)
shown = runs.groupby(["what", "row", "learn"]).accuracy.agg(["mean", "min", "max", "count"])
shown.round(3)

# %% [markdown]
# ## Speech: which digit, by somebody never heard
# `data.load("fsdd")` holds 3,000 spoken digits of six people. One of them, held out, is the test
# part. (`data.labelled_signals("words/")` reads WAV files of your own, a folder for each class.)
# A recording becomes log-mel frames, 20 bands every 15 ms, less its own mean in each band. Each
# epoch hears every recording a little differently, as another voice might say it.

# %%
spoken = data.load("fsdd", held_out="theo")
some = slice(None, words)
fewer = replace(spoken, train=data.Part(spoken.train.inputs[some], spoken.train.targets[some]))
listener = recipes.train("classify", fewer, epochs=speech_epochs, report=None)
recipes.evaluate(listener, fewer)[["part", "method", "accuracy", "low", "high"]].round(3)

# %% [markdown]
# Several digits in a row: the saved model `digits` learned single digits that were glued together,
# by CTC. It names a digit where it is sure, and nothing between; nobody told it where one begins.
# It has never heard theo either: a quarter of his digits in strings is wrong (25.6 %).

# %%
saved = bundle.load("digits")
strings = recipes.transcribe.glued(spoken, "test", count=4, most=5, seed=7)
heard = recipes.predict(saved, [(one, spoken.rate) for one in strings.inputs])
for number, truth in enumerate(strings.targets):
    own = heard[heard.recording == str(number)]
    print("said:", *truth, "  heard:", *own.label)
_ = plots.spectrogram(strings.inputs[0], spoken.rate, heard[heard.recording == "0"])

# %% [markdown]
# ## DNA: where an exon ends
# Pieces of 60 letters; in the middle an exon ends (EI), begins (IE), or neither (N).
# (`data.labelled_dna("folder/")` reads FASTA files, one for each class.) A recurrent layer does not
# know where a letter stands, so each step says it. Letters that are counted independently, each at
# its place, are hard to beat here; how many of each there are says little. On the average of both
# strands the model is worse: a junction has a direction.

# %%
splice = data.load("splice", fold=0)
print(splice.train.inputs[0], splice.classes[splice.train.targets[0]])
some = slice(None, pieces)
fewer = replace(splice, train=data.Part(splice.train.inputs[some], splice.train.targets[some]))
reader = recipes.train("classify", fewer, epochs=dna_epochs, report=None)
table = recipes.evaluate(reader, fewer)
table[table.part == "test"][["method", "accuracy", "low", "high", "mcc"]].round(3)

# %% [markdown]
# ## Music: which keys sound next
# Bach's chorales as piano rolls: a frame a quarter note, 88 keys, about four of which sound.
# (`data.piano_rolls("songs/")` reads a folder of MIDI files.)

# %%
jsb = data.load("jsb")
print(jsb)
_ = plots.piano_roll(jsb.train[3])

# %% [markdown]
# A logit for each key, by itself, knows no chords: of two likely chords every mixture is likely
# too. *Ordered* keys are told one after the other, each knowing those before it; the product over
# the keys is the exact probability of the frame. The same tower and training, in nats a frame:

# %%
fewer, rows = replace(jsb, train=jsb.train[:chorales]), []
for kind in ("independent", "ordered"):
    options = {"units": 64, "head_units": 64, "epochs": music_epochs, "report": None}
    composer = recipes.train("compose", fewer, head=kind, **options)
    rows.append(recipes.evaluate(composer, fewer, baselines=kind == "ordered"))
table = pd.concat(rows)
table[table.part == "test"].sort_values("nats_per_frame").round(2)

# %% [markdown]
# The saved model `chorales` was trained longer, and wider. A key is drawn by its probability, given
# the frames so far and the keys drawn already. The first eight frames are Bach's.

# %%
saved, theme = bundle.load("chorales"), jsb.test[1][:8]
notes = recipes.predict(saved, theme, length=56, seed=1)
piece = music.roll(notes, notes.attrs["length"])
_ = plots.piano_roll(piece, beginning=len(theme))
music.write_midi(piece, "chorale.mid", step=jsb.step)  # to be heard

# %% [markdown]
# Does it sound like a chorale? Count it: how many keys sound together, and how long notes are held,
# in pieces that it drew and in Bach's.

# %%
drawn = [generation.compose(saved.model, length=64, seed=number) for number in range(10)]
counts = pd.concat(
    evaluate.note_statistics(its).assign(source=source)
    for source, its in (("Bach", jsb.test), ("drawn", drawn))
)
for _, own in counts.groupby("what", sort=False):
    plots.note_statistics(own)
