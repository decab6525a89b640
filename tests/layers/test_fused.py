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
    for mask in MASKS if BACKEND == "tensorflow" else ("none", "right"):
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
