"""Gradients with respect to inputs, initial states and every weight, against central differences.

The differences are those of the NumPy oracle, so a gradient is right only for the right function.
"""

import keras
import numpy as np
import pytest
from oracles.time import run

import keraseq
from keraseq.autodiff import gradients
from keraseq.cells import CELLS, LinearCell

from .backend import BACKEND
from .cases import CASES, ROWS, Case, named_weights, random_inputs, randomise
from .odd_cells import ResidualCell

LOOPS = ("plain", "deferred", "compiled") if BACKEND == "tensorflow" else ("plain", "deferred")
LINEAR = {name for name, (kind, _) in CELLS.items() if issubclass(kind, LinearCell)}
STEPS = 4
DELTA = 1e-6
TIGHT = 1e-7  # of the largest gradient of a tensor; central differences themselves err by 1e-9

# Rows: nothing masked, right padding, left padding, a hole, nothing valid.
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 0]], bool)


def loops_of(case):
    return (*LOOPS, "parallel") if case.name in LINEAR else LOOPS


def setup(case, dtype="float64", **options):
    """A layer, its inputs, and the weights that make a scalar of everything that it returns."""
    features, units = case.widths[0]
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


def of_the_layer(layer, x, states, chosen, mask, compiled=False, training=False):
    """Gradients of sum(outputs . chosen) by x, states and weights, from the backend."""
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)

    def value(x, *states):
        returned = layer(x, initial_state=list(states), mask=mask, training=training)
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
    """The loop with a gradient of its own, compiled on JAX; below it is compiled elsewhere too."""
    layer, x, states, chosen = setup(case, loop="deferred")
    weights = named_weights(layer.cell)
    found = of_the_layer(layer, x, states, chosen, None)
    check(found, of_the_oracle(case, weights, x, states, chosen))


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_every_loop_under_a_mask(case, float64):
    """As `fit` has it, compiled where the backend compiles."""
    layer, x, states, chosen = setup(case)
    expected = of_the_oracle(case, named_weights(layer.cell), x, states, chosen, mask=MASK)
    for loop in loops_of(case):
        layer, *_ = setup(case, loop=loop)
        compiled = BACKEND == "tensorflow" and loop not in ("plain", "parallel")
        check(of_the_layer(layer, x, states, chosen, MASK, compiled), expected)


BACKWARDS = [("gru", {"unroll": True}), ("lstm", {"unroll": True})]
BACKWARDS += [(name, {"loop": loop}) for name in ("gru", "lstm") for loop in LOOPS]
BACKWARDS += [(name, {"loop": "parallel"}) for name in sorted(LINEAR)]


@pytest.mark.parametrize(("name", "flags"), BACKWARDS, ids=str)
def test_gradient_backwards(name, flags, float64):
    [case] = [row for row in ROWS if row.name == name]
    layer, x, states, chosen = setup(case, go_backwards=True, **flags)
    weights = named_weights(layer.cell)
    found = of_the_layer(layer, x, states, chosen, MASK)
    check(found, of_the_oracle(case, weights, x, states, chosen, mask=MASK, go_backwards=True))


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_loops_agree_in_training(case, float64):
    """With the same seeds for dropout and zoneout, our gradient is the backend's own.

    TensorFlow compiles nothing around the loops: its XLA draws other random numbers.
    """
    random = {"dropout": 0.3, "recurrent_dropout": 0.3, "zoneout": 0.2, "seed": 4}
    noisy = Case(case.name, random)
    found = {}
    for loop in loops_of(case):
        layer, x, states, chosen = setup(noisy, loop=loop)
        found[loop] = of_the_layer(layer, x, states, chosen, MASK, training=True)
    for loop in loops_of(case)[1:]:
        check(found[loop], found["plain"])


def test_loops_agree_around_other_cells(float64):
    """Stacked cells, and a cell inside a wrapper that knows nothing of loops."""
    random = {"dropout": 0.3, "recurrent_dropout": 0.3, "zoneout": 0.2, "seed": 4}
    rng = np.random.default_rng(7)
    x = rng.normal(size=(len(MASK), STEPS, 4))
    for build in (
        lambda: keras.layers.StackedRNNCells(
            [keraseq.cells.get(name, 4, dtype="float64", **random) for name in ("lstm", "mut1")],
            dtype="float64",
        ),
        lambda: ResidualCell(
            keraseq.cells.get("gru", 4, dtype="float64", **random), dtype="float64"
        ),
    ):
        found = {}
        for loop in ("plain", "deferred"):
            layer = keraseq.layers.RNN(build(), return_sequences=True, dtype="float64", loop=loop)
            layer.build(x.shape)
            randomise(layer)

            def value(x, layer=layer):
                mask = keras.ops.convert_to_tensor(MASK)
                return keras.ops.sum(layer(x, mask=mask, training=True) ** 2)

            by_input, by_weight = gradients(value, [x], layer.weights)
            found[loop] = dict(enumerate([*by_input, *by_weight]))
        check(found["deferred"], found["plain"])
