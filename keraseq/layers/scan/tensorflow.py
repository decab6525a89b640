"""The loop over time on TensorFlow: `tf.while_loop`."""

import tensorflow as tf
from keras import tree

from keraseq.layers.scan import deferred


def scan(step, inputs, carry, constants, *, collect, reverse, unroll):
    """See `keraseq.layers.scan.scan`; the gradient is TensorFlow's own."""
    flat = [tf.convert_to_tensor(one) for one in tree.flatten(inputs)]
    length = flat[0].shape[0]
    if unroll:
        outputs = []
        for t in reversed(range(length)) if reverse else range(length):
            output, carry = step(
                tree.pack_sequence_as(inputs, [x[t] for x in flat]), carry, constants
            )
            outputs.append(output)
        return tf.stack(outputs) if collect is not None else None, carry

    steps = tf.shape(flat[0])[0] if length is None else length
    arrays = [tf.TensorArray(x.dtype, size=steps).unstack(x) for x in flat]
    shapes = [x.shape[1:] for x in flat]

    def body(t, carried, kept):
        now = steps - 1 - t if reverse else t
        read = [tf.ensure_shape(a.read(now), s) for a, s in zip(arrays, shapes, strict=True)]
        output, new = step(tree.pack_sequence_as(inputs, read), carried, constants)
        return new, [kept[0].write(t, output)] if kept else []

    kept = array(steps, collect.dtype, collect.shape) if collect is not None else None
    carry, kept = loop(steps, body, carry, [] if kept is None else [kept])
    return (stacked(kept[0], length, collect.shape) if kept else None), carry


def scan_deferred(step, inputs, carry, constants, *, collect, reverse, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop."""
    inputs = deferred.Floats(tree.map_structure(tf.convert_to_tensor, inputs))
    length = inputs.flat[0].shape[0]
    steps = tf.shape(inputs.flat[0])[0] if length is None else length
    carry = tree.map_structure(tf.convert_to_tensor, carry)
    plan = step.plan(inputs.at(0), carry, constants)
    states = carry["states"]
    compile = tf.function(autograph=False, jit_compile=True) if compiled else lambda f: f

    def forward(values, floats, carry):
        blocks = deferred.blocks(plan, values)
        read = inputs.over(floats)
        widths = [block.shape[-1] for block in blocks]

        def body(t, carried, kept):
            now = steps - 1 - t if reverse else t
            results = []

            def product(j, operand):
                results.append(tf.matmul(operand, blocks[j]))
                return results[-1]

            output, new = step(values, product, read.at(now), carried, constants)
            wrote = [
                *([output] if collect is not None else []),
                *tree.flatten(carried["states"]),
                *results,
            ]
            return new, [a.write(t, one) for a, one in zip(kept, wrote, strict=True)]

        batch = tree.flatten(states)[0].shape[0]
        kept = [array(steps, collect.dtype, collect.shape)] if collect is not None else []
        kept += [array(steps, s.dtype, s.shape) for s in tree.flatten(states)]
        kept += [array(steps, one.dtype, (batch, n)) for one, n in zip(plan, widths, strict=True)]
        carry, kept = loop(steps, body, carry, kept)
        kept = [one.stack() for one in kept]
        outputs, kept = (kept[:1], kept[1:]) if collect is not None else ([], kept)
        count = len(tree.flatten(states))
        return outputs, carry, kept[:count], kept[count:]

    def backward(values, floats, saved, results, d_outputs, d_carry):
        blocks = deferred.blocks(plan, values)
        read = inputs.over(floats)

        def replay(t, carried):
            """One step on the tape; returns its sources, its results and the operands."""
            operands = [None] * len(plan)
            kept_results = [one[t] for one in results]

            def product(j, operand):
                operands[j] = operand

                @tf.custom_gradient
                def given(operand, result):
                    def gradient(d):
                        return tf.matmul(d, blocks[j], transpose_b=True), d

                    return tf.identity(result), gradient

                return given(operand, kept_results[j])

            return operands, kept_results, product

        def body(i, carried, kept):
            d_carry, d_direct = carried
            t = steps - 1 - i
            now = steps - 1 - t if reverse else t
            before = {"states": tree.pack_sequence_as(states, [one[t] for one in saved])}
            if "output" in carry:
                before["output"] = tf.zeros_like(d_carry["output"])
            operands, kept_results, product = replay(t, before)
            x = read.floats_at(now)
            sources = [*x, *tree.flatten(before), *kept_results, *values]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                output, after = step(values, product, read.at(now, x), before, constants)
                targets = [*([output] if collect is not None else []), *tree.flatten(after)]
            d_targets = [
                *([d_outputs[0][t]] if collect is not None else []),
                *tree.flatten(d_carry),
            ]
            found = tape.gradient(targets, sources, output_gradients=d_targets)
            a, b = len(x), len(x) + len(tree.flatten(before))
            c = b + len(plan)
            d_x = [zeros_if_none(g, s) for g, s in zip(found[:a], x, strict=True)]
            d_before = [
                zeros_if_none(g, s) for g, s in zip(found[a:b], tree.flatten(before), strict=True)
            ]
            d_results = [zeros_if_none(g, s) for g, s in zip(found[b:c], kept_results, strict=True)]
            d_direct = {
                i: d if found[c + i] is None else d + found[c + i] for i, d in d_direct.items()
            }
            wrote = [*d_x, *d_results, *operands]
            kept = [
                k.write(w, one)
                for k, w, one in zip(kept, [now] * a + [t] * (2 * len(plan)), wrote, strict=True)
            ]
            return (tree.pack_sequence_as(before, d_before), d_direct), kept

        batch = tree.flatten(states)[0].shape[0]
        kept = [array(steps, x.dtype, x.shape[1:]) for x in floats]
        kept += [array(steps, z.dtype, z.shape[1:]) for z in results]
        kept += [
            array(steps, one.dtype, (batch, block.shape[0]))
            for one, block in zip(plan, blocks, strict=True)
        ]
        direct = {i: tf.zeros_like(values[i]) for i in step.summed(plan)}
        (d_carry, direct), kept = loop(steps, body, (d_carry, direct), kept)
        kept = [one.stack() for one in kept]
        n, m = len(floats), len(plan)
        d_values = deferred.weight_gradients(plan, values, direct, kept[n + m :], kept[n : n + m])
        return d_values, kept[:n], d_carry

    forward, backward = compile(forward), only_once(compile(backward))

    @tf.custom_gradient
    def run(*flat):
        flat = [tf.stop_gradient(one) for one in flat]  # an outer tape need not look inside
        values, floats, given = split(flat, len(step.variables), len(inputs.floats))
        outputs, after, saved, results = forward(
            values, floats, tree.pack_sequence_as(carry, given)
        )

        def gradient(*d):
            d = list(d)
            d_outputs, d_after = (d[:1], d[1:]) if collect is not None else ([], d)
            d_values, d_floats, d_carry = backward(
                values, floats, saved, results, d_outputs, tree.pack_sequence_as(carry, d_after)
            )
            return [*d_values, *d_floats, *tree.flatten(d_carry)]

        return [*outputs, *tree.flatten(after)], gradient

    values = [tf.convert_to_tensor(one.value) for one in step.variables]
    flat = run(*values, *inputs.floats, *tree.flatten(carry))
    outputs = None
    if collect is not None:
        outputs, flat = flat[0], flat[1:]
        outputs.set_shape([length, *collect.shape])
    return outputs, tree.pack_sequence_as(carry, flat)


def in_graph() -> bool:
    """Whether a graph is being made, as `fit` and `predict` do, instead of running step by step."""
    return not tf.executing_eagerly()


def only_once(gradient):
    """A gradient that says so instead of being wrong when it is differentiated again."""

    def guarded(*arguments):
        @tf.custom_gradient
        def run(*flat):
            def refuse(*_):
                raise ValueError(
                    "a second derivative through a deferred gradient; use loop='plain' in "
                    "keraseq.layers.RNN"
                )

            flat = [tf.stop_gradient(one) for one in flat]
            found = gradient(*tree.pack_sequence_as(arguments, flat))
            structure.append(found)
            return tree.flatten(found), refuse

        structure = []
        flat = run(*tree.flatten(arguments))
        return tree.pack_sequence_as(structure[0], flat)

    return guarded


def loop(steps, body, carry, kept):
    """`carry, kept = body(t, carry, kept)` for t = 0 ... steps - 1, shapes held as they are."""
    flat = [tf.convert_to_tensor(one) for one in tree.flatten(carry)]

    def one_round(t, carried, kept):
        new, kept = body(t, tree.pack_sequence_as(carry, carried), kept)
        new = [tf.ensure_shape(n, o.shape) for n, o in zip(tree.flatten(new), flat, strict=True)]
        return t + 1, new, kept

    _, flat, kept = tf.while_loop(
        lambda t, *_: t < steps, one_round, (tf.constant(0), flat, kept), maximum_iterations=steps
    )
    return tree.pack_sequence_as(carry, flat), kept


def array(steps, dtype, shape):
    """A place for one tensor a step."""
    return tf.TensorArray(dtype, size=steps, element_shape=shape)


def stacked(kept, length, shape):
    """The tensors of all steps, `(time, ...)`."""
    whole = kept.stack()
    whole.set_shape([length, *shape])
    return whole


def zeros_if_none(gradient, source):
    """A gradient, zeros where nothing flowed."""
    return tf.zeros_like(source) if gradient is None else gradient


def split(flat, first, second):
    """Three lists, of `first` and `second` elements and the rest."""
    return list(flat[:first]), list(flat[first : first + second]), list(flat[first + second :])
