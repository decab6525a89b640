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
    inputs, variables = [ops.convert_to_tensor(array) for array in inputs], list(variables)
    way = {True: "xla", False: "jax", None: ""}[compiled]
    by_input, by_variable = of_backend(function, variables, [], pair, way)(inputs, [])
    return list(map(ops.convert_to_numpy, by_input)), list(map(ops.convert_to_numpy, by_variable))


def differentiated(
    function: Callable,
    variables: Sequence[keras.Variable] = (),
    constants: Sequence[keras.Variable] = (),
    then: Callable | None = None,
) -> Callable:
    """`gradients` for use again and again: traced once for each shape, and run as a graph.

    Args:
        function: Keras operations from tensors to a scalar: of `inputs`, then of `given`.
        variables: Keras variables by which to differentiate; their values are those of each call.
        constants: Other variables that `function` reads and that change between calls.
        then: What is to be made of the two lists of gradients, in the same graph. Default: nothing.

    Returns:
        `call(inputs, given) -> then(gradients by inputs, gradients by variables)`, of tensors.

    Example:

    >>> from keraseq.autodiff import differentiated
    >>> run = differentiated(lambda x, y: keras.ops.sum(x * y), then=lambda by, _: 2 * by[0])
    >>> keras.ops.convert_to_numpy(run([[1.0, 3.0]], [[5.0, 6.0]])).tolist()
    [10.0, 12.0]
    """
    run = of_backend(function, list(variables), list(constants), then or pair, "graph")

    def call(inputs, given=()):
        return run(*([ops.convert_to_tensor(one) for one in some] for some in (inputs, given)))

    return call


def pair(by_input, by_variable):
    """Both lists of gradients."""
    return by_input, by_variable


def of_backend(function, variables, constants, then, way: str) -> Callable:
    """The function of inputs and given that differentiates, by the backend that is in use."""
    by = {"tensorflow": of_tensorflow, "jax": of_jax, "torch": of_torch}
    return by[keras.backend.backend()](function, variables, constants, then, way)


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


def of_tensorflow(function, variables, constants, then, way):
    """The gradients on TensorFlow, which sees for itself what variables hold."""
    import tensorflow as tf

    def differentiate(inputs, given):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            for variable in variables:
                tape.watch(variable.value)
            value = function(*inputs, *given)
        sources = [*inputs, *(variable.value for variable in variables)]
        found = tape.gradient(value, sources, unconnected_gradients="zero")
        found = [tf.convert_to_tensor(one) for one in found]
        return then(found[: len(inputs)], found[len(inputs) :])

    if way in ("xla", "graph"):
        return tf.function(differentiate, jit_compile=way == "xla")
    return differentiate


def of_jax(function, variables, constants, then, way):
    """The gradients on JAX."""
    import jax

    def value(inputs, values, given, others):
        mapping = list(zip([*variables, *constants], [*values, *others], strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*inputs, *given)

    def differentiate(*arguments):
        return then(*jax.grad(value, argnums=(0, 1))(*arguments))

    differentiate = jax.jit(differentiate) if way else differentiate

    def run(inputs, given):
        values = [[variable.value for variable in some] for some in (variables, constants)]
        return differentiate(inputs, values[0], given, values[1])

    return run


def of_torch(function, variables, constants, then, way):
    """The gradients on PyTorch, which compiles nothing."""
    import torch

    def differentiate(inputs, given):
        values = [variable.value for variable in variables]
        frozen = [value for value in values if not value.requires_grad]
        try:
            for value in frozen:
                value.requires_grad_(True)
            with torch.enable_grad():
                inputs = [tensor.detach().requires_grad_(True) for tensor in inputs]
                found = torch.autograd.grad(
                    function(*inputs, *given), [*inputs, *values], materialize_grads=True
                )
        finally:
            for value in frozen:
                value.requires_grad_(False)
        return then(list(found[: len(inputs)]), list(found[len(inputs) :]))

    return differentiate
