"""Every cell in every wrapper, with every kind of mask, in float32 and mixed precision.

One batch holds all masks, a row each: nothing masked, right, left and interior padding, nothing
valid. The truth is a Python loop over the oracle.
"""

import keras
import numpy as np
import pytest
from oracles.time import bidirectional, run, stacked

import keraseq

from .cases import FEW, ROWS, STEPS, named_weights, randomise, repeats_states

FEATURES, UNITS, ABOVE = 3, 4, 5  # ABOVE: units of the second layer, where there is one
MASKS = {
    "none": [1, 1, 1, 1, 1, 1],
    "right": [1, 1, 1, 0, 0, 0],
    "left": [0, 0, 1, 1, 1, 1],
    "interior": [1, 0, 1, 1, 0, 1],
    "empty": [0, 0, 0, 0, 0, 0],
}
MASK = np.array(list(MASKS.values()), bool)
TOLERANCE = {"float32": 2e-6, "mixed_bfloat16": 0.03}
WIDER = {"lru": 4}  # nothing squashes its numbers: large ones cancel in products of bfloat16
BOTH = {"return_sequences": True, "return_state": True}


def of_rnn(case, cell, x, mask):
    weights = named_weights(cell)
    states = case.initial_states(weights, cell.units, len(x))
    return run(case.step(weights), x, states, mask=mask)


def one_cell(kind):
    def build(case, dtype):
        return kind(case.cell(UNITS, dtype=dtype), dtype=dtype, **BOTH)

    def expect(case, layer, x, mask):
        outputs, _, states = of_rnn(case, layer.cell, x, mask)
        return [outputs, *states]

    return build, expect


def two_cells(kind):
    def build(case, dtype):
        cells = [case.cell(UNITS, dtype=dtype), case.cell(ABOVE, dtype=dtype)]
        return kind(keras.layers.StackedRNNCells(cells, dtype=dtype), dtype=dtype, **BOTH)

    def expect(case, layer, x, mask):
        weights = [named_weights(cell) for cell in layer.cell.cells]
        steps = [case.step(one) for one in weights]
        states = [
            case.initial_states(one, cell.units, len(x))
            for one, cell in zip(weights, layer.cell.cells, strict=True)
        ]
        outputs, _, states = run(stacked(steps), x, states, mask=mask)
        return [outputs, *(state for own in states for state in own)]

    return build, expect


def both_ways(kind):
    def build(case, dtype):
        layer = keraseq.layers.RNN(case.cell(UNITS, dtype=dtype), dtype=dtype, **BOTH)
        return kind(layer, dtype=dtype)

    def expect(case, layer, x, mask):
        weights = [named_weights(one.cell) for one in (layer.forward_layer, layer.backward_layer)]
        starts = [case.initial_states(one, UNITS, len(x)) for one in weights]
        outputs, states = bidirectional(
            *map(case.step, weights), x, starts, mask=mask, return_sequences=True
        )
        return [outputs, *(state for own in states for state in own)]

    return build, expect


def tower(**options):
    def build(case, dtype):
        return keraseq.layers.stack(
            case.name, [UNITS, UNITS], cell_options=case.options, dtype=dtype, **options, **BOTH
        )

    def expect(case, layer, x, mask):
        below, states = x, []
        for i, rnn in enumerate(layer.rnns):
            outputs, _, last = of_rnn(case, rnn.cell, below, mask)
            below = outputs + below if layer.residual and i else outputs
            states += last
        return [below, *states]

    return build, expect


WRAPPERS = {
    "keras.layers.RNN": one_cell(keras.layers.RNN),
    "RNN": one_cell(keraseq.layers.RNN),
    "Bidirectional": both_ways(keraseq.layers.Bidirectional),
    "stack": tower(residual=True),
    "StackedRNNCells": two_cells(keraseq.layers.RNN),
}
LAYERS = ("keras.layers.RNN", "RNN")


def check(found, expected, tolerance):
    found = keras.tree.flatten(found)  # StackedRNNCells gives one list of states a cell
    assert len(found) == len(expected)
    for tensor, truth in zip(found, expected, strict=True):
        values = np.asarray(keras.ops.convert_to_numpy(tensor), "float64")
        assert values.shape == truth.shape
        for row, kind in enumerate(MASKS):
            error = np.abs(values[row] - truth[row]) / np.maximum(1.0, np.abs(truth[row]))
            assert error.max() < tolerance, kind


# Off TensorFlow every cell in both layers, and each of the other wrappers with some of them.
TRIED = [(case, name) for case in ROWS for name in WRAPPERS if case in FEW or name in LAYERS]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("case", "wrapper"), TRIED, ids=str)
def test_layer(case, wrapper, dtype):
    build, expect = WRAPPERS[wrapper]
    layer = build(case, dtype)
    layer.build((None, STEPS, FEATURES))
    randomise(layer)
    x = np.random.default_rng(3).normal(size=(len(MASK), STEPS, FEATURES)).astype("float32")
    masks = (MASK, None) if dtype == "float32" else (MASK,)
    if repeats_states(case) and wrapper == "keras.layers.RNN":
        masks = (None,)
    for mask in masks:
        given = None if mask is None else keras.ops.convert_to_tensor(mask)
        found = layer(keras.ops.convert_to_tensor(x), mask=given)
        tolerance = TOLERANCE[dtype] * WIDER.get(case.name, 1)
        check(found, expect(case, layer, x.astype("float64"), mask), tolerance)
        assert keras.backend.standardize_dtype(found[0].dtype) == layer.compute_dtype
    assert {weight.dtype for weight in layer.weights} == {"float32"}
