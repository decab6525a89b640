"""The precision that the layers of a recipe compute in while they are trained."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

PRECISIONS = ("float32", "mixed_bfloat16")


@contextmanager
def layers_in(precision: str) -> Iterator[None]:
    """Layers that are made meanwhile compute in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
