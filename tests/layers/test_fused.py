"""The fused loop of `keraseq.layers.RNN`: a kernel's numbers are those of the plain loop."""

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND

import keraseq
from keraseq.autodiff import gradients

ROWS, STEPS, FEATURES, UNITS = 5, 7, 3, 4
CELLS = ("lstm", "gru-after", "elman", "irnn") if BACKEND == "torch" else ("lstm",)
RIGHT = np.arange(STEPS)[None] < np.array([7, 1, 4, 0, 5])[:, None]
MASKS = {
    "none": None,
    "right": RIGHT,
    "short": RIGHT & (np.arange(STEPS) < 4),
    "left": RIGHT[:, ::-1].copy(),
    "gaps": np.random.default_rng(2).random((ROWS, STEPS)) > 0.5,
    "all padding": np.zeros_like(RIGHT),
}
WAYS = {
    "forwards": {"return_sequences": True},
    "backwards": {"return_sequences": True, "go_backwards": True, "zero_output_for_mask": True},
    "last": {"go_backwards": True},
    "pieces": {"return_sequences": True, "checkpoint_every": 3},
}
on_torch = pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's kernels")
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's kernels")
has_kernels = pytest.mark.skipif(BACKEND == "jax", reason="keraseq uses no kernel of JAX")


def cell_of(name, **options):
    cell = keraseq.cells.get(name, units=UNITS, trainable_initial_state=True, **options)
    cell.build((None, FEATURES))
    rng = np.random.default_rng(3)
    for weight in cell.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    return cell


def found(cell, loop, x, mask, **way):
    """Outputs, last states and every gradient."""
    layer = keraseq.layers.RNN(cell, return_state=True, loop=loop, dtype=cell.dtype_policy, **way)
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)

    def value(x):
        given = enumerate(layer(x, mask=mask, training=True), 1)
        return sum(keras.ops.sum(keras.ops.sin(w * one)) for w, one in given)

    by_input, by_weight = gradients(value, [x], cell.trainable_weights)
    assert layer.loop_taken == loop
    return [*map(keras.ops.convert_to_numpy, layer(x, mask=mask)), *by_input, *by_weight]


@on_torch
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CELLS)
def test_a_kernel_gives_what_the_plain_loop_gives(name, way, float64):
    """Values and gradients to 1e-10, whatever the mask; what stands under it may be NaN."""
    for bias in (True, False):
        cell = cell_of(name, use_bias=bias, dtype="float64")
        for mask in MASKS.values():
            x = np.random.default_rng(4).normal(size=(ROWS, STEPS, FEATURES))
            if mask is not None:
                x[~mask] = np.nan
            pairs = (found(cell, loop, x, mask, **WAYS[way]) for loop in ("plain", "fused"))
            for one, other in zip(*pairs, strict=True):
                np.testing.assert_allclose(one, other, atol=1e-10)


@has_kernels
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CELLS)
def test_a_kernel_in_float32(name, way):
    few = BACKEND == "torch" or way == "pieces"
    for mask in ("none", "right") if few else MASKS:
        mask = MASKS[mask]
        x = np.random.default_rng(4).normal(size=(ROWS, STEPS, FEATURES)).astype("float32")
        if mask is not None:
            x[~mask] = np.nan
        cell = cell_of(name, use_bias=way != "last")
        pairs = (found(cell, loop, x, mask, **WAYS[way]) for loop in ("plain", "fused"))
        for one, other in zip(*pairs, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5 * max(1, np.abs(other).max()))


@has_kernels
def test_auto_takes_a_kernel_with_what_it_knows():
    """Input dropout, both directions, given states, states kept between batches."""
    x = np.ones((2, STEPS, FEATURES), "float32")
    for name in CELLS:
        cell = keraseq.cells.get(name, units=UNITS, dropout=0.9, seed=1)
        layer = keraseq.layers.RNN(cell)
        dropped, whole = layer(x, training=True), layer(x)
        assert layer.loop_taken == "fused"
        assert not np.allclose(*map(keras.ops.convert_to_numpy, (dropped, whole)))
        both = keraseq.layers.Bidirectional(
            keraseq.layers.RNN(keraseq.cells.get(name, units=UNITS), return_sequences=True)
        )
        both(x)
        assert both.backward_layer.loop_taken == both.forward_layer.loop_taken == "fused"
    cell = keraseq.cells.get("lstm", units=UNITS)
    kept = keraseq.layers.RNN(cell, stateful=True, return_state=True)
    whole = keraseq.layers.RNN(cell, return_state=True, loop="plain")
    kept(x[:, :3])
    again = keraseq.layers.RNN(cell, return_state=True)
    _, *states = again(x[:, :3])
    expected = whole(x)
    for one, other, last in zip(
        kept(x[:, 3:]), again(x[:, 3:], initial_state=states), expected, strict=True
    ):
        for given in (one, other):
            np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (given, last)), atol=1e-6)


LACKING = {
    "peephole=True": ("lstm", {"peephole": True}),
    "forget_gate=False": ("lstm", {"forget_gate": False}),
    "projection=2": ("lstm", {"projection": 2}),
    "activation='relu'": ("gru-after", {"activation": "relu"}),
    "reset='before'": ("gru", {}),
    "layer_norm=True": ("elman", {"layer_norm": True}),
    "activation='gelu'": ("elman", {"activation": "gelu"}),
    "zoneout": ("lstm", {"zoneout": 0.1}),
    "recurrent_dropout": ("lstm", {"recurrent_dropout": 0.1}),
    "dtype='mixed_bfloat16'": ("lstm", {"dtype": "mixed_bfloat16"}),
    "there is no kernel for MUT1Cell": ("mut1", {}),
}


@pytest.mark.parametrize("lacks", LACKING)
def test_what_no_kernel_computes_is_refused_or_runs_otherwise(lacks, monkeypatch):
    name, options = LACKING[lacks]
    x = np.ones((2, STEPS, FEATURES), "float32")
    cell = keraseq.cells.get(name, units=UNITS, **options)
    refused = r"loop=.fused. cannot run here: .* Accepted here: .auto."
    with pytest.raises(ValueError, match=refused) as error:
        keraseq.layers.RNN(cell, loop="fused")(x, training=True)
    assert lacks in str(error.value)
    layer = keraseq.layers.RNN(cell)
    layer(x, training=True)
    assert layer.loop_taken != "fused"
    if BACKEND == "torch":
        assert lacks in layer.loop_reason
    monkeypatch.setenv("KERASEQ_LOOP", "fused")
    layer(x, training=True)
    assert layer.loop_taken != "fused"
    assert layer.loop_reason.startswith("KERASEQ_LOOP=fused, but ")
    assert lacks in layer.loop_reason


def test_recurrent_dropout_is_no_matter_where_nobody_trains():
    layer = keraseq.layers.RNN(keraseq.cells.get("lstm", units=UNITS, recurrent_dropout=0.5))
    layer(np.ones((2, STEPS, FEATURES), "float32"))
    assert (layer.loop_taken == "fused") == (BACKEND != "jax")


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX has no kernel")
def test_a_backend_without_kernels_runs_what_was_saved_with_one():
    layer = keraseq.layers.RNN(keraseq.cells.get("lstm", units=UNITS), loop="fused")
    layer(np.ones((2, STEPS, FEATURES), "float32"))
    assert layer.loop_taken == "plain"
    assert f"loop='fused', but keraseq uses no kernel of {BACKEND}" in layer.loop_reason


@on_torch
def test_explain_says_it():
    for cell, path in (("lstm", "fused kernel"), ("mut1", "deferred gradient")):
        model = keraseq.models.sequence_classifier(2, features=3, length=9, cell=cell, units=4)
        [found] = keraseq.inspection.explain(model)
        assert found.path == path
    assert "there is no kernel for MUT1Cell" in found.reason


@on_tensorflow
def test_a_fit_of_many_lengths_makes_no_loop_anew_and_compiles_none(monkeypatch):
    """One graph for the first batch, and one for all lengths."""
    from keraseq.layers.scan import tensorflow, tensorflow_fused

    made = []
    forward, compiled = tensorflow_fused.forward, len(tensorflow._shared)
    monkeypatch.setattr(tensorflow_fused, "forward", lambda *a: made.append(1) or forward(*a))
    layer = keraseq.layers.RNN(keraseq.cells.get("lstm", units=UNITS))
    inputs = keras.Input((None, FEATURES))
    model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    model.compile("sgd", "mse")
    made.clear()
    for steps in (5, 9, 3, 7, 4, 8):
        model.train_on_batch(np.ones((2, steps, FEATURES)), np.zeros((2, UNITS)))
    assert layer.loop_taken == "fused"
    assert len(made) <= 2
    assert len(tensorflow._shared) == compiled


@on_tensorflow
def test_where_tensorflow_has_no_kernel_another_loop_runs():
    x = np.ones((2, STEPS, FEATURES), "float32")
    for name, options in (("gru-after", {}), ("lstm", {"dtype": "float64"})):
        layer = keraseq.layers.RNN(
            keraseq.cells.get(name, units=UNITS, **options), loop="fused", **options
        )
        layer(x)
        assert layer.loop_taken == "plain"
        assert "but TensorFlow's kernel is an LSTM in float32" in layer.loop_reason
    layer = keraseq.layers.RNN(keraseq.cells.get("lstm", units=UNITS))
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), layer])
    model.compile("sgd", "mse", jit_compile=True)
    model.train_on_batch(x, np.zeros((2, UNITS)))
    assert layer.loop_taken == "compiled"
    assert layer.loop_reason.endswith("XLA compiles the model, and has no such kernel")


@on_tensorflow
def test_a_second_derivative_through_a_kernel_is_refused():
    import tensorflow as tf

    x = tf.ones((2, STEPS, FEATURES))
    layer = keraseq.layers.RNN(keraseq.cells.get("lstm", units=UNITS), loop="fused")
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(layer(x) ** 2)
        slope = tf.reduce_sum(inner.gradient(y, x) ** 2)
    with pytest.raises(ValueError, match="loop='plain'"):
        outer.gradient(slope, x)


def cudnn(input, input_h, input_c, params, sequence_lengths, rnn_mode, is_training):
    """`CudnnRNNV3` as NVIDIA documents it: the weights' layout, and each network's equations."""
    import tensorflow as tf

    steps, features, units = input.shape[0], input.shape[-1], input_h.shape[-1]
    gates = {"lstm": 4, "gru": 3}.get(rnn_mode, 1)
    sizes = [(units, features)] * gates + [(units, units)] * gates + [(units,)] * (2 * gates)
    pieces = tf.split(params, [int(np.prod(size)) for size in sizes])
    pieces = [tf.reshape(one, size) for one, size in zip(pieces, sizes, strict=True)]
    w, r, b_w, b_r = (pieces[i * gates : (i + 1) * gates] for i in range(4))
    assert is_training and min(sequence_lengths) > 0  # of 0 it says CUDNN_STATUS_BAD_PARAM
    h, c, outputs = input_h[0], input_c, []
    c = c[0] if rnn_mode == "lstm" else c
    for t in range(steps):
        x = [input[t] @ tf.transpose(one) + b for one, b in zip(w, b_w, strict=True)]
        u = [h @ tf.transpose(one) + b for one, b in zip(r, b_r, strict=True)]
        there, c_new = (t < sequence_lengths)[:, None], c
        if rnn_mode == "lstm":
            i, f, o = (tf.sigmoid(x[k] + u[k]) for k in (0, 1, 3))
            c_new = f * c + i * tf.tanh(x[2] + u[2])
            c = tf.where(there, c_new, c)
            h_new = o * tf.tanh(c_new)
        elif rnn_mode == "gru":
            reset, update = (tf.sigmoid(x[k] + u[k]) for k in (0, 1))
            h_new = (1 - update) * tf.tanh(x[2] + reset * u[2]) + update * h
        else:
            h_new = {"rnn_tanh": tf.tanh, "rnn_relu": tf.nn.relu}[rnn_mode](x[0] + u[0])
        h = tf.where(there, h_new, h)
        outputs.append(tf.where(there, h, tf.zeros_like(h)))
    return tf.stack(outputs), h[None], c[None], None, None


@pytest.fixture
def on_a_gpu(monkeypatch):
    """One is pretended: graphs can be made, not run."""
    from keraseq.layers.scan import tensorflow, tensorflow_cudnn

    for module in (tensorflow, tensorflow_cudnn):
        monkeypatch.setattr(module, "on_gpu", lambda: True)
    monkeypatch.setattr(tensorflow_cudnn, "has_cudnn", lambda: True)


@on_tensorflow
@pytest.mark.parametrize("name", ["lstm", "gru-after", "elman", "irnn"])
def test_cudnn_gets_the_weights_as_it_wants_them(name, on_a_gpu, float64, monkeypatch):
    """Values and gradients of its documented equations are the plain loop's."""
    import tensorflow as tf

    monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", cudnn)
    ways = {"gaps": "backwards", "none": "forwards", "left": "forwards", "right": "last"}
    for mask, way in list(ways.items())[: 4 if name in ("lstm", "gru-after") else 1]:
        mask = MASKS[mask]
        x = np.random.default_rng(4).normal(size=(ROWS, STEPS, FEATURES))
        if mask is not None:
            x[~mask] = np.nan
        cell = cell_of(name, use_bias=way != "last", dtype="float64")
        pairs = (found(cell, loop, x, mask, **WAYS[way]) for loop in ("plain", "fused"))
        for one, other in zip(*pairs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-10)


@on_tensorflow
def test_cudnn_runs_where_xla_would_wait(on_a_gpu):
    """Known steps are XLA's in training, several a round; open ones, eager and predictions not."""

    def told(name, steps, training=True, jit=False, **options):
        layer = keraseq.layers.RNN(keraseq.cells.get(name, units=UNITS), **options)
        model = keras.Sequential([keras.Input((steps, FEATURES)), keras.layers.Masking(), layer])
        model.compile("sgd", "mse", jit_compile=jit)
        [path] = keraseq.inspection.explain(model, training=training)
        return layer.supports_jit, path.path, path.reason

    xla, path, why = told("lstm", STEPS)
    assert xla and path == "compiled scan"
    assert why.endswith("(not measured here); 4 steps a round")
    assert told("lstm", STEPS, training=False)[:2] == (True, "fused kernel")
    _, path, why = told("lstm", STEPS, training=False, jit=True)
    assert path == "plain loop" and "has no such kernel; XLA compiles the whole model" in why
    assert told("gru-after", None)[:2] == (False, "fused kernel")
    assert told("mut1", None)[:2] == (True, "deferred gradient")
    assert told("lstm", None, loop="deferred")[:2] == (True, "deferred gradient")


@on_tensorflow
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_cudnn_has_a_gradient(dtype, on_a_gpu):
    """TensorFlow's own, of the real operation: the graph is made, which only a GPU can run."""
    import tensorflow as tf

    for name in ("lstm", "gru-after"):
        cell = keraseq.cells.get(name, units=UNITS, dtype=dtype)
        layer = keraseq.layers.RNN(cell, return_sequences=True, loop="fused", dtype=dtype)
        layer.build((None, None, FEATURES))

        def slopes(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(layer(x, mask=x[..., 0] > 0))
            return tape.gradient(y, [x, *(one.value for one in layer.trainable_weights)])

        shape = tf.TensorSpec((None, None, FEATURES), dtype)
        found = tf.function(slopes).get_concrete_function(shape).structured_outputs
        assert [str(one.dtype.name) for one in found] == [dtype] * 4
        assert layer.loop_taken == "fused"


@on_tensorflow
def test_a_gpu_of_another_maker_has_no_cudnn(on_a_gpu, monkeypatch):
    from keraseq.layers.scan import tensorflow_cudnn

    monkeypatch.setattr(tensorflow_cudnn, "has_cudnn", lambda: False)
    layer = keraseq.layers.RNN(keraseq.cells.get("lstm", units=UNITS), loop="fused")
    layer(np.ones((2, STEPS, FEATURES), "float32"))
    assert "but TensorFlow was not built for NVIDIA's GPUs" in layer.loop_reason
