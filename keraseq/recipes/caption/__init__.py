"""A picture in, a sentence out: captions of pictures -> a model that captions raw ones.

seen = data.load("flickr8k")                         1, data; or data.captioned of a folder
bundle = recipes.train("caption", seen)              2 and 3, model and training
print(recipes.evaluate(bundle))                      4, CIDEr, BLEU, baselines beside
bundle.save("saved_models/captions", optimizer=False)    5, all but what sees pictures
recipes.predict(bundle, ["dog.jpg"])
look = recipes.caption.look(bundle, "dog.jpg")       where the model looked, word by word
"""

from typing import TYPE_CHECKING

from keraseq.recipes.caption.settings import Settings
from keraseq.recipes.recipe import lazy

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.caption.evaluation import Look, evaluate, look, predict

__getattr__ = lazy(__name__, evaluation="Look evaluate look predict")
__all__ = ["Look", "Settings", "evaluate", "look", "predict"]


def __dir__():
    return __all__
