"""Several words in a row: recordings of single words -> a model that reads strings of them by CTC.

digits = data.load("fsdd", held_out="theo")          1, data; or data.labelled_signals("words/")
bundle = recipes.train("transcribe", digits)         2 and 3, model and training
print(recipes.evaluate(bundle))                      4, error rate on strings of the test part
bundle.save("digits", optimizer=False)               5, all that reading needs
recipes.predict(bundle, "number.wav")                which words, and when
"""

from typing import TYPE_CHECKING

from keraseq.recipes.recipe import lazy
from keraseq.recipes.transcribe.settings import Settings

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.transcribe.reading import evaluate, predict
    from keraseq.recipes.transcribe.strings import glued

__getattr__ = lazy(__name__, reading="evaluate predict parts_of", strings="glued")
__all__ = ["Settings", "evaluate", "glued", "predict"]


def __dir__():
    return __all__
