"""Texts as rows of token ids, 0 left free for padding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import regex

from keraseq.checks import one_of, positive_integer
from keraseq.data.text.normal import normal
from keraseq.data.text.tokenizers import Tokenizer, learned, tokenizer
from keraseq.data.text.wordpieces import WordPieceVocabulary

LEVELS = ("word", "wordpiece")
KEEPS = ("start", "end", "both")
PADDING, UNKNOWN = (
    0,
    1,
)  # the tokenizer's ids follow, the unknown token first
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# A word of letters, their marks and numbers, with what follows its apostrophes ("don't"); or
# one other sign. The joiners of Persian and Indian scripts stand within words.
LETTERS = r"[\p{L}\p{M}\p{N}\u200c\u200d]+"
WORD = regex.compile(rf"{LETTERS}(?:['\u2019]{LETTERS})*|[^\s]")


class TextEncoder:
    """What turns a text into token ids, and is kept with the model.

    Letters become small, HTML line breaks and white space blanks. By words, every punctuation mark
    is a token of its own; by pieces, keras_nlp's WordPiece does the same and goes on into words.
    Of a text that is longer than `length` a part is read. An empty text is one unknown token.

    Args:
        tokenizer: A `keraseq.data.WordVocabulary` or `keraseq.data.WordPieceVocabulary`, whose id
            0 is the unknown token.
        length: The most tokens that are read of a text. Defaults to 400.
        keep: Which part of a longer one: its `"start"`, its `"end"`, or of `"both"` a quarter from
            the start and the rest from the end. Defaults to `"both"`.

    Raises:
        ValueError: `length` is no positive integer, `keep` is unknown, or the tokenizer is of
            another kind.

    Example:

    >>> words = keraseq.data.WordVocabulary(["good", "film", "!"])
    >>> encoder = keraseq.data.TextEncoder(words, length=4)
    >>> encoder.encode("GOOD film!<br />").tolist()    # 0 is padding, 1 unknown, 2 a line's end
    [3, 4, 5]
    >>> encoder.tokens("Such a good, good film!")
    ['<unk>', 'good', 'film', '!']
    """

    def __init__(self, tokenizer: Tokenizer, length: int = 400, keep: str = "both"):
        self.tokenizer = tokenizer
        self.length = positive_integer("length", length)
        self.keep = one_of("keep", keep, KEEPS)
        special = getattr(tokenizer, "words", getattr(tokenizer, "pieces", [None]))[0]
        if special not in ("<unk>", "[UNK]"):
            raise ValueError(
                "the tokenizer must be one of words or word pieces whose first token is the "
                f"unknown one; received {type(tokenizer).__name__}, first token {special!r}"
            )

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        level: str = "word",
        size: int | None = None,
        length: int = 400,
        keep: str = "both",
    ) -> TextEncoder:
        """An encoder whose vocabulary is learned from texts: those of the training part.

        Args:
            texts: The texts.
            level: `"word"`, or `"wordpiece"` (`keras_nlp`). Defaults to `"word"`.
            size: Tokens in the vocabulary; default: 20,000 words, or about 8,000 pieces.
            length, keep: See the class.
        """
        if one_of("level", level, LEVELS) == "word" and size is None:
            size = 20_000
        return cls(learned(level, [plain(text) for text in texts], size), length, keep)

    @property
    def level(self) -> str:
        """`"word"` or `"wordpiece"`."""
        return "wordpiece" if isinstance(self.tokenizer, WordPieceVocabulary) else "word"

    def __len__(self) -> int:
        """Number of ids, that of padding included."""
        return len(self.tokenizer) + 1

    def encode(self, text: str | bytes) -> np.ndarray:
        """The token ids of a text, int32 `(n,)`, n from 1 to `length`."""
        ids = self.tokenizer.encode(plain(clean(text))) + 1
        return self._cut(ids) if len(ids) else np.array([UNKNOWN], "int32")

    def rows(self, texts: Iterable[str | bytes]) -> list[np.ndarray]:
        """The token ids of each text; an error names the text by its position."""
        if isinstance(texts, (str, bytes)):
            raise ValueError("texts must be a list of texts; received one text")
        found = []
        for i, text in enumerate(texts):
            try:
                found.append(self.encode(text))
            except (TypeError, ValueError) as error:
                raise type(error)(f"text {i}: {error}") from None
        return found

    def lengths(self, texts: Iterable[str | bytes]) -> np.ndarray:
        """How many tokens each text has, read or not."""
        return np.array([len(self.tokenizer.encode(plain(clean(text)))) for text in texts])

    def tokens(self, text: str | bytes) -> list[str]:
        """The tokens that `encode` gives ids to, as the vocabulary writes them."""
        return [self.token(i) for i in self.encode(text)]

    def token(self, i: int) -> str:
        """The token of an id."""
        names = getattr(self.tokenizer, "words", None) or self.tokenizer.pieces
        return "" if i == PADDING else names[i - 1]

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing` and `from_dict`."""
        return {
            "tokenizer": self.tokenizer.to_json(),
            "length": self.length,
            "keep": self.keep,
        }

    @classmethod
    def from_dict(cls, values: dict) -> TextEncoder:
        """The encoder that `to_dict` described."""
        return cls(tokenizer(values["tokenizer"]), values["length"], values["keep"])

    def _cut(self, ids: np.ndarray) -> np.ndarray:
        if len(ids) <= self.length:
            return ids
        first = {"start": self.length, "end": 0, "both": self.length // 4}[self.keep]
        return np.concatenate([ids[:first], ids[len(ids) - (self.length - first) :]])


def clean(text: str | bytes) -> str:
    """A text without HTML line breaks and outer white space, or an error that says why it is none.

    Example:

    >>> keraseq.data.labelled.clean(b"Good.<br /><br />Very good. ")
    'Good.  Very good.'
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"the text is not UTF-8 (byte {text[error.start]:#04x} at {error.start})"
            ) from None
    if not isinstance(text, str):
        raise TypeError(f"a text must be str or UTF-8 bytes; received {type(text).__name__}")
    return BREAK.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()


def plain(text: str) -> str:
    """Small letters, one blank between words and punctuation marks, no line ends."""
    return " ".join(WORD.findall(normal(text.lower())))
