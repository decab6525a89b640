"""The loops of `keraseq.layers.RNN` (plain, deferred, compiled) give the same numbers."""

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND, gradients

import keraseq

STEPS, FEATURES, UNITS = 5, 3, 4
MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 0, 0], [1, 0, 0, 1, 1], [0, 0, 0, 0, 0]], bool)
LOOPS = ("deferred", "compiled") if BACKEND == "tensorflow" else ("deferred",)


def layers_with_the_same_cell(name, options, **time):
    cell = keraseq.cells.get(name, units=UNITS, **options)
    layers = {}
    for loop in ("plain", *LOOPS):
        layers[loop] = keraseq.layers.RNN(cell, return_state=True, loop=loop, **time)
        layers[loop].build((len(MASK), STEPS, FEATURES))
    rng = np.random.default_rng(3)
    for weight in cell.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    return layers


def gradients_of(layer, x, mask, compiled=False):
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)

    def value(x):
        return sum(keras.ops.sum(keras.ops.sin(one)) for one in layer(x, mask=mask))

    by_input, by_weight = gradients(value, [x], layer.cell.trainable_weights, compiled)
    return [*by_input, *by_weight]


def agree(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * max(1, np.abs(other).max()))


@pytest.mark.parametrize("options", [{}, {"layer_norm": True, "zoneout": 0.2}], ids=["", "norm"])
@pytest.mark.parametrize("name", keraseq.cells.names())
def test_deferred_gradients_are_the_plain_ones(name, options):
    options = options | {"trainable_initial_state": True}
    x = np.random.default_rng(4).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    for mask, time in (
        (MASK, {"return_sequences": True}),
        (None, {"go_backwards": True}),
    ):
        layers = layers_with_the_same_cell(name, options, **time)
        expected = gradients_of(layers["plain"], x, mask)
        agree(gradients_of(layers["deferred"], x, mask), expected)
        assert layers["deferred"].loop_taken == "deferred"


@pytest.mark.skipif(BACKEND != "tensorflow", reason="XLA is a choice on TensorFlow alone")
@pytest.mark.parametrize("whole", [False, True], ids=["eager around", "compiled around"])
@pytest.mark.parametrize("name", ["lstm-peephole", "gru", "mut1", "rhn"])
def test_the_loop_compiles_on_its_own(name, whole):
    x = np.random.default_rng(4).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    layers = layers_with_the_same_cell(name, {"recurrent_dropout": 0.0}, return_sequences=True)
    expected = gradients_of(layers["plain"], x, MASK)
    agree(gradients_of(layers["compiled"], x, MASK, compiled=whole), expected)


@pytest.mark.parametrize("loop", LOOPS)
def test_dropout_reaches_every_loop(loop):
    """With a rate near 1 hardly anything is left of the recurrence."""
    x = np.ones((64, STEPS, FEATURES), "float32")
    cell = keraseq.cells.get("elman", units=UNITS, recurrent_dropout=0.99, use_bias=False)
    layer = keraseq.layers.RNN(cell, loop=loop)
    dropped = keras.ops.convert_to_numpy(layer(x, training=True))
    alone = np.tanh(x[:, 0] @ keras.ops.convert_to_numpy(cell.kernel))
    assert np.mean(np.isclose(dropped, alone, atol=1e-6)) > 0.9
    assert not np.allclose(keras.ops.convert_to_numpy(layer(x)), alone)


def test_what_auto_takes(monkeypatch):
    x = np.ones((2, STEPS, FEATURES), "float32")
    layer = keraseq.layers.RNN(keraseq.cells.get("gru", units=UNITS))
    layer(x)
    assert layer.loop_taken == {"tensorflow": "plain"}.get(BACKEND, "deferred")
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.zeros((2, UNITS)))
    assert layer.loop_taken == {"tensorflow": "compiled"}.get(BACKEND, "deferred")
    monkeypatch.setenv("KERASEQ_LOOP", "plain")
    layer(x)
    assert layer.loop_taken == "plain"
    foreign = keraseq.layers.RNN(keras.layers.GRUCell(UNITS))
    foreign(x)
    assert foreign.loop_taken == "plain"


def test_a_second_derivative_is_refused_or_right():
    """Silently wrong is what it must not be."""
    if BACKEND != "tensorflow":
        pytest.skip("JAX differentiates the backward loop again, PyTorch refuses by itself")
    import tensorflow as tf

    x = tf.ones((2, STEPS, FEATURES))
    layer = keraseq.layers.RNN(keraseq.cells.get("gru", units=UNITS), loop="deferred")
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(layer(x) ** 2)
        slope = tf.reduce_sum(inner.gradient(y, x) ** 2)
    with pytest.raises(ValueError, match="loop='plain'"):
        outer.gradient(slope, x)
