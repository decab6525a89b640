"""Next-word prediction on the Penn Treebank."""

from functools import cached_property
from math import exp

import numpy as np

from keraseq import evaluate
from keraseq.data import text
from keraseq.experiments.tasks.arrays import nats
from keraseq.experiments.tasks.characters import Text, lanes

LENGTH = 35  # steps of a training window, as Zaremba et al. 2014
LANES = 8  # rows that are scored in one go


class Words(Text):
    """Nats a word on the Penn Treebank's test part, vocabulary of 10,000 (Mikolov's files)."""

    name = "ptb"
    title = "PTB words: the next word of the Penn Treebank"
    metric_label = "nats a word"
    window = LENGTH
    budget = 2_000_000
    steps = 6_000
    learning_rate = 3e-3
    step_cost = 150.0
    floor = "word frequencies"

    @cached_property
    def corpus(self) -> text.Corpus:
        """The given parts and their words."""
        return text.text_corpus("ptb", level="word")

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Token ids of each part."""
        return {
            part: np.concatenate(self.corpus.tokens(part))
            for part in ("train", "validation", "test")
        }

    @cached_property
    def options(self):
        """Of the builder: vectors for the words, one recurrent layer."""
        return {"vocabulary": len(self.corpus.tokenizer), "embedding": 64}

    def score(self, model, part):
        """Nats a word over the whole part, the state carried along lanes of 1,024 words."""
        inputs, targets, counts = lanes(self.parts[part])
        targets = np.where(counts, targets, -1)
        total, count = 0.0, 0
        for first in range(0, len(inputs), LANES):  # logits of a whole part would fill the memory
            rows = slice(first, first + LANES)
            some, number = nats(model.predict_on_batch(inputs[rows]), targets[rows])
            total, count = total + some, count + number
        return total / count

    def baselines(self):
        """Counted word sequences."""
        vocabulary, test = len(self.corpus.tokenizer), self.parts["test"]
        before = np.concatenate([self.parts["train"], self.parts["validation"]])
        found = {}
        for name, order in (("trigram (Witten-Bell)", 3), ("word frequencies", 1)):
            model = evaluate.NGram(order, vocabulary).fit(self.parts["train"])
            found[name] = float(model.cost(test, before=before).mean())
        return found

    def facts(self):
        best = self.baselines()["trigram (Witten-Bell)"]
        return {
            "Data": "Penn Treebank, Mikolov's preprocessing, "
            f"{len(self.corpus.tokenizer):,} different words.",
            "Split": f"The given files: {self.sizes('words')}, ends of sentences counted.",
            "Model": f"A vector of {self.options['embedding']} for each word, one recurrent layer, "
            f"logits. Trained on windows of {LENGTH} words that start anywhere.",
            "Metric": "Negative log-likelihood of a word; its exponential is the perplexity.",
            "Baselines": "Interpolated n-grams with Witten-Bell smoothing; the trigram's "
            f"perplexity is {exp(best):.0f}.",
        }

    def raw(self):
        return b"".join(part.tobytes() for part in self.parts.values())
