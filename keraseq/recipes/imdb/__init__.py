"""Sentiment, and any other label of a text: raw reviews -> a model that reads raw text.

reviews = data.load("imdb")                          1, data; or data.reviews("mine.csv")
bundle = recipes.imdb.train(reviews)                 2 and 3, model and training
print(recipes.imdb.evaluate(bundle))                 4, test part, baselines beside it
bundle.save("sentiment", optimizer=False)            5, all that reading needs
recipes.imdb.predict(bundle, ["What a film!"])
recipes.imdb.explain(bundle, "What a film!")         word by word
"""

from keraseq.recipes.imdb.evaluation import evaluate, predict
from keraseq.recipes.imdb.reading import accuracy_by_length, explain, predictions
from keraseq.recipes.imdb.settings import Settings
from keraseq.recipes.imdb.training import train

__all__ = [
    "Settings",
    "accuracy_by_length",
    "evaluate",
    "explain",
    "predict",
    "predictions",
    "train",
]
