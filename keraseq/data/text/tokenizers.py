"""Every kind of token: the levels of a corpus, and what brings a tokenizer back from its JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

from keraseq.checks import one_of
from keraseq.data.text.characters import CharacterVocabulary
from keraseq.data.text.wordpieces import WordPieceVocabulary
from keraseq.data.text.words import WordVocabulary
from keraseq.files import checked_json

LEVELS = ("character", "word", "wordpiece")
KINDS = {
    "characters": CharacterVocabulary,
    "words": WordVocabulary,
    "wordpieces": WordPieceVocabulary,
}
Tokenizer = CharacterVocabulary | WordVocabulary | WordPieceVocabulary


@dataclass(frozen=True)
class Stored:
    """What every tokenizer writes into its JSON."""

    kind: str


def tokenizer(text: str) -> Tokenizer:
    """The tokenizer that some `to_json` wrote, of whatever kind, such as that of a bundle.

    Args:
        text: JSON text, as in `bundle.preprocessing["tokenizer"]`.

    Returns:
        It has `encode(text) -> int32 (n,)`, `decode(ids) -> str`, `len` and `to_json`.

    Raises:
        ValueError: The text is no tokenizer.

    Example:

    >>> written = keraseq.data.CharacterVocabulary("abc").to_json()
    >>> keraseq.data.tokenizer(written).encode("cab").tolist()
    [2, 0, 1]
    """
    try:
        kind = checked_json(text, Stored).kind
    except (TypeError, ValueError) as error:
        raise ValueError(f"not the JSON of a tokenizer: {error}") from None
    return KINDS[one_of("kind of tokenizer", kind, KINDS)].from_json(text)


def learned(level: str, texts: Sequence[str], size: int | None = None) -> Tokenizer:
    """The tokenizer of a level for a training part.

    Args:
        level: `"character"`, `"word"` or `"wordpiece"`. Characters that the training part does
            not hold get an id of their own, as words do.
        texts: The documents of the training part.
        size: Size of the vocabulary, for words (default: 10,000) and pieces (default: 8,000).

    Raises:
        ValueError: The level is unknown, or `size` is given for characters.
    """
    level = one_of("level", level, LEVELS)
    if level == "character":
        if size is not None:
            raise ValueError(
                f"level='character' takes all characters there are; received vocabulary_size={size}"
            )
        return CharacterVocabulary(set().union(*texts), unknown="replace")
    kind = WordVocabulary if level == "word" else WordPieceVocabulary
    text = "\n".join(texts)
    return kind.of(text) if size is None else kind.of(text, size)
