# %% [markdown]
# # Reviews: a model that says good or bad, and why
#
# 50,000 film reviews, bad or good (Maas et al. 2011). First a trained model reads some of them, and
# you see where it is wrong and why. Then you train a small one yourself, and look inside: how the
# opinion moves while it reads, and which words moved it.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
epochs = 1
units = 32
limit = None
shown = 2000
seed = 0
motion_epochs = None

# %% [markdown]
# ## Predictions first
# `imdb` is a model that comes with keraseq: a GRU of 256 units that reads up to 400 words, and
# 100,000 words, pairs and triples of words that vote beside it. Here it reads five reviews of the
# test half, which it never saw. Compare `label` with `truth`.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import keraseq
from keraseq import data, evaluate, inspection, plots, recipes
from keraseq.data.labelled import films

# %%
reviews = data.load("imdb")
saved = keraseq.bundle.load("imdb")
truth = [reviews.classes[number] for number in reviews.test.targets[:5]]
found = recipes.predict(saved, reviews.test.inputs[:5]).assign(truth=truth)
found.assign(text=found["text"].str[:60])[["text", "label", "probability", "truth"]].round(3)

# %% [markdown]
# Now three short sentences of our own. The last two come out wrong.

# %%
sentences = ["A gem.", "I would not watch it again.", "Not bad at all, really."]
recipes.predict(saved, sentences)[["text", "label", "probability"]].round(3)

# %% [markdown]
# Why? The table shows in how many training reviews a phrase stands, and how many of these are good.
# "Watch it again" is what people say of films they love. "Not bad" stands in more bad reviews than
# good ones; the whole phrase speaks for good, but in a dozen reviews only. And reviews are long,
# the shortest has ten words: nobody writes one that is a single negation, and a short sentence
# gives the model nothing else to go by. One that gets such sentences right has to learn from
# sentences: see the notebook on trees.

# %%
texts, good = pd.Series(reviews.train.inputs).str.lower(), reviews.train.targets == 1
rows = {}
for phrase in ("gem", "watch it again", "not bad", "not bad at all", "bad"):
    has = texts.str.contains(rf"\b{phrase}\b")
    rows[phrase] = {"reviews": has.sum(), "of these good": f"{good[has].mean():.0%}"}
print("words in the shortest training review:", texts.str.split().str.len().min())
pd.DataFrame(rows).T

# %% [markdown]
# ## How it reads
# A review with two halves: praise, then the verdict. The curve is the probability of "pos" after
# each word. Look at how it climbs through the first half, and at the words at which it falls.

# %%
text = (
    "The photography is beautiful and the actors do what they can. I wanted to love this film. "
    "But the story is a mess, the jokes are not funny, and after an hour I was bored to tears."
)
read = recipes.classify.explain(saved, text, label="pos")
ax = plots.new_axes(None, 10, 3.2)
ax.plot(read["probability"], color=plots.COLOURS[0], marker=".")
ax.axhline(0.5, color=plots.COLOURS[7], lw=1, ls=":")
ax.set_xticks(range(len(read)), read["word"], rotation=90)
ax.set(ylim=(0, 1), ylabel="probability of pos")
_ = plots.finish(ax)

# %% [markdown]
# Which words carried it? Green speaks for "pos", brown against. Each word is left out in turn, and
# its colour is what the verdict loses by that. Look at "not funny": both words count, since the
# pair counts.

# %%
_ = plots.coloured_text(read["word"] + " ", read["left_out"], label="for pos, left out")

# %% [markdown]
# ## Neighbours know each other
# To choose between models you need a validation part, and here a random one flatters. In the
# archive reviews of the same film stand together, at most 30 of each class: their rare names say
# so. Look at how likeness falls with the distance. A random part holds films that the model was
# trained on; this one is made of whole runs of neighbours. Train and test share no film anyway.

# %%
ax = plots.new_axes(None, 6.4, 3)
for label, name in enumerate(reviews.classes):
    ordered = films.likeness(films.in_order(reviews.train, label), range(1, 41))
    ax.plot(ordered["distance"], ordered["likeness"], color=plots.COLOURS[label], label=name)
ax.set(xlabel="places between two reviews", ylabel="likeness of rare names")
_ = plots.finish(ax, legend=True)

# %% [markdown]
# ## Train a small one
# A GRU of 32 units reads 100 words; maximum and mean of its outputs over time decide. Beside it
# words, pairs and triples vote by themselves: a logistic regression, which is hard to beat here.
# The epoch, and how much each part counts, were chosen on the validation part: so the table shows
# the test part alone. Look at the two single rows: these few units add little to the words.

# %%
random = np.random.default_rng(seed)
chosen = random.permutation(len(reviews.test.inputs))[: limit or shown]
train = films.taken(reviews.train, range(len(reviews.train.inputs))[:limit])
some = replace(reviews, train=train, test=films.taken(reviews.test, chosen))
options = {"units": units, "embedding": 32, "length": 100, "epochs": epochs, "seed": seed}
small = recipes.train("classify", some, **options)
table = recipes.classify.evaluate(small, some, baselines=False).query("part == 'test'")
table[["method", "examples", "accuracy", "nats"]].round(4)

# %% [markdown]
# ## Where the saved model errs
# On the same test reviews. Left: are its probabilities true? On the line they are; small dots stand
# for few reviews, and wander. Right: does it suffer from reviews longer than what it reads?

# %%
said = recipes.classify.predictions(saved, some, "test")
figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
chances = pd.concat([1 - said["probability"], said["probability"]], axis=1).to_numpy()
curve = evaluate.calibration_curve(chances, said["right"].astype("int32"))
plots.calibration(curve, ax=panels[0])
_ = plots.accuracy_by_length(recipes.classify.accuracy_by_length(said), ax=panels[1])
print(f"test accuracy of the saved model: {said['right'].mean():.3f} on {len(said):,} reviews")

# %% [markdown]
# Its surest mistake among those of 40 to 120 words:

# %%
wrong = said[~said["right"] & said["length"].between(40, 120)].sort_values("probability").index[-1]
print(f"truth {said.truth[wrong]}, named {said.label[wrong]} with {said.probability[wrong]:.3f}")
read = recipes.classify.explain(saved, some.test.inputs[wrong], label="pos")
inspection.ColouredText(read["word"] + " ", read["left_out"])

# %% [markdown]
# ## Any labelled sequence
# The same recipe reads measurements: here a smart watch on a wrist, six channels of 100 steps, four
# activities, 40 records to learn from and 40 to tell (the UEA archive's BasicMotions). So few
# examples leave wide intervals, and simple methods do as well: look at `low` and `high`.

# %%
motions = data.load("basicmotions")
watch = recipes.train("classify", motions, epochs=motion_epochs, seed=seed, report=None)
table = recipes.evaluate(watch, motions).query("part == 'test'")
table[["method", "accuracy", "low", "high", "nats"]].round(3)
