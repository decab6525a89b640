"""Music: pieces as piano rolls -> a model that goes on from a beginning, key by key.

parts = data.load("jsb")                    1, data; or data.piano_rolls("folder/of/midi")
bundle = recipes.train("compose", parts)    2 and 3, model and training
print(recipes.evaluate(bundle))             4, nats a frame beside keys that know no chords
bundle.save("chorales", optimizer=False)    5, all that composing needs
notes = recipes.predict(bundle, "theme.mid", length=64)
"""

from typing import TYPE_CHECKING

from keraseq.recipes.compose.settings import Settings
from keraseq.recipes.recipe import lazy

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.compose.evaluation import costs_of, evaluate, predict

__getattr__ = lazy(__name__, evaluation="costs_of evaluate predict parts_of")
__all__ = ["Settings", "costs_of", "evaluate", "predict"]


def __dir__():
    return __all__
