"""Batches of rows of like length, so that little of them is padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keraseq.checks import boolean, positive_integer

JITTER = 0.1  # spread of log length in the order of rows: other neighbours in each epoch


def batches(
    rows: Sequence[np.ndarray],
    labels=None,
    batch_size: int = 64,
    *,
    shuffle: bool = False,
    multiple: int = 1,
):
    """A `tf.data.Dataset` of batches of rows of like length.

    Rows are sorted by their length, with `shuffle` by one that is a little blurred, and cut into
    batches, which then come in any order. The order of each epoch is drawn from NumPy's random
    numbers, which `keraseq.train.Resume` seeds by the epoch. Keras takes such a data set on every
    backend.

    Args:
        rows: Token ids of each text, 1-D; shorter ones are padded with 0 at their end.
        labels: A label for each row, `(n,)`. Default: none, the batches are tokens alone.
        batch_size: Rows in a batch; the last may have fewer. Defaults to 64.
        shuffle: Whether each epoch has an order of its own. Without it the rows come by their
            length, and `by_length(rows)` says which is which. Defaults to `False`.
        multiple: The length of a batch is the least multiple of this that holds its longest row.
            Few lengths help where each is compiled anew (JAX), and keraseq's layers spend no time
            on padding at the end. Defaults to 1.

    Returns:
        A data set of `tokens (batch, longest)`, int32, or `(tokens, labels (batch,))`.

    Raises:
        ValueError: There are no rows, or another number of labels.

    Example:

    >>> import keraseq, numpy as np
    >>> rows = [np.array([5, 6, 7]), np.array([8])]
    >>> [tokens.numpy().tolist() for tokens in keraseq.data.labelled.batches(rows, batch_size=2)]
    [[[8, 0, 0], [5, 6, 7]]]
    """
    import tensorflow as tf

    batch_size = positive_integer("batch_size", batch_size)
    multiple = positive_integer("multiple", multiple)
    boolean("shuffle", shuffle)
    if not len(rows):
        raise ValueError("there are no rows to make batches of")
    if labels is not None:
        labels = np.asarray(labels, "int32")
        if labels.shape != (len(rows),):
            raise ValueError(
                f"labels must be one for each of {len(rows)} rows; received shape {labels.shape}"
            )
    lengths = np.array([len(row) for row in rows])

    def epoch():
        for chosen in groups(lengths, batch_size, shuffle):
            tokens = padded([rows[i] for i in chosen], multiple)
            yield tokens if labels is None else (tokens, labels[chosen])

    tokens = tf.TensorSpec((None, None), tf.int32)
    signature = tokens if labels is None else (tokens, tf.TensorSpec((None,), tf.int32))
    dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    count = -(-len(rows) // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)


def by_length(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Which row stands where in the batches without shuffling."""
    return np.argsort([len(row) for row in rows], kind="stable")


def groups(lengths: np.ndarray, batch_size: int, shuffle: bool) -> list[np.ndarray]:
    """The rows of each batch of an epoch."""
    keys = lengths
    if shuffle:
        keys = np.log(lengths) + JITTER * np.random.standard_normal(len(lengths))  # noqa: NPY002
    order = np.argsort(keys, kind="stable")
    parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if shuffle:
        parts = [parts[i] for i in np.random.permutation(len(parts))]  # noqa: NPY002
    return parts


def padded(rows: Sequence[np.ndarray], multiple: int = 1) -> np.ndarray:
    """Rows side by side `(rows, longest)`, int32, 0 after their ends."""
    longest = max(len(row) for row in rows)
    table = np.zeros((len(rows), -(-longest // multiple) * multiple), "int32")
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table


def padding(rows: Sequence[np.ndarray], batch_size: int) -> float:
    """The fraction of the batches' tokens that is padding.

    Example:

    >>> import numpy as np
    >>> keraseq.data.labelled.padding([np.ones(4), np.ones(1), np.ones(2), np.ones(1)], 2)
    0.2
    """
    lengths = np.array([len(row) for row in rows])
    total = sum(len(g) * lengths[g].max() for g in groups(lengths, batch_size, shuffle=False))
    return float(1 - lengths.sum() / total)
