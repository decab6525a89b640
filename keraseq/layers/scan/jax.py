"""The loop over time on JAX: `jax.lax.scan`."""

import contextlib

import jax
import keras
import numpy as np
from jax import numpy as jnp
from keras import tree

# Whether variable updates are being recorded already; Keras exports no public way to ask.
from keras.src.backend.common.stateless_scope import in_stateless_scope

from keraseq.layers.scan import deferred


def scan(step, inputs, carry, constants, *, collect, reverse, unroll):
    """See `keraseq.layers.scan.scan`; the gradient is JAX's own."""

    def body(carry, inputs_t):
        output, carry = step(inputs_t, carry, constants)
        return carry, output if collect is not None else None

    # The body is traced: a variable read or written there must go through a scope.
    scope = contextlib.nullcontext() if in_stateless_scope() else keras.StatelessScope()
    with scope:
        carry, outputs = jax.lax.scan(body, carry, inputs, reverse=reverse, unroll=unroll)
    if collect is not None and reverse:
        outputs = outputs[::-1]
    return outputs, carry


def scan_deferred(step, inputs, carry, constants, *, collect, reverse, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop."""
    inputs = deferred.Floats(tree.map_structure(jnp.asarray, inputs))
    carry = tree.map_structure(jnp.asarray, carry)
    plan = step.plan(inputs.at(0), carry, constants)
    steps = inputs.flat[0].shape[0]
    times = jnp.arange(steps)

    def forward(values, floats, carry, others, keep):
        blocks = deferred.blocks(plan, values)
        rest, constants = others
        read = inputs.over(floats, rest)

        def body(carried, t):
            results = []

            def product(j, operand):
                results.append(operand @ blocks[j])
                return results[-1]

            output, new = step(values, product, read.at(t), carried, constants)
            kept = (tree.flatten(carried["states"]), results) if keep else None
            return new, (output if collect is not None else None, kept)

        after, (outputs, kept) = jax.lax.scan(body, carry, times, reverse=reverse)
        return (outputs[::-1] if collect is not None and reverse else outputs, after), kept

    @jax.custom_vjp
    def run(values, floats, carry, others):
        return forward(values, floats, carry, others, keep=False)[0]

    def run_forward(values, floats, carry, others):
        result, kept = forward(values, floats, carry, others, keep=True)
        return result, (values, floats, carry, others, *kept)

    def run_backward(residuals, d):
        values, floats, first, others, saved, results = residuals
        rest, constants = others
        d_outputs, d_after = d
        if collect is not None and reverse:
            d_outputs = d_outputs[::-1]
        blocks = deferred.blocks(plan, values)
        read = inputs.over(floats, rest)

        def body(carried, t):
            d_carry, direct = carried
            before = {"states": tree.pack_sequence_as(first["states"], [s[t] for s in saved])}
            if "output" in first:
                before["output"] = jnp.zeros_like(first["output"])

            def replay(x, before, kept, values):
                operands = [None] * len(plan)

                def product(j, operand):
                    operands[j] = jax.lax.stop_gradient(operand)

                    @jax.custom_vjp
                    def given(operand, result):
                        return result

                    given.defvjp(lambda o, r: (r, None), lambda _, g: (g @ blocks[j].T, g))
                    return given(operand, kept[j])

                output, after = step(values, product, read.at(t, x), before, constants)
                return (output if collect is not None else None, after), operands

            x, kept = read.floats_at(t), [one[t] for one in results]
            _, pull, operands = jax.vjp(replay, x, before, kept, values, has_aux=True)
            d_output = d_outputs[t] if collect is not None else None
            d_x, d_before, d_results, d_values = pull((d_output, d_carry))
            direct = {i: d + d_values[i] for i, d in direct.items()}
            return (d_before, direct), (d_x, d_results, operands)

        start = (d_after, {i: jnp.zeros_like(values[i]) for i in step.summed(plan)})
        (d_carry, direct), kept = jax.lax.scan(body, start, times, reverse=not reverse)
        d_floats, d_results, operands = kept
        d_values = deferred.weight_gradients(plan, values, direct, operands, d_results)
        return d_values, d_floats, d_carry, tree.map_structure(no_gradient, others)

    run.defvjp(run_forward, run_backward)
    values = [jnp.asarray(keras.ops.convert_to_tensor(one)) for one in step.variables]
    others = (inputs.rest, list(constants))
    return run(values, inputs.floats, carry, others)


def no_gradient(tensor):
    """What JAX wants for an argument that has no gradient."""
    if jnp.issubdtype(tensor.dtype, jnp.floating):
        return jnp.zeros_like(tensor)
    return np.zeros(tensor.shape, jax.dtypes.float0)
