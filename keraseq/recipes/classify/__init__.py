"""The class of any labelled sequence, a text or a series: raw input -> a model that reads it.

reviews = data.load("imdb")                          1, data; or data.reviews("mine.csv")
bundle = recipes.train("classify", reviews)          2 and 3, model and training
print(recipes.evaluate(bundle))                      4, test part, baselines beside it
bundle.save("sentiment", optimizer=False)            5, all that reading needs
recipes.predict(bundle, ["What a film!"])
recipes.classify.explain(bundle, "What a film!")     word by word

Series likewise: `data.load("basicmotions")`, or `data.labelled_series` of a table, a `.ts` file or
arrays; trees in brackets: `data.load("sst")`, or `data.labelled_trees`; recordings:
`data.load("fsdd")`, or `data.labelled_signals`; DNA: `data.load("splice")`, or
`data.labelled_dna`; skeletons and frames: `data.load("msraction3d")`, `data.load("moving-mnist")`,
or `data.labelled_skeletons` and `data.labelled_frames`. What depends on the kind of input stands in
`kinds.py`.
"""

from typing import TYPE_CHECKING

from keraseq.recipes.classify.settings import Settings
from keraseq.recipes.recipe import lazy

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.classify.evaluation import evaluate, predict
    from keraseq.recipes.classify.reading import (
        accuracy_by_length,
        explain,
        over_time,
        predictions,
    )
    from keraseq.recipes.classify.trees import nodes

__getattr__ = lazy(
    __name__,
    evaluation="evaluate predict parts_of",
    reading="accuracy_by_length explain over_time predictions",
    trees="nodes",
)
__all__ = [
    "Settings",
    "accuracy_by_length",
    "evaluate",
    "explain",
    "nodes",
    "over_time",
    "predict",
    "predictions",
]


def __dir__():
    return __all__
