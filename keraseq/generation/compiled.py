"""A function of tensors, compiled as a whole: the only place here that calls a backend."""

import functools
from collections.abc import Callable

import keras


def compiled(function: Callable, variables: list[keras.Variable]) -> Callable:
    """The function, compiled for the current backend: by XLA, or on PyTorch run as it is.

    The variables are read anew in every call, so that a model may go on training in between.

    Args:
        function: Takes and returns nested tensors; it must assign no variable.
        variables: Every variable that it reads.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow warns where one piece of code is compiled again and again, as it is for many
        # models; a partial function is known by itself, not by its code.
        return tf.function(functools.partial(function), jit_compile=True, autograph=False)
    if backend == "torch":
        import torch

        return torch.no_grad()(function)
    import jax

    @jax.jit
    def with_values(values, arguments):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: with_values([one.value for one in variables], arguments)


def compiles() -> bool:
    """Whether functions are compiled for shapes, so that few shapes are better than small ones."""
    return keras.backend.backend() != "torch"
