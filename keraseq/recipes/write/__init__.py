"""A language model of any text: files -> a model that knows what comes next, and can write.

corpus = data.text_corpus("tinyshakespeare")         1, data
bundle = recipes.train("write", corpus)              2 and 3, model and training
print(recipes.evaluate(bundle))                      4, beside n-grams
bundle.save("shakespeare", optimizer=False)          5, all that writing needs
keraseq.generate(bundle, "ROMEO:", 300)
"""

from typing import TYPE_CHECKING

from keraseq.recipes.recipe import lazy
from keraseq.recipes.write.settings import Settings

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.write.evaluation import evaluate

__getattr__ = lazy(__name__, evaluation="evaluate parts_of_bundle")
__all__ = ["Settings", "evaluate"]


def __dir__():
    return __all__
