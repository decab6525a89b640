"""What is random in training: which mask, how often drawn, how scaled, and nothing at inference.

Cells made of an identity show their masks: with `W = I`, `U = 0` an Elman cell's output is its
input.
"""

import keras
import numpy as np
import pytest
from keras import ops

import keraseq

from .backend import BACKEND
from .cases import FEW, ROWS, named_weights, random_inputs, randomise

BATCH, STEPS, UNITS = 16, 5, 64
RATE = 0.3
KINDS = {"keras.layers.RNN": keras.layers.RNN, "RNN": keraseq.layers.RNN}
DRAWN_EACH_STEP = [kind for kind in KINDS if (kind, BACKEND) != ("keras.layers.RNN", "jax")]
RATES = [(0.5, 0.0), (0.0, 0.5), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
KIND = pytest.mark.parametrize("kind", KINDS)


def elman(kind, *, kernel=1.0, recurrent=0.0, **options):
    """h_t = kernel x_t + recurrent h_{t-1}, unit by unit."""
    cell = keraseq.cells.ElmanCell(UNITS, activation="linear", use_bias=False, **options)
    layer = KINDS[kind](cell, return_sequences=True)
    layer.build((BATCH, STEPS, UNITS))
    cell.kernel.assign(kernel * np.eye(UNITS))
    cell.recurrent_kernel.assign(recurrent * np.eye(UNITS))
    return layer


def outputs(layer, x, training=True):
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(x), training=training))


def check_mask(mask, kept):
    """A mask of 0 and 1: its mean is `kept` within four standard deviations, rows differ."""
    assert set(np.unique(mask)) == {0.0, 1.0}
    deviation = np.sqrt(kept * (1 - kept) / mask.size)
    assert abs(mask.mean() - kept) < 4 * deviation
    assert len(np.unique(mask, axis=0)) == len(mask)


@KIND
def test_dropout(kind):
    """One mask for all steps of a sequence, new for each sample and call, scaled by 1 / (1 - p)."""
    layer = elman(kind, dropout=RATE, seed=1)
    x = np.ones((BATCH, STEPS, UNITS), "float32")
    first, second = outputs(layer, x) * (1 - RATE), outputs(layer, x) * (1 - RATE)
    np.testing.assert_allclose(first, np.round(first), atol=1e-6)
    assert np.all(first == first[:, :1])
    check_mask(np.round(first[:, 0]), 1 - RATE)
    assert np.any(np.round(first) != np.round(second))
    np.testing.assert_array_equal(outputs(layer, x, training=False), x)


@KIND
def test_recurrent_dropout(kind):
    """A one at the first step comes back at every later one, through the mask each time."""
    layer = elman(kind, recurrent=1.0, recurrent_dropout=RATE, seed=1)
    x = np.zeros((BATCH, STEPS, UNITS), "float32")
    x[:, 0] = 1.0
    found = outputs(layer, x)
    np.testing.assert_array_equal(found[:, 0], x[:, 0])
    mask = np.round(found[:, 1] * (1 - RATE))
    check_mask(mask, 1 - RATE)
    for t in range(1, STEPS):
        np.testing.assert_allclose(found[:, t], mask / (1 - RATE) ** t, rtol=1e-5)
    assert np.any(outputs(layer, x) != found)
    np.testing.assert_array_equal(outputs(layer, x, training=False), np.ones_like(x))


@pytest.mark.parametrize("kind", DRAWN_EACH_STEP)
def test_zoneout(kind):
    """A new mask at every step: each unit shows its old value or its new one, here `t`."""
    layer = elman(kind, zoneout=RATE, seed=1)
    x = np.ones((BATCH, STEPS, UNITS), "float32") * np.arange(1, STEPS + 1)[:, None]
    found = outputs(layer, x)
    before = np.concatenate([np.zeros_like(found[:, :1]), found[:, :-1]], axis=1)
    new = found == x
    assert np.all(new | (found == before))
    for t in range(STEPS):
        check_mask(new[:, t].astype(float), 1 - RATE)
    assert np.any(new[:, 0] != new[:, 1])
    assert np.any(outputs(layer, x) != found)
    expected, now = [], 0.0
    for t in range(STEPS):
        now = RATE * now + (1 - RATE) * x[:, t]
        expected.append(now)
    np.testing.assert_allclose(
        outputs(layer, x, training=False), np.stack(expected, axis=1), rtol=1e-5
    )


@pytest.mark.skipif(BACKEND != "jax", reason="Keras' loop can draw at each step elsewhere")
def test_zoneout_needs_our_layer_on_jax():
    layer = elman("keras.layers.RNN", zoneout=RATE)
    with pytest.raises(ValueError, match=r"run the cell in keraseq\.layers\.RNN"):
        outputs(layer, np.ones((BATCH, STEPS, UNITS), "float32"))


@pytest.mark.parametrize("rates", RATES, ids=str)
def test_zoneout_of_each_state(rates):
    """A state with rate 0 is always new, one with rate 1 always old; the output is the first."""
    cell = keraseq.cells.get("lstm", UNITS, zoneout=rates, seed=3)
    layer = keraseq.layers.RNN(cell, return_state=True)
    layer.build((BATCH, 1, 2))
    randomise(layer)
    plain = keraseq.cells.get("lstm", UNITS)
    plain.build((BATCH, 2))
    plain.set_weights(cell.get_weights())
    x = np.random.default_rng(0).normal(size=(BATCH, 1, 2)).astype("float32")
    old = [0.5 * np.ones((BATCH, UNITS), "float32"), -0.5 * np.ones((BATCH, UNITS), "float32")]
    _, new = plain(ops.convert_to_tensor(x[:, 0]), [ops.convert_to_tensor(one) for one in old])
    output, *found = layer(ops.convert_to_tensor(x), initial_state=old, training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(output), ops.convert_to_numpy(found[0]))
    for p, before, after, state in zip(rates, old, new, found, strict=True):
        state, after = ops.convert_to_numpy(state), ops.convert_to_numpy(after)
        kept = np.isclose(state, before, atol=1e-7)
        assert np.all(kept | np.isclose(state, after, atol=1e-6))
        if p in (0.0, 1.0):
            assert np.all(kept == bool(p))
        else:
            check_mask(kept.astype(float), p)


def test_masked_steps_and_zoneout():
    """A masked step keeps its states whatever zoneout draws."""
    layer = elman("RNN", zoneout=RATE, seed=1)
    x = np.ones((BATCH, STEPS, UNITS), "float32") * np.arange(1, STEPS + 1)[:, None]
    mask = np.ones((BATCH, STEPS), bool)
    mask[:, 2] = False
    found = ops.convert_to_numpy(layer(x, mask=ops.convert_to_tensor(mask), training=True))
    np.testing.assert_array_equal(found[:, 2], found[:, 1])


@pytest.mark.parametrize("case", FEW, ids=str)
def test_training_of_every_cell(case):
    """Seeded: the same again. Unseeded by a call: different. At inference: no dropout at all."""
    options = {"dropout": 0.4, "recurrent_dropout": 0.4, "zoneout": 0.2}
    x, _ = random_inputs(case, 3, 6, batch=4)
    x = x.astype("float32")
    runs = []
    for _ in range(2):
        layer = keraseq.layers.RNN(case.cell(6, **options, seed=7), return_sequences=True)
        layer.build(x.shape)
        randomise(layer)
        runs.append([outputs(layer, x), outputs(layer, x)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.any(runs[0][0] != runs[0][1])
    zoned = keraseq.layers.RNN(case.cell(6, zoneout=0.2), return_sequences=True)
    zoned.build(x.shape)
    randomise(zoned)
    np.testing.assert_array_equal(outputs(layer, x, False), outputs(zoned, x, False))


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_recurrent_dropout_reaches_every_recurrent_product(case):
    """Given the masks, training is the paper's equation with x and each operand multiplied."""
    features, units = 3, 6
    cell = case.cell(units, dropout=0.5, recurrent_dropout=0.5)
    cell.build((None, features))
    randomise(cell)
    rng = np.random.default_rng(5)
    by_input = (2.0 * rng.integers(0, 2, size=(3, features))).astype("float32")
    by_operand = (2.0 * rng.integers(0, 2, size=(3, units))).astype("float32")
    cell._dropout_mask = ops.convert_to_tensor(by_input)
    cell._recurrent_dropout_mask = ops.convert_to_tensor(by_operand)
    x, states = random_inputs(case, features, units, batch=3)
    given = [ops.convert_to_tensor(one.astype("float32")) for one in states]
    output, _ = cell(ops.convert_to_tensor(x[:, 0].astype("float32")), given, training=True)
    weights = {**named_weights(cell), "operand_mask": by_operand}
    expected, _ = case.step(weights)(x[:, 0] * by_input, states)
    np.testing.assert_allclose(ops.convert_to_numpy(output), expected, rtol=1e-5, atol=1e-6)
