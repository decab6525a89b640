"""The one thing that Keras cannot say for all backends: the gradient of a function."""

import contextlib

import keras

BACKEND = keras.backend.backend()


def gradients(function, inputs, variables, compiled=False):
    """d function(*inputs) / d inputs and d variables, as two lists of NumPy arrays.

    Args:
        function: Keras operations from tensors to a scalar.
        inputs: Arrays; `function` gets them as tensors.
        variables: Keras variables that `function` reads.
        compiled: Whether TensorFlow compiles it with XLA, as `fit` does (JAX always compiles).
    """
    inputs = [keras.ops.convert_to_tensor(array) for array in inputs]
    found = {"tensorflow": tensorflow, "jax": jax, "torch": torch}[BACKEND](
        function, inputs, variables, compiled
    )
    arrays = [keras.ops.convert_to_numpy(gradient) for gradient in found]
    return arrays[: len(inputs)], arrays[len(inputs) :]


def step_by_step():
    """A context in which JAX does not compile what it would run once, not even `lax.scan`."""
    if BACKEND != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.disable_jit()


def tensorflow(function, inputs, variables, compiled):
    import tensorflow as tf

    def differentiate(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(list(inputs))
            for variable in variables:
                tape.watch(variable.value)
            value = function(*inputs)
        sources = [*inputs, *(variable.value for variable in variables)]
        return tape.gradient(value, sources, unconnected_gradients="zero")

    return (
        tf.function(differentiate, jit_compile=True)(*inputs)
        if compiled
        else differentiate(*inputs)
    )


def jax(function, inputs, variables, compiled):
    import jax

    def value(inputs, values):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(*inputs)

    values = [variable.value for variable in variables]
    by_input, by_variable = jax.jit(jax.grad(value, argnums=(0, 1)))(inputs, values)
    return [*by_input, *by_variable]


def torch(function, inputs, variables, compiled):
    import torch

    inputs = [tensor.requires_grad_(True) for tensor in inputs]
    values = [variable.value.requires_grad_(True) for variable in variables]
    found = torch.autograd.grad(function(*inputs), [*inputs, *values], materialize_grads=True)
    return [gradient.detach() for gradient in found]
