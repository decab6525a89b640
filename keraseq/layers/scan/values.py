"""Numbers before a model runs: which are at hand, and data sets that look at their own."""

import keras
import numpy as np
from keras import ops


def at_hand(got):
    """The numbers in `got` as an array; None while a backend traces what it will run later."""
    if isinstance(got, keras.KerasTensor) or not hasattr(got, "__array__"):
        return None
    if not ops.is_tensor(got):
        return np.asarray(got)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        traced = not hasattr(got, "numpy")
    elif backend == "jax":
        import jax

        traced = isinstance(got, jax.core.Tracer)
    else:
        import torch

        traced = got.is_meta or torch.compiler.is_compiling()
    return None if traced else ops.convert_to_numpy(got)


def watched(dataset, limits):
    """A `tf.data.Dataset` that stops at numbers beyond their limits.

    Args:
        dataset: The data set.
        limits: Function from what it gives to `(tensor, limit, message)`: each number must be at
            least 0 and below the limit.
    """
    import tensorflow as tf

    def look(*batch):
        for tensor, limit, message in limits(batch[0]):
            good = (tensor >= 0) & (tf.cast(tensor, "int64") < limit)
            tf.debugging.Assert(tf.reduce_all(good), [message])
        return batch if len(batch) > 1 else batch[0]

    return dataset.map(look)


class Watched(keras.utils.PyDataset):
    """A `keras.utils.PyDataset` whose batches are looked at when Keras reads them.

    Args:
        dataset: The data set.
        look: Gets inputs, and targets if there are any; raises if they cannot be.
    """

    def __init__(self, dataset: keras.utils.PyDataset, look):
        super().__init__(workers=dataset.workers, max_queue_size=dataset.max_queue_size)
        self.dataset, self.look = dataset, look

    def __getitem__(self, index: int):
        batch = self.dataset[index]
        self.look(*(batch[:2] if isinstance(batch, (list, tuple)) else (batch,)))
        return batch

    @property
    def num_batches(self) -> int | None:
        """As many as the data set has."""
        return self.dataset.num_batches

    def on_epoch_begin(self) -> None:
        """Told to the data set."""
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Told to the data set."""
        self.dataset.on_epoch_end()
