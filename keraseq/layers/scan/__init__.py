"""The loop over time, one file for each backend: the only place that calls a backend's functions.

    outputs, carry = scan(recurrence, inputs, carry, constants, context, ...)

runs `output, carry = recurrence.step(inputs[t], carry, constants, context)` over the leading axis
of `inputs`, as `jax.lax.scan` does. `step` must not create or update variables, and must return a
carry of the same structure, shapes and types.

Five ways to run give the same numbers:

* `plain`: the backend's own loop and its own gradient, which adds to the weights' gradient at every
  step;
* `deferred`: the weights' gradient of all steps in one product after the loop (`deferred.py`);
* `compiled`: the same, the loop compiled by XLA on its own whatever the rest of the model does
  (TensorFlow), or recorded as a CUDA graph (PyTorch on a GPU); elsewhere it is `deferred`;
* `fused`: all steps in one call of a kernel that the backend has for the cell (`fused.py`: PyTorch,
  what `torch.nn.LSTM`, `GRU` and `RNN` use; TensorFlow, on a CPU the LSTM: `tensorflow_fused.py`);
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
from keraseq.layers.scan.formats import exported
from keraseq.layers.scan.fused import Kernel

LOOPS = ("auto", "plain", "deferred", "compiled", "fused", "parallel")
# Between these sizes of the state of a batch (64 x 256 is 16,384) the deferred loop beats XLA by up
# to 25 % for cells with one state, and loses by as much outside.
SMALL, LARGE = 8_000, 25_000
KEPT = 512  # steps of which TensorFlow's kernel may keep all activations without a gradient
# Steps in a round of a loop that XLA compiles for a GPU, where every operation waits for its
# launch: on JAX 4 take 0.6 of the time of one a round, 16 another 6 to 16 % less in long sequences
# of small states, and 4 s more to compile. TensorFlow has the same compiler; there nobody measured.
TOGETHER_ON_GPU, TOGETHER_IN_LONG, LONG = 4, 16, 200
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
            reads beside its arguments; `loop="fused"` for a cell that no kernel computes.
    """
    backend = loop_of_backend()
    if context is not None:
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
    kernel = Kernel.of(recurrence)
    length, size = tree.flatten(inputs)[0].shape[0], batch and batch * math.prod(sizes)
    choice = choose(
        loop,
        kernel=kernel,
        length=length,
        training=recurrence.training,
        unroll=unroll,
        products=None
        if recurrence.foreign
        else lambda: [one.kind(recurrence.variables) for one in plan().step],
        states=len(states),
        size=size,
        width=math.prod(sizes),
        linear=recurrence.linear,
    )
    if choice.loop == "fused":
        done = backend.scan_fused(
            recurrence, kernel.kind, inputs, carry, constants, collect=collect, reverse=reverse
        )
        return *done, choice
    if choice.loop == "compiled" and hasattr(backend, "replayed"):
        once = Step(recurrence, False, constants, context)
        how = {"collect": collect, "reverse": reverse, "in_piece": in_piece}
        how["asked"] = "compiled" in (loop, os.environ.get(FORCED))
        done, why = backend.replayed(once, inputs, carry, **how)
        if done is not None:
            return *done, choice._replace(reason="; ".join([choice.reason] + [why] * bool(why)))
        if why:
            choice = Choice("deferred", f"{choice.reason}, but {why}")
    if choice.loop == "parallel":
        inputs, options = recurrence.project(inputs, constants), (collect, reverse)
        given = (recurrence, inputs, carry, constants, context)
        return *parallel.scan(backend, *given, *options), choice
    planning = choice.loop != "plain" and backend.NEEDS_PLAN
    if planning and plan().unseen:
        choice, planning = Choice("plain", UNSEEN), False
    planned, in_loop = plan().step if planning else [], backend.projects_in_loop(choice.loop)
    if planning and in_loop:
        planned = [*plan().project, *planned]
    if choice.loop == "compiled" and reverse and keras.backend.backend() == "tensorflow":
        inputs, span, reverse = *turned(inputs, span), False
    if not in_loop:
        inputs = recurrence.project(inputs, constants)
    options = {"collect": collect, "reverse": reverse, "unroll": unroll, "span": span}
    once = Step(recurrence, in_loop, constants, context)
    if choice.loop == "plain":
        return *backend.scan(once.plain, inputs, carry, **options), choice
    compiled = choice.loop == "compiled"
    if not unroll and (together := steps_together(choice.loop, length, size)) > 1:
        options["unroll"] = together
        choice = choice._replace(reason=f"{choice.reason}; {together} steps a round")
    done = backend.scan_deferred(once, planned, inputs, carry, compiled=compiled, **options)
    return *done, choice


def turned(inputs, span) -> tuple:
    """Inputs and span of a loop backwards for one forwards: XLA compiles both directions once."""
    steps = keras.ops.shape(tree.flatten(inputs)[0])[0]
    inputs = tree.map_structure(lambda one: keras.ops.flip(one, axis=0), inputs)
    return inputs, span and (steps - span[1], steps - span[0])


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
    kernel: Kernel,
    linear: bool = False,
) -> Choice:
    """The loop that `"auto"` stands for here; any other is itself.

    A cell that no kernel computes is refused where its layer says `"fused"`. A backend without
    kernels runs another loop, so that what was saved on one machine runs on all.

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
        kernel: What computes the cell in one call, as far as the cell goes.
        linear: Whether the recurrence is linear.
    """
    if loop == "fused" and kernel.lacks:
        others = ", ".join(repr(one) for one in LOOPS[:4])
        raise ValueError(f"loop='fused' cannot run here: {kernel.lacks}. Accepted here: {others}")
    if unroll is True:
        return Choice("plain", "all steps are laid out (unroll=True)")
    if products is None:
        return Choice("plain", "the cell is none of keraseq's: its products cannot be deferred")
    if exported():
        return Choice("plain", f"exported as {exported()}, which holds no other loop")
    asked, why = loop, f"loop={loop!r}"
    if loop == "auto":
        asked = one_of(FORCED, os.environ.get(FORCED, "auto"), LOOPS)
        why = f"{FORCED}={asked}"
    at_once = linear and length is not None
    if asked == "parallel" and not at_once and loop == "auto":
        asked = "auto"
    lacks = kernel.lacks or lacks_here(kernel)
    if asked == "fused" and lacks:
        found = choose_freely(length, training, products, states, size, width)
        return found._replace(reason=f"{why}, but {lacks}; {found.reason}")
    if asked != "auto":
        return Choice(asked, why)
    # One loop over all is faster where only outputs are wanted and the recurrence is a loop anyway.
    if at_once and (training or loop_of_backend().solves_by() != "loop"):
        return Choice("parallel", "a linear recurrence: no step waits for another")
    if not lacks and kernel_wins(length, training):
        return Choice("fused", f"kernels that {keras.backend.backend()} has for this cell")
    found = choose_freely(length, training, products, states, size, width)
    tells = lacks and hasattr(loop_of_backend(), "scan_fused")
    return found._replace(reason=f"{found.reason}; {lacks}") if tells else found


def lacks_here(kernel: Kernel) -> str | None:
    """Why the backend does not compute in one call what a kernel could; None where it does."""
    backend = loop_of_backend()
    if not hasattr(backend, "scan_fused"):
        return f"keraseq uses no kernel of {keras.backend.backend()}"
    return backend.lacks(kernel) if hasattr(backend, "lacks") else None


def kernel_wins(length: int | None, training: bool) -> bool:
    """Whether a backend's kernel is expected to be faster than our loops.

    On a GPU TensorFlow's is, wherever XLA compiles none: JAX's loop, from the same compiler, took
    0.3 to 0.9 of the time of cuDNN's LSTM.
    """
    backend = loop_of_backend()
    if keras.backend.backend() != "tensorflow":
        return True
    if backend.on_gpu():
        return length is None or not training or not backend.in_graph()
    return training or (length is not None and length <= KEPT)


def without_xla(recurrence, length: int | None) -> bool:
    """Whether a model had better not be compiled as a whole, as Keras does on TensorFlow's GPUs.

    XLA has none of cuDNN's kernels, and where the length is open it compiles for every length.
    """
    layer, kernel = recurrence.layer, Kernel.of(recurrence)
    if keras.backend.backend() != "tensorflow" or length is not None or kernel.lacks:
        return False
    asked = layer.loop in ("auto", "fused") and not layer.unroll
    return asked and loop_of_backend().on_gpu() and not lacks_here(kernel)


def choose_freely(length, training, products, states, size, width) -> Choice:
    """The loop that runs where nobody asked for one and no kernel computes the cell."""
    if keras.backend.backend() != "tensorflow":
        if keras.backend.backend() == "jax" and loop_of_backend().on_cpu():
            return Choice("plain", "JAX on a CPU: what a deferred gradient keeps costs more there")
        if keras.backend.backend() == "torch" and loop_of_backend().on_gpu():
            return Choice("compiled", "a CUDA graph: one launch for all steps")
        return Choice("deferred", "fastest of those measured on this backend")
    if not training:
        return Choice("plain", "no gradient is asked for")
    if not loop_of_backend().in_graph():
        return Choice("plain", "eager: every step runs from Python; fit and predict make graphs")
    if length is None:
        return Choice("deferred", "steps=None: XLA would compile anew for every length")
    if loop_of_backend().on_gpu():
        return Choice("compiled", "a GPU: XLA joins what a step launches (not measured here)")
    products = products()
    low = {dtype for dtype, _ in products} - {"float32", "float64"}
    if low:
        return Choice("deferred", f"XLA is slow at {low.pop()} products on a CPU")
    if states == 1 and size and SMALL < size <= LARGE:
        if sum(columns for _, columns in products) <= width:
            return Choice("plain", "one block of weights: too little to defer")
        return Choice("deferred", f"one state of {size:,} numbers: faster than XLA at this size")
    return Choice("compiled", "fastest of those measured at this size")


def steps_together(loop: str, length: int | None, size: int | None) -> int:
    """Steps in a round of a loop that is not plain, where the user has not said how many."""
    backend = loop_of_backend()
    on_jax = keras.backend.backend() == "jax" and not backend.on_cpu()
    on_tensorflow = keras.backend.backend() == "tensorflow" and backend.on_gpu()
    if not on_jax and not (on_tensorflow and loop == "compiled"):
        return 1
    many = length and size and length >= LONG and size <= LARGE
    return TOGETHER_IN_LONG if many else TOGETHER_ON_GPU


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
