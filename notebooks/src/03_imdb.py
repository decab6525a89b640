# %% [markdown]
# # Reviews: from the raw archive to a model that says why
#
# 50,000 film reviews, bad or good (Maas et al. 2011). We look at what makes a validation part
# honest here, train a small recurrent classifier, load a better one, and then look inside: how its
# opinion moves while it reads, which words moved it, and where it errs.

# %% tags=["parameters"]
epochs = 1
units = 32
limit = None
seed = 0
motion_epochs = None

# %% [markdown]
# ## The reviews
# The test half stays as it is and is scored once at the end; training reviews that stand word for
# word in it, or twice, are left out.

# %%
from dataclasses import replace
from pathlib import Path

import pandas as pd

import keraseq
from keraseq import data, evaluate, inspection, plots, recipes

reviews = data.load("imdb")
print(reviews)
print(reviews.train.inputs[1][:300])

# %% [markdown]
# ## Neighbours know each other
# In the archive reviews of the same film stand together, at most 30 of each class: their rare
# names say so. Train and test share no film. A random validation part holds films that the model
# was trained on, and flatters; this one is made of whole runs of neighbours. TFDS's copy has
# another order, so keraseq brings along four bytes of a hash of each review.

# %%
from keraseq.data.labelled import films

ax = plots.new_axes(None, 6.4, 3)
for label, name in enumerate(reviews.classes):
    ordered = films.likeness(films.in_order(reviews.train, label), range(1, 41))
    ax.plot(ordered["distance"], ordered["likeness"], color=plots.COLOURS[label], label=name)
ax.set(xlabel="places between two reviews", ylabel="likeness of rare names")
_ = plots.finish(ax, legend=True)

# %%
parts = {"train": reviews.train, "validation": reviews.validation}
runs = {name: set(films.places(part) // films.RUN) for name, part in parts.items()}
print({name: len(some) for name, some in runs.items()}, "runs of 250 neighbours, of which")
print(len(runs["train"] & runs["validation"]), "are cut in two")

# %% [markdown]
# ## Words and batches
# Small letters, each punctuation mark a word of its own (`level="wordpiece"` takes keras_nlp's word
# pieces instead). Batches hold texts of like length, so that little of them is padding.

# %%
encoder = data.TextEncoder.of(reviews.train.inputs)
rows = encoder.rows(reviews.train.inputs)
whole = (encoder.lengths(reviews.validation.inputs) <= encoder.length).mean()
print(encoder.tokens("Unwatchable? Not at all: Cronenberg's best!"))
print(f"{len(encoder):,} ids; of {encoder.length} words at most, {whole:.0%} of the reviews whole")
print(f"padding in batches of 64: {data.labelled.padding(rows, 64):.2%}")

# %% [markdown]
# ## A small model
# A GRU of 32 units reads 100 words; maximum and mean of its outputs over time decide. Beside it
# words, pairs and triples of them vote by themselves, each once a review: a logistic regression,
# which is hard to beat here. The table shows what each part does alone, and both together.

# %%
fewer = {
    part: films.taken(reviews.part(part), range(len(reviews.part(part).inputs))[:limit])
    for part in ("train", "test")
}
some = replace(reviews, **fewer)
options = {"units": units, "embedding": 32, "length": 100, "epochs": epochs, "seed": seed}
small = recipes.train("classify", some, **options)
table = recipes.classify.evaluate(small, some, baselines=False)
table[["part", "method", "examples", "accuracy", "nats"]].round(4)

# %% [markdown]
# ## A better one
# `saved_models/imdb` has 256 units, reads up to 400 words, and was first a language model of the
# training reviews; 100,000 words, pairs and triples vote beside it. Every choice was made on
# validation; `keraseq evaluate saved_models/imdb` puts simple methods beside it. Reviews
# are long: in a short sentence it can miss a negation.

# %%
root = Path(keraseq.__file__).parent.parent
saved = keraseq.bundle.load(root / "saved_models" / "imdb")
recipes.predict(saved, ["A gem.", "I would not watch it again.", "Not bad at all, really."])

# %% [markdown]
# ## Where it errs
# On the test part: which way, whether its probabilities hold, and how the length matters.

# %%
said = recipes.classify.predictions(saved, some, "test")
_ = plots.confusion_matrix(said["truth"], said["label"])

# %%
import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
chances = pd.concat([1 - said["probability"], said["probability"]], axis=1).to_numpy()
curve = evaluate.calibration_curve(chances, said["right"].astype("int32"))
plots.calibration(curve, ax=panels[0])
_ = plots.accuracy_by_length(recipes.classify.accuracy_by_length(said), ax=panels[1])

# %% [markdown]
# ## How it reads
# The probability of "pos" after each word. The first half is praise; the verdict that follows pulls
# it down, but not far enough: the review is bad, and what was praised first still counts.

# %%
text = (
    "The photography is beautiful and the actors do what they can. I wanted to love this film. "
    "But the story is a mess, the jokes are not funny, and after an hour I was bored to tears."
)
read = recipes.classify.explain(saved, text, label="pos")
ax = plots.new_axes(None, 10, 3.2)
ax.plot(read["probability"], color=plots.COLOURS[0], marker=".")
ax.set_xticks(range(len(read)), read["word"], rotation=90)
ax.set(ylim=(0, 1), ylabel="probability of pos")
_ = plots.finish(ax)

# %% [markdown]
# ## Which words carried it
# Green speaks for "pos", brown against: by leaving each word out, and by the gradient.

# %%
for way in ("left_out", "gradient"):
    _ = plots.coloured_text(
        read["word"] + " ", read[way], label=f"for pos, {way.replace('_', ' ')}"
    )

# %% [markdown]
# The surest mistake of the test part, as coloured text in the page:

# %%
wrong = said[~said["right"] & said["length"].between(40, 120)].sort_values("probability").index[-1]
print(f"truth {said.truth[wrong]}, named {said.label[wrong]} with {said.probability[wrong]:.3f}")
read = recipes.classify.explain(saved, some.test.inputs[wrong], label="pos")
inspection.ColouredText(read["word"] + " ", read["left_out"])

# %%
print(f"test accuracy of the saved model: {said['right'].mean():.4f} on {len(said):,} reviews")

# %% [markdown]
# ## Any labelled sequence
# The same recipe reads measurements: here a smart watch on a wrist, six channels of 100 steps, four
# activities, 40 records to learn from and 40 to tell (the UEA archive's BasicMotions). From the raw
# `.ts` files to a prediction:

# %%
files = data.sets.SETS["basicmotions"].files
motions = data.labelled_series(
    data.public.fetch(files["train"]), test=data.public.fetch(files["test"])
)
watch = recipes.train("classify", motions, epochs=motion_epochs, seed=seed, report=None)
recipes.predict(watch, motions.test.inputs).head(3)

# %% [markdown]
# So few examples leave wide intervals, and simple methods do as well.

# %%
told = recipes.classify.predictions(watch, motions, "test")
_ = plots.confusion_matrix(told["truth"], told["label"])
table = recipes.evaluate(watch, motions).query("part == 'test'")
table[["method", "accuracy", "low", "high", "macro_f1", "nats"]].round(3)
