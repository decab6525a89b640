"""One model on several devices: each computes its share of every batch."""

import contextlib

import keras

from keraseq.checks import positive_integer


@contextlib.contextmanager
def devices(count: int | None = None):
    """Several devices share each batch of what is built and trained within.

    `keras.distribution.DataParallel` on JAX, `tf.distribute.MirroredStrategy` on TensorFlow: every
    device has all weights and gets as many rows as the others, and the gradient is the mean of
    theirs, as on one device with the whole batch. All loops of `keraseq.layers.RNN` run so. On
    TensorFlow Keras clips each device's share of the gradient, on JAX the whole.

    The states of a `stateful` model are each row's own. On JAX it is built with the `batch_size`
    of the whole batch, on TensorFlow with what one device gets.

    Args:
        count: Number of devices. Default: all GPUs, or all CPUs where there are none. A CPU is one
            device unless the backend is told to count it as several.

    Raises:
        ValueError: There are not so many, or on PyTorch, where Keras divides no batch. Models of
            keraseq's builders refuse a batch that does not go round.

    Example:

    >>> with keraseq.train.devices(1):
    ...     model = keraseq.models.sequence_classifier(2, features=3, units=4)
    ...     model.compile("sgd", model.fitting_loss())
    ...     _ = model.fit(keras.ops.ones((4, 5, 3)), keras.ops.zeros(4), verbose=0)
    """
    backend = keras.backend.backend()
    if backend not in ("jax", "tensorflow"):
        raise ValueError(
            f"several devices need JAX or TensorFlow; received the backend {backend!r}, for which "
            "Keras divides no batch. Accepted: KERAS_BACKEND=jax, or DistributedDataParallel by "
            "hand"
        )
    there = keras.distribution.list_devices()
    count = len(there) if count is None else positive_integer("count", count)
    if count > len(there):
        raise ValueError(
            f"count must be at most {len(there)}, as many devices as there are "
            f"({', '.join(there)}); received {count}"
        )
    if backend == "jax":
        shared = keras.distribution.DataParallel(devices=there[:count])
    else:
        import tensorflow as tf

        shared = tf.distribute.MirroredStrategy(there[:count])
    with shared.scope():
        yield
