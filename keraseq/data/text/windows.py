"""Windows of a text for next-token prediction."""

import numpy as np

from keraseq.checks import positive_integer


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
