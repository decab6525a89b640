"""Batches of sentences of like length, with their tags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keraseq.checks import positive_integer
from keraseq.data.labelled.batches import groups, padded


def batches(
    rows: Sequence[np.ndarray],
    tags: Sequence[np.ndarray] | None = None,
    batch_size: int = 32,
    *,
    characters: bool = True,
    shuffle: bool = False,
    multiple: int = 1,
):
    """Batches of sentences of like length, for `fit`, `evaluate` and `predict` on every backend.

    Args:
        rows: What a `keraseq.data.WordEncoder` made of each sentence.
        tags: The number of each word's tag, by sentence. Default: none.
        batch_size: Sentences in a batch. Defaults to 32.
        characters: Whether the model reads them. Defaults to `True`.
        shuffle, multiple: See `keraseq.data.labelled.batches`.

    Returns:
        A `keras.utils.PyDataset` of inputs, or `(inputs, tags (batch, longest))`. Inputs are word
        ids `(batch, longest)`, or a dictionary of these, `tokens`, and of `characters (batch,
        longest, word_length)`.

    Example:

    >>> encoder = keraseq.data.WordEncoder.of([["a", "b"]], word_length=3)
    >>> [batch] = keraseq.data.tagged.batches([encoder.encode(["b"])])
    >>> batch["tokens"].tolist(), batch["characters"].tolist()
    ([[3]], [[[3, 0, 0]]])
    """
    from keraseq.data.batches import Batches  # which loads Keras

    batch_size = positive_integer("batch_size", batch_size)
    if not len(rows):
        raise ValueError("there are no sentences to make batches of")
    lengths = np.array([len(row) for row in rows])

    def gather(chosen):
        table = padded([rows[i] for i in chosen], multiple)
        inputs = table[..., 0]
        if characters:
            inputs = {"tokens": inputs, "characters": table[..., 1:]}
        return inputs if tags is None else (inputs, padded([tags[i] for i in chosen], multiple))

    return Batches(lambda shuffle: groups(lengths, batch_size, shuffle, multiple), gather, shuffle)
