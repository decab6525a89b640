"""The loop over time, one file for each backend: the only place that calls a backend's functions.

    outputs, carry = scan(step, inputs, carry, collect=..., reverse=..., unroll=...)

runs `output, carry = step(inputs[t], carry)` over the leading axis of `inputs`, as `jax.lax.scan`
does. `step` must not create or update variables, and must return a carry of the same structure,
shapes and types.
"""

import importlib
from collections.abc import Callable
from typing import Any

import keras


def scan(
    step: Callable[[Any, Any], tuple[Any, Any]],
    inputs: Any,
    carry: Any,
    *,
    collect: keras.KerasTensor | None,
    reverse: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any]:
    """Runs `step` over time on the current backend.

    Args:
        step: `(inputs_t, carry) -> (output, carry)`.
        inputs: Nested tensors `(time, ...)`.
        carry: Nested tensors, before the first step.
        collect: Shape (without time) and type of an output; the outputs of all steps are kept
            then. None: they are not kept.
        reverse: Whether to run from the last step to the first; the outputs stand in the order in
            which they were made.
        unroll: Whether to lay the steps out one after the other instead of looping; needs a known
            number of steps.

    Returns:
        `(outputs, carry)`: a tensor `(time, ...)`, or None without `collect`; and the last carry.
    """
    backend = importlib.import_module(f"keraseq.layers.scan.{keras.backend.backend()}")
    return backend.scan(step, inputs, carry, collect=collect, reverse=reverse, unroll=unroll)
