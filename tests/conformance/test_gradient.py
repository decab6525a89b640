"""Gradients with respect to inputs, initial states and every weight, against central differences.

The differences are those of the NumPy oracle, so a gradient is right only for the right function.
"""

import keras
import numpy as np
import pytest
from oracles.time import run

import keraseq

from .backend import gradients, step_by_step
from .cases import CASES, EQUAL, ROWS, named_weights, random_inputs, randomise

STEPS = 4
DELTA = 1e-6
TIGHT = 1e-7  # of the largest gradient of a tensor; central differences themselves err by 1e-9

# Rows: nothing masked, right padding, left padding, a hole, nothing valid.
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0]], bool)


def setup(case, dtype="float64", **options):
    """A layer, its inputs, and the weights that make a scalar of everything that it returns."""
    features, units = (4, 4) if case.widths is EQUAL else (2, 4)
    cell = case.cell(units, dtype=dtype)
    cell.build((None, features))
    randomise(cell)
    layer = keraseq.layers.RNN(
        cell, return_sequences=True, return_state=True, dtype=dtype, **options
    )
    x, states = random_inputs(case, features, units, batch=len(MASK), steps=STEPS)
    rng = np.random.default_rng(2)
    size = case.state_sizes(units)[0]
    shapes = [(len(MASK), STEPS, size), *(state.shape for state in states)]
    chosen = [rng.normal(size=shape) for shape in shapes]
    return layer, x, states, chosen


def of_the_layer(layer, x, states, chosen, mask, compiled=False):
    """Gradients of sum(outputs . chosen) by x, states and weights, from the backend."""
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)

    def value(x, *states):
        returned = layer(x, initial_state=list(states), mask=mask)
        parts = [keras.ops.convert_to_tensor(part) for part in chosen]
        return sum(keras.ops.sum(a * b) for a, b in zip(returned, parts, strict=True))

    cell = layer.cell
    by_input, by_weight = gradients(value, [x, *states], cell.weights, compiled)
    names = [weight.name for weight in cell.weights]
    found = {"x": by_input[0], **{f"state {i}": g for i, g in enumerate(by_input[1:])}}
    return found | dict(zip(names, by_weight, strict=True))


def of_the_oracle(case, weights, x, states, chosen, **time):
    """The same by central differences, one number after the other."""
    tensors = {"x": x, **{f"state {i}": s for i, s in enumerate(states)}, **weights}
    tensors = {name: array.copy() for name, array in tensors.items()}

    def value():
        states = [tensors[f"state {i}"] for i in range(len(case.state_names))]
        outputs, _, last = run(case.step(tensors), tensors["x"], states, **time)
        return sum(np.sum(one * part) for one, part in zip([outputs, *last], chosen, strict=True))

    found = {}
    for name, array in tensors.items():
        slope = found[name] = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + DELTA
            above = value()
            array[index] = kept - DELTA
            below = value()
            array[index] = kept
            slope[index] = (above - below) / (2 * DELTA)
    return found


def check(found, expected):
    assert found.keys() == expected.keys()
    for name, slope in expected.items():
        error = np.abs(found[name] - slope).max() / max(1.0, np.abs(slope).max())
        assert error < TIGHT, f"{name}: {error:.1e}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case, float64):
    """Step by step where the backend would compile for long; the rows below are compiled."""
    layer, x, states, chosen = setup(case)
    weights = named_weights(layer.cell)
    with step_by_step():
        found = of_the_layer(layer, x, states, chosen, None)
    check(found, of_the_oracle(case, weights, x, states, chosen))


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_gradient_compiled(case, float64):
    """As `fit` has it: XLA, where there is an XLA to choose."""
    layer, x, states, chosen = setup(case)
    weights = named_weights(layer.cell)
    for mask in (None, MASK):
        found = of_the_layer(layer, x, states, chosen, mask, compiled=True)
        check(found, of_the_oracle(case, weights, x, states, chosen, mask=mask))


@pytest.mark.parametrize("name", ["gru", "lstm"])
@pytest.mark.parametrize("unroll", [False, True])
def test_gradient_backwards(name, unroll, float64):
    [case] = [row for row in ROWS if row.name == name]
    layer, x, states, chosen = setup(case, go_backwards=True, unroll=unroll)
    weights = named_weights(layer.cell)
    found = of_the_layer(layer, x, states, chosen, MASK)
    check(found, of_the_oracle(case, weights, x, states, chosen, mask=MASK, go_backwards=True))
