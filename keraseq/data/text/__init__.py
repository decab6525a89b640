"""Text: files -> tokens -> rows for training, and what turns tokens into text again."""

from keraseq.data.text.characters import REPLACEMENT, CharacterVocabulary, code_points
from keraseq.data.text.corpus import Corpus, text_corpus
from keraseq.data.text.streams import Stream, streams
from keraseq.data.text.tokenizers import LEVELS, tokenizer
from keraseq.data.text.windows import TextParts, split_by_position, windows
from keraseq.data.text.wordpieces import WordPieceVocabulary
from keraseq.data.text.words import WordVocabulary

__all__ = [
    "LEVELS",
    "REPLACEMENT",
    "CharacterVocabulary",
    "Corpus",
    "Stream",
    "TextParts",
    "WordPieceVocabulary",
    "WordVocabulary",
    "code_points",
    "python_reference",
    "split_by_position",
    "streams",
    "text_corpus",
    "tokenizer",
    "windows",
]


def python_reference() -> str:
    """The Python language reference, as it ships inside CPython for `help()`; needs no download.

    The text belongs to the Python that runs: 465,048 characters in CPython 3.11.7. Its topics
    stand in alphabetical order, and some of them repeat paragraphs of others.
    """
    from pydoc_data.topics import topics

    return "\n".join(topics.values())
