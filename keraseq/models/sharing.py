"""Batches that several devices share: each must get as many rows."""

import keras
from keras import tree


def check_shares(model, x, size: int | None = None):
    """Raises where arrays `x` in batches of `size`, or as one batch, do not go round.

    Devices weigh alike whatever they got, so that shares of different size would train otherwise
    than one device does (`tf.distribute`), or end in an error of JAX.
    """
    strategy = getattr(model, "distribute_strategy", None)  # of TensorFlow
    shares = getattr(keras.distribution.distribution(), "num_model_replicas", 1)
    shares = shares if strategy is None else strategy.num_replicas_in_sync
    arrays = [one for one in tree.flatten(x) if getattr(one, "shape", ())]
    if shares == 1 or not arrays:
        return
    rows = arrays[0].shape[0]
    size = min(size or rows, rows)
    if rows % shares or size % shares:
        raise ValueError(
            f"{shares} devices share every batch, so rows and batch_size must be multiples of "
            f"{shares}; received {rows} rows in batches of {size}. "
            f"Accepted: the first {rows // shares * shares} rows in batches of "
            f"{max(size // shares, 1) * shares}"
        )
    built = model.inputs[0].shape[0]
    if strategy is not None and built not in (None, size // shares):
        raise ValueError(
            f"batch_size={built} of the model is what one device gets, and {shares} devices share "
            f"batches of {size}. Accepted: a model built with batch_size={size // shares}"
        )
