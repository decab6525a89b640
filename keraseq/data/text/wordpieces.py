"""Pieces of words as tokens: keras_nlp's WordPiece."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keraseq.checks import positive_integer
from keraseq.files import checked_json

UNKNOWN, LINE_END = "[UNK]", "[EOL]"


@dataclass(frozen=True)
class Stored:
    """What `to_json` writes."""

    kind: Literal["wordpieces"]
    pieces: list[str]


class WordPieceVocabulary:
    """Pieces of words, and their token ids: `keras_nlp.tokenizers.WordPieceTokenizer`.

    A piece that goes on with a word begins with `##`. The end of a line is a token of its own. A
    word that the pieces cannot spell becomes `[UNK]`. White space other than line ends is lost:
    `decode` puts one space between words and on both sides of punctuation.

    Args:
        pieces: The pieces, in the order of their ids, `[UNK]` and `[EOL]` (line end) among them.

    Raises:
        ValueError: One of the two special pieces is missing.

    Example:

    >>> pieces = ["[UNK]", "[EOL]", "play", "##ing", "##ed"]
    >>> vocabulary = keraseq.data.WordPieceVocabulary(pieces)
    >>> vocabulary.encode("played playing\\n").tolist()
    [2, 4, 2, 3, 1]
    >>> vocabulary.decode([2, 4, 2, 3, 1])
    'played playing\\n'

    References:
        Wu et al. 2016, "Google's Neural Machine Translation System", arXiv:1609.08144.
    """

    def __init__(self, pieces: Iterable[str]):
        self.pieces = list(pieces)
        for special in (UNKNOWN, LINE_END):
            if special not in self.pieces:
                raise ValueError(
                    f"pieces must hold {UNKNOWN!r} and {LINE_END!r}; {special!r} is missing"
                )
        self._end = self.pieces.index(LINE_END)
        self._tokenizer = None

    @classmethod
    def of(cls, text: str, size: int = 8_000) -> "WordPieceVocabulary":
        """The pieces that spell a text well, at most about `size`; learned by keras_nlp.

        Raises:
            ModuleNotFoundError: There is no TensorFlow. To use pieces that are known takes none.
        """
        size = positive_integer("size", size)
        try:
            import tensorflow as tf
            from keras_nlp.tokenizers import compute_word_piece_vocabulary
        except ImportError:
            raise ModuleNotFoundError(
                "level='wordpiece' learns its pieces with TensorFlow, which cannot be imported: "
                "pip install tensorflow; or choose level='word'"
            ) from None
        lines = tf.data.Dataset.from_tensor_slices(text.splitlines()).batch(1024)
        pieces = compute_word_piece_vocabulary(
            lines, vocabulary_size=size, reserved_tokens=[UNKNOWN, LINE_END]
        )
        return cls(pieces)

    @property
    def tokenizer(self):
        """The `keras_nlp.tokenizers.WordPieceTokenizer` that does the work."""
        if self._tokenizer is None:
            from keras_nlp.tokenizers import WordPieceTokenizer

            self._tokenizer = WordPieceTokenizer(vocabulary=self.pieces, oov_token=UNKNOWN)
        return self._tokenizer

    def __len__(self) -> int:
        return len(self.pieces)

    def __eq__(self, other) -> bool:
        return isinstance(other, WordPieceVocabulary) and self.pieces == other.pieces

    def __hash__(self) -> int:
        return hash(tuple(self.pieces))

    def encode(self, text: str) -> np.ndarray:
        """The token ids of a text, int32 `(n,)`."""
        lines = text.split("\n")
        rows = self.tokenizer.tokenize(lines)  # ragged: a row a line
        ends = [np.array([self._end] * (i < len(lines) - 1)) for i in range(len(lines))]
        parts = [
            np.concatenate([row, end]) for row, end in zip(numpy_rows(rows), ends, strict=True)
        ]
        return np.concatenate(parts).astype("int32")

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids."""
        ids = np.asarray(ids)
        strange = (ids < 0) | (ids >= len(self))
        if strange.any():
            raise ValueError(
                f"token ids go from 0 to {len(self) - 1}; received {ids[strange].flat[0]}"
            )
        text = " ".join(self.pieces[i] if i != self._end else "\n" for i in ids)
        text = text.removeprefix("##") if len(ids) == 1 else text
        return text.replace(" ##", "").replace(" \n", "\n").replace("\n ", "\n")

    def to_json(self) -> str:
        """The pieces as JSON text, for `from_json`."""
        return json.dumps({"kind": "wordpieces", "pieces": self.pieces})

    @classmethod
    def from_json(cls, text: str) -> "WordPieceVocabulary":
        """The vocabulary that `to_json` wrote."""
        try:
            stored = checked_json(text, Stored)
        except ValueError as error:
            raise ValueError(f"not a vocabulary of word pieces: {error}") from None
        return cls(stored.pieces)


def numpy_rows(ragged) -> list[np.ndarray]:
    """The rows of what keras_nlp gives: a ragged tensor, or lists."""
    rows = ragged.to_list() if hasattr(ragged, "to_list") else ragged
    return [np.asarray(row, "int64") for row in rows]
