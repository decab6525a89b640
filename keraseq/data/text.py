"""Characters: text -> token ids -> windows, and the vocabulary that turns ids into text again."""

import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from keraseq.checks import one_of, positive_integer

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # how an unknown character is shown


def python_reference() -> str:
    """The Python language reference, as it ships inside CPython for `help()`; needs no download.

    The text belongs to the Python that runs: 465,048 characters in CPython 3.11.7. Its topics
    stand in alphabetical order, and some of them repeat paragraphs of others.
    """
    from pydoc_data.topics import topics

    return "\n".join(topics.values())


class CharacterVocabulary:
    """Characters and their token ids.

    Ids follow the order of the code points. With `unknown="replace"` there is one more id, the
    last, for all characters that the vocabulary does not know.

    Args:
        characters: The characters, in any order; each counts once.
        unknown: What `encode` does with a character outside the vocabulary: `"error"` raises an
            error, `"replace"` gives it the last id, which `decode` shows as U+FFFD.
            Defaults to `"error"`.

    Raises:
        ValueError: There are no characters, one of them is longer than one character, or `unknown`
            is neither of the two.

    Example:

    >>> vocabulary = keraseq.data.CharacterVocabulary("hello")
    >>> vocabulary.encode("hole").tolist()
    [1, 3, 2, 0]
    >>> vocabulary.decode([1, 3, 2, 0])
    'hole'
    """

    def __init__(self, characters: Iterable[str], unknown: str = "error"):
        kinds = sorted(set(characters))
        if not kinds:
            raise ValueError("a vocabulary needs at least one character; received none")
        for one in kinds:
            if len(one) != 1:
                raise ValueError(f"a vocabulary holds single characters; received {one!r}")
        self.characters = "".join(kinds)
        self.unknown = one_of("unknown", unknown, ("error", "replace"))
        self._points = code_points(self.characters)

    def __len__(self) -> int:
        return len(self.characters) + (self.unknown == "replace")

    def __eq__(self, other) -> bool:
        return isinstance(other, CharacterVocabulary) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def encode(self, text: str) -> np.ndarray:
        """The token ids of a text, int32 `(len(text),)`."""
        points = code_points(text)
        ids = np.searchsorted(self._points, points).clip(max=len(self.characters) - 1)
        strange = self._points[ids] != points
        if self.unknown == "replace":
            ids[strange] = len(self.characters)
        elif strange.any():
            where = int(strange.argmax())
            raise ValueError(
                f"character {text[where]!r} at position {where} is not among the "
                f"{len(self.characters)} of the vocabulary; accepted with unknown='replace'"
            )
        return ids.astype("int32")

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids."""
        ids = np.asarray(ids)
        strange = (ids < 0) | (ids >= len(self))
        if strange.any():
            raise ValueError(
                f"token ids go from 0 to {len(self) - 1}; received {ids[strange].flat[0]}"
            )
        letters = self.characters + REPLACEMENT
        return "".join(letters[i] for i in ids)

    def to_json(self) -> str:
        """The vocabulary as JSON text, for `from_json`."""
        return json.dumps(
            {"kind": "characters", "characters": self.characters, "unknown": self.unknown}
        )

    @classmethod
    def from_json(cls, text: str) -> "CharacterVocabulary":
        """The vocabulary that `to_json` wrote."""
        try:
            stored = json.loads(text)
            if stored["kind"] != "characters":
                raise KeyError
            return cls(stored["characters"], unknown=stored["unknown"])
        except (json.JSONDecodeError, KeyError, TypeError):
            raise ValueError(f"not a character vocabulary: {text[:60]!r}") from None


class TextParts(NamedTuple):
    """A text cut by position, in reading order."""

    train: str
    validation: str
    test: str


def split_by_position(text: str, validation: float = 0.05, test: float = 0.1) -> TextParts:
    """Cuts a text into train, validation and test parts, the later ones at its end.

    Args:
        text: The text.
        validation: Fraction of the whole text that is carved off the end of the training part, for
            early stopping and choices. Defaults to 0.05.
        test: Fraction at the end of the text. Defaults to 0.1.

    Raises:
        ValueError: The fractions leave a part without text.

    Example:

    >>> tuple(keraseq.data.text.split_by_position("abcdefghij", validation=0.2, test=0.1))
    ('abcdefg', 'hi', 'j')
    """
    border = int(len(text) * (1 - test))
    first = border - int(len(text) * validation)
    parts = TextParts(text[:first], text[first:border], text[border:])
    if not all(parts):
        raise ValueError(
            f"validation={validation} and test={test} leave a part of {len(text)} characters "
            "empty; every part needs at least one"
        )
    return parts


def windows(tokens: np.ndarray, length: int, starts: np.ndarray | None = None):
    """Inputs and targets of next-token prediction: each target is the token after its input.

    Args:
        tokens: Token ids `(n,)`.
        length: Number of steps in a window, a positive integer.
        starts: Where the windows start. Default: one after the other, without overlap; tokens that
            fill no window at the end are left out.

    Returns:
        `(inputs, targets)`, each `(len(starts), length)`.

    Raises:
        ValueError: There are no tokens, fewer than `length + 1`, or a window leaves the text.

    Example:

    >>> inputs, targets = keraseq.data.text.windows(range(7), 3)
    >>> inputs.tolist(), targets.tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    length = positive_integer("length", length)
    tokens = np.asarray(tokens)
    if len(tokens) <= length:
        raise ValueError(
            f"a window of length={length} and its targets need {length + 1} tokens; "
            f"received {len(tokens)}"
        )
    last = len(tokens) - length - 1
    starts = np.arange(0, last + 1, length) if starts is None else np.asarray(starts)
    outside = (starts < 0) | (starts > last)
    if outside.any():
        raise ValueError(
            f"windows of length={length} start between 0 and {last}; "
            f"received {int(starts[outside][0])}"
        )
    steps = starts[:, None] + np.arange(length)
    return tokens[steps], tokens[steps + 1]


def code_points(text: str) -> np.ndarray:
    """The code points of a text, one number a character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
