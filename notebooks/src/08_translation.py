# %% [markdown]
# # Translation: one sequence becomes another
#
# 29,000 descriptions of pictures in German and English (Multi30k, Elliott et al. 2016) teach a
# recurrent encoder and decoder to translate. We train one on a task whose answer is known, look
# where its attention goes, and then do the same with a saved model of real sentences.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
letters_count = 900
epochs = 10
limit = None
seed = 0

# %% [markdown]
# ## Pairs
# Files with a sentence a line, a table of two columns, or a list of pairs; here a public set by its
# name, in its own parts. (`data.sentence_pairs` cuts other data so that no sentence, in either
# language, stands in two parts: of Tatoeba a random tenth shares up to half of its sentences.)

# %%
from dataclasses import replace

import numpy as np
import pandas as pd

import keraseq
from keraseq import data, plots, recipes

# %%
pairs = data.load("multi30k")
print(pairs)
fewer = {part: data.Part(*(side[:limit] for side in pairs.part(part))) for part in data.parts.PARTS}
pairs = replace(pairs, **fewer)
list(zip(*pairs.test, strict=True))[:3]

# %% [markdown]
# ## Pieces of words
# Both languages share one vocabulary of word pieces, learned from the training part. `▁` is a blank
# before a piece, `##` goes on with a word: so the pieces say exactly how the sentence was written.

# %%
saved = keraseq.bundle.load("de-en")
encoder = data.SentenceEncoder.from_dict(saved.preprocessing["encoder"])
ids = encoder.encode(pairs.test.inputs[2])
print(" ".join(encoder.tokens(ids)))
print(encoder.decode(ids) == pairs.test.inputs[2], f"{len(encoder):,} ids")

# %% [markdown]
# ## A task whose alignment is known
# Words of random letters, to be written from their ends: to write its t-th letter of n, a decoder
# must look at letter n - t. Nobody tells it so.

# %%
rng = np.random.default_rng(seed)
words = {"".join(rng.choice(list("abcdef"), rng.integers(3, 8))) for _ in range(letters_count)}
backwards = data.sentence_pairs([(word, word[::-1]) for word in sorted(words)])
options = {"level": "character", "units": 48, "embedding": 32, "attention": "additive"}
options |= {"epochs": epochs, "learning_rate": 5e-3, "batch_size": 32, "dropout": 0.0}
toy = recipes.train("translate", backwards, seed=seed, report=None, **options)
said = recipes.translate.translations(toy, backwards)
print(f"{(said.translation == said.reference).mean():.0%} of the test words are right")

# %%
word = max(backwards.test.inputs, key=len)
shares = recipes.translate.look(toy, word, word[::-1])
looked = shares.to_numpy()[:-1].argmax(axis=1)
expected = np.arange(len(word))[::-1]
print(f"looked at letters {looked}, expected {expected}")
assert epochs < 10 or (looked == expected).mean() > 0.8
_ = plots.alignment(shares)

# %% [markdown]
# ## Real sentences
# `saved_models/de-en` reads German and writes English: a bidirectional GRU encoder, a GRU decoder
# with attention and input feeding (Luong et al. 2015), beam search with five beams.

# %%
own = ["Ein Hund läuft durch den Schnee.", "Zwei Kinder spielen am Strand mit einem roten Ball."]
recipes.predict(saved, own)[["source", "translation", "score"]]

# %%
import matplotlib.pyplot as plt

_, panels = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
for panel, sentence in zip(panels, own, strict=True):
    plots.alignment(recipes.translate.look(saved, sentence), ax=panel)

# %% [markdown]
# It has learned to look at one place a time: products that are not scaled grow until the softmax
# is all or nothing. Articles are written looking at the end, or at the word before the noun.

# %% [markdown]
# ## What that is worth
# BLEU by sacreBLEU, with case, on text as people read it, against the raw reference. Simple methods
# say what a number is worth: the translation of the nearest training sentence, one sentence for
# all, the source copied.

# %%
table = recipes.evaluate(saved, pairs)
print(table.attrs["signature"])
table = table.query("part == 'test'")
table[["method", "bleu", "low", "high", "chrf"]].round(2)

# %% [markdown]
# ## Where it errs
# Long sentences are harder. The worst translations by the model's own score per word have rare
# words in them, which it spells from pieces that it has hardly seen.

# %%
said = recipes.translate.translations(saved, pairs)
curve = recipes.translate.bleu_by_length(said)
ax = plots.new_axes(None, 6.4, 3)
ax.plot(curve.length, curve.bleu, color=plots.COLOURS[1], marker="o")
ax.set(xlabel="words of the German sentence", ylabel="BLEU", ylim=(0, 1.15 * curve.bleu.max()))
_ = plots.finish(ax)

# %%
with pd.option_context("display.max_colwidth", 90):
    worst = (said.score / said.reference.str.split().str.len()).sort_values().index[:4]
    display(said.loc[worst, ["source", "translation", "reference"]].T)  # noqa: F821

# %% [markdown]
# ## Measured
# Each row is one training, BLEU on test 2016 (`python benchmarks/translate.py`).

# %%
found = keraseq.experiments.measured("translate")
found[["row", "method", "bleu", "low", "high", "epochs"]]
