"""Cuts through a text: parts, and windows for next-token prediction."""

from typing import NamedTuple

import numpy as np

from keraseq.checks import positive_integer


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
