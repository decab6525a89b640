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
    variables=(),
    collect: keras.KerasTensor | None,
    reverse: bool = False,
    unroll: bool = False,
    path: str = "plain",
) -> tuple[Any, Any]:
    backend = importlib.import_module(f"keraseq.layers.scan.{keras.backend.backend()}")
    if path != "plain":
        from keraseq.layers.scan.deferred import Step
        return backend.scan_deferred(Step(step, list(variables)), inputs, carry, collect=collect, reverse=reverse, compiled=path=="compiled")
    return backend.scan(step, inputs, carry, collect=collect, reverse=reverse, unroll=unroll)
