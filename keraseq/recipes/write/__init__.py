"""A language model of any text: files -> a model that knows what comes next, and can write.

corpus = data.text_corpus("tinyshakespeare")         1, data
bundle = recipes.train("write", corpus)              2 and 3, model and training
print(recipes.evaluate(bundle))                      4, beside n-grams
bundle.save("shakespeare", optimizer=False)          5, all that writing needs
keraseq.generate(bundle, "ROMEO:", 300)
"""

from keraseq.recipes.recipe import lazy
from keraseq.recipes.write.settings import Settings

__getattr__ = lazy(__name__, evaluation="evaluate parts_of_bundle")
__all__ = ["Settings", "evaluate"]
