"""All steps of a linear recurrence at once: h_t = a_t * h_{t-1} + b_t.

Inputs are projected, coefficients made and outputs read for all steps together. What is left is the
recurrence itself, which a backend solves by what is fastest there (`solves_by`):

* `chunks`: what eight steps do to the state before them is linear too, a product of their a and
  what they make of a zero state. That makes a shorter recurrence of the same kind; once it is
  solved, each chunk starts from its true state, all of them together. 8,192 steps are four such
  recurrences. On a CPU it took a seventh of `keras.ops.associative_scan`'s time on PyTorch.
* `tree`: `keras.ops.associative_scan`. JAX on a GPU; XLA compiles the chunks for minutes.
* `loop`: one step after the other, two operations each. JAX on a CPU, where that took a fifth of
  the time of the others.

The gradient is a linear recurrence backwards. It is said here, so that a, h and nothing else are
kept for it.
"""

import functools

import keras
from keras import ops, tree

from keraseq.cells import CELLS, LinearCell
from keraseq.cells.linear import times

CHUNK = 8  # steps: 4 to 64 differed by less than a quarter, and few make a small graph


def check(loop: str, cell, length: int | None = 1) -> None:
    """Raises where a layer says `loop="parallel"` and that cannot be."""
    if loop != "parallel":
        return
    if not isinstance(cell, LinearCell):
        linear = [name for name, (kind, _) in CELLS.items() if issubclass(kind, LinearCell)]
        raise ValueError(
            f"loop='parallel' needs a linear cell, such as {', '.join(linear)}, and one in a layer "
            f"(several: keraseq.layers.stack); received {type(cell).__name__}. "
            "Accepted for it: loop='auto'"
        )
    if length is None and keras.backend.backend() == "tensorflow":
        raise ValueError(
            "loop='parallel' needs a known number of steps on TensorFlow; received time=None. "
            "Accepted: such as keras.Input((1024, features)), or loop='auto'"
        )


def scan(backend, recurrence, inputs, carry, constants, context, collect, reverse):
    """See `keraseq.layers.scan.scan`; `backend` is the file of the current one."""
    if reverse:
        inputs = tree.map_structure(lambda one: ops.flip(one, axis=0), inputs)
    a, b = recurrence.coefficients(inputs, constants, context)
    by_backend = functools.partial(solved, backend)
    states = by_backend(a, b, tree.flatten(carry["states"]))
    after = {"states": tree.pack_sequence_as(carry["states"], [one[-1] for one in states])}
    if collect is None and "valid" not in inputs:  # the last output is the last step's
        inputs, states = tree.map_structure(lambda one: one[-1:], (inputs, states))
    outputs, last = recurrence.outputs(inputs, states, carry, constants, context, by_backend)
    if "output" in carry:
        after["output"] = last
    return (None if collect is None else outputs), after


def solved(backend, a: list, b: list, before: list) -> list:
    """The states of all steps.

    Args:
        backend: The file of the current backend.
        a, b: `(time, batch, size)`, or what broadcasts to it in `a`: one tensor, or two, the real
            and the imaginary part.
        before: The state before the first step, `(batch, size)`, likewise.
    """
    n, by = len(b), backend.solves_by()
    a = [ops.broadcast_to(one, ops.shape(b[0])) for one in a]

    def run(*flat):
        a, b, before = flat[:n], flat[n : 2 * n], flat[2 * n :]
        states = solve(by, a, b, before)

        def gradient(*d):
            later = [ops.concatenate([one[1:], one[:1]], axis=0) for one in conjugate(a)]
            zeros = [ops.zeros_like(one) for one in before]
            d_b = flipped(solve(by, flipped(later), flipped(d), zeros))
            d_a = times(conjugate(after_each(before, states)), d_b)
            d_before = times([one[0] for one in conjugate(a)], [one[0] for one in d_b])
            return [*d_a, *d_b, *d_before]

        return states, gradient

    return backend.with_own_gradient(run, [*a, *b, *before])


def solve(by: str, a, b, before) -> list:
    """`solved` in one of the ways, without a gradient."""
    if by == "loop":

        def step(state, now):
            state = plus(times(now[0], state), now[1])
            return state, state

        return ops.scan(step, list(before), (list(a), list(b)))[1]
    if by == "tree":
        products, sums = ops.associative_scan(then, (list(a), list(b)))
        return plus(times(products, before), sums)
    steps = b[0].shape[0]
    if steps <= CHUNK:
        return in_turn(rows(a, 0), rows(b, 0), before, 0)
    chunks = -(-steps // CHUNK)
    a, b = (rows([in_chunks(one, chunks) for one in x], 1) for x in (a, b))
    whole = functools.reduce(then, zip(a, b, strict=True))
    starts = after_each(before, solve(by, *whole, before))
    states, shape = in_turn(a, b, starts, 1), (chunks * CHUNK, -1, before[0].shape[-1])
    return [ops.reshape(one, shape)[:steps] for one in states]


def then(first, second):
    """Two steps (or chunks) as one: `(a, b)` of both."""
    (a, b), (a_2, b_2) = first, second
    return times(a_2, a), plus(times(a_2, b), b_2)


def in_turn(a, b, state, axis) -> list:
    """States one after the other, from rows of a and b, stacked along an axis."""
    states = []
    for a_t, b_t in zip(a, b, strict=True):
        state = plus(times(a_t, state), b_t)
        states.append(state)
    return [ops.stack(one, axis=axis) for one in zip(*states, strict=True)]


def rows(tensors, axis) -> list:
    """Tensors cut along an axis: a list for each row."""
    return [list(one) for one in zip(*(ops.unstack(x, axis=axis) for x in tensors), strict=True)]


def in_chunks(one, chunks):
    """`(time, batch, size)` as `(chunks, CHUNK, batch, size)`, zeros at the end."""
    missing = chunks * CHUNK - one.shape[0]
    if missing:
        one = ops.pad(one, ((0, missing), (0, 0), (0, 0)))
    return ops.reshape(one, (chunks, CHUNK, -1, one.shape[-1]))


def after_each(before, states) -> list:
    """What was there before each step: the first state, then all but the last."""
    pairs = zip(before, states, strict=True)
    return [ops.concatenate([one[None], s[:-1]], axis=0) for one, s in pairs]


def plus(a, b) -> list:
    """Sums."""
    return [x + y for x, y in zip(a, b, strict=True)]


def conjugate(a) -> list:
    """The complex conjugate; a real number itself."""
    return [a[0], *(-one for one in a[1:])]


def flipped(tensors) -> list:
    """Tensors with their time reversed."""
    return [ops.flip(one, axis=0) for one in tensors]
