"""Words as tokens, after the conventions of the Penn Treebank files."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keraseq.checks import positive_integer
from keraseq.files import checked_json

UNKNOWN, LINE_END = "<unk>", "<eos>"


@dataclass(frozen=True)
class Stored:
    """What `to_json` writes."""

    kind: Literal["words"]
    words: list[str]


class WordVocabulary:
    """Words, as white space separates them, and their token ids.

    The conventions are those of Mikolov's Penn Treebank files: the end of a line is a word of its
    own, `<eos>`, and every word outside the vocabulary is `<unk>`. Nothing is lower-cased, and
    punctuation stays at its word: a text that should be treated otherwise is prepared before.

    Args:
        words: The words, in the order of their ids. `<unk>` and `<eos>` come first where they are
            not among them.

    Raises:
        ValueError: There are no words, one is there twice, or one holds white space.

    Example:

    >>> vocabulary = keraseq.data.WordVocabulary(["the", "cat"])
    >>> vocabulary.encode("the old cat\\n").tolist()
    [2, 0, 3, 1]
    >>> vocabulary.decode([2, 0, 3, 1])
    'the <unk> cat\\n'

    References:
        Mikolov et al. 2010, "Recurrent Neural Network Based Language Model".
    """

    def __init__(self, words: Iterable[str]):
        words = list(words)
        if not words:
            raise ValueError("a vocabulary needs at least one word; received none")
        words = [one for one in (UNKNOWN, LINE_END) if one not in words] + words
        for word, count in Counter(words).items():
            if word.split() != [word]:
                raise ValueError(f"a word holds no white space and is not empty; received {word!r}")
            if count > 1:
                raise ValueError(f"a vocabulary holds each word once; received {word!r} twice")
        self.words = words
        self._ids = {word: i for i, word in enumerate(words)}

    @classmethod
    def of(cls, text: str, size: int = 10_000) -> "WordVocabulary":
        """The vocabulary of the most frequent words of a text, at most `size` with the two special.

        Words that are equally frequent are taken in the order of the alphabet.
        """
        size = positive_integer("size", size)
        counts = Counter(text.split())
        for special in (UNKNOWN, LINE_END):
            counts.pop(special, None)
        common = sorted(counts, key=lambda word: (-counts[word], word))
        return cls([UNKNOWN, LINE_END, *common[: max(size - 2, 0)]])

    def __len__(self) -> int:
        return len(self.words)

    def __eq__(self, other) -> bool:
        return isinstance(other, WordVocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(tuple(self.words))

    def encode(self, text: str) -> np.ndarray:
        """The token ids of a text, int32 `(n,)`: its words, and `<eos>` for each line's end."""
        unknown, end = self._ids[UNKNOWN], self._ids[LINE_END]
        ids = []
        for line in text.split("\n"):
            ids += [self._ids.get(word, unknown) for word in line.split()]
            ids.append(end)
        return np.array(ids[:-1], dtype="int32")  # the last line has no end

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids: words with a space between them, `<eos>` as the end of a line."""
        ids = np.asarray(ids)
        strange = (ids < 0) | (ids >= len(self))
        if strange.any():
            raise ValueError(
                f"token ids go from 0 to {len(self) - 1}; received {ids[strange].flat[0]}"
            )
        text = " ".join(self.words[i] if self.words[i] != LINE_END else "\n" for i in ids)
        return text.replace(" \n", "\n").replace("\n ", "\n")

    def to_json(self) -> str:
        """The vocabulary as JSON text, for `from_json`."""
        return json.dumps({"kind": "words", "words": self.words})

    @classmethod
    def from_json(cls, text: str) -> "WordVocabulary":
        """The vocabulary that `to_json` wrote."""
        try:
            stored = checked_json(text, Stored)
        except ValueError as error:
            raise ValueError(f"not a vocabulary of words: {error}") from None
        return cls(stored.words)
