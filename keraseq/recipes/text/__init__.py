"""A language model of any text: files -> a model that knows what comes next, and can write.

corpus = data.text_corpus("tinyshakespeare")         1, data
bundle = recipes.text.train(corpus)                  2 and 3, model and training
print(recipes.text.evaluate(bundle))                 4, beside n-grams
bundle.save("shakespeare", optimizer=False)          5, all that writing needs
keraseq.generate(bundle, "ROMEO:", 300)
"""

from keraseq.recipes.text.evaluation import evaluate
from keraseq.recipes.text.training import Settings, train, what_it_reads

__all__ = ["Settings", "evaluate", "train", "what_it_reads"]
