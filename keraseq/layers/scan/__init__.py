"""The loop over time, one file for each backend: the only place that calls a backend's functions.

    outputs, carry = scan(step, inputs, carry, constants, ...)

runs `output, carry = step(inputs[t], carry, constants)` over the leading axis of `inputs`, as
`jax.lax.scan` does. `step` must not create or update variables, and must return a carry of the same
structure, shapes and types.

Three loops give the same numbers:

* `plain`: the backend's own loop and its own gradient, which adds to the weights' gradient at every
  step;
* `deferred`: the weights' gradient of all steps in one product after the loop (`deferred.py`);
* `compiled`: the same, the loop compiled by XLA on its own whatever the rest of the model does
  (TensorFlow; elsewhere it is `deferred`).
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

import keras

from keraseq.checks import one_of
from keraseq.layers.scan.deferred import Step

LOOPS = ("auto", "plain", "deferred", "compiled")
FORCED = "KERASEQ_LOOP"  # environment variable: the loop of every layer that says "auto"


def scan(
    step: Callable[[Any, Any, list], tuple[Any, Any]],
    inputs: Any,
    carry: dict[str, Any],
    constants: list,
    *,
    variables: list[keras.Variable],
    collect: keras.KerasTensor | None,
    reverse: bool = False,
    unroll: bool = False,
    loop: str = "plain",
) -> tuple[Any, Any]:
    """Runs `step` over time on the current backend.

    Args:
        step: `(inputs_t, carry, constants) -> (output, carry)`. It may run again long after this
            call, in the gradient: it must read no tensor but its arguments and `variables`.
        inputs: Nested tensors `(time, ...)`.
        carry: Before the first step: `"states"`, nested tensors, and possibly `"output"`, a tensor
            whose value `step` may only hand on.
        constants: Tensors that every step reads and that have no gradient, such as masks.
        variables: Every weight that `step` reads.
        collect: Shape (without time) and type of an output; the outputs of all steps are kept
            then. None: they are not kept.
        reverse: Whether to run from the last step to the first; the outputs stand in the order in
            which they were made.
        unroll: Whether to lay the steps out one after the other instead of looping; needs a known
            number of steps.
        loop: `"plain"`, `"deferred"` or `"compiled"`.

    Returns:
        `(outputs, carry)`: a tensor `(time, ...)`, or None without `collect`; and the last carry.
    """
    backend = loop_of_backend()
    options = {"collect": collect, "reverse": reverse}
    if loop == "plain":
        return backend.scan(step, inputs, carry, constants, unroll=unroll, **options)
    step = Step(step, variables)
    return backend.scan_deferred(
        step, inputs, carry, constants, compiled=loop == "compiled", **options
    )


def choose(loop: str, *, length: int | None, training: bool, unroll: bool) -> str:
    """The loop that `"auto"` stands for here; any other is itself.

    Measured (`benchmarks/NOTES.md`): the deferred gradient was faster than the plain one for every
    cell tried. On TensorFlow the loop that keeps what it needs costs something, so inference stays
    plain, and XLA compiles anew for each length, so sequences of unknown length are not compiled.
    """
    if loop == "auto":
        loop = one_of(FORCED, os.environ.get(FORCED, "auto"), LOOPS)
    if unroll:
        return "plain"
    if loop != "auto":
        return loop
    if keras.backend.backend() != "tensorflow":
        return "deferred"
    if not training or not loop_of_backend().in_graph():
        return "plain"
    return "deferred" if length is None else "compiled"


def loop_of_backend():
    """The file of the current backend."""
    return importlib.import_module(f"keraseq.layers.scan.{keras.backend.backend()}")
