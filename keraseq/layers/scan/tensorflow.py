"""The loop over time on TensorFlow: `tf.while_loop` over tensor arrays."""

import keras
import tensorflow as tf


def scan(step, inputs, carry, *, collect, reverse, unroll):
    """See `keraseq.layers.scan.scan`."""
    flat = [tf.convert_to_tensor(one) for one in keras.tree.flatten(inputs)]
    length = flat[0].shape[0]
    if unroll:
        outputs = []
        for t in reversed(range(length)) if reverse else range(length):
            output, carry = step(keras.tree.pack_sequence_as(inputs, [x[t] for x in flat]), carry)
            outputs.append(output)
        return tf.stack(outputs) if collect is not None else None, carry

    steps = tf.shape(flat[0])[0] if length is None else length
    arrays = [tf.TensorArray(x.dtype, size=steps).unstack(x) for x in flat]
    shapes = [x.shape[1:] for x in flat]
    flat_carry = [tf.convert_to_tensor(one) for one in keras.tree.flatten(carry)]

    def body(t, carried, outputs):
        now = steps - 1 - t if reverse else t
        read = [tf.ensure_shape(a.read(now), s) for a, s in zip(arrays, shapes, strict=True)]
        output, new = step(
            keras.tree.pack_sequence_as(inputs, read), keras.tree.pack_sequence_as(carry, carried)
        )
        new = [
            tf.ensure_shape(one, old.shape)
            for one, old in zip(keras.tree.flatten(new), flat_carry, strict=True)
        ]
        return t + 1, new, [outputs[0].write(t, output)] if collect is not None else []

    outputs = (
        [tf.TensorArray(collect.dtype, size=steps, element_shape=collect.shape)]
        if collect is not None
        else []
    )
    _, flat_carry, outputs = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), flat_carry, outputs),
        maximum_iterations=steps,
    )
    carry = keras.tree.pack_sequence_as(carry, flat_carry)
    if collect is None:
        return None, carry
    stacked = outputs[0].stack()
    stacked.set_shape([length, *collect.shape])
    return stacked, carry
