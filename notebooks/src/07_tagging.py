# %% [markdown]
# # A tag at every word
#
# Names of persons and places in tweets, parts of speech in letters and reviews: one label for each
# step of the input. A word is read twice, as a vector and letter by letter; a bidirectional network
# reads the sentence; a conditional random field scores tags that stand side by side.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
epochs = 3
units = 64
limit = 3000
seed = 0

# %%
from dataclasses import replace

import pandas as pd

import keraseq
from keraseq import data, plots, recipes

tweets = data.load("wnut17")
print(tweets)

# %%
pd.DataFrame({"word": tweets.train.inputs[0], "tag": tweets.train.targets[0]}).assign(
    tag=lambda frame: [tweets.tags[tag] for tag in frame.tag]
).T.iloc[:, 12:22]

# %% [markdown]
# ## Raw text in, names out
# `saved_models/tagger` was trained on WNUT-17, whose test part asks for names that training does
# not have. It takes raw text; `keraseq predict saved_models/tagger "..."` does the same.

# %%
saved = keraseq.bundle.load("tagger")
texts = [
    "Just landed in Berlin with @anna, next stop is the Museum of Modern Art in New York!",
    "Taylor Swift and Ed Sheeran are playing at Wembley tonight",
    "my new iPhone died while I was watching Star Wars on Netflix",
]
recipes.tag.Coloured(recipes.predict(saved, texts))

# %% [markdown]
# ## What that is worth
# An entity counts if its start, end and type are right (strict IOB2). Beside the model stand
# methods that only count: they show how little of the task is memory. The names of the training
# part, looked up, find next to nothing.

# %%
table = recipes.evaluate(saved, tweets).query("part == 'test'").set_index("method")
table[["f1", "f1_low", "f1_high", "precision", "recall", "accuracy", "unseen"]].round(3)

# %% [markdown]
# Most mistakes are names that were not seen as such (the column `O`).

# %%
words = recipes.tag.predictions(saved, tweets, "test")
_ = plots.tag_confusion(words.truth, words.tag)

# %% [markdown]
# What the random field learned: a brown field costs, a green one pays; `never` cannot happen,
# whatever the network says of the words.

# %%
_ = plots.transitions(recipes.tag.transitions(saved))

# %% [markdown]
# ## Parts of speech, trained here
# A few thousand sentences of English web texts (EWT), random vectors, a small network. The row to
# beat is a trigram hidden Markov model, which takes a second to count: on this little it is ahead.

# %%
web = data.load("ewt")
some = replace(web, train=data.Part(*(one[:limit] for one in web.train)), options={})
settings = {"units": units, "epochs": epochs, "learning_rate": 4e-3, "dropout": 0.3, "seed": seed}
bundle = recipes.train("tag", some, **settings)

# %%
table = recipes.evaluate(bundle, some).query("part == 'test'").set_index("method")
table[["accuracy", "low", "high", "unseen", "sentences"]].round(4)

# %%
words = recipes.tag.predictions(bundle, some, "test")
_ = plots.tag_confusion(words.truth, words.tag)

# %% [markdown]
# Words that training did not have are the hard ones.

# %%
_ = plots.accuracy_by_count(recipes.tag.accuracy_by_count(words))

# %% [markdown]
# ## All of EWT
# With all 12,544 sentences and pretrained vectors (`benchmarks/tag.py ewt`) the network is ahead:
# the Markov model has 93.3 % of the words.

# %%
runs = keraseq.experiments.measured("tag-ewt")
runs[["cell", "seed", "epochs", "accuracy", "low", "high", "unseen", "sentences"]].round(4)
