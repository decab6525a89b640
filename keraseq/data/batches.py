"""Batches of examples, in a new order each epoch: what `fit` takes on every backend."""

from collections.abc import Callable, Iterator

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    """Batches that Keras reads on every backend, and a loop as well.

    A random order is drawn from NumPy's global random numbers when an epoch begins, after the
    `on_epoch_begin` of the callbacks: `keraseq.train.Resume`, which seeds them, repeats that of an
    epoch that was killed. For one `fit` at a time, with `shuffle=False`: else Keras shuffles the
    batches once more. `len()` is their number.

    Args:
        draw: Function from whether the order is random to the numbers of the examples in each
            batch. On TensorFlow Keras learns from the first two batches which axes vary: they must
            differ in shape where any do.
        gather: Function from numbers of examples to their batch: inputs, or a tuple of inputs,
            targets and sample weights.
        shuffle: Whether the order is random.

    Example:

    >>> import numpy as np
    >>> from keraseq.data.batches import Batches
    >>> squares = Batches(lambda shuffle: np.split(np.arange(4), 2), np.square, shuffle=False)
    >>> [batch.tolist() for batch in squares]
    [[0, 1], [4, 9]]
    """

    def __init__(
        self,
        draw: Callable[[bool], list[np.ndarray]],
        gather: Callable[[np.ndarray], tuple | np.ndarray],
        shuffle: bool,
    ):
        super().__init__()
        self.draw, self.gather, self.shuffle = draw, gather, shuffle
        self.groups = draw(False)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int):
        return self.gather(self.groups[index])

    def __iter__(self) -> Iterator:
        return map(self.gather, self.draw(self.shuffle))

    def on_epoch_begin(self) -> None:
        """Draws the order of an epoch."""
        if self.shuffle:
            self.groups = self.draw(True)

    @property
    def order(self) -> np.ndarray:
        """The numbers of the examples in the order in which they come."""
        return np.concatenate(self.groups)


def cut(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """An order in pieces, of which the last may be smaller."""
    return np.split(order, range(batch_size, len(order), batch_size))
