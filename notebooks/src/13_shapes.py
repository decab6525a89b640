# %% [markdown]
# # Five shapes: one or many in, one or many out
#
# Lectures on recurrent networks begin with five pictures: a vector or a sequence goes in, a vector
# or a sequence comes out. Here each of them is a builder of keraseq, ten lines, and a picture of
# what the model learned. All data are made up or inside scikit-learn; nothing is downloaded.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
epochs = 30
rows = 1024
seed = 0

# %% [markdown]
# In each panel the input is below, the state in the middle, the output above; time goes to the
# right.

# %%
import keras
import numpy as np
import pandas as pd
from sklearn.datasets import load_iris

import keraseq
from keraseq import layers, models, plots, train

train.seed_everything(seed)
random = np.random.default_rng(seed)
fit = {"batch_size": 64, "epochs": epochs, "verbose": 0}
_ = plots.shapes()

# %% [markdown]
# ## One to one
# A vector in, a class out: four measures of a flower, and its kind. It is a sequence of one step,
# and needs no recurrent network. Two thirds of the flowers are for training, the others are shown.
# What is right lies on the diagonal.

# %%
iris = load_iris()
order = random.permutation(len(iris.data))
inputs, kinds = iris.data[order][:, None], iris.target[order]
model = models.sequence_classifier(3, features=4, length=1, cell="elman", units=16)
train.compile(model, learning_rate=0.02)
model.fit(inputs[:100], kinds[:100], **fit)
named = model.predict(inputs[100:], verbose=0).argmax(axis=-1)
_ = plots.confusion_matrix(iris.target_names[kinds[100:]], iris.target_names[named])

# %% [markdown]
# ## One to many
# A vector in, a sequence out, as where a picture becomes a sentence. Here a height and a pace
# become a wave of 32 steps. The vector is read at every step (`RepeatVector`), and the state has to
# keep the time. Look whether the dots lie on the lines: these waves were not trained on.

# %%
wanted = np.stack([random.uniform(0.5, 1, rows), random.uniform(0.2, 0.5, rows)], axis=1)
waves = (wanted[:, :1] * np.sin(wanted[:, 1:] * np.arange(32)))[..., None]
vector = keras.Input((2,), name="vector")
x = layers.stack("gru", 24, return_sequences=True)(keras.layers.RepeatVector(32)(vector))
model = models.SequenceModel(vector, keras.layers.Dense(1, name="wave")(x))
train.compile(model, "mse", learning_rate=0.01)
_ = model.fit(wanted[:-4], waves[:-4], **fit)

# %%
ax = plots.new_axes(None, 7, 3)
made = model.predict(wanted[-4:], verbose=0)
for colour, wave, dots in zip(plots.COLOURS, waves[-4:], made, strict=False):
    ax.plot(wave[:, 0], color=colour, lw=1)
    ax.plot(dots[:, 0], ".", color=colour)
ax.set(xlabel="step", ylabel="line: wanted, dots: made")
_ = plots.finish(ax)

# %% [markdown]
# ## Many to one
# A sequence in, a class out, as the verdict of a review. Here a walk drifts up or down, under noise
# that hides it. Look at the broken lines: these walks were named wrongly, and they are the ones
# that end near where they began.

# %%
drift = random.choice([-0.2, 0.2], (rows, 1))
walks = np.cumsum(drift + random.normal(0, 1, (rows, 50)), axis=1)[..., None]
up = (drift[:, 0] > 0).astype("int32")
model = models.sequence_classifier(2, features=1, cell="lstm", units=8)
train.compile(model, learning_rate=0.01)
model.fit(walks[:-256], up[:-256], **fit)
said = model.predict(walks[-256:], verbose=0).argmax(axis=-1)

# %%
ax = plots.new_axes(None, 7, 3)
for walk, truth, name in zip(walks[-40:], up[-40:], said[-40:], strict=True):
    colour = plots.COLOURS[1 if truth else 4]
    ax.plot(walk[:, 0], color=colour, lw=1, ls="-" if truth == name else (0, (4, 3)))
ax.set(xlabel="step", ylabel="blue drifts up, red down")
_ = plots.finish(ax)
print(f"right on {(said == up[-256:]).mean():.0%} of 256 new walks")

# %% [markdown]
# ## Many to many, aligned
# A label at every step, as a part of speech for each word. Here a step is a random bit and a mark,
# and the label is the bit at the last mark (the notebook on cells looks at the gates that do it).
# In the picture dark is 1: look how the third row changes only at marks, and the fourth equals it.

# %%
bits, marks = random.integers(0, 2, (rows, 40)), random.random((rows, 40)) < 0.15
marks[:, 0] = True
last = np.maximum.accumulate(np.where(marks, np.arange(40), 0), axis=1)
held = np.take_along_axis(bits, last, axis=1)
model = models.sequence_tagger(2, features=2, cell="gru", units=8)
train.compile(model, learning_rate=0.02)
model.fit(np.stack([bits, marks], axis=-1)[:-1], held[:-1], **fit)
said = model.predict(np.stack([bits, marks], axis=-1)[-1:], verbose=0).argmax(axis=-1)

# %%
ax = plots.new_axes(None, 8, 1.7)
ax.pcolormesh(np.stack([bits[-1], marks[-1], held[-1], said[0]]), cmap="Blues", ec="w", vmax=1.4)
ax.set_yticks(np.arange(4) + 0.5, ["bit", "mark", "wanted", "said"])
ax.invert_yaxis()
_ = ax.set(xlabel="step")

# %% [markdown]
# ## Many to many, through an encoder and a decoder
# A sequence in, another one out, as in translation. Here four to seven letters have to come out
# backwards. Letters are the numbers 3 to 12, 0 is padding, 1 is read before the first letter, 2
# ends the word. In the picture a row is a letter that was written, a column one that was read, dark
# is where the decoder looked: attention learned to go backwards.

# %%
words = [random.integers(3, 13, random.integers(4, 8)) for _ in range(2 * rows)]
source = np.zeros((len(words), 7), "int32")
wanted = np.zeros((len(words), 8), "int32")
for row, word in enumerate(words):
    source[row, : len(word)] = word
    wanted[row, : len(word) + 1] = [*word[::-1], 2]
shifted = np.pad(wanted, ((0, 0), (1, 0)), constant_values=1)[:, :-1]
model = models.encoder_decoder(13, 13, cell="gru", units=32, attention="general")
train.compile(model, learning_rate=0.01)
_ = model.fit({"source": source[:-64], "target": shifted[:-64]}, wanted[:-64], **fit)

# %%
written = keraseq.generation.decode(model, words[-64:], start=1, end=2, length=8)
right = [list(one.tokens) == [*word[::-1]] for one, word in zip(written, words[-64:], strict=True)]
longest = max(words[-64:], key=len)
[shares] = keraseq.generation.alignment(model, [longest], [[*longest[::-1], 2]], start=1)
letters = dict(zip(range(2, 13), ".abcdefghij", strict=True))
frame = pd.DataFrame(shares, [letters[i] for i in [*longest[::-1], 2]])
_ = plots.alignment(frame.set_axis([letters[i] for i in longest], axis=1))
print(f"{np.mean(right):.0%} of 64 new words come out backwards without a fault")
