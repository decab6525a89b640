"""Sentences with a tag at every word: files -> parts, word and character ids, batches."""

from keraseq.data.tagged.batches import batches
from keraseq.data.tagged.encoder import WordEncoder
from keraseq.data.tagged.parts import TaggedSentences, tagged_sentences, whole
from keraseq.data.tagged.schemes import entities, forbidden
from keraseq.data.tagged.tokens import tokens
from keraseq.data.tagged.vectors import read_vectors

__all__ = [
    "TaggedSentences",
    "WordEncoder",
    "batches",
    "entities",
    "forbidden",
    "read_vectors",
    "tagged_sentences",
    "tokens",
    "whole",
]


def __dir__():
    return __all__
