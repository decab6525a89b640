"""Sentiment, and any other label of a text: raw texts -> a model that reads raw text.

reviews = data.load("imdb")                          1, data; or data.reviews("mine.csv")
bundle = recipes.train("classify", reviews)          2 and 3, model and training
print(recipes.evaluate(bundle))                      4, test part, baselines beside it
bundle.save("sentiment", optimizer=False)            5, all that reading needs
recipes.predict(bundle, ["What a film!"])
recipes.classify.explain(bundle, "What a film!")     word by word
"""

from keraseq.recipes.classify.settings import Settings
from keraseq.recipes.recipe import lazy

__getattr__ = lazy(
    __name__,
    evaluation="evaluate predict parts_of",
    reading="accuracy_by_length explain predictions",
)
__all__ = [
    "Settings",
    "accuracy_by_length",
    "evaluate",
    "explain",
    "predict",
    "predictions",
]
