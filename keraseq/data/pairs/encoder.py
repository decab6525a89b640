"""Sentences as rows of token ids and back, one vocabulary for both languages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import regex

from keraseq.checks import one_of, positive_integer
from keraseq.data.text.characters import REPLACEMENT
from keraseq.data.text.normal import normal
from keraseq.data.text.tokenizers import Tokenizer, learned, tokenizer
from keraseq.data.text.wordpieces import UNKNOWN, WordPieceVocabulary

LEVELS = ("wordpiece", "character")
PADDING, START, SHIFT = 0, 1, 2  # the tokenizer's ids follow
BLANK = "\N{LOWER ONE EIGHTH BLOCK}"  # at the beginning of what stands after a blank, as "▁word"
LONGEST = 24  # characters of a word as keras_nlp sees it, which refuses more than 100 bytes
BLANKS, UNSEEN = regex.compile(r"[\s\p{Cc}]+"), regex.compile(r"\p{Cf}+")


class SentenceEncoder:
    """What turns a sentence into token ids and token ids into a sentence, of either language.

    A sentence is `plain`: accents composed (NFC), runs of white space one blank, nothing invisible.
    Of such a sentence `decode` gives back exactly what `encode` has read, if it knows all
    characters: pieces that stand after a blank say so, and all others are joined. A character that
    the training part does not hold is the token U+FFFD.

    Args:
        tokenizer: A `keraseq.data.WordPieceVocabulary`, a `WordVocabulary`, or a
            `CharacterVocabulary` with `unknown="replace"`, that knows line ends: that is the token
            that ends a sentence.
        length: The most tokens of a sentence. Defaults to 100.

    Example:

    >>> encoder = keraseq.data.SentenceEncoder.of(["Wer da?"], "character")
    >>> ids = encoder.encode("da, Wer")
    >>> encoder.decode(ids)
    'da\\ufffd Wer'
    """

    def __init__(self, tokenizer: Tokenizer, length: int = 100):
        self.tokenizer = tokenizer
        self.length = positive_integer("length", length)
        ends = tokenizer.encode("\n")
        if len(ends) != 1 or tokenizer.decode(ends) != "\n":
            raise ValueError("the tokenizer must have one token for the end of a line")
        self.start, self.end = START, int(ends[0]) + SHIFT

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        level: str = "wordpiece",
        size: int | None = None,
        length: int = 100,
    ) -> SentenceEncoder:
        """An encoder learned from sentences: those of the training part, both languages.

        Args:
            texts: The sentences.
            level: `"wordpiece"` (`keras_nlp`) or `"character"`. Defaults to `"wordpiece"`.
            size: About how many pieces. Default: 8,000.
            length: See the class.

        Raises:
            ValueError: The level is unknown, or `size` is given for characters.
            ModuleNotFoundError: There is no TensorFlow, which learns the pieces.
        """
        texts = [plain(text) for text in texts]
        if one_of("level", level, LEVELS) == "character":
            return cls(learned(level, [*texts, "\n"], size), length)
        found = learned(level, [marked(text) for text in texts], size)
        letters = sorted(set().union(REPLACEMENT, *map(marked, texts)) - {" "})
        every = dict.fromkeys([*found.pieces, *letters, *(f"##{one}" for one in letters)])
        return cls(WordPieceVocabulary(every), length)

    def __len__(self) -> int:
        """Number of ids, those of padding and start included."""
        return len(self.tokenizer) + SHIFT

    @property
    def pieces(self) -> bool:
        """Whether a token is a piece of a word."""
        return isinstance(self.tokenizer, WordPieceVocabulary)

    def encode(self, text: str) -> np.ndarray:
        """The token ids of a sentence, int32 `(n,)`, all there are, without start and end."""
        [ids] = self.rows([text])
        return ids[:-1]

    def rows(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The token ids of each sentence, the end token last, however long it is."""
        texts = [plain(text) for text in texts]
        if not texts:
            return []
        text = "\n".join(map(marked, texts) if self.pieces else texts) + "\n"
        if self.pieces:
            known = {one for one in self.tokenizer.pieces if len(one) == 1} | {" ", "\n"}
            text = text.translate({ord(one): REPLACEMENT for one in set(text) - known})
        ids = self.tokenizer.encode(text) + SHIFT
        return np.split(ids, np.flatnonzero(ids == self.end)[:-1] + 1)

    def read(self, texts: Iterable[str]) -> tuple[list[np.ndarray], list[bool]]:
        """What a model reads of each sentence, and whether it was too long.

        Of a sentence of more than `length` tokens that is the beginning, with the end token.
        """
        rows = self.rows(texts)
        cut = [len(row) - 1 > self.length for row in rows]
        for at, long in enumerate(cut):
            if long:
                rows[at] = np.append(rows[at][: self.length], rows[at][-1:])
        return rows, cut

    def decode(self, ids: Iterable[int]) -> str:
        """The sentence of token ids, without start and end."""
        ids = np.asarray(list(ids), int)
        strange = (ids < SHIFT) | (ids >= len(self)) | (ids == self.end)
        if strange.any():
            raise ValueError(
                f"a sentence holds no id {ids[strange][0]}: 0 is padding, {self.start} the start, "
                f"{self.end} the end, {len(self) - 1} the last"
            )
        if not self.pieces:
            return self.tokenizer.decode(ids - SHIFT)
        return unmarked([self.tokenizer.pieces[i - SHIFT] for i in ids])

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ids, as a figure shows them: `▁` is the blank before one."""
        kind = self.tokenizer
        names = getattr(kind, "pieces", None) or getattr(kind, "words", None)
        names = names or kind.characters + REPLACEMENT
        return ["<end>" if i == self.end else names[i - SHIFT] for i in ids]

    def words(self, ids: Iterable[int]) -> tuple[list[str], np.ndarray]:
        """The words that tokens make, and the number of the word that each belongs to.

        A sign of punctuation is a word, as is the end of the sentence; of other tokens each one is.
        """
        tokens = self.tokens(ids)
        begins = [
            not (self.pieces and at and (one.startswith("##") or tokens[at - 1] == BLANK))
            for at, one in enumerate(tokens)
        ]
        numbers = np.cumsum(begins) - 1
        words = [""] * sum(begins)
        for number, one in zip(numbers, tokens, strict=True):
            words[number] += one.removeprefix("##").replace(BLANK, "") if self.pieces else one
        return words, numbers

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing` and `from_dict`."""
        return {"tokenizer": self.tokenizer.to_json(), "length": self.length}

    @classmethod
    def from_dict(cls, values: dict) -> SentenceEncoder:
        """The encoder that `to_dict` described."""
        return cls(tokenizer(values["tokenizer"]), values["length"])


def plain(text: str) -> str:
    """A sentence in its one form: NFC, blanks single and none outside, nothing invisible."""
    if not isinstance(text, str):
        raise TypeError(f"a sentence is a text; received {type(text).__name__}")
    text = UNSEEN.sub("", normal(text)).replace(BLANK, "_")
    return BLANKS.sub(" ", text).strip()


def marked(text: str) -> str:
    """A plain sentence whose words say that a blank stands before them, long ones in parts."""
    words = (
        [word[at : at + LONGEST] for at in range(0, max(len(word), 1), LONGEST)]
        for word in text.split(" ")
    )
    return " ".join(BLANK + " ".join(parts) for parts in words) if text else ""


def unmarked(pieces: Iterable[str]) -> str:
    """The plain sentence of the pieces of a marked one."""
    shown = (REPLACEMENT if one == UNKNOWN else one.removeprefix("##") or one for one in pieces)
    return "".join(shown).replace(BLANK, " ").strip()
