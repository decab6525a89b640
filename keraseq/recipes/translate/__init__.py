"""One sequence becomes another: pairs of sentences -> a model that translates raw ones.

pairs = data.load("multi30k")                        1, data; or data.sentence_pairs of files
bundle = recipes.train("translate", pairs)           2 and 3, model and training
print(recipes.evaluate(bundle))                      4, BLEU by sacreBLEU, baselines beside it
bundle.save("saved_models/de-en", optimizer=False)   5, all that translating needs
recipes.predict(bundle, ["Ein Hund rennt."])
recipes.translate.look(bundle, "Ein Hund rennt.")    where the decoder looked
"""

from typing import TYPE_CHECKING

from keraseq.recipes.recipe import lazy
from keraseq.recipes.translate.settings import Settings

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.translate.evaluation import (
        bleu_by_length,
        evaluate,
        look,
        predict,
        translations,
    )

__getattr__ = lazy(__name__, evaluation="bleu_by_length evaluate look predict translations")
__all__ = ["Settings", "bleu_by_length", "evaluate", "look", "predict", "translations"]


def __dir__():
    return __all__
