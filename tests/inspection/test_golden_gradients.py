"""The golden table of gradients at the start: of keraseq, and of NumPy by the equations alone.

64 units and inputs, a kernel of Glorot's, geometric mean over 5 seeds. The gated rows are those of
Keras' start, which draws the matrix of all gates as one: 64 x 192 numbers with orthonormal rows,
each gate's block of which shrinks. keraseq draws each gate's block on its own, orthogonal; NumPy
says that the gradients then are larger, and by how much.
"""

import keras
import numpy as np
import pytest
from oracles.gru import gru
from oracles.lstm import lstm

import keraseq
from keraseq.inspection import jacobians, propagation
from keraseq.layers import RNN

N, SEEDS, MARKS = 64, 5, (1, 10, 50, 100)
ORACLES = {"gru": (gru, 3, 1), "lstm": (lstm, 4, 2)}


@pytest.fixture(autouse=True)
def plain(plain_loop):
    """Nothing here depends on the loop."""


def largest(name, deviation, steps, seeds=2, weights=None, **options):
    """log10 of the largest singular value of the product of the Jacobians."""
    logs = []
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        layer = RNN(keraseq.cells.get(name, N, **options))
        x = np.random.default_rng(seed).normal(0, deviation, (1, max(steps), N))
        if weights:
            layer.build((None, None, N))
            layer.set_weights(weights(seed))
        product, norms = np.eye(sum(layer.state_sizes)), []
        for jacobian in jacobians(layer, x.astype("float32"))[0].astype("float64"):
            product = jacobian @ product
            norms.append(np.linalg.norm(product, 2) if len(norms) + 1 in steps else None)
        logs.append([np.log10(norms[t - 1]) for t in steps])
    return np.mean(logs, axis=0)


def normal(deviation):
    return keras.initializers.RandomNormal(stddev=deviation, seed=None)


STARTS = {"normal": normal(1 / 8), "x 1.5": normal(1.5 / 8), "x 3": normal(3 / 8)}


@pytest.mark.parametrize(
    ("activation", "start", "deviation", "expected"),
    [
        ("linear", "orthogonal", 1.0, (1, 1, 1, 1)),
        ("linear", "normal", 1.0, (1.9, 4.9, 87, 3.8e3)),
        ("tanh", "orthogonal", 1.0, (1.0, 0.05, 5.6e-10, 3.5e-20)),
        ("tanh", "orthogonal", 0.1, (1.0, 0.86, 0.11, 0.0052)),
        ("tanh", "identity", 0.1, (1.0, 0.97, 0.38, 0.037)),
        ("tanh", "x 1.5", 0.1, (2.8, 45, 280, 870)),
        ("tanh", "x 3", 0.1, (5.7, 1.3e3, 1.2e8, 5e13)),
        ("relu", "identity", 1.0, (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_elman_at_the_start(activation, start, deviation, expected):
    options = {"activation": activation, "recurrent_initializer": STARTS.get(start, start)}
    found = largest("elman", deviation, MARKS, **options)
    # One Gaussian start deviates by up to 0.01, 0.19, 0.8 and 1.7 (NumPy, 40 seeds).
    within = (0.05, 0.4, 1.7, 3.5) if start in STARTS else (0.05, 0.1, 0.4, 1)
    assert (abs(found - np.log10(expected)) < within).all(), 10**found


def orthogonal(rng, rows, columns):
    """Orthonormal rows."""
    q, r = np.linalg.qr(rng.normal(size=(columns, rows)))
    return (q * np.sign(np.diag(r))).T


def glorot(rng, rows, columns):
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def start(name, seed, whole):
    """Kernel, recurrent kernel and bias, each matrix drawn as one or gate by gate."""
    rng, blocks = np.random.default_rng(seed), ORACLES[name][1]
    drawn = [
        draw(rng, N, blocks * N)
        if whole
        else np.concatenate([draw(rng, N, N) for _ in range(blocks)], axis=1)
        for draw in (glorot, orthogonal)
    ]
    bias = np.zeros(blocks * N)
    if name == "lstm":
        bias[N : 2 * N] = 1
    return [*drawn, bias]


def by_numpy(name, steps, weights):
    """As `largest`, for each seed: the oracle's equations, central differences, float64."""
    oracle, _, count = ORACLES[name]
    logs = []
    for seed in range(SEEDS):
        named = dict(zip(("kernel", "recurrent_kernel", "bias"), weights(seed), strict=True))
        inputs = np.random.default_rng(seed).normal(size=(max(steps), N))
        s, product, norms = np.zeros(count * N), np.eye(count * N), []

        def step(x, rows, named=named):
            return np.concatenate(oracle(named, x[None], np.split(rows, count, axis=1))[1], axis=1)

        for x in inputs:
            near = 1e-5 * np.eye(count * N)
            above, below = np.split(step(x, np.concatenate([s + near, s - near])), 2)
            jacobian = (above - below).T / 2e-5
            product, s = jacobian @ product, step(x, s[None])[0]
            norms.append(np.linalg.norm(product, 2) if len(norms) + 1 in steps else None)
        logs.append([np.log10(norms[t - 1]) for t in steps])
    return logs


@pytest.mark.parametrize(
    ("name", "table", "gate_by_gate"),
    [
        # The last by NumPy, 40 seeds. A mean of 5 deviates by 0.04 at step 10, by 0.14 at 100.
        ("gru", (0.85, 0.019, 6e-11, 2e-21), (0.98, 0.05, 5.1e-9, 7.6e-18)),
        ("lstm", (1.1, 0.21, 5e-5, 1e-9), (1.4, 0.37, 2.6e-4, 1.7e-8)),
    ],
)
def test_gru_and_lstm_at_the_start(name, table, gate_by_gate):
    within = np.array([0.05, 0.12, 0.3, 0.5])  # about three deviations of a mean of 5
    numpy = by_numpy(name, MARKS, lambda seed: start(name, seed, whole=True))
    mean = np.mean(numpy, axis=0)
    assert (abs(mean - np.log10(table)) < within).all(), 10**mean
    same = largest(name, 1.0, MARKS, 1, lambda seed: start(name, seed, whole=True))
    np.testing.assert_allclose(same, numpy[0], atol=1e-3)
    own = largest(name, 1.0, MARKS, SEEDS)
    assert (abs(own - np.log10(gate_by_gate)) < within).all(), 10**own


def test_powers_of_the_lecture():
    """1.1^50 = 117.4 and 0.9^50 = .00515."""
    for factor, expected in ((1.1, 117.39), (0.9, 0.005154)):
        cell = keraseq.cells.ElmanCell(
            4, activation="linear", recurrent_initializer=keras.initializers.Identity(factor)
        )
        frame = propagation(RNN(cell), np.ones((1, 50, 3), "float32"))
        last = frame[frame.step == 50]["log10"]
        np.testing.assert_allclose(10**last, expected, rtol=1e-4)
