"""Back-propagation by hand is that of the backend, in float64."""

import numpy as np
import pytest
from keras import ops

import keraseq
from keraseq import autodiff
from keraseq.inspection import bptt, jacobians
from keraseq.layers import RNN

X = np.random.default_rng(1).normal(size=(3, 4, 2))
CELLS = [
    *(("elman", {"activation": one}) for one in ("tanh", "sigmoid", "relu", "linear")),
    ("gru", {}),
    ("lstm", {}),
]


@pytest.fixture(autouse=True)
def plain(plain_loop):
    """Nothing here depends on the loop."""


def made(name, options):
    """A layer of random weights, slopes of its outputs, and a start."""
    layer = RNN(keraseq.cells.get(name, 3, dtype="float64", **options), dtype="float64")
    layer.return_sequences = True
    layer.build((None, None, 2))
    rng = np.random.default_rng(8)
    for weight in layer.weights:
        weight.assign(0.6 * rng.normal(size=weight.shape))
    size = sum(layer.state_sizes)
    return layer, rng.normal(size=(3, 4, 3)), rng.normal(size=(3, size))


@pytest.mark.parametrize(("name", "options"), CELLS)
def test_by_hand_is_by_autodiff(name, options, float64):
    layer, slopes, start = made(name, options)

    def loss(x, s):
        states = ops.split(s, len(layer.state_sizes), axis=-1)
        return ops.sum(layer(x, initial_state=list(states)) * ops.convert_to_tensor(slopes))

    [by_x, _], by_weights = autodiff.gradients(loss, [X, start], layer.weights)
    by_hand = bptt(layer.cell, X, slopes, initial_state=start)
    for one, truth in zip(
        (by_hand.kernel, by_hand.recurrent_kernel, by_hand.bias, by_hand.inputs),
        (*by_weights, by_x),
        strict=True,
    ):
        np.testing.assert_allclose(one, truth, atol=1e-12)
    Js = jacobians(layer, X)  # from other starts than `start`, so of zeros:
    zeros = bptt(layer.cell, X, slopes)
    sent = zeros.deltas[:, 1].copy()
    sent[:, :3] -= slopes[:, 1]
    np.testing.assert_allclose(sent, np.einsum("bi,bij->bj", zeros.deltas[:, 2], Js[:, 2]))


@pytest.mark.parametrize("name", ["elman", "gru", "lstm"])
def test_truncated(name, float64):
    """Each output goes back so many steps: the sum of the whole thing over windows."""
    layer, slopes, start = made(name, {})
    whole = bptt(layer.cell, X, slopes)
    for horizon in (0, 1, 2, 3, 9):
        total = 0
        for t in range(4):
            first = max(0, t - horizon)
            own = np.zeros((3, t - first + 1, 3))
            own[:, -1] = slopes[:, t]
            begin = whole.states[:, first - 1] if first else 0 * start
            window = bptt(layer.cell, X[:, first : t + 1], own, initial_state=begin)
            total += window.recurrent_kernel
        found = bptt(layer.cell, X, slopes, horizon=horizon)
        np.testing.assert_allclose(found.recurrent_kernel, total, atol=1e-12)
    np.testing.assert_allclose(found.deltas, whole.deltas, atol=1e-13)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("mut1", {}), "must be a built ElmanCell, GRUCell or LSTMCell; received <"),
        (("elman", {"activation": "gelu"}), "unknown activation 'gelu'; accepted: 'tanh'"),
        (("elman", {"layer_norm": True}), "neither layer_norm nor zoneout"),
        (("gru-after", {}), "bptt knows reset='before' alone; received 'after'"),
        (("lstm", {"peephole": True}), "bptt knows peephole=False alone; received True"),
        (("lstm", {"activation": "relu"}), "bptt knows activation='tanh' alone; received 'relu'"),
    ],
)
def test_cells_that_are_not_written_out(cell, expected):
    name, options = cell
    cell = keraseq.cells.get(name, 3, **options)
    cell.build((None, 2))
    with pytest.raises(ValueError) as raised:
        bptt(cell, X, np.zeros((3, 4, 3)))
    assert expected in str(raised.value) and "\n" not in str(raised.value)


def test_bad_shapes(float64):
    cell = keraseq.cells.LSTMCell(3)
    with pytest.raises(ValueError, match="must be a built"):
        bptt(cell, X, X)
    cell.build((None, 2))
    with pytest.raises(ValueError, match=r"slopes \(batch, time, 3\); received \(3, 4, 2\)"):
        bptt(cell, X, X)
    with pytest.raises(ValueError, match="horizon must be a positive integer"):
        bptt(cell, X, np.zeros((3, 4, 3)), horizon=-1)
