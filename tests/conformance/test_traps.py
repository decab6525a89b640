"""The traps of Keras 3.15: where `keras.layers.RNN` raises or is silently wrong, ours is right.

`KERAS_IS_WRONG` is the written table of what no test asks of `keras.layers.RNN`. Each entry is
tried: if Keras mends it, the test says so, and the entry (and what was built around it) can go.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import ops

import keraseq

from .backend import BACKEND
from .odd_cells import PlainCell, ResidualCell

ALL = ("jax", "tensorflow", "torch")


def ones(*shape):
    return ops.ones(shape)


def last_two_masked(**flags):
    """PlainCell over four ones, of which it may see the first two (the last two backwards)."""

    def outputs(kind):
        layer = kind(PlainCell(1), return_sequences=True, **flags)
        mask = np.array([[True, True, False, False]])
        if flags.get("go_backwards"):
            mask = mask[:, ::-1].copy()
        found = layer(ones(1, 4, 1), mask=ops.convert_to_tensor(mask))
        return ops.convert_to_numpy(found).ravel().tolist()

    return outputs


def masked_from_a_state(kind):
    """Before the first valid step there is no output to repeat."""
    cell = keraseq.cells.get("gru", 1)
    layer = kind(cell, return_sequences=True)
    mask = ops.convert_to_tensor([[False, False, True]])
    outputs = layer(ones(1, 3, 2), initial_state=[0.5 * ones(1, 1)], mask=mask)
    return ops.convert_to_numpy(outputs).ravel()[:2].tolist()


def reset_of_nested_states(kind):
    cells = [keraseq.cells.get("lstm", 2), keraseq.cells.get("lstm", 3)]
    layer = kind(keras.layers.StackedRNNCells(cells), stateful=True)
    layer(ones(1, 4, 2))
    layer.reset_state()
    return [float(ops.sum(ops.abs(state))) for state in keras.tree.flatten(layer.states)]


def state_of_a_stateful_tower(kind):
    wrapper = {keraseq.layers.RNN: keraseq.layers}.get(kind, keras.layers).Bidirectional
    layer = wrapper(kind(keraseq.cells.get("gru", 2), stateful=True, return_state=True))
    mask = ops.convert_to_tensor([[True, True, False]])
    layer(ones(1, 3, 2), mask=mask)
    output, *states = layer(ones(1, 3, 2), mask=mask)
    return [list(output.shape), *(list(state.shape) for state in states)]


def wrapped_dropout(kind):
    """Dropout in a cell that a wrapper hides: new masks for each call, the same at all steps."""
    cell = keraseq.cells.ElmanCell(
        64, activation="linear", kernel_initializer="identity", dropout=0.5, seed=1
    )
    layer = kind(ResidualCell(cell), return_sequences=True)
    layer.build((2, 3, 64))
    cell.recurrent_kernel.assign(np.zeros((64, 64)))
    compiled = as_fit_runs_it(layer)
    first, second = compiled(ones(2, 3, 64)), compiled(ones(2, 3, 64))
    same_at_all_steps = bool(np.all(first == first[:, :1]) and np.all(second == second[:, :1]))
    return [same_at_all_steps, bool(np.any(first != second))]


def as_fit_runs_it(layer):
    """Training calls on which the backend may compile, as in `fit`."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        call = tf.function(lambda x: layer(x, training=True))
        return lambda x: call(x).numpy()
    if BACKEND == "torch":
        return lambda x: layer(x, training=True).detach().numpy()
    import jax

    @jax.jit
    def call(x, values, others):
        return layer.stateless_call(values, others, x, training=True)

    def run(x):
        values = [variable.value for variable in layer.trainable_variables]
        others = [variable.value for variable in layer.non_trainable_variables]
        outputs, others = call(x, values, others)
        for variable, value in zip(layer.non_trainable_variables, others, strict=True):
            variable.assign(value)
        return np.asarray(outputs)

    return run


@dataclasses.dataclass(frozen=True)
class Trap:
    """What goes wrong where, how to see it, and what is right."""

    says: str
    backends: tuple[str, ...]  # on which Keras 3.15 is wrong
    see: Callable
    right: list


KERAS_IS_WRONG = [
    Trap(
        "JAX repeats the first state at a masked step, not the last output",
        ("jax",),
        last_two_masked(),
        [-10.0, -20.0, -20.0, -20.0],
    ),
    Trap(
        "JAX ignores zero_output_for_mask when it unrolls",
        ("jax",),
        last_two_masked(unroll=True, zero_output_for_mask=True),
        [-10.0, -20.0, 0.0, 0.0],
    ),
    Trap(
        "PyTorch flips a tuple when it unrolls backwards under a mask",
        ("torch",),
        last_two_masked(unroll=True, go_backwards=True),
        [-10.0, -20.0, -20.0, -20.0],
    ),
    Trap(
        "JAX shows the initial state before the first valid step",
        ("jax",),
        masked_from_a_state,
        [0.0, 0.0],
    ),
    Trap("nested states are no variables to reset_state", ALL, reset_of_nested_states, [0.0] * 4),
    Trap(
        "Bidirectional multiplies a generator when stateful with return_state",
        ALL,
        state_of_a_stateful_tower,
        [[1, 4], [1, 2], [1, 2]],
    ),
    Trap(
        "dropout masks are drawn for cells that no wrapper hides: a leak on JAX, one mask for ever",
        ("jax", "torch"),
        wrapped_dropout,
        [True, True],
    ),
]
TRAP = pytest.mark.parametrize("trap", KERAS_IS_WRONG, ids=lambda trap: trap.says.replace(" ", "_"))


@TRAP
def test_ours_is_right(trap):
    assert trap.see(keraseq.layers.RNN) == trap.right


@pytest.mark.skipif(
    not keras.__version__.startswith("3.15."), reason="the table is about Keras 3.15"
)
@TRAP
def test_keras_is_as_the_table_says(trap):
    try:
        seen = trap.see(keras.layers.RNN)
    except Exception as error:
        seen = error
    assert (seen != trap.right) == (BACKEND in trap.backends), seen


def test_a_model_resets_its_states():
    """`model.reset_state()` stands in Keras' documentation and does not exist."""
    inputs = keras.Input((3, 2), batch_size=2)
    x = keraseq.layers.RNN(keraseq.cells.get("lstm", 3), return_sequences=True, stateful=True)(
        inputs
    )
    x = keraseq.layers.Bidirectional(
        keraseq.layers.RNN(keraseq.cells.get("gru", 3), return_sequences=True, stateful=True)
    )(x)
    x = keraseq.layers.stack("mut1", 3, layers=2, bidirectional=True, stateful=True)(x)
    model = keras.Model(inputs, x)
    data = ones(2, 3, 2)
    first = ops.convert_to_numpy(model(data))
    assert np.abs(ops.convert_to_numpy(model(data)) - first).max() > 1e-3
    keraseq.layers.reset_states(model)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(data)), first)


def test_reset_goes_back_to_the_learned_state():
    cell = keraseq.cells.get("gru", 2, trainable_initial_state=True)
    layer = keraseq.layers.RNN(cell, stateful=True)
    layer.build((1, 3, 2))
    cell.initial_hidden.assign([0.25, -0.5])
    layer.reset_state()
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.states[0]), [[0.25, -0.5]])


def test_xla_stays_on():
    """A cuDNN layer turns XLA off for the whole model (`supports_jit`); ours do not."""
    inputs = keras.Input((3, 2))
    tower = keraseq.layers.stack("lstm", 3, layers=2, bidirectional=True)
    model = keras.Model(inputs, tower(inputs))
    model.compile(loss="mse")
    assert all(layer.supports_jit for layer in model._flatten_layers())
    assert model.jit_compile is (BACKEND == "jax")  # and on TensorFlow where there is a GPU


def test_no_step_beyond_those_of_the_sequence():
    """TensorFlow's loop in Keras calls the cell once more than there are steps."""
    calls = []

    class Counting(PlainCell):
        def call(self, inputs, states):
            calls.append(inputs)
            return super().call(inputs, states)

    layer = keraseq.layers.RNN(Counting(1))
    layer(ones(1, 4, 1))
    assert len(calls) == (1 if BACKEND == "jax" else 4)  # JAX traces its loop


@pytest.mark.parametrize("wrapper", [keras.layers.Bidirectional, keraseq.layers.Bidirectional])
def test_bidirectional_of_ours(wrapper):
    """Keras' wrapper copies the layer through its configuration: registered names make it work."""
    layer = wrapper(keraseq.layers.RNN(keraseq.cells.get("mut1", 3, zoneout=0.1)))
    assert type(layer.backward_layer) is keraseq.layers.RNN
    assert layer.backward_layer.cell.zoneout == layer.forward_layer.cell.zoneout == (0.1,)
    assert tuple(layer(ones(2, 4, 3)).shape) == (2, 6)


def test_dropout_masks_do_not_outlive_an_error():
    """A call that fails leaves no mask behind, of another batch size or of a dead trace."""
    cell = keraseq.cells.get("gru", 3, dropout=0.5, recurrent_dropout=0.5)
    layer = keraseq.layers.RNN(cell)
    layer(ones(2, 4, 3), training=True)
    with pytest.raises(Exception, match=r".+"):
        layer(ones(2, 4, 3), initial_state=[ones(2, 7)], training=True)
    assert tuple(layer(ones(5, 4, 3), training=True).shape) == (5, 3)


def test_identity_loses_its_gain():
    twice = keras.initializers.Identity(gain=2.0)
    copy = keras.initializers.Identity.from_config(twice.get_config())
    found = [float(keras.ops.convert_to_numpy(one((1, 1)))[0, 0]) for one in (twice, copy)]
    assert found == [2.0, 1.0]
    cell = keraseq.cells.ElmanCell(3, recurrent_initializer=twice)  # draws without a copy
    cell.build((None, 2))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(cell.recurrent_kernel), 2 * np.eye(3))
