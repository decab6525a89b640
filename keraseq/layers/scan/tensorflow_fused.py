"""All steps by TensorFlow's own kernels: on a GPU by cuDNN's, on a CPU an LSTM.

On a CPU `BlockLSTM` runs all steps forward and keeps every activation. Its own gradient adds to the
weights' gradient at every step; here a loop calls the kernel for the gradient of one step, and the
weights' gradient of all steps is one product after it, as in `deferred.py`. Nothing is compiled, so
that a first step takes as long as that of a plain loop, whatever the length of the batch.
"""

import tensorflow as tf
from tensorflow import raw_ops

from keraseq.keras_inside import in_xla
from keraseq.layers.scan import tensorflow_cudnn as cudnn
from keraseq.layers.scan.tensorflow_gradients import only_once, value_of, with_gradient


def lacks(kernel) -> str | None:
    """Why no kernel here computes what `fused.Kernel` says; None where one does."""
    if cudnn.on_gpu():
        if not cudnn.has_cudnn():
            return "TensorFlow was not built for NVIDIA's GPUs"
    elif kernel.kind != "lstm" or kernel.dtype != "float32":
        return "TensorFlow's kernel is an LSTM in float32"
    return "XLA compiles the model, and has no such kernel" if in_xla() else None


def scan_fused(recurrence, kind, inputs, carry, constants, *, collect, reverse):
    """See `keraseq.layers.scan.scan`.

    The kernel knows no mask. The valid steps of each row are moved together first, and the outputs
    are moved back.
    """
    x, valid = recurrence.met(inputs, constants)["x"], inputs.get("valid")
    sequences = collect is not None
    if reverse:
        x, valid = tf.reverse(x, [0]), None if valid is None else tf.reverse(valid, [0])

    def run(x, lengths):
        given = (recurrence.cell, x, carry["states"], lengths)
        return cudnn.network(kind, *given) if cudnn.on_gpu() else lstm(*given, sequences)

    if valid is None:
        outputs, states = run(x, None)
        after = {"states": states} | ({"output": states[0]} if "output" in carry else {})
        return (outputs if sequences else None), after
    count = tf.cumsum(tf.cast(valid, tf.int32))  # of valid steps, up to each
    to, lengths = tf.argsort(tf.cast(~valid, tf.int32), axis=0, stable=True), count[-1]
    back = tf.argsort(to, axis=0)
    outputs, states = run(moved(x, to, back), lengths)
    last = tf.where(lengths[:, None] > 0, states[0], carry["output"])
    after = {"states": states, "output": last}
    if not sequences:
        return None, after
    if recurrence.layer.zero_output_for_mask:
        zero = tf.zeros((), outputs.dtype)
        return tf.where(valid[..., None], moved(outputs, back, to), zero), after
    repeated = rows_at(outputs, tf.maximum(count - 1, 0))
    return tf.where(count[..., None] > 0, repeated, carry["output"]), after


def moved(x, to, back):
    """`x[to[t, row], row]` where `to` moves each row's steps, and `back` moves them back."""

    def run(x):
        return [rows_at(x, to)], lambda d: [rows_at(d, back)]

    return with_gradient(run, [x])[0]


def rows_at(x, times):
    """`x[times[t, row], row]` for `x` `(time, rows, size)`."""
    rows = tf.shape(x)[1]
    return tf.gather(tf.reshape(x, (-1, x.shape[-1])), times * rows + tf.range(rows))


def lstm(cell, x, states, lengths, sequences) -> tuple:
    """All steps of an LSTM on a CPU.

    Args:
        cell: The cell.
        x: `(time, batch, features)`.
        states: Before the first step.
        lengths: How many steps each row has, `(batch,)`; None: all.
        sequences: Whether the outputs of all steps are asked for.

    Returns:
        `(outputs, states)`: those of all steps `(time, batch, units)`, if asked for, anything after
        the last step of a row; and both after that step.
    """
    steps = tf.shape(x)[0] if lengths is None else tf.maximum(tf.reduce_max(lengths), 1)

    def run(x, h, c, w, u, *b):
        bias = b[0] if b else tf.zeros(u.shape[1])
        kept = forward(steps, x, h, c, tf.concat([w, u], 0), bias)
        after = [kept[name][-1] for name in ("h", "cs")]
        if lengths is not None:
            last = tf.maximum(lengths - 1, 0)[None]
            after = [
                tf.where(lengths[:, None] > 0, rows_at(kept[name], last)[0], before)
                for name, before in (("h", h), ("cs", c))
            ]

        def gradient(*d):
            d, d_h, d_c = only_once(backward)(steps, lengths, c, u, kept, d[:-2], *d[-2:])
            flat = tf.reshape(d, (-1, d.shape[-1]))
            d_w = tf.matmul(tf.reshape(x[:steps], (-1, x.shape[-1])), flat, transpose_a=True)
            d_u = tf.matmul(h, d[0], transpose_a=True) + tf.matmul(
                tf.reshape(kept["h"][: steps - 1], (-1, h.shape[-1])),
                tf.reshape(d[1:], (-1, d.shape[-1])),
                transpose_a=True,
            )
            d_b = [exchanged(raw_ops.BiasAddGrad(out_backprop=flat))] * len(b)
            d_x = tf.reshape(tf.matmul(flat, exchanged(w), transpose_b=True), tf.shape(x[:steps]))
            d_x = tf.pad(d_x, [[0, tf.shape(x)[0] - steps], [0, 0], [0, 0]])
            return [d_x, d_h, d_c, exchanged(d_w), exchanged(d_u), *d_b]

        return [kept["h"]] * sequences + after, gradient

    weights = [cell.kernel, cell.recurrent_kernel, *([cell.bias] if cell.use_bias else [])]
    given = [tf.cast(one, cell.compute_dtype) for one in (x, *states)]
    *outputs, h, c = with_gradient(run, [*given, *map(value_of, weights)])
    if not sequences:
        return None, [h, c]
    outputs[0].set_shape([x.shape[0], x.shape[1], cell.units])
    return outputs[0], [h, c]


def forward(steps, x, h, c, weights, bias) -> dict:
    """What the kernel tells of all steps: activations, cell states and outputs, by its names."""
    none, steps = tf.zeros(c.shape[-1]), tf.cast(steps, tf.int64)
    options = {"cell_clip": 0.0, "use_peephole": False, "wci": none, "wcf": none, "wco": none}
    return raw_ops.BlockLSTMV2(
        seq_len_max=steps, x=x, cs_prev=c, h_prev=h, w=weights, b=bias, **options
    )._asdict()


def backward(steps, lengths, c, u, kept, d_outputs, d_h, d_c):
    """All steps backwards: gradients of the gates' sums of all steps, and of the first states.

    Sums stand in the order of the kernel for one step (`exchanged`).
    """
    transposed, units = tf.transpose(exchanged(u)), c.shape[-1]
    before = tf.concat([c[None], kept["cs"][:-1]], 0)
    none = tf.zeros(units)
    unread = {"wci": none, "wcf": none, "wco": none, "x": d_c[:, :1], "h_prev": c}
    unread |= {"w": tf.zeros((1 + units, 4 * units)), "b": tf.zeros(4 * units)}

    def body(t, d_h, d_c, d):
        d_h_now = d_h + d_outputs[0][t] if d_outputs else d_h
        d_c_before, d_now, *_ = raw_ops.LSTMBlockCellGrad(
            cs_prev=before[t],
            **{name: kept[name][t] for name in ("i", "cs", "f", "o", "ci", "co")},
            cs_grad=d_c,
            h_grad=d_h_now,
            use_peephole=False,
            **unread,
        )
        if lengths is not None:  # a row that has no such step hands everything on
            there = (t < lengths)[:, None]
            d_now, d_c_before = tf.where(there, d_now, 0.0), tf.where(there, d_c_before, d_c)
        d_h_before = tf.matmul(d_now, transposed)
        if lengths is not None:
            d_h_before = tf.where(there, d_h_before, d_h)
        return t - 1, d_h_before, d_c_before, d.write(t, d_now)

    shape = (c.shape[0], 4 * units)
    d = tf.TensorArray(tf.float32, size=steps, element_shape=shape)
    _, d_h, d_c, d = tf.while_loop(lambda t, *_: t >= 0, body, (steps - 1, d_h, d_c, d))
    d = d.stack()
    d.set_shape([None, *shape])
    return d, d_h, d_c


def exchanged(blocks):
    """The four blocks of the last axis with the middle ones exchanged.

    Our order, and that of `BlockLSTMV2`, is i, f, g, o; `LSTMBlockCellGrad` wants i, g, f, o.
    """
    i, f, g, o = tf.split(blocks, 4, axis=-1)
    return tf.concat([i, g, f, o], axis=-1)
