"""A tag at every word: sentences -> a tagger of raw text, of parts of speech or of entities.

parts = data.load("ewt")                              1, data; or data.tagged_sentences("my.conll")
bundle = recipes.train("tag", parts)                  2 and 3, model and training
print(recipes.evaluate(bundle))                       4, beside taggers that only count
bundle.save("tagger", optimizer=False)                5, all that tagging needs
recipes.predict(bundle, "She lives in Paris.")
"""

from typing import TYPE_CHECKING

from keraseq.recipes.recipe import lazy
from keraseq.recipes.tag.settings import Settings

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.tag.evaluation import evaluate, predict, predictions
    from keraseq.recipes.tag.reading import Coloured, accuracy_by_count, transitions

__getattr__ = lazy(
    __name__,
    evaluation="evaluate predict predictions parts_of",
    reading="Coloured accuracy_by_count transitions",
)
__all__ = [
    "Coloured",
    "Settings",
    "accuracy_by_count",
    "evaluate",
    "predict",
    "predictions",
    "transitions",
]


def __dir__():
    return __all__
