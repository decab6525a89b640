"""Every flag of `keraseq.layers.RNN`, on four cells: flags treat a cell as a black box.

One state, two states, and two cells whose output is not their first state.
"""

import contextlib
import itertools
from functools import partial

import keras
import numpy as np
import pytest
from oracles import ORACLES
from oracles.time import run

import keraseq

from .backend import BACKEND, step_by_step
from .cases import named_weights, randomise
from .odd_cells import PlainCell, SummingCell, plain, summing
from .test_time import MASK, MASKS

BATCH, STEPS = MASK.shape
UNITS = 4  # and features: PlainCell adds its inputs to its state
TOLERANCE = 5e-6

CELLS = {  # name: (cell, oracle)
    "gru": (lambda **options: keraseq.cells.get("gru", UNITS, **options), ORACLES["GRUCell"]),
    "lstm": (lambda **options: keraseq.cells.get("lstm", UNITS, **options), ORACLES["LSTMCell"]),
    "summing": (partial(SummingCell, UNITS), summing),
    "plain": (partial(PlainCell, UNITS), plain),
}
CELL = pytest.mark.parametrize("name", CELLS)


def layer_of(name, batch=None, **flags):
    build, _ = CELLS[name]
    layer = keraseq.layers.RNN(build(), **flags)
    layer.build((batch, STEPS, UNITS))
    randomise(layer)
    return layer


def truth(name, layer, x, states, **time):
    _, oracle = CELLS[name]
    return run(partial(oracle, named_weights(layer.cell)), x.astype("float64"), states, **time)


def data(layer, batch=BATCH):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(batch, STEPS, UNITS)).astype("float32")
    sizes = keras.tree.flatten(layer.cell.state_size)
    states = [rng.normal(size=(batch, size)).astype("float32") for size in sizes]
    return x, states


def arrays(tensors):
    return [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(tensors)]


def check(found, expected):
    for one, truth in zip(arrays(found), expected, strict=True):
        assert one.shape == truth.shape
        scale = np.maximum(1.0, np.abs(truth))
        assert (np.abs(one - truth) / scale).max() < TOLERANCE


# JAX and PyTorch take the deferred loop by themselves.
LOOPS = ("auto", "deferred") if BACKEND == "tensorflow" else ("auto", "plain")


@pytest.mark.parametrize("how", [*LOOPS, "unroll"])
@CELL
def test_flags_of_time(name, how):
    """return_sequences x go_backwards x zero_output_for_mask x mask x initial_state."""
    unroll, loop = how == "unroll", "auto" if how == "unroll" else how
    for sequences, backwards, zero in itertools.product([False, True], repeat=3):
        flags = {"return_sequences": sequences, "go_backwards": backwards}
        others = {"unroll": unroll, "loop": loop, "zero_output_for_mask": zero}
        layer = layer_of(name, return_state=True, **others, **flags)
        x, states = data(layer)
        zeros = [np.zeros_like(state) for state in states]
        both = itertools.product([MASK, None], [states, None])
        for mask, start in [(MASK, states)] if unroll else both:  # JAX compiles each for long
            outputs, last, after = truth(
                name,
                layer,
                x,
                zeros if start is None else start,
                mask=mask,
                go_backwards=backwards,
                zero_output_for_mask=zero,
            )
            with step_by_step() if how == "plain" else contextlib.nullcontext():
                found = layer(
                    keras.ops.convert_to_tensor(x),
                    initial_state=start and [keras.ops.convert_to_tensor(one) for one in start],
                    mask=None if mask is None else keras.ops.convert_to_tensor(mask),
                )
            check(found, [outputs if sequences else last, *after])
        if zero is False and not unroll:
            alone = layer_of(name, **flags)
            check(alone(x), [outputs if sequences else last])


@CELL
def test_mask_from_a_masking_layer_and_integers(name):
    """A mask that comes with the tensor, and one of integers `(batch, time, 1)`."""
    layer = layer_of(name, return_sequences=True)
    x, states = data(layer)
    x[~MASK] = 0.0
    expected, *_ = truth(name, layer, x, [np.zeros_like(one) for one in states], mask=MASK)
    check(layer(keras.layers.Masking()(x)), [expected])
    check(layer(x, mask=keras.ops.convert_to_tensor(MASK[..., None].astype("int32"))), [expected])


@CELL
def test_stateful(name):
    """Two batches of half a sequence are the whole sequence; `reset_state` starts anew."""
    half = STEPS // 2
    layer = layer_of(name, batch=BATCH, stateful=True, return_sequences=True)
    x, states = data(layer)
    outputs, _, after = truth(name, layer, x, [np.zeros_like(one) for one in states])
    for _ in range(2):
        check(layer(x[:, :half]), [outputs[:, :half]])
        check(layer(x[:, half:]), [outputs[:, half:]])
        check(layer.states, after)
        layer.reset_state()
        assert not np.any(np.concatenate([one.ravel() for one in arrays(layer.states)]))
    layer.reset_state([keras.ops.convert_to_tensor(one) for one in states])
    outputs, _, _ = truth(name, layer, x, states)
    check(layer(x), [outputs])


@CELL
def test_stateful_under_a_mask(name):
    layer = layer_of(name, batch=BATCH, stateful=True, return_sequences=True)
    x, states = data(layer)
    mask = keras.ops.convert_to_tensor(MASK)
    first, _, after = truth(name, layer, x, [np.zeros_like(one) for one in states], mask=MASK)
    check(layer(x, mask=mask), [first])
    second, _, after = truth(name, layer, x, after, mask=MASK)
    check(layer(x, mask=mask), [second])
    check(layer.states, after)


@CELL
def test_stateful_in_a_compiled_model(name):
    """`predict` keeps the states between batches, as a loop over the batches does."""
    inputs = keras.Input((STEPS, UNITS), batch_size=2)
    layer = layer_of(name, batch=2, stateful=True, return_sequences=True)
    model = keras.Model(inputs, layer(inputs))
    x, _ = data(layer, batch=6)
    now = [np.zeros((2, size)) for size in keras.tree.flatten(layer.cell.state_size)]
    expected = []
    for part in np.split(x, 3):
        outputs, _, now = truth(name, layer, part, now)
        expected.append(outputs)
    keraseq.layers.reset_states(model)
    check(model.predict(x, batch_size=2, verbose=0), [np.concatenate(expected)])
    keraseq.layers.reset_states(model)
    check(model.predict(x[:2], batch_size=2, verbose=0), expected[:1])


def test_fully_masked_row_keeps_the_states_and_shows_zeros():
    layer = layer_of("lstm", return_state=True)
    x, states = data(layer)
    output, *after = layer(x, initial_state=states, mask=keras.ops.convert_to_tensor(MASK))
    row = list(MASKS).index("empty")
    assert not keras.ops.convert_to_numpy(output)[row].any()
    for before, now in zip(states, arrays(after), strict=True):
        np.testing.assert_array_equal(now[row], before[row])


@pytest.mark.parametrize("flags", [{}, {"return_sequences": True}], ids=str)
@CELL
def test_shapes_are_known_without_running(name, flags):
    layer = layer_of(name, return_state=True, **flags)
    specs = layer(keras.KerasTensor((None, None, UNITS)))
    x, _ = data(layer)
    for spec, tensor in zip(specs, arrays(layer(x)), strict=True):
        assert len(spec.shape) == len(tensor.shape)
        assert all(a in (None, b) for a, b in zip(spec.shape, tensor.shape, strict=True))
