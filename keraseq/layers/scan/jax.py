"""The loop over time on JAX: `jax.lax.scan`."""

import contextlib

import jax
import keras
from jax import numpy as jnp
from keras import tree

# Whether variable updates are being recorded already; Keras exports no public way to ask.
from keras.src.backend.common.stateless_scope import in_stateless_scope

from keraseq.layers.scan import deferred


def scan(step, inputs, carry, *, collect, reverse, unroll):
    """See `keraseq.layers.scan.scan`; the gradient is JAX's own."""

    def body(carry, inputs_t):
        output, carry = step(inputs_t, carry)
        return carry, output if collect is not None else None

    # The body is traced: a variable read or written there must go through a scope.
    scope = contextlib.nullcontext() if in_stateless_scope() else keras.StatelessScope()
    with scope:
        carry, outputs = jax.lax.scan(body, carry, inputs, reverse=reverse, unroll=unroll)
    if collect is not None and reverse:
        outputs = outputs[::-1]
    return outputs, carry


def scan_deferred(step, inputs, carry, *, collect, reverse, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop."""
    inputs = deferred.Floats(tree.map_structure(jnp.asarray, inputs))
    carry = tree.map_structure(jnp.asarray, carry)
    plan = step.plan(inputs.at(0), carry)
    steps = inputs.flat[0].shape[0]
    times = jnp.arange(steps)

    def forward(values, floats, carry, keep):
        blocks = deferred.blocks(plan, values)
        read = inputs.over(floats)

        def body(carried, t):
            results = []

            def product(j, operand):
                results.append(operand @ blocks[j])
                return results[-1]

            output, new = step(values, product, read.at(t), carried)
            kept = (tree.flatten(carried["states"]), results) if keep else None
            return new, (output if collect is not None else None, kept)

        after, (outputs, kept) = jax.lax.scan(body, carry, times, reverse=reverse)
        return (outputs[::-1] if collect is not None and reverse else outputs, after), kept

    @jax.custom_vjp
    def run(values, floats, carry):
        return forward(values, floats, carry, keep=False)[0]

    def run_forward(values, floats, carry):
        result, kept = forward(values, floats, carry, keep=True)
        return result, (values, floats, carry, *kept)

    def run_backward(residuals, d):
        values, floats, first, saved, results = residuals
        d_outputs, d_after = d
        if collect is not None and reverse:
            d_outputs = d_outputs[::-1]
        blocks = deferred.blocks(plan, values)
        read = inputs.over(floats)

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

                output, after = step(values, product, read.at(t, x), before)
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
        return d_values, d_floats, d_carry

    run.defvjp(run_forward, run_backward)
    values = [jnp.asarray(keras.ops.convert_to_tensor(one)) for one in step.variables]
    return run(values, inputs.floats, carry)
