"""The loop over time on JAX: `jax.lax.scan`."""

import contextlib

import jax
import keras

# Whether variable updates are being recorded already; Keras exports no public way to ask.
from keras.src.backend.common.stateless_scope import in_stateless_scope


def scan(step, inputs, carry, *, collect, reverse, unroll):
    """See `keraseq.layers.scan.scan`."""

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
