"""Text: files -> tokens -> rows for training, and what turns tokens into text again."""

from keraseq.data.text.characters import REPLACEMENT, CharacterVocabulary, code_points
from keraseq.data.text.corpus import Corpus, text_corpus
from keraseq.data.text.streams import Stream, streams
from keraseq.data.text.tokenizers import LEVELS, tokenizer
from keraseq.data.text.windows import windows
from keraseq.data.text.wordpieces import WordPieceVocabulary
from keraseq.data.text.words import WordVocabulary

__all__ = [
    "LEVELS",
    "REPLACEMENT",
    "CharacterVocabulary",
    "Corpus",
    "Stream",
    "WordPieceVocabulary",
    "WordVocabulary",
    "code_points",
    "streams",
    "text_corpus",
    "tokenizer",
    "windows",
]


def __dir__():
    return __all__
