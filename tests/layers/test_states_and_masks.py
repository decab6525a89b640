"""What goes into the loop and comes out: precision of states, states that are given, masks."""

import keras
import numpy as np
import pytest
from conformance.odd_cells import SummingCell
from keras import ops

from keraseq import cells, layers
from keraseq.layers.rnn import valid_steps

X = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")


def numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@pytest.mark.parametrize("loop", ["plain", "deferred"])
def test_states_are_float32_under_mixed_precision(loop):
    """A sum of ones: in bfloat16 it stops at 256, and 256.75 is 256.

    States that are given come in the compute dtype, as all that a layer of Keras is called with.
    """
    for given in (False, True):
        cell = SummingCell(
            2,
            dtype="mixed_bfloat16",
            bias_initializer=keras.initializers.Constant(50.0),
            trainable_initial_state=not given,
        )
        layer = layers.RNN(cell, return_state=True, loop=loop, dtype="mixed_bfloat16")
        layer.build((None, None, 3))
        states, totals = None, {1: 258.0, 8: 264.0, 42: 298.0}  # the nearest in bfloat16
        if given:
            states = [ops.full((1, 2), start, dtype="float32") for start in (0.0, 256.0)]
            totals = {6: 262.0, 42: 298.0}
        else:
            cell.initial_sum.assign(np.full(2, 256.75))
        for steps, total in totals.items():
            zeros = np.zeros((1, steps, 3), "float32")
            output, _, last = layer(zeros, initial_state=states)
            assert {keras.backend.standardize_dtype(one.dtype) for one in (output, last)} == {
                "bfloat16"
            }
            np.testing.assert_array_equal(numpy(last), np.full((1, 2), total))


def made(kind):
    """A layer and the sizes of its states."""
    gru, lstm = cells.GRUCell(2), cells.LSTMCell(3)
    return {
        "RNN": (lambda: layers.RNN(lstm), [3, 3]),
        "cells in one": (lambda: layers.RNN([gru, lstm]), [2, 3, 3]),
        "a cell of Keras": (lambda: layers.RNN(keras.layers.LSTMCell(3)), [3, 3]),
        "unrolled": (lambda: layers.RNN(gru, unroll=True), [2]),
        "deferred": (lambda: layers.RNN(lstm, loop="deferred"), [3, 3]),
        "Bidirectional": (lambda: layers.Bidirectional(layers.RNN(gru)), [2, 2]),
        "Stack": (lambda: layers.stack("lstm", [2, 3]), [2, 2, 3, 3]),
        "Stack both ways": (lambda: layers.stack("gru", [2], bidirectional=True), [2, 2]),
    }[kind]


KINDS = (
    "RNN",
    "cells in one",
    "a cell of Keras",
    "unrolled",
    "deferred",
    "Bidirectional",
    "Stack",
    "Stack both ways",
)


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_of_states_is_that_of_all_rows_and_others_are_refused(kind):
    make, sizes = made(kind)
    layer = make()
    rng = np.random.default_rng(1)
    rows = [rng.normal(size=(1, size)).astype("float32") for size in sizes]
    whole = [np.repeat(row, 5, axis=0) for row in rows]
    expected = numpy(layer(X, initial_state=whole))
    assert np.abs(expected - numpy(layer(X))).max() > 1e-3
    for given in (rows, [*rows[:1], *whole[1:]]):
        np.testing.assert_allclose(numpy(layer(X, initial_state=given)), expected, atol=1e-6)
    wanted = ", ".join(f"(5 or 1, {size})" for size in sizes)
    wrong = {
        "too many": [*whole, whole[0]],
        "too few": whole[:-1],
        "another width": [np.ones((5, 9), "float32"), *whole[1:]],
        "another batch": [whole[0][:3], *whole[1:]],
        "no batch": [whole[0][0], *whole[1:]],
    }
    for given in wrong.values():
        shapes = ", ".join(str(one.shape) for one in given)
        said = f"{len(given)}" + (f", of shape {shapes}" if given else "")
        for call in (lambda s: layer(X, initial_state=s), lambda s: make()(X, s)):
            with pytest.raises(ValueError) as caught:
                call(given)
            assert str(caught.value) == (
                f"initial_state must be {len(sizes)} state(s), of shape {wanted}; received {said}"
            )


def test_given_states_in_a_functional_model():
    inputs, state = keras.Input((4, 3)), keras.Input((2,))
    layer = layers.RNN(cells.GRUCell(2))
    model = keras.Model([inputs, state], layer(inputs, initial_state=[state]))
    given = np.full((5, 2), 0.5, "float32")
    expected = numpy(layer(X, initial_state=[given[:1]]))
    np.testing.assert_allclose(numpy(model([X, given])), expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"of shape \(batch or 1, 2\); received 1, of shape"):
        layer(inputs, initial_state=[keras.Input((3,))])


MASK = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1], [0, 1, 0, 1]], bool)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_bypass_of_the_last_step_is_its_own_last_step(bidirectional):
    """... and for the backward half the first valid one, where that half ends."""
    tower = layers.Stack("gru", 2, layers=2, residual=True, bidirectional=bidirectional)
    for mask in (None, MASK):
        valid = np.ones_like(MASK) if mask is None else mask
        mask = None if mask is None else ops.convert_to_tensor(mask)
        found = numpy(tower(X, mask=mask))
        below = numpy(tower.rnns[0](X, mask=mask)[0])
        above = numpy(tower.rnns[1](below, mask=mask)[0])
        rows, last = np.arange(5), 3 - valid[:, ::-1].argmax(axis=1)
        bypass = below[rows, last]
        if bidirectional:
            bypass[:, 2:] = below[rows, valid.argmax(axis=1), 2:]
        np.testing.assert_allclose(found, above + bypass, atol=1e-6)


def test_masks_of_words_in_sentences():
    """Sentences inside `TimeDistributed` are what each is alone; then texts of sentences."""
    words = np.random.default_rng(2).integers(1, 9, (3, 4, 5))
    words[0, 2:] = words[1, 1, 2:] = words[2, 0, :2] = words[2, 3] = 0
    embed = keras.layers.Embedding(9, 3, mask_zero=True)
    towers = {
        "RNN": layers.RNN(cells.LSTMCell(2)),
        "Bidirectional": layers.Bidirectional(layers.RNN(cells.GRUCell(2))),
        "Stack": layers.stack("gru", [2, 2], bidirectional=True, residual=True),
    }
    there = ops.convert_to_tensor((words > 0).any(axis=2))
    for sentence in towers.values():
        inputs = keras.Input((4, 5), dtype="int32")
        vectors = keras.layers.TimeDistributed(sentence)(embed(inputs))
        document = layers.stack("gru", [2], bidirectional=True)
        found, text = keras.Model(inputs, [vectors, document(vectors)])(words)
        alone = [numpy(sentence(embed(words[:, i]), mask=words[:, i] > 0)) for i in range(4)]
        np.testing.assert_allclose(numpy(found), np.stack(alone, axis=1), atol=1e-6)
        expected = numpy(document(np.stack(alone, axis=1), mask=there))
        np.testing.assert_allclose(numpy(text), expected, atol=1e-6)


def test_a_step_is_valid_where_any_part_of_it_is():
    mask = np.array([[[1, 0], [0, 0]], [[0, 1], [1, 1]]])
    for given in (mask, mask[..., None], [mask]):
        assert numpy(valid_steps(given)).tolist() == [[1, 0], [1, 1]]
    tower = layers.stack("gru", [2], return_sequences=True)
    assert tuple(tower.compute_mask(None, ops.convert_to_tensor(mask)).shape) == (2, 2)
    assert valid_steps(None) is None


def test_seeded_initial_values_differ_from_block_to_block():
    """A fixed seed moves on with each gate, and gives the same cell each time."""
    drawn = {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=3),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=3),
        "bias_initializer": keras.initializers.RandomNormal(seed=3),
    }
    weights = {}
    for again in range(2):
        cell = cells.GRUCell(3, **drawn)
        cell.build((None, 4))
        weights[again] = [numpy(one) for one in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    for one, same in zip(weights[0], weights[1], strict=True):
        np.testing.assert_array_equal(one, same)
        blocks = np.split(one, 3, axis=-1)
        for i in range(3):
            for other in blocks[i + 1 :]:
                assert np.abs(blocks[i] - other).min() > 1e-6
    first = numpy(drawn["kernel_initializer"]((4, 3)))
    np.testing.assert_array_equal(weights[0][0][:, :3], first)
