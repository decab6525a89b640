"""The loops of `keraseq.layers.RNN` (plain, deferred, compiled) give the same numbers."""

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND
from conformance.cases import FEW

import keraseq
from keraseq.autodiff import gradients

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
@pytest.mark.parametrize("name", [row.name for row in FEW])
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


class AddingCell(keraseq.cells.Cell):
    """Adds to its product one after the other what has its shape, and what must be broadcast."""

    gates = ("hidden",)

    def build_weights(self, features):
        super().build_weights(features)
        shapes = [(UNITS,), (1, UNITS), (len(MASK), 1), (len(MASK), UNITS)]
        self.terms = [self.add_weight(shape=one, name=f"term_{one}") for one in shapes]

    def step(self, projected, states):
        [h] = states
        for term in (*self.terms, 0.0, projected):
            h = keras.ops.tanh(self.recurrent(h, "hidden", add=term))
        return h, [h]


def test_deferred_gradients_of_what_a_product_is_added_to():
    x = np.random.default_rng(4).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    layers = layers_with_the_same_cell(AddingCell, {})
    expected = gradients_of(layers["plain"], x, None)
    for loop in LOOPS:
        agree(gradients_of(layers[loop], x, None), expected)
        assert layers[loop].loop_taken == loop


def test_recurrent_gives_a_tensor_for_each_block_and_adds():
    for options in ({}, {"layer_norm": True}, {"dtype": "mixed_bfloat16"}):
        cell = keraseq.cells.get("mgu", units=UNITS, **options)
        cell.build((None, FEATURES))
        rng = np.random.default_rng(5)
        h, add = (rng.normal(size=(2, n)).astype("float32") for n in (UNITS, 2 * UNITS))
        h, add = keras.ops.convert_to_tensor(h), keras.ops.convert_to_tensor(add)
        products = cell.recurrent(h, *cell.gates)
        sums = cell.recurrent(h, *cell.gates, add=add)
        for found, product, term in zip(sums, products, keras.ops.split(add, 2, -1), strict=True):
            agree([keras.ops.convert_to_numpy(found)], [keras.ops.convert_to_numpy(product + term)])
        assert len(sums) == 2 and sums[0].shape == (2, UNITS)
        assert cell.recurrent(h, "forget").shape == cell.recurrent(h, "forget", add=1.0).shape


RIGHT_PADDED = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
WAYS = {
    "unroll": {"unroll": 2},
    "unroll backwards": {"unroll": 3, "go_backwards": True},
    "checkpoints": {"checkpoint_every": 2},
    "checkpoints backwards": {"checkpoint_every": 3, "go_backwards": True},
    "silent": {"zero_output_for_mask": True},
    "backwards": {"go_backwards": True},
    "all": {"unroll": 2, "checkpoint_every": 3, "zero_output_for_mask": True},
}
MASKS = {
    "none": None,
    "gaps": MASK,
    "right": RIGHT_PADDED,
    "left": RIGHT_PADDED[:, ::-1].copy(),
    "middle": np.array([[1, 1, 0, 0, 1]] * len(MASK), bool),  # nothing at the begin of a piece
    "all padding": np.zeros_like(MASK),
}


# Every mask with the plain ways, and one mask with every other way.
CASES = [(way, mask) for way in ("silent", "backwards") for mask in MASKS]
CASES += [(way, "right") for way in WAYS if way not in ("silent", "backwards")]
CASES += [(way, "middle") for way in ("checkpoints", "checkpoints backwards")]


def one_step_after_the_other(layer, x, mask):
    """What a layer must give: outputs and last states, from its cell alone."""
    states = layer.cell.get_initial_state(len(x))
    output = keras.ops.zeros((len(x), UNITS))
    outputs = []
    for t in reversed(range(STEPS)) if layer.go_backwards else range(STEPS):
        emitted, new = layer.cell(x[:, t], states)
        valid = keras.ops.convert_to_tensor(mask[:, t, None])
        states = [keras.ops.where(valid, n, s) for n, s in zip(new, states, strict=True)]
        output = keras.ops.where(valid, emitted, output)
        silent = layer.zero_output_for_mask
        outputs.append(keras.ops.where(valid, emitted, 0.0) if silent else output)
    return [keras.ops.stack(outputs, axis=1), *states]


@pytest.mark.parametrize("loop", ["plain", *LOOPS])
@pytest.mark.parametrize(("way", "mask"), CASES)
def test_every_way_to_run_gives_the_same(way, mask, loop):
    """Values and gradients, however long the padding is and in whatever pieces it runs."""
    way, mask = WAYS[way], MASKS[mask]
    cell = keraseq.cells.get("gru", units=UNITS, reset="before")
    layer = keraseq.layers.RNN(cell, return_sequences=True, return_state=True, loop=loop, **way)
    layer.build((len(MASK), STEPS, FEATURES))
    x = np.random.default_rng(4).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    given = None if mask is None else keras.ops.convert_to_tensor(mask)
    mask = np.ones_like(MASK) if mask is None else mask

    def score(found):
        weights = range(1, len(found) + 1)
        return sum(w * keras.ops.sum(keras.ops.sin(y)) for w, y in zip(weights, found, strict=True))

    def by_layer(x):
        return score(layer(x, mask=given, training=True))

    def by_steps(x):
        return score(one_step_after_the_other(layer, x, mask))

    found = layer(x, mask=given, training=True)
    for one, other in zip(found, one_step_after_the_other(layer, x, mask), strict=True):
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (one, other)), atol=1e-6)
    found = gradients(by_layer, [x], cell.trainable_weights)
    expected = gradients(by_steps, [x], cell.trainable_weights)
    for one, other in zip(found, expected, strict=True):
        agree(one, other)


def test_a_stack_of_one_cell_trains():
    cells = keras.layers.StackedRNNCells([keraseq.cells.get("lstm", units=UNITS)])
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, keraseq.layers.RNN(cells)(inputs))
    model.compile("sgd", "mse")
    x = np.ones((2, STEPS, FEATURES), "float32")
    assert np.isfinite(model.train_on_batch(x, np.zeros((2, UNITS))))


@pytest.mark.parametrize("return_sequences", [False, True])
def test_pieces_train_in_fit(return_sequences):
    """The same weights after a step as without pieces, in a graph, with and without a mask."""
    x = np.random.default_rng(4).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    x[0, 3:] = 0.0
    for masking in (False, True):
        after = []
        for pieces in (None, 2):
            keras.utils.set_random_seed(1)
            cell = keraseq.cells.get("gru", units=UNITS)
            layer = keraseq.layers.RNN(
                cell, return_sequences=return_sequences, checkpoint_every=pieces
            )
            inputs = keras.Input((STEPS, FEATURES))
            model = keras.Model(
                inputs, layer(keras.layers.Masking()(inputs) if masking else inputs)
            )
            model.compile("sgd", "mse")
            model.fit(x, np.ones((len(x), *model.output_shape[1:])), batch_size=len(x), verbose=0)
            after.append([keras.ops.convert_to_numpy(one) for one in model.weights])
        agree(*after)


def test_padding_costs_no_steps():
    """Steps that are padding in every row do not run."""
    runs = []

    class Counted(keraseq.cells.ElmanCell):
        def step(self, projected, states):
            runs.append(1)
            return super().step(projected, states)

    layer = keraseq.layers.RNN(Counted(UNITS), loop="plain")
    mask = keras.ops.convert_to_tensor(RIGHT_PADDED)
    x = np.ones((len(MASK), STEPS, FEATURES), "float32")
    layer(x, mask=mask)
    runs.clear()
    layer(x, mask=mask)
    if BACKEND == "jax":  # traced once for the plan, once for the loop
        pytest.skip("JAX traces its loops: nothing to count")
    assert len(runs) == 3


def test_ways_to_run_are_checked_and_saved():
    cell = keraseq.cells.get("gru", units=UNITS)
    layer = keraseq.layers.RNN(cell, unroll=4, checkpoint_every=16)
    again = keraseq.layers.RNN.from_config(layer.get_config())
    assert (again.unroll, again.checkpoint_every) == (4, 16)
    with pytest.raises(ValueError, match="unroll must be a positive integer; received unroll=0"):
        keraseq.layers.RNN(cell, unroll=0)
    with pytest.raises(ValueError, match="checkpoint_every must be a positive integer"):
        keraseq.layers.RNN(cell, checkpoint_every=0)


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
    assert layer.loop_taken == ("deferred" if BACKEND == "torch" else "plain")
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.zeros((2, UNITS)))
    expected = {"tensorflow": "compiled", "torch": "deferred", "jax": "plain"}  # on a CPU
    assert layer.loop_taken == expected[BACKEND]
    monkeypatch.setenv("KERASEQ_LOOP", "plain")
    layer(x)
    assert (layer.loop_taken, layer.loop_reason) == ("plain", "KERASEQ_LOOP=plain")
    foreign = keraseq.layers.RNN(keras.layers.GRUCell(UNITS))
    foreign(x)
    assert foreign.loop_taken == "plain"


def test_the_choice_follows_what_was_measured(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(keraseq.layers.scan, "loop_of_backend", lambda: InGraph)

    def chosen(loop="auto", **facts):
        known = {"length": 9, "training": True, "unroll": False, "states": 1, "size": 64 * 512}
        known |= {"width": 256, "products": [("float32", 512)]} | facts
        products = known.pop("products")
        known.setdefault("kernel", keraseq.layers.scan.Kernel(None, "none"))
        told = products and (lambda: products)
        return keraseq.layers.scan.choose(loop, **known, products=told).loop

    assert chosen() == "compiled"
    assert chosen(training=False) == "plain"
    assert chosen(length=None) == "deferred"
    assert chosen(size=64 * 256) == "deferred"
    assert chosen(size=64 * 256, states=2) == "compiled"
    assert chosen(size=64 * 256, products=[("float32", 256)]) == "plain"
    assert chosen(products=[("bfloat16", 512)]) == "deferred"
    assert chosen(products=None) == "plain"
    assert chosen(unroll=True) == "plain"
    assert chosen("plain") == "plain"


class InGraph:
    in_graph = staticmethod(lambda: True)
    on_gpu = staticmethod(lambda: False)


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


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX on a GPU, which is pretended")
def test_a_gpu_gets_several_steps_a_round(monkeypatch):
    from keraseq.layers.scan import jax as loops

    monkeypatch.setattr(loops, "on_cpu", lambda: False)
    x = np.random.default_rng(4).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    layers = layers_with_the_same_cell("gru", {}, return_sequences=True)
    expected = gradients_of(layers["plain"], x, MASK)
    agree(gradients_of(layers["deferred"], x, MASK), expected)
    assert layers["deferred"].loop_reason == "loop='deferred'; 4 steps a round"
    own = keraseq.layers.RNN(layers["plain"].cell, unroll=2)
    own(x)
    assert own.loop_taken == "deferred" and "round" not in own.loop_reason
