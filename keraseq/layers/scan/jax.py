"""The loop over time on JAX: `jax.lax.scan`."""

import contextlib

import jax
import keras
import numpy as np
from jax import numpy as jnp
from keras import tree

from keraseq.keras_inside import in_stateless_scope
from keraseq.layers.scan import deferred

NEEDS_PLAN = True
PIECES_SEE_ALL = True  # jax.checkpoint differentiates what a function closes over, too


def scan(step, inputs, carry, *, collect, reverse, unroll, span):
    """See `keraseq.layers.scan.scan`; the gradient is JAX's own and wants all steps to run."""

    def body(carry, inputs_t):
        output, carry = step(inputs_t, carry)
        return carry, output if collect is not None else None

    # The body is traced: a variable read or written there must go through a scope.
    scope = contextlib.nullcontext() if in_stateless_scope() else keras.StatelessScope()
    with scope:
        carry, outputs = jax.lax.scan(body, carry, inputs, reverse=reverse, unroll=unroll or 1)
    if collect is not None and reverse:
        outputs = outputs[::-1]
    return outputs, carry


def scan_deferred(step, plan, inputs, carry, *, collect, reverse, unroll, span, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop."""
    inputs = deferred.Floats(tree.map_structure(jnp.asarray, inputs))
    carry = tree.map_structure(jnp.asarray, carry)
    steps = inputs.flat[0].shape[0]

    def forward(values, floats, carry, others, keep):
        blocks = deferred.blocks(plan, values)
        rest, constants, span = others
        read = inputs.over(floats, rest)

        def body(now, carried):
            results = []

            def product(j, operand, addend):
                result = operand @ blocks[j]
                results.append(result if addend is None else result + addend)
                return results[-1]

            output, new = step(values, product, read.at(now), carried, constants)
            kept = (tree.flatten(carried["states"]), results) if keep else None
            return new, (output if collect is not None else None, kept)

        after, (outputs, kept) = loop(body, carry, steps, span, reverse, unroll)
        return (outputs[::-1] if collect is not None and reverse else outputs, after), kept

    @jax.custom_vjp
    def run(values, floats, carry, others):
        return forward(values, floats, carry, others, keep=False)[0]

    def run_forward(values, floats, carry, others):
        result, kept = forward(values, floats, carry, others, keep=True)
        return result, (values, floats, carry, others, *kept)

    def run_backward(residuals, d):
        values, floats, first, others, saved, results = residuals
        rest, constants, span = others
        d_outputs, d_after = d
        if collect is not None and reverse:
            d_outputs = d_outputs[::-1]
        transposed = [one.T for one in deferred.blocks(plan, values)]  # once, not at every step
        read = inputs.over(floats, rest)
        twins = {}

        def body(now, carried):
            d_carry, direct = carried
            states = [one[now] for one in saved]
            before = {"states": tree.pack_sequence_as(first["states"], states)}
            if "output" in first:
                before["output"] = jnp.zeros_like(first["output"])
            operands = [None] * len(plan)

            def replay(x, before, kept, values):
                def product(j, operand, addend):
                    operands[j] = jax.lax.stop_gradient(operand)

                    @jax.custom_vjp
                    def given(operand, addend, result):
                        return result

                    given.defvjp(
                        lambda o, a, r: (r, None),
                        lambda _, g: (g @ transposed[j], None if addend is None else g, g),
                    )
                    return given(operand, addend, kept[j])

                output, after = step(values, product, read.at(now, x), before, constants)
                return (output if collect is not None else None, after), list(operands)

            x, kept = read.floats_at(now), [one[now] for one in results]
            _, pull, operands = jax.vjp(replay, x, before, kept, values, has_aux=True)
            d_output = d_outputs[now] if collect is not None else None
            d_x, d_before, d_results, d_values = pull((d_output, d_carry))
            direct = {i: d + d_values[i] for i, d in direct.items()}
            wrote = [*d_x, *d_results, *operands]
            twins.update(deferred.twins([*x, *states], wrote))
            kept = [None if n in twins else one for n, one in enumerate(wrote)]
            return (d_before, direct), kept

        start = (d_after, {i: jnp.zeros_like(values[i]) for i in step.summed(plan)})
        (d_carry, direct), kept = loop(body, start, steps, span, not reverse, unroll)
        kept = deferred.with_twins([*floats, *saved], kept, twins)
        d_floats, kept = kept[: len(floats)], kept[len(floats) :]
        d_results, operands = kept[: len(plan)], kept[len(plan) :]
        d_values = deferred.weight_gradients(plan, values, direct, operands, d_results)
        return d_values, d_floats, d_carry, jax.tree.map(no_gradient, others)

    run.defvjp(run_forward, run_backward)
    span = None if span is None else tuple(jnp.asarray(one) for one in span)
    return run(step.values(value_of), inputs.floats, carry, (inputs.rest, step.constants, span))


def value_of(variable):
    """The value of a variable as a tensor."""
    return jnp.asarray(keras.ops.convert_to_tensor(variable))


def seen(function, arguments) -> list:
    """The tensors with a gradient that a function reads beside its arguments."""
    reads = jax.make_jaxpr(function)(*arguments).consts
    tracers = [one for one in reads if isinstance(one, jax.core.Tracer)]
    return [one for one in tracers if jnp.issubdtype(one.dtype, jnp.floating)]


def loop(body, carry, steps, span, reverse, unroll):
    """`carry, kept[now] = body(now, carry)` for every step `now`, or for those of a span."""
    if span is None:
        return jax.lax.scan(
            lambda carry, now: body(now, carry),
            carry,
            jnp.arange(steps),
            reverse=reverse,
            unroll=unroll or 1,
        )
    first, stop = span
    shapes = jax.eval_shape(body, jnp.asarray(0), carry)[1]
    kept = jax.tree.map(lambda one: jnp.zeros((steps, *one.shape), one.dtype), shapes)

    def rounds(done, count, together, carried):
        """`count` rounds of so many steps, after those that are done."""

        def one_round(i, carried):
            carry, kept = carried
            new, before = [], done + i * together
            for j in range(together):
                now = stop - 1 - before - j if reverse else first + before + j
                carry, one = body(now, carry)
                new.append(one)
            at = stop - before - together if reverse else first + before
            return carry, jax.tree.map(
                lambda rows, *new: jax.lax.dynamic_update_slice_in_dim(
                    rows, jnp.stack(new), at, axis=0
                ),
                kept,
                *(reversed(new) if reverse else new),
            )

        return jax.lax.fori_loop(0, count, one_round, carried)

    together = min(unroll or 1, steps)
    whole = (stop - first) // together
    carried = rounds(0, whole, together, (carry, kept))
    if together == 1:
        return carried
    return rounds(whole * together, stop - first - whole * together, 1, carried)


def checkpointed(function, variables):
    """See `keraseq.layers.scan.checkpointed`."""
    return keras.remat(function)


def with_own_gradient(function, tensors: list) -> list:
    """A function of tensors that says its gradient.

    Args:
        function: `(*tensors) -> (results, gradient)`, results a list of tensors and `gradient`
            their gradients -> a list of those of the tensors.
        tensors: A list.

    Returns:
        The list of results.
    """

    @jax.custom_gradient
    def run(*tensors):
        results, gradient = function(*tensors)
        return results, lambda d: tuple(gradient(*d))

    return run(*tensors)


def projects_in_loop(loop: str) -> bool:
    """Whether a loop is faster where it projects each input itself.

    On a CPU what one step projects stays in the cache, and what all do together does not.
    """
    return loop == "plain" and on_cpu()


def on_cpu() -> bool:
    """Whether it runs on no accelerator."""
    return jax.default_backend() == "cpu"


def solves_by() -> str:
    """What solves a linear recurrence fastest, see `keraseq.layers.scan.parallel`."""
    return "loop" if on_cpu() else "tree"


def no_gradient(tensor):
    """What JAX wants for an argument that has no gradient."""
    if jnp.issubdtype(tensor.dtype, jnp.floating):
        return jnp.zeros_like(tensor)
    return np.zeros(tensor.shape, jax.dtypes.float0)
