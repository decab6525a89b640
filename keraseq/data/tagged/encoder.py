"""Words as ids, for their vectors and, letter by letter, for their spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from keraseq.checks import positive_integer

PADDING, UNKNOWN = 0, 1  # of words as of characters
MOST = 100  # characters that can be read of a word
DIGIT = re.compile(r"\d")


class WordEncoder:
    """What turns the words of a sentence into numbers, and is kept with the model.

    A word's own id does without case, and its digits are all 0; its characters keep both. Ids come
    in this order: 0 padding, 1 unknown, the words of the training part, further words that have a
    vector.

    Args:
        words: The words of the training part.
        characters: The characters of the training part.
        more: Further words.
        word_length: The most characters that are read of a word: of a longer one its beginning and
            its end; 100 at most. Defaults to 20.

    Example:

    >>> encoder = keraseq.data.WordEncoder.of([["Go", "home", "9"]])
    >>> encoder.encode(["home", "GO", "1", "away"])[:, 0].tolist()
    [4, 3, 2, 1]
    """

    def __init__(
        self,
        words: Sequence[str],
        characters: Sequence[str],
        more: Sequence[str] = (),
        word_length: int = 20,
    ):
        self.words, self.more = list(words), list(more)
        self.characters = list(characters)
        self.word_length = word_length_of("word_length", word_length)
        every = [*self.words, *self.more]
        self._ids = {word: i for i, word in enumerate(every, UNKNOWN + 1)}
        self._letters = {one: i for i, one in enumerate(self.characters, UNKNOWN + 1)}
        if len(self._ids) != len(every):
            raise ValueError("an encoder has each word once")

    @classmethod
    def of(
        cls,
        sentences: Iterable[Sequence[str]],
        vectors: Iterable[str] = (),
        word_length: int = 20,
        least: int = 1,
    ) -> WordEncoder:
        """The encoder of a training part, and of words that have a vector, which come last.

        Words without a vector that occur less than `least` times stay unknown.
        """
        sentences, vectors = list(sentences), dict.fromkeys(vectors)
        counts = Counter(plain(word) for words in sentences for word in words)
        words = [word for word, count in counts.items() if count >= least or word in vectors]
        words.sort(key=lambda word: (word in vectors, -counts[word], word))
        letters = Counter(letter for words in sentences for word in words for letter in word)
        more = [word for word in vectors if word not in counts]
        return cls(words, sorted(letters), more, word_length)

    def __len__(self) -> int:
        """Number of ids."""
        return len(self._ids) + UNKNOWN + 1

    def knows(self, word: str) -> bool:
        """Whether a word of the training part has an id, whatever its case and digits."""
        return UNKNOWN < self._id(word) <= len(self.words) + UNKNOWN

    def encode(self, words: Sequence[str]) -> np.ndarray:
        """A sentence, int32 `(words, 1 + word_length)`: the id of each word, and its characters."""
        rows = np.zeros((len(words), 1 + self.word_length), "int32")
        for at, word in enumerate(words):
            if not isinstance(word, str):
                raise TypeError(f"a word must be str; received {type(word).__name__} {word!r}")
            letters = [self._letters.get(letter, UNKNOWN) for letter in self._shortened(word)]
            rows[at, : 1 + len(letters)] = self._id(word), *letters
        return rows

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing`; its names are those of the arguments."""
        names = ("words", "characters", "more", "word_length")
        return {name: getattr(self, name) for name in names}

    def _id(self, word: str) -> int:
        small = word.lower()
        return self._ids.get(plain(word)) or self._ids.get(small, UNKNOWN)

    def _shortened(self, word: str) -> str:
        if len(word) <= self.word_length:
            return word
        end = self.word_length // 2
        return word[: self.word_length - end] + word[len(word) - end :]


def word_length_of(name: str, value) -> int:
    """A number of characters, or an error that says what is accepted."""
    if positive_integer(name, value) > MOST:
        raise ValueError(f"{name} must be at most {MOST}; received {name}={value}")
    return value


def plain(word: str) -> str:
    """A word without case, its digits 0."""
    return DIGIT.sub("0", word.lower())
