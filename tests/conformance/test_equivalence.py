"""Equivalences: what must give the same numbers, without an oracle's help.

Implementations of others (Keras, PyTorch, TensorFlow Addons) and properties of our own.
"""

import keras
import numpy as np
import pytest
import torch
from keras import ops

import keraseq

from .cases import FEW, Case, named_weights, randomise
from .test_time import MASK, MASKS

X = np.arange(72.0, dtype="float32").reshape(3, 6, 4)  # of Keras' own tests
RNG = np.random.default_rng(11)


def run(layer, x, **call):
    found = layer(ops.convert_to_tensor(np.asarray(x, "float32")), **call)
    return keras.tree.map_structure(ops.convert_to_numpy, found)


def close(found, expected, tolerance=1e-6):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def random_layer(case, features=4, units=4, kind=keraseq.layers.RNN, **flags):
    layer = kind(case.cell(units), **flags)
    layer.build((None, 6, features))
    randomise(layer)
    return layer


def sequences(features=4, steps=6, batch=3):
    return RNG.normal(size=(batch, steps, features)).astype("float32")


# Keras.

KERAS = {
    "SimpleRNN": ("elman", {}, keras.layers.SimpleRNN, {}),
    "LSTM": ("lstm", {}, keras.layers.LSTM, {}),
    "GRU-after": ("gru-after", {}, keras.layers.GRU, {}),
    "GRU-before": ("gru", {}, keras.layers.GRU, {"reset_after": False}),
    "LSTM-no-bias": ("lstm", {"use_bias": False}, keras.layers.LSTM, {"use_bias": False}),
    "GRU-no-bias": ("gru-after", {"use_bias": False}, keras.layers.GRU, {"use_bias": False}),
}


@pytest.mark.parametrize("flags", [{}, {"go_backwards": True}, {"return_sequences": True}], ids=str)
@pytest.mark.parametrize("name", KERAS)
def test_keras_layer_takes_our_weights(name, flags):
    ours, options, kind, keras_options = KERAS[name]
    layer = random_layer(Case(ours, options), 3, 5, return_state=True, **flags)
    theirs = kind(5, return_state=True, **flags, **keras_options)
    x = sequences(3)
    theirs.build(x.shape)
    theirs.set_weights(layer.cell.get_weights())
    for one, two in zip(run(layer, x), run(theirs, x), strict=True):
        close(one, two)
    layer.cell.set_weights(theirs.get_weights())


CONSTANT = {
    "kernel_initializer": keras.initializers.Constant(0.01),
    "recurrent_initializer": keras.initializers.Constant(0.02),
    "bias_initializer": keras.initializers.Constant(0.03),
}
VECTORS = [  # keras/src/layers/rnn/*_test.py, and the MUT cells' own: cell, options, flags, numbers
    ("lstm", {}, {}, [0.6288687, 0.86899155, 0.9460773]),
    ("lstm", {}, {"go_backwards": True}, [0.35622165, 0.74789524, 0.8872726]),
    ("lstm", {}, {"unroll": True}, [0.6288687, 0.86899155, 0.9460773]),
    ("lstm", {"forget_bias": 0.03}, {}, [0.57019705, 0.8661914, 0.9459622]),
    ("lstm", {"use_bias": False}, {}, [0.54986924, 0.86226785, 0.9443936]),
    ("gru", {}, {}, [0.51447755, 0.6426879, 0.40208298]),
    ("mut1", {"input_projection": "learned"}, {}, [0.60163747, 0.76769573, 0.78824008]),
    ("mut2", {"input_projection": "learned"}, {}, [0.68074263, 0.95343163, 0.99339952]),
    ("mut3", {}, {}, [0.68061783, 0.95339484, 0.99339741]),
]


@pytest.mark.parametrize(("name", "options", "flags", "expected"), VECTORS)
def test_published_vectors(name, options, flags, expected):
    cell = keraseq.cells.get(name, 3, **{**CONSTANT, **options})
    close(run(keraseq.layers.RNN(cell, **flags), X), np.repeat(np.c_[expected], 3, axis=1), 1e-5)


AFTER = [
    ({}, {}, [0.5217289, 0.6371659, 0.39384964]),
    ({}, {"go_backwards": True}, [0.24406259, 0.611516, 0.3928808]),
    ({"use_bias": False}, {}, [0.49988455, 0.64701194, 0.4103359]),
]


@pytest.mark.parametrize(("options", "flags", "expected"), AFTER)
def test_published_vectors_of_gru_after(options, flags, expected):
    """Both biases are constants there; ours draws the input's alone."""
    cell = keraseq.cells.get("gru-after", 3, **{**CONSTANT, **options})
    layer = keraseq.layers.RNN(cell, **flags)
    layer.build(X.shape)
    if cell.use_bias:
        cell.bias.assign(np.full((2, 9), 0.03))
    close(run(layer, X), np.repeat(np.c_[expected], 3, axis=1), 1e-5)


def test_published_vectors_under_a_mask():
    x = np.arange(24.0).reshape(2, 4, 3)
    mask = ops.convert_to_tensor([[True, True, True, False], [True, True, False, False]])
    cell = keraseq.cells.get("lstm", 2, **CONSTANT)
    first, second = run(keraseq.layers.RNN(cell, return_sequences=True), x, mask=mask)
    close(first[:, 0], [0.01588910, 0.05552048, 0.11755939, 0.11755939], 1e-5)
    close(second[:, 0], [0.14185596, 0.28556206, 0.28556206, 0.28556206], 1e-5)
    silent = keraseq.layers.RNN(cell, return_sequences=True, zero_output_for_mask=True)
    first, second = run(silent, x, mask=mask)
    close(first[:, 0], [0.01588910, 0.05552048, 0.11755939, 0.0], 1e-5)
    close(second[:, 0], [0.14185596, 0.28556206, 0.0, 0.0], 1e-5)
    mask = ops.convert_to_tensor([[False, True, True, True], [False, False, True, True]])
    last = run(keraseq.layers.RNN(cell, go_backwards=True), x, mask=mask)
    close(last[:, 0], [0.15341201, 0.3844719], 1e-5)


# PyTorch and TensorFlow Addons.


def columns(array, order):
    parts = np.split(array.detach().numpy(), len(order), axis=0)
    return np.concatenate([parts[index] for index in order], axis=0).T


@pytest.mark.parametrize(
    ("name", "module", "order"),
    [
        ("elman", torch.nn.RNN, [0]),
        ("lstm", torch.nn.LSTM, [0, 1, 2, 3]),
        ("gru-after", torch.nn.GRU, [1, 0, 2]),
    ],
)
def test_pytorch_weights_ported(name, module, order):
    torch.manual_seed(2)
    theirs = module(3, 5, batch_first=True, bidirectional=True)
    x = sequences(3)
    layer = keraseq.layers.Bidirectional(
        keraseq.layers.RNN(keraseq.cells.get(name, 5), return_sequences=True)
    )
    layer.build(x.shape)
    for own, suffix in ((layer.forward_layer, ""), (layer.backward_layer, "_reverse")):
        kernel, recurrent, b_in, b_rec = (
            columns(getattr(theirs, f"{part}_l0{suffix}"), order)
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        bias = np.stack([b_in, b_rec]) if name == "gru-after" else b_in + b_rec
        own.cell.set_weights([kernel, recurrent, bias])
    with torch.no_grad():
        expected, _ = theirs(torch.tensor(x))
    close(run(layer, x), expected.numpy())


def test_tensorflow_addons():
    """It carries LN(c). Its epsilon is 1e-12, ours 1e-5: with two units that moves it by 0.4 %."""
    half = keras.initializers.Constant(0.5)
    cell = keraseq.cells.LSTMCell(
        2,
        kernel_initializer=half,
        recurrent_initializer=half,
        bias_initializer=dict.fromkeys(("input", "candidate", "output"), 0.5),
        layer_norm=True,
    )
    states = [np.array([[0.2, 0.3]], "float32"), np.array([[0.0, 0.1]], "float32")]
    h, [_, c] = cell(ops.ones((1, 3)), [ops.convert_to_tensor(one) for one in states])
    close(ops.convert_to_numpy(h), [[-0.47406167, 0.47406143]], 5e-3)
    close(ops.convert_to_numpy(cell.normalised(c)), [[-1.0, 1.0]], 5e-3)


# Our own.


def copied(case, weights, units=4, **options):
    """The cell of `case`, with those of the weights given that it has."""
    cell = case.cell(units, **options)
    cell.build((None, 4))
    for weight in cell.weights:
        weight.assign(weights[weight.name])
    return cell


def test_mut2_learned_is_a_gru_with_its_update_gate_negated():
    layer = random_layer(Case("mut2", {"input_projection": "learned"}))
    weights = named_weights(layer.cell)
    for array in weights.values():
        array[..., :4] *= -1.0  # z, the first block
    gru = copied(Case("gru", {}), weights)
    assert layer.count_params() == gru.count_params()
    x = sequences()
    close(run(layer, x), run(keraseq.layers.RNN(gru), x))


def test_peepholes_of_zero():
    layer = random_layer(Case("lstm-peephole", {}))
    layer.cell.peephole_kernel.assign(np.zeros(12))
    other = copied(Case("lstm", {}), named_weights(layer.cell))
    x = sequences()
    close(run(layer, x), run(keraseq.layers.RNN(other), x))


@pytest.mark.parametrize("case", FEW, ids=str)
def test_zoneout_of_zero(case):
    layer = random_layer(Case(case.name, {"zoneout": 0.0}))
    other = copied(case, named_weights(layer.cell))
    x = sequences()
    for training in (False, True):
        found = run(layer, x, training=training)
        np.testing.assert_array_equal(found, run(keraseq.layers.RNN(other), x))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", FEW, ids=str)
def test_zoneout_of_one_keeps_the_initial_state(case, training):
    layer = random_layer(Case(case.name, {"zoneout": 1.0}), return_state=True)
    start = [RNG.normal(size=(3, size)).astype("float32") for size in case.state_sizes(4)]
    given = [ops.convert_to_tensor(one) for one in start]
    output, *states = run(layer, sequences(), initial_state=given, training=training)
    if case.name != "lru":  # whose output is made from its state
        np.testing.assert_array_equal(output, start[0])
    if case.name == "slstm":  # c and n may come at another scale m: c exp(m), n exp(m) are kept
        for kept in (states, start):
            kept[1:] = [kept[1] * np.exp(kept[3]), kept[2] * np.exp(kept[3])]
        np.testing.assert_allclose(states[1:], start[1:], rtol=1e-5)
        states, start = states[:1], start[:1]
    for one, before in zip(states, start, strict=True):
        np.testing.assert_array_equal(one, before)


def test_layer_norm_without_variance_is_its_bias():
    """A product whose columns are equal is normalised to zero, whatever its size."""
    cell = keraseq.cells.ElmanCell(4, layer_norm=True)
    cell.build((None, 3))
    bias = np.array([0.1, 0.2, 0.3, 0.4])
    cell.set_weights([np.ones((3, 4)), np.ones((4, 4)), bias, np.ones(4), np.ones(4)])
    h, _ = cell(ops.convert_to_tensor(sequences(3)[:, 0]), [ops.ones((3, 4))])
    close(ops.convert_to_numpy(h), np.tanh([bias] * 3), 1e-4)


def test_rhn_of_depth_one_is_ugrnn_with_its_gate_negated():
    """One highway layer is a coupled gate: g . t + s . (1 - t)."""
    layer = random_layer(Case("rhn", {"depth": 1}))
    weights = named_weights(layer.cell)
    swapped = {}
    for name, array in weights.items():
        candidate, transform = np.split(array, 2, axis=-1)
        swapped[name] = np.concatenate([-transform, candidate], axis=-1)
    other = copied(Case("ugrnn", {"forget_bias": 0.0}), swapped)
    x = sequences()
    close(run(layer, x), run(keraseq.layers.RNN(other), x))


def test_janet_without_beta_is_mgu_like_coupling():
    """beta = 0 couples the gates: JANET is then UGRNN with the same blocks."""
    layer = random_layer(Case("janet", {"beta": 0.0}))
    other = copied(Case("ugrnn", {"forget_bias": 0.0}), named_weights(layer.cell))
    x = sequences()
    close(run(layer, x), run(keraseq.layers.RNN(other), x))


def test_coupled_lstm_is_an_lstm_with_opposite_gates():
    layer = random_layer(Case("lstm-coupled", {}))
    weights = named_weights(layer.cell)
    opposite = {
        name: np.concatenate([-array[..., :4], array], axis=-1) for name, array in weights.items()
    }
    x = sequences()
    close(run(layer, x), run(keraseq.layers.RNN(copied(Case("lstm", {}), opposite)), x))


def test_identity_projection_is_a_projection_that_does_nothing():
    layer = random_layer(Case("lstm", {}))
    weights = {**named_weights(layer.cell), "projection_kernel": np.eye(4)}
    x = sequences()
    close(
        run(layer, x), run(keraseq.layers.RNN(copied(Case("lstm", {"projection": 4}), weights)), x)
    )


@pytest.mark.parametrize("name", ["mut1", "mut2"])
def test_fixed_projection_by_the_identity_is_the_paper(name):
    layer = random_layer(Case(name, {"input_projection": "identity"}))
    weights = {**named_weights(layer.cell), "input_matrix": np.eye(4)}
    other = copied(Case(name, {"input_projection": "fixed"}), weights)
    x = sequences()
    close(run(layer, x), run(keraseq.layers.RNN(other), x))


@pytest.mark.parametrize("case", FEW, ids=str)
def test_padding_is_no_data(case):
    """A row under its mask gives what the same row gives without its padding."""
    layer = random_layer(case, return_state=True)
    x = sequences(batch=len(MASK))
    found = run(layer, x, mask=ops.convert_to_tensor(MASK))
    for row, kind in enumerate(MASKS):
        if kind in ("left", "right"):
            alone = run(layer, x[row : row + 1, MASK[row]])
            for one, two in zip(found, alone, strict=True):
                close(one[row : row + 1], two)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_bidirectional_is_a_flip(name):
    layer = keraseq.layers.Bidirectional(
        random_layer(Case(name, {}), return_sequences=True, return_state=True)
    )
    layer.build((None, 6, 4))
    randomise(layer)
    x = sequences()
    found, *states = run(layer, x)
    forward, *after = run(layer.forward_layer, x)
    other = keraseq.layers.RNN(layer.backward_layer.cell, return_sequences=True, return_state=True)
    backward, *before = run(other, x[:, ::-1].copy())
    close(found, np.concatenate([forward, backward[:, ::-1]], axis=-1))
    for one, two in zip(states, [*after, *before], strict=True):
        close(one, two)


@pytest.mark.parametrize("case", FEW, ids=str)
def test_unrolled_and_per_step_are_the_loop(case):
    """The hoisted projection and the loop change no number against one call a step."""
    layer = random_layer(case, return_sequences=True)
    x = sequences()
    looped = run(layer, x)
    if case.name in ("gru", "lstm", "mut1"):
        close(looped, run(keraseq.layers.RNN(layer.cell, return_sequences=True, unroll=True), x))
    states = layer.cell.get_initial_state(len(x))
    for t in range(x.shape[1]):
        output, states = layer.cell(ops.convert_to_tensor(x[:, t]), states)
        close(looped[:, t], ops.convert_to_numpy(output))


def test_a_stack_is_its_layers_one_after_the_other():
    cells = {"lstm": 5, "mut1": 3}
    for name, units in cells.items():
        tower = keraseq.layers.stack(name, [4, units], return_sequences=True)
        tower.build((None, 6, 4))
        randomise(tower)
        x = sequences()
        single = x
        for rnn in tower.rnns:
            single = run(keraseq.layers.RNN(rnn.cell, return_sequences=True), single)
        close(run(tower, x), single)
        both = keras.layers.StackedRNNCells([rnn.cell for rnn in tower.rnns])
        close(run(keraseq.layers.RNN(both, return_sequences=True), x), single)


def test_chrono_gates_mirror_each_other():
    """b_f = log u with u in [1, T - 1], and b_i = -b_f."""
    for seed in (None, 3):
        cell = keraseq.cells.LSTMCell(64, chrono=20, seed=seed)
        cell.build((None, 2))
        b_i, b_f = np.split(ops.convert_to_numpy(cell.bias), 4)[:2]
        np.testing.assert_array_equal(b_i, -b_f)
        assert b_f.min() >= 0 and b_f.max() <= np.log(19) and b_f.max() > np.log(10)
