"""Texts laid out for training with carried states: each row goes on from batch to batch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keraseq.checks import positive_integer, rate


class Stream(NamedTuple):
    """Batches of windows, one after the other, for `fit` with `shuffle=False`.

        model.fit(stream.inputs, stream.targets, sample_weight=stream.weights,
                  batch_size=stream.batch_size, shuffle=False)

    Row i of a batch goes on where row i of the batch before ended, unless it is fresh. With these
    weights the mean loss of an epoch is the mean over all tokens, however many places are filled.
    """

    tokens: np.ndarray  # int32 (batches * batch_size, length)
    fresh: np.ndarray  # bool (batches * batch_size, 1): the row starts anew
    targets: np.ndarray  # int32, like tokens: the token after each
    weights: np.ndarray  # float32, like tokens: 0 where there is no target
    batch_size: int

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """What `keraseq.models.language_model(stateful=True, resets=True)` reads."""
        return {"tokens": self.tokens, "fresh": self.fresh}

    @property
    def predictions(self) -> int:
        """Number of tokens that are predicted."""
        return int(np.count_nonzero(self.weights))


def streams(
    documents: Sequence[np.ndarray],
    batch_size: int,
    length: int,
    *,
    restarts: float = 0.0,
    seed: int = 0,
) -> Stream:
    """Lays texts out in `batch_size` rows that run through all of them, `length` tokens a batch.

    The texts, one after the other, are cut into windows, and the windows are dealt to the rows in
    pieces as long as possible. A window belongs to one text: the last one of a text is filled up,
    and its filling has the weight 0. Where a text begins, and where a row does, the window is
    marked fresh. Every token but the first of each text is predicted exactly once an epoch.

    Args:
        documents: Token ids of each text, `(n,)`. One of fewer than two tokens has nothing to
            predict and is left out.
        batch_size: Number of rows, a positive integer.
        length: Number of steps in a window, a positive integer.
        restarts: Fraction of the windows to mark fresh besides, drawn at random, in [0, 1). A model
            that hardly ever starts anew in training grows used to states that have run for long,
            and is bad at the start of a text (Melis et al. 2018). Defaults to 0.
        seed: Of this choice. Defaults to 0.

    Raises:
        ValueError: All texts together have fewer windows than rows, or `restarts` is out of range.

    Example:

    >>> import numpy as np
    >>> stream = keraseq.data.text.streams([np.arange(5), np.arange(10, 13)], 1, length=3)
    >>> stream.tokens.tolist(), stream.fresh.ravel().tolist()
    ([[0, 1, 2], [3, 0, 0], [10, 11, 0]], [True, False, True])
    >>> stream.targets.tolist()
    [[1, 2, 3], [4, 0, 0], [11, 12, 0]]

    References:
        Melis, Dyer & Blunsom 2018, "On the State of the Art of Evaluation in Neural Language
        Models", arXiv:1707.05589.
    """
    batch_size = positive_integer("batch_size", batch_size)
    length = positive_integer("length", length)
    documents = [np.asarray(one, "int32") for one in documents if len(one) > 1]
    counts = [-(-(len(one) - 1) // length) for one in documents]  # windows of each
    windows = sum(counts)
    if windows < batch_size:
        raise ValueError(
            f"{batch_size} rows need {batch_size} windows of length={length}; the text has "
            f"{windows}: give more text, a smaller batch_size or a smaller length"
        )
    batches = -(-windows // batch_size)
    places = batches * batch_size
    tokens, targets = (np.zeros((places, length), "int32") for _ in range(2))
    valid, fresh = np.zeros((places, length), bool), np.zeros((places, 1), bool)
    start = 0
    for document, count in zip(documents, counts, strict=True):
        stop = start + count
        for array, values in ((tokens, document[:-1]), (targets, document[1:]), (valid, True)):
            array[start:stop].reshape(-1)[: len(document) - 1] = values
        fresh[start] = True
        start = stop
    fresh[::batches] = True
    fresh |= np.random.default_rng(seed).random(fresh.shape) < rate("restarts", restarts)

    def by_batch(array):  # from row after row to batch after batch
        rows = array.reshape(batch_size, batches, -1)
        return np.ascontiguousarray(rows.swapaxes(0, 1).reshape(places, -1))

    weights = valid * np.float32(valid.size / valid.sum())
    tokens, fresh, targets, weights = map(by_batch, (tokens, fresh, targets, weights))
    return Stream(tokens, fresh, targets, weights, batch_size)
