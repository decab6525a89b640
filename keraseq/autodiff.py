"""The one thing that Keras cannot say for all backends: derivatives of a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops


def gradients(
    function: Callable,
    inputs: Sequence,
    variables: Sequence[keras.Variable] = (),
    compiled: bool | None = False,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """d function(*inputs) / d inputs and d variables.

    Args:
        function: Keras operations from tensors to a scalar.
        inputs: Arrays of floating-point numbers; `function` gets them as tensors.
        variables: Keras variables that `function` reads.
        compiled: `True` has XLA compile it, as `fit` does; with `False`, the default, JAX compiles
            and the others run it as it is; with `None` nobody compiles, which is quickest for many
            different steps that run once.

    Returns:
        Two lists of NumPy arrays, zeros where nothing depends on what is given.

    Example:

    >>> from keraseq.autodiff import gradients
    >>> [[slope], _] = gradients(lambda x: keras.ops.sum(x**2), [[1.0, 3.0]])
    >>> slope.tolist()
    [2.0, 6.0]
    """
    inputs = [ops.convert_to_tensor(array) for array in inputs]
    by = {"tensorflow": of_tensorflow, "jax": of_jax, "torch": of_torch}[keras.backend.backend()]
    found = by(function, inputs, list(variables), compiled)
    arrays = [ops.convert_to_numpy(gradient) for gradient in found]
    return arrays[: len(inputs)], arrays[len(inputs) :]


def jacobians(function: Callable, rows) -> np.ndarray:
    """The Jacobian of a function of rows that do not meet, for each row: `(rows, m, n)`.

    Each row is taken m times, and copy i differentiated in its output i: one backward pass for all.

    Args:
        function: `(rows, n)` -> `(rows, m)`, for any number of rows; an output row depends on the
            input row of its place alone, and on nothing else that varies: such things must be
            repeated too, which `function` is told by a second argument, the place of each row.
        rows: `(rows, n)`.

    Example:

    >>> from keraseq.autodiff import jacobians
    >>> jacobians(lambda x, place: keras.ops.flip(x, 1) * x, [[1.0, 3.0]]).tolist()
    [[[3.0, 1.0], [3.0, 1.0]]]
    """
    rows = np.asarray(ops.convert_to_numpy(rows))
    m = function(ops.convert_to_tensor(rows[:1]), np.arange(1)).shape[-1]
    place = np.repeat(np.arange(len(rows)), m)
    chosen = np.tile(np.eye(m, dtype=rows.dtype), (len(rows), 1))

    def value(x):
        return ops.sum(function(x, place) * ops.convert_to_tensor(chosen))

    [[found], _] = gradients(value, [rows[place]], compiled=None)
    return found.reshape(len(rows), m, -1)


def of_tensorflow(function, inputs, variables, compiled):
    """The gradients on TensorFlow."""
    import tensorflow as tf

    def differentiate(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(list(inputs))
            for variable in variables:
                tape.watch(variable.value)
            value = function(*inputs)
        sources = [*inputs, *(variable.value for variable in variables)]
        return tape.gradient(value, sources, unconnected_gradients="zero")

    if compiled:
        differentiate = tf.function(differentiate, jit_compile=True)
    return differentiate(*inputs)


def of_jax(function, inputs, variables, compiled):
    """The gradients on JAX."""
    import jax

    def value(inputs, values):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*inputs)

    differentiate = jax.grad(value, argnums=(0, 1))
    if compiled is not None:
        differentiate = jax.jit(differentiate)
    by_input, by_variable = differentiate(inputs, [variable.value for variable in variables])
    return [*by_input, *by_variable]


def of_torch(function, inputs, variables, compiled):
    """The gradients on PyTorch, which compiles nothing."""
    import torch

    values = [variable.value for variable in variables]
    frozen = [value for value in values if not value.requires_grad]
    try:
        for value in frozen:
            value.requires_grad_(True)
        with torch.enable_grad():
            inputs = [tensor.detach().requires_grad_(True) for tensor in inputs]
            sources = [*inputs, *values]
            return torch.autograd.grad(function(*inputs), sources, materialize_grads=True)
    finally:
        for value in frozen:
            value.requires_grad_(False)
