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
    weights=None,
    shuffle: bool = False,
    multiple: int = 1,
    fill: float = 0,
    change=None,
    longer: float = 1.0,
):
    """Batches of rows of like length, for `fit`, `evaluate` and `predict` on every backend.

    Rows are sorted by their length, with `shuffle` by one that is a little blurred, and cut into
    batches, which then come in any order.

    Args:
        rows: Token ids of each text, 1-D; or measurements, `(time, channels)`. Shorter ones are
            padded at their end.
        labels: A label for each row, `(n,)`. Default: none, the batches are rows alone.
        batch_size: Rows in a batch; the last may have fewer. Defaults to 64.
        weights: How much each row counts in the loss, `(n,)`; only with labels. Default: all alike.
        shuffle: Whether each epoch has an order of its own, drawn from NumPy's global random
            numbers as it begins: `keraseq.train.Resume` repeats that of an epoch that was killed.
            Without it the rows come by their length. Defaults to `False`.
        multiple: The length of a batch is the least multiple of this that holds its longest row.
            Few lengths help where each is compiled anew (JAX), and keraseq's layers spend no time
            on padding at the end. Defaults to 1.
        fill: What pads: 0, or for measurements also NaN, which no measurement is. Defaults to 0.
        change: What becomes of a row whenever it is read, `change(row, rng)`: augmentation. Its
            random numbers are those of the order. Default: nothing.
        longer: How many times as long a row may become by that; a batch has room for it. Defaults
            to 1.

    Returns:
        A `keras.utils.PyDataset` of `rows (batch, longest)`, int32, or `(batch, longest,
        channels)`, float32; of `(rows, labels (batch,))`; or of `(rows, labels, weights
        (batch,))`. Its `order (n,)` says which row is where.

    Raises:
        ValueError: There are no rows, they are of several shapes or kinds, labels or weights are
            another number, weights come without labels, or tokens are to be padded with other than
            0.

    Example:

    >>> import keraseq, numpy as np
    >>> rows = [np.array([5, 6, 7]), np.array([8])]
    >>> [tokens.tolist() for tokens in keraseq.data.labelled.batches(rows, batch_size=2)]
    [[[8, 0, 0], [5, 6, 7]]]
    """
    from keraseq.data.batches import Batches  # which loads Keras

    batch_size = positive_integer("batch_size", batch_size)
    multiple = positive_integer("multiple", multiple)
    boolean("shuffle", shuffle)
    if not len(rows):
        raise ValueError("there are no rows to make batches of")
    kinds = {
        f"{kind_of(row)} ({', '.join(('length', *map(str, np.shape(row)[1:])))})": None
        for row in rows
    }
    if len(kinds) > 1:
        raise ValueError(f"rows must be of one kind; received {' and '.join(kinds)}")
    if fill and kind_of(rows[0]) == "int32":
        raise ValueError(f"tokens are padded with 0; received fill={fill!r}")
    if weights is not None and labels is None:
        raise ValueError("weights are of labels; received weights alone")
    columns = [
        of_each_row(name, one, len(rows), kind)
        for name, one, kind in (("labels", labels, None), ("weights", weights, "float32"))
        if one is not None
    ]
    lengths, seed = np.ceil([longer * len(row) for row in rows]).astype(int), 0

    def draw(shuffle):
        nonlocal seed
        seed = np.random.randint(2**31) if change and shuffle else 0  # noqa: NPY002
        return groups(lengths, batch_size, shuffle, multiple)

    def gather(chosen):
        own, room = [rows[i] for i in chosen], lengths[chosen].max()
        if change:  # a batch may be read ahead, in another thread: its numbers are its own
            rng = np.random.default_rng((seed, *chosen))
            own = [change(row, rng) for row in own]
        table = padded(own, multiple, fill, room)
        return (table, *(column[chosen] for column in columns)) if columns else table

    return Batches(draw, gather, shuffle)


def of_each_row(name: str, given, count: int, kind: str | None) -> np.ndarray:
    """Labels or weights as an array `(count,)`; labels are integers unless they are fractions."""
    given = np.asarray(given)
    if given.shape != (count,):
        raise ValueError(
            f"{name} must be one for each of {count} rows; received shape {given.shape}"
        )
    return given.astype(kind or kind_of(given))


def kind_of(array) -> str:
    """The dtype of its numbers in a batch."""
    return "float32" if np.asarray(array).dtype.kind == "f" else "int32"


def groups(
    lengths: np.ndarray, batch_size: int, shuffle: bool, multiple: int = 1
) -> list[np.ndarray]:
    """The rows of each batch of an epoch; the first two batches differ in length, if any do."""
    from keraseq.data.batches import cut

    keys = lengths
    if shuffle:
        keys = np.log(lengths) + JITTER * np.random.standard_normal(len(lengths))  # noqa: NPY002
    parts = cut(np.argsort(keys, kind="stable"), batch_size)
    if shuffle:
        parts = [parts[i] for i in np.random.permutation(len(parts))]  # noqa: NPY002
    widths = np.array([-(-lengths[part].max() // multiple) for part in parts])
    other = int(np.argmax(widths != widths[0]))  # 0 if there is none
    if other > 1:
        parts[1], parts[other] = parts[other], parts[1]
    return parts


def padded(
    rows: Sequence[np.ndarray], multiple: int = 1, fill: float = 0, longest: int | None = None
) -> np.ndarray:
    """Rows side by side `(rows, longest, ...)`, int32 or float32, padded after their ends."""
    longest = longest or max(len(row) for row in rows)
    shape = (len(rows), -(-longest // multiple) * multiple, *np.shape(rows[0])[1:])
    table = np.full(shape, fill, kind_of(rows[0]))
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table


def padding(rows: Sequence[np.ndarray], batch_size: int) -> float:
    """The fraction of the batches' tokens that is padding.

    Example:

    >>> import numpy as np
    >>> keraseq.data.labelled.padding([np.ones(4), np.ones(2)], batch_size=2)
    0.25
    """
    lengths = np.array([len(row) for row in rows])
    total = sum(len(g) * lengths[g].max() for g in groups(lengths, batch_size, shuffle=False))
    return float(1 - lengths.sum() / total)
