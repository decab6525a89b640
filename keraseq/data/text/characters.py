"""Characters as tokens."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keraseq.checks import one_of
from keraseq.files import checked_json

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # how an unknown character is shown


@dataclass(frozen=True)
class Stored:
    """What `to_json` writes."""

    kind: Literal["characters"]
    characters: str
    unknown: str


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
            stored = checked_json(text, Stored)
        except ValueError as error:
            raise ValueError(f"not a character vocabulary: {error}") from None
        return cls(stored.characters, unknown=stored.unknown)


def code_points(text: str) -> np.ndarray:
    """The code points of a text, one number a character."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
