"""Pairs of sentences, one of which is to become the other: raw files -> parts -> rows of pieces."""

from keraseq.data.pairs.batches import batches
from keraseq.data.pairs.encoder import LEVELS, SentenceEncoder
from keraseq.data.pairs.reading import Pairs, sentence_pairs

__all__ = ["LEVELS", "Pairs", "SentenceEncoder", "batches", "sentence_pairs"]


def __dir__():
    return __all__
