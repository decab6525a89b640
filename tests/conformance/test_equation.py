"""Every cell against its oracle: asymmetric random weights, several widths, several steps."""

import contextlib

import keras
import numpy as np
import pytest
from oracles.time import run

import keraseq

from .backend import BACKEND, step_by_step
from .cases import CASES, ROWS, STEPS, named_weights, random_inputs, randomise

TIGHT = 1e-11  # float64; the numbers are of order 1
SINGLE = 1e-6  # float32, over six steps


def built(case, features, units, dtype, **options):
    cell = case.cell(units, dtype=dtype, **options)
    cell.build((None, features))
    randomise(cell)
    return cell


def distance(found, expected):
    """Largest error, absolute below 1 and relative above."""
    found = np.asarray(keras.ops.convert_to_numpy(found), "float64")
    assert found.shape == expected.shape
    return float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max())


def errors_of_steps(case, cell, x, states):
    """`call` and `project` + `step`, one step after the other, against the oracle."""
    step = case.step(named_weights(cell))
    dtype = cell.variable_dtype
    theirs = [keras.ops.convert_to_tensor(state, dtype=dtype) for state in states]
    projected = cell.project(keras.ops.convert_to_tensor(x, dtype=dtype))
    worst = 0.0
    for t in range(STEPS):
        before = theirs
        output, theirs = cell(keras.ops.convert_to_tensor(x[:, t], dtype=dtype), before)
        expected, states = step(x[:, t], states)
        now = keras.tree.map_structure(lambda x, t=t: x[:, t], projected)
        halves = cell.advance(now, before)
        for out, new in ((output, theirs), halves):
            worst = max(worst, distance(out, expected))
            worst = max(worst, *map(distance, new, states))
    return worst


def error_of_layer(case, layer, x):
    weights = named_weights(layer.cell)
    start = case.initial_states(weights, layer.cell.units, len(x))
    expected, _, states = run(case.step(weights), x, start)
    # JAX compiles a loop for each row of the table, and does the steps of all other cases one by
    # one.
    with contextlib.nullcontext() if case in ROWS else step_by_step():
        output, *found = layer(keras.ops.convert_to_tensor(x, dtype=layer.variable_dtype))
    return max(distance(output, expected), *map(distance, found, states))


def amplification(case, cell, x, states):
    """Largest change of what a cell gives for a relative change of the weights, to either side."""
    weights, change = named_weights(cell), 1e-6
    rng = np.random.default_rng(9)
    moved = {
        name: array * (1 + change * rng.choice([-1, 1], array.shape))
        for name, array in weights.items()
    }
    before, _, last_before = run(case.step(weights), x, states)
    after, _, last_after = run(case.step(moved), x, states)
    pairs = zip([after, *last_after], [before, *last_before], strict=True)
    return max(np.abs(one - other).max() for one, other in pairs) / change


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cell(case, float64):
    widths = case.widths if BACKEND == "tensorflow" else case.widths[:1]  # no backend's matter
    for features, units in widths:
        cell = built(case, features, units, "float64")
        x, states = random_inputs(case, features, units)
        assert errors_of_steps(case, cell, x, states) < TIGHT, (features, units)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layers(case, float64):
    """Keras' layer calls the cell step by step, as above; it is tried where that may matter."""
    features, units = case.widths[0]
    x, _ = random_inputs(case, features, units)
    kinds = (keraseq.layers.RNN, keras.layers.RNN) if case.common else (keraseq.layers.RNN,)
    for kind in kinds:
        cell = built(case, features, units, "float64")
        layer = kind(cell, return_sequences=True, return_state=True, dtype="float64")
        assert error_of_layer(case, layer, x) < TIGHT, kind


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32(case, record_property):
    """The tolerance follows the equation: how far it moves when the weights are rounded.

    Layer normalisation of a few numbers that happen to be close amplifies rounding.
    """
    features, units = case.widths[0]
    x, states = random_inputs(case, features, units)
    cell = built(case, features, units, "float32")
    error = errors_of_steps(case, cell, x, states)
    if case.common:
        layer = keraseq.layers.RNN(cell, return_sequences=True, return_state=True)
        error = max(error, error_of_layer(case, layer, x))
    record_property("agreement", [case.name, error])
    assert error < SINGLE * max(1.0, amplification(case, cell, x, states))
