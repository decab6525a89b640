"""The oracles themselves, against implementations and numbers that others have published."""

import keras
import numpy as np
import pytest
import torch

from oracles import ORACLES
from oracles.parts import layer_norm
from oracles.time import run

# keras/src/layers/rnn/*_test.py: constant weights, the last output of every unit, float32 digits.
KERAS_X = np.arange(72.0).reshape(3, 6, 4)
BEFORE = [0.51447755, 0.6426879, 0.40208298]


def constant(units, blocks, *, features=4, recurrent=None, bias=0.03):
    return {
        "kernel": np.full((features, blocks * units), 0.01),
        "recurrent_kernel": np.full((units, (recurrent or blocks) * units), 0.02),
        "bias": np.full((blocks * units,), bias),
    }


def last_output(name, weights, x, states, **options):
    cell = ORACLES[name]
    _, last, _ = run(lambda x_t, s: cell(weights, x_t, s, **options), x, states)
    return last


def forget_bias_added(weights, units):
    bias = weights["bias"].copy()
    bias[units : 2 * units] = 1.0
    return {**weights, "bias": bias}


@pytest.mark.parametrize(
    ("name", "weights", "options", "expected"),
    [
        pytest.param(
            "LSTMCell",
            forget_bias_added(constant(3, 4), 3),
            {},
            [0.6288687, 0.86899155, 0.9460773],
            id="lstm",
        ),
        pytest.param(
            "LSTMCell", constant(3, 4), {}, [0.57019705, 0.8661914, 0.9459622], id="lstm-no-forget"
        ),
        pytest.param("GRUCell", constant(3, 3), {}, BEFORE, id="gru-before"),
        pytest.param(
            "GRUCell",
            {**constant(3, 3), "bias": np.full((2, 9), 0.03)},
            {"reset": "after"},
            [0.5217289, 0.6371659, 0.39384964],
            id="gru-after",
        ),
        # The learned form of the MUT cells, computed apart from this repository.
        pytest.param(
            "MUT1Cell",
            constant(3, 3, recurrent=2),
            {"input_projection": "learned"},
            [0.60163747, 0.76769573, 0.78824008],
            id="mut1",
        ),
        pytest.param(
            "MUT2Cell",
            constant(3, 3),
            {"input_projection": "learned"},
            [0.68074263, 0.95343163, 0.99339952],
            id="mut2",
        ),
        pytest.param(
            "MUT3Cell", constant(3, 3), {}, [0.68061783, 0.95339484, 0.99339741], id="mut3"
        ),
    ],
)
def test_published_vectors(name, weights, options, expected):
    size = 2 if name == "LSTMCell" else 1
    states = [np.zeros((3, 3))] * size
    last = last_output(name, weights, KERAS_X, states, **options)
    np.testing.assert_allclose(last, np.repeat(np.c_[expected], 3, axis=1), rtol=0, atol=2e-7)


KERAS_LAYERS = {
    "SimpleRNN": (keras.layers.SimpleRNN, {}, "ElmanCell", {}),
    "SimpleRNN-relu": (
        keras.layers.SimpleRNN,
        {"activation": "relu"},
        "ElmanCell",
        {"activation": "relu"},
    ),
    "LSTM": (keras.layers.LSTM, {}, "LSTMCell", {}),
    "LSTM-softsign": (
        keras.layers.LSTM,
        {"activation": "softsign", "recurrent_activation": "tanh"},
        "LSTMCell",
        {"activation": "softsign", "recurrent_activation": "tanh"},
    ),
    "GRU-before": (keras.layers.GRU, {"reset_after": False}, "GRUCell", {}),
    "GRU-softsign": (
        keras.layers.GRU,
        {"activation": "softsign", "recurrent_activation": "tanh"},
        "GRUCell",
        {"reset": "after", "activation": "softsign", "recurrent_activation": "tanh"},
    ),
    "GRU-after": (keras.layers.GRU, {}, "GRUCell", {"reset": "after"}),
}


@pytest.mark.parametrize("name", KERAS_LAYERS)
def test_keras(name, float64):
    layer_class, keras_options, oracle, options = KERAS_LAYERS[name]
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 6, 3))
    layer = layer_class(5, dtype="float64", **keras_options)
    layer.build(x.shape)
    weights = [rng.normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    count = 2 if oracle == "LSTMCell" else 1
    states = [rng.normal(size=(2, 5)) for _ in range(count)]
    named = dict(zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True))
    expected = keras.ops.convert_to_numpy(layer(x, initial_state=states))
    last = last_output(oracle, named, x, states, **options)
    np.testing.assert_allclose(last, expected, rtol=0, atol=1e-13)


def columns(array, order):
    """PyTorch's stacked rows -> the oracle's columns; `order` says where each block lies."""
    parts = np.split(array.detach().numpy(), len(order), axis=0)
    return np.concatenate([parts[index] for index in order], axis=0).T


@pytest.mark.parametrize(
    ("module", "oracle", "order"),
    [
        pytest.param(torch.nn.RNN, "ElmanCell", [0], id="rnn"),
        pytest.param(torch.nn.LSTM, "LSTMCell", [0, 1, 2, 3], id="lstm"),
        pytest.param(torch.nn.GRU, "GRUCell", [1, 0, 2], id="gru"),
    ],
)
def test_pytorch(module, oracle, order):
    torch.manual_seed(2)
    theirs = module(3, 5, batch_first=True, dtype=torch.float64)
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    b_in, b_rec = columns(theirs.bias_ih_l0, order), columns(theirs.bias_hh_l0, order)
    weights = {
        "kernel": columns(theirs.weight_ih_l0, order),
        "recurrent_kernel": columns(theirs.weight_hh_l0, order),
        "bias": np.stack([b_in, b_rec]) if oracle == "GRUCell" else b_in + b_rec,
    }
    options = {"reset": "after"} if oracle == "GRUCell" else {}
    states = [np.zeros((2, 5))] * (2 if oracle == "LSTMCell" else 1)
    expected, _ = theirs(x)
    last = last_output(oracle, weights, x.numpy(), states, **options)
    np.testing.assert_allclose(last, expected[:, -1].detach().numpy(), rtol=0, atol=1e-13)


def test_pytorch_projection():
    torch.manual_seed(3)
    theirs = torch.nn.LSTM(3, 5, proj_size=2, batch_first=True, dtype=torch.float64)
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    weights = {
        "kernel": columns(theirs.weight_ih_l0, [0, 1, 2, 3]),
        "recurrent_kernel": columns(theirs.weight_hh_l0, [0, 1, 2, 3]),
        "bias": (theirs.bias_ih_l0 + theirs.bias_hh_l0).detach().numpy(),
        "projection_kernel": theirs.weight_hr_l0.detach().numpy().T,
    }
    states = [np.zeros((2, 2)), np.zeros((2, 5))]
    expected, _ = theirs(x)
    last = last_output("LSTMCell", weights, x.numpy(), states, projection=2)
    np.testing.assert_allclose(last, expected[:, -1].detach().numpy(), rtol=0, atol=1e-13)


def test_tensorflow_addons_layer_norm(monkeypatch):
    """Its test has epsilon 1e-12, and the state it carries is LN(c)."""
    monkeypatch.setattr("oracles.parts.EPSILON", 1e-12)
    weights = {
        "kernel": np.full((3, 8), 0.5),
        "recurrent_kernel": np.full((2, 8), 0.5),
        "bias": np.repeat([0.5, 1.0, 0.5, 0.5], 2),
        "kernel_gain": np.ones(8),
        "recurrent_gain": np.ones(8),
        "cell_gain": np.ones(2),
        "cell_shift": np.zeros(2),
    }
    states = [np.array([[0.2, 0.3]]), np.array([[0.0, 0.1]])]
    h, [_, c] = ORACLES["LSTMCell"](weights, np.ones((1, 3)), states, layer_norm=True)
    c = layer_norm(c, weights["cell_gain"], weights["cell_shift"])
    np.testing.assert_allclose(h, [[-0.47406167, 0.47406143]], rtol=1e-5)
    np.testing.assert_allclose(c, [[-1.0, 1.0]], rtol=1e-5)


def test_tensorflow_addons_peephole():
    weights = {
        "kernel": np.ones((4, 20)),
        "recurrent_kernel": np.zeros((5, 20)),
        "bias": np.repeat([0.0, 1.0, 0.0, 0.0], 5),
        "peephole_kernel": np.ones(15),
    }
    x = np.eye(4)[[1, 2, 3]]
    states = [np.zeros((3, 5)), np.zeros((3, 5))]
    h, _ = ORACLES["LSTMCell"](weights, x, states, peephole=True)
    # o = s(1 + c): the vector of TensorFlow Addons holds with all peepholes at their initial value.
    c = 1 / (1 + np.exp(-1.0)) * np.tanh(1.0)
    np.testing.assert_allclose(h, np.full((3, 5), np.tanh(c) / (1 + np.exp(-1.0 - c))), rtol=1e-12)
    np.testing.assert_allclose(h, np.full((3, 5), 0.417551), rtol=1e-5)
