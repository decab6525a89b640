"""cuDNN's recurrent networks, all steps in one call, on a GPU for which TensorFlow was built.

Its gradient is TensorFlow's own. The layout of the weights is tested against cuDNN's equations
written out; on a GPU it has not been run.
"""

import tensorflow as tf
from tensorflow import raw_ops

from keraseq.layers.scan.tensorflow_gradients import value_of

MODES = {"lstm": "lstm", "gru": "gru", "tanh": "rnn_tanh", "relu": "rnn_relu"}
# cuDNN's gates by the places of ours: i, f, g, o of an LSTM; r, z, g of a GRU, ours are z, r, g.
GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "tanh": (0,), "relu": (0,)}


def on_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def has_cudnn() -> bool:
    """Whether TensorFlow was built for NVIDIA's GPUs."""
    return bool(tf.sysconfig.get_build_info()["is_cuda_build"])


def network(kind, cell, x, states, lengths) -> tuple:
    """All steps of a cell.

    Args:
        kind: What `fused.Kernel` says.
        cell: The cell.
        x: `(time, batch, features)`.
        states: Before the first step.
        lengths: How many steps each row has, `(batch,)`; None: all.

    Returns:
        `(outputs, states)`: those of all steps `(time, batch, units)`, anything after the last step
        of a row; and those after that step.
    """
    dtype, steps, rows = cell.compute_dtype, tf.shape(x)[0], tf.shape(x)[1]
    before = [tf.cast(one, dtype) for one in states]
    # Of a row without steps it wants one all the same.
    counts = tf.fill([rows], steps) if lengths is None else tf.maximum(lengths, 1)
    outputs, h, c, *_ = raw_ops.CudnnRNNV3(
        input=tf.cast(x, dtype),
        input_h=before[0][None],
        input_c=before[1][None] if kind == "lstm" else tf.zeros((), dtype),  # read by no other
        params=packed(kind, cell),
        sequence_lengths=counts,
        rnn_mode=MODES[kind],
        is_training=True,  # without it there is no gradient, whoever asks
    )
    after = [one[0] for one in (h, c)[: len(before)]]
    if lengths is not None:
        there = lengths[:, None] > 0
        after = [tf.where(there, new, old) for new, old in zip(after, before, strict=True)]
    return outputs, after


def packed(kind, cell):
    """A cell's weights as cuDNN wants them, in one row.

    The matrices of the input gate by gate, each `(units, features)`, then the recurrent ones, then
    the biases of the input gate by gate, then those of the recurrent products.
    """
    gates, none = GATES[kind], tf.zeros(len(GATES[kind]) * cell.units, cell.compute_dtype)
    if not cell.use_bias:
        biases = [none, none]
    elif kind == "gru":
        biases = tf.unstack(value_of(cell.bias))
    else:
        biases = [value_of(cell.bias), none]
    found = []
    for one in (value_of(cell.kernel), value_of(cell.recurrent_kernel), *biases):
        blocks = tf.split(one, len(gates), axis=-1)
        found += [tf.reshape(tf.transpose(blocks[gate]), [-1]) for gate in gates]
    return tf.concat(found, 0)
