"""The loop over time, one file for each backend: the only place that calls a backend's functions.

    outputs, carry = scan(recurrence, inputs, carry, constants, context, ...)

runs `output, carry = recurrence.step(inputs[t], carry, constants, context)` over the leading axis
of `inputs`, as `jax.lax.scan` does. `step` must not create or update variables, and must return a
carry of the same structure, shapes and types.

Four ways to run give the same numbers:

* `plain`: the backend's own loop and its own gradient, which adds to the weights' gradient at every
  step;
* `deferred`: the weights' gradient of all steps in one product after the loop (`deferred.py`);
* `compiled`: the same, the loop compiled by XLA on its own whatever the rest of the model does
  (TensorFlow; elsewhere it is `deferred`);
* `parallel`: all steps at once, for linear recurrences (`parallel.py`).
"""

import functools
import importlib
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import tree

from keraseq.checks import one_of
from keraseq.layers.scan import parallel
from keraseq.layers.scan.deferred import Plan, Step

LOOPS = ("auto", "plain", "deferred", "compiled", "parallel")
# Between these sizes of the state of a batch (64 x 256 is 16,384) the deferred loop beats XLA by up
# to 25 % for cells with one state, and loses by as much outside.
SMALL, LARGE = 8_000, 25_000
TOGETHER = 4  # steps in a round of the compiled loop: 3 to 6 % faster, half a second to compile
FORCED = "KERASEQ_LOOP"  # environment variable: the loop of every layer that says "auto"
UNSEEN = "the step reads a tensor that is neither argument nor weight: hand it over as context="


def scan(
    recurrence,
    inputs: Any,
    carry: dict[str, Any],
    constants: list,
    context: Any = None,
    *,
    collect: keras.KerasTensor | None,
    reverse: bool = False,
    unroll: bool | int = False,
    span: tuple[Any, Any] | None = None,
    loop: str = "auto",
    in_piece: bool = False,
) -> tuple[Any, Any, "Choice"]:
    """Runs a recurrence over time on the current backend.

    Args:
        recurrence: A `keraseq.layers.recurrence.Recurrence`, or what has its `variables`,
            `training`, `foreign` and
            `project(inputs, constants) -> inputs`, what the inputs go through before a step gets
            them (it takes one step or, time first, many; where that is faster, it is called once);
            `step(inputs_t, carry, constants, context) -> (output, carry)`. A step may run again
            long after this call, in the gradient, as long as somebody else keeps the recurrence: it
            should read no tensor but its arguments and `variables`. One that does is found out, and
            runs in the plain loop.
        inputs: Nested tensors `(time, ...)`.
        carry: Before the first step: `"states"`, nested tensors, and possibly `"output"`, a tensor
            whose value `step` may only hand on.
        constants: Nested tensors that every step reads and that have no gradient, such as masks.
        context: Nested tensors that every step reads and that have a gradient.
        collect: Shape (without time) and type of an output; the outputs of all steps are kept
            then. None: they are not kept.
        reverse: Whether to run from the last step to the first; the outputs stand in the order in
            which they were made.
        unroll: `True` lays all steps out one after the other instead of looping, and needs a known
            number of them; a number lays so many out in each round of the loop.
        span: First step that must run, and the one after the last: at all others `step` would only
            hand the carry on, and their outputs, where they are kept, may be anything. Integer
            scalars. Default: all must run.
        loop: One of `LOOPS`; see `choose`.
        in_piece: Whether this runs inside a function that is `checkpointed`.

    Returns:
        `(outputs, carry, choice)`: a tensor `(time, ...)`, or None without `collect`; the last
        carry; and the loop that ran.

    Raises:
        ValueError: In a piece, where the backend would lose the gradient of a tensor that the step
            reads beside its arguments.
    """
    backend = loop_of_backend()
    context = tree.map_structure(
        lambda one: one if one is None else keras.ops.convert_to_tensor(one), context
    )

    @functools.cache
    def plan() -> Plan:  # the step is done once for it, and only where somebody asks
        return Plan.of(backend, recurrence, inputs, carry, constants, context)

    if in_piece and not backend.PIECES_SEE_ALL and plan().unseen:
        raise ValueError(f"checkpoint_every: {UNSEEN}")
    states = tree.flatten(carry["states"])
    batch, *sizes = states[0].shape
    choice = choose(
        loop,
        length=tree.flatten(inputs)[0].shape[0],
        training=recurrence.training,
        unroll=unroll,
        products=None
        if recurrence.foreign
        else lambda: [one.kind(recurrence.variables) for one in plan().step],
        states=len(states),
        size=batch and batch * math.prod(sizes),
        width=math.prod(sizes),
        linear=recurrence.linear,
    )
    if choice.loop == "parallel":
        inputs, options = recurrence.project(inputs, constants), (collect, reverse)
        return *parallel.scan(recurrence, inputs, carry, constants, context, *options), choice
    planning = choice.loop != "plain" and backend.NEEDS_PLAN
    if planning and plan().unseen:
        choice, planning = Choice("plain", UNSEEN), False
    planned, in_loop = plan().step if planning else [], backend.projects_in_loop(choice.loop)
    if planning and in_loop:
        planned = [*plan().project, *planned]
    if not in_loop:
        inputs = recurrence.project(inputs, constants)
    options = {"collect": collect, "reverse": reverse, "unroll": unroll, "span": span}
    once = Step(recurrence, in_loop, constants, context)
    if choice.loop == "plain":
        return *backend.scan(once.plain, inputs, carry, **options), choice
    compiled = choice.loop == "compiled"
    if compiled and not unroll:
        options["unroll"] = TOGETHER
    done = backend.scan_deferred(once, planned, inputs, carry, compiled=compiled, **options)
    return *done, choice


class Choice(NamedTuple):
    """The loop that runs, and why."""

    loop: str
    reason: str


def choose(
    loop: str,
    *,
    length: int | None,
    training: bool,
    unroll: bool | int,
    products: Callable[[], list[tuple[str, int]]] | None,
    states: int,
    size: int | None,
    width: int,
    linear: bool = False,
) -> Choice:
    """The loop that `"auto"` stands for here; any other is itself.

    Args:
        loop: One of `LOOPS`.
        length: Number of steps, where it is known.
        training: Whether a gradient is likely to be asked for.
        unroll: As in `scan`.
        products: Tells type and width of each recurrent product in a step; None where nobody knows
            them.
        states: Number of states.
        size: Numbers in the first of them, of the whole batch, where it is known.
        width: Numbers in the first of them, of one row.
        linear: Whether the recurrence is linear.
    """
    if unroll is True:
        return Choice("plain", "all steps are laid out (unroll=True)")
    if products is None:
        return Choice("plain", "the cell is none of keraseq's: its products cannot be deferred")
    if loop == "auto":
        forced = one_of(FORCED, os.environ.get(FORCED, "auto"), LOOPS)
        if forced != "auto" and (forced != "parallel" or (linear and length is not None)):
            return Choice(forced, f"{FORCED}={forced}")
    else:
        return Choice(loop, f"loop={loop!r}")
    # One loop over all is faster where only outputs are wanted and the recurrence is a loop anyway.
    if linear and length is not None and (training or loop_of_backend().solves_by() != "loop"):
        return Choice("parallel", "a linear recurrence: no step waits for another")
    if keras.backend.backend() != "tensorflow":
        if keras.backend.backend() == "jax" and loop_of_backend().on_cpu():
            return Choice("plain", "JAX on a CPU: what a deferred gradient keeps costs more there")
        return Choice("deferred", "fastest of those measured on this backend")
    if not training:
        return Choice("plain", "no gradient is asked for")
    if not loop_of_backend().in_graph():
        return Choice("plain", "eager: every step runs from Python; fit and predict make graphs")
    if length is None:
        return Choice("deferred", "steps=None: XLA would compile anew for every length")
    products = products()
    low = {dtype for dtype, _ in products} - {"float32", "float64"}
    if low:
        return Choice("deferred", f"XLA is slow at {low.pop()} products on a CPU")
    if states == 1 and size and SMALL < size <= LARGE:
        if sum(columns for _, columns in products) <= width:
            return Choice("plain", "one block of weights: too little to defer")
        return Choice("deferred", f"one state of {size:,} numbers: faster than XLA at this size")
    return Choice("compiled", "fastest of those measured at this size")


def checkpointed(function: Callable, variables: list[keras.Variable]) -> Callable:
    """The function, to be run again in its gradient instead of keeping what the gradient needs.

    Arguments and results are nested tensors of floats (an argument may be None); it may be called
    several times, and is compiled once for all calls of the same shapes.

    Args:
        function: What to run, a bound method whose object somebody else keeps.
        variables: Every weight that it reads.
    """
    return loop_of_backend().checkpointed(function, variables)


def loop_of_backend():
    """The file of the current backend."""
    return importlib.import_module(f"keraseq.layers.scan.{keras.backend.backend()}")
