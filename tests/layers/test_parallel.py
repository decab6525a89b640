"""Linear recurrences: all steps at once give what one step after the other gives.

Their gradients under masks, in training and backwards stand in `conformance/test_gradient.py`.
"""

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND, step_by_step
from conformance.cases import Case, named_weights, random_inputs, randomise
from oracles.time import run

import keraseq
from keraseq.autodiff import gradients
from keraseq.layers.scan import loop_of_backend, parallel

CELLS = ("min-gru", "min-lstm", "lru")
FEATURES, UNITS, BATCH = 3, 4, 5
CELL = pytest.mark.parametrize("name", CELLS)
LENGTHS = (1, 2, parallel.CHUNK, parallel.CHUNK + 1, parallel.CHUNK**2 + 5)


def layer_of(name, dtype="float64", options=None, **flags):
    cell = keraseq.cells.get(name, UNITS, dtype=dtype, **(options or {}))
    cell.build((None, FEATURES))
    randomise(cell)
    flags = {"loop": "parallel", "return_sequences": True, "return_state": True} | flags
    return keraseq.layers.RNN(cell, dtype=dtype, **flags)


def arrays(tensors):
    return [keras.ops.convert_to_numpy(one) for one in tensors]


def check(found, expected, tolerance=1e-10):
    for one, truth in zip(arrays(found), expected, strict=True):
        assert one.shape == truth.shape
        assert (np.abs(one - truth) / np.maximum(1.0, np.abs(truth))).max() < tolerance


@pytest.mark.parametrize("steps", LENGTHS)
@CELL
def test_parallel_is_step_by_step(name, steps, float64):
    """The oracle, run by a Python loop, with gaps in the mask and without a mask."""
    case = Case(name, {})
    x, states = random_inputs(case, FEATURES, UNITS, steps=steps)
    mask = np.random.default_rng(3).random((BATCH, steps)) < 0.7
    mask[0] = False
    for given, backwards in ((None, False), (mask, True)):
        layer = layer_of(name, go_backwards=backwards)
        weights = named_weights(layer.cell)
        outputs, _, last = run(case.step(weights), x, states, mask=given, go_backwards=backwards)
        with step_by_step():
            found = layer(
                keras.ops.convert_to_tensor(x, "float64"),
                initial_state=[keras.ops.convert_to_tensor(one, "float64") for one in states],
                mask=None if given is None else keras.ops.convert_to_tensor(given),
            )
        check(found, [outputs, *last])
        assert layer.loop_taken == "parallel"


@pytest.mark.parametrize("by", ["chunks", "loop", "tree"])
@pytest.mark.parametrize("name", ["min-gru", "lru"])
def test_every_solver_gives_the_same(name, by, float64, monkeypatch):
    """Each backend takes one of them of its own accord; the tree is JAX's, on a GPU."""
    if by == "tree" and BACKEND != "jax":
        pytest.skip("Keras' scan fails on some lengths (TensorFlow), rounds to float32 (PyTorch)")
    steps = parallel.CHUNK + 3
    x = np.random.default_rng(4).normal(size=(BATCH, steps, FEATURES))
    mask = keras.ops.convert_to_tensor(np.random.default_rng(5).random((BATCH, steps)) < 0.6)

    def found(loop):
        layer = layer_of(name, loop=loop)

        def value(x):
            return sum(keras.ops.sum(keras.ops.sin(one)) for one in layer(x, mask=mask))

        with step_by_step():
            by_input, by_weight = gradients(value, [x], layer.cell.trainable_weights)
            values = layer(keras.ops.convert_to_tensor(x), mask=mask)
        return [*arrays(values), *by_input, *by_weight]

    expected = found("plain")
    asked = []
    backend = loop_of_backend()
    monkeypatch.setattr(backend, "solves_by", lambda: asked.append(by) or by)
    check([keras.ops.convert_to_tensor(one) for one in found("parallel")], expected)
    assert asked


WAYS = [
    {"return_sequences": False},
    {"zero_output_for_mask": True},
    {"checkpoint_every": 4},
    {"checkpoint_every": 4, "go_backwards": True},
    {"options": {"zoneout": 0.3, "seed": 3}},
    {"options": {"layer_norm": True, "use_bias": False}},
    {"options": {"trainable_initial_state": True}},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", ["min-gru", "lru"])
def test_every_way_gives_what_the_plain_loop_gives(name, way, float64):
    """Values, and gradients by inputs and weights, in training, with and without a mask."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(BATCH, 10, FEATURES))
    mask = rng.random((BATCH, 10)) < 0.6
    for given in (None, keras.ops.convert_to_tensor(mask)):
        layers = [layer_of(name, **way, loop=loop) for loop in ("plain", "parallel")]
        found = []
        for layer in layers:

            def value(x, layer=layer, given=given):
                keras.utils.set_random_seed(1)
                returned = layer(x, mask=given, training=True)
                return sum(keras.ops.sum(keras.ops.sin(one)) for one in returned)

            with step_by_step():
                by_input, by_weight = gradients(value, [x], layer.cell.trainable_weights)
                values = layer(keras.ops.convert_to_tensor(x), mask=given, training=False)
            found.append([*arrays(values), *by_input, *by_weight])
        check([keras.ops.convert_to_tensor(one) for one in found[1]], found[0])


@CELL
def test_coefficients_are_the_step(name):
    """`h_t = a_t h_{t-1} + b_t`, in complex numbers where there are two states."""
    layer = layer_of(name, "float32")
    cell = layer.cell
    x, states = random_inputs(Case(name, {}), FEATURES, UNITS)
    projected = cell.project(keras.ops.convert_to_tensor(x[:, 0].astype("float32")))
    states = [one.astype("float32") for one in states]
    a, b = (
        [keras.ops.convert_to_numpy(one) for one in (x if isinstance(x, tuple) else (x,))]
        for x in cell.coefficients(projected)
    )
    a, b, h = (x[0] if len(x) == 1 else x[0] + 1j * x[1] for x in (a, b, states))
    expected = a * h + b
    _, found = cell.step(projected, [keras.ops.convert_to_tensor(one) for one in states])
    found = arrays(found)
    found = found[0] if len(found) == 1 else found[0] + 1j * found[1]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@CELL
def test_zoneout_in_training_holds_the_state_as_a_whole(name):
    """The units that keep their value are the same in every loop, both parts of them."""
    options = {"zoneout": 0.5, "seed": 3}
    found = []
    x = np.random.default_rng(4).normal(size=(BATCH, 10, FEATURES)).astype("float32")
    for loop in ("plain", "parallel"):
        layer = layer_of(name, "float32", options, loop=loop)
        found.append(arrays(layer(keras.ops.convert_to_tensor(x), training=True)))
    check([keras.ops.convert_to_tensor(one) for one in found[1]], found[0], 1e-5)


@CELL
def test_stateful_and_both_directions(name):
    x = np.random.default_rng(5).normal(size=(BATCH, 12, FEATURES)).astype("float32")
    layer = layer_of(name, "float32", stateful=True, return_state=False)
    whole = layer_of(name, "float32", return_state=False)
    expected = keras.ops.convert_to_numpy(whole(x))
    halves = [keras.ops.convert_to_numpy(layer(part)) for part in (x[:, :6], x[:, 6:])]
    np.testing.assert_allclose(np.concatenate(halves, axis=1), expected, atol=1e-5)
    both = keraseq.layers.Bidirectional(layer_of(name, "float32", return_state=False))
    mask = np.ones((BATCH, 12), bool)
    mask[1, 7:] = False
    found = keras.ops.convert_to_numpy(both(x, mask=keras.ops.convert_to_tensor(mask)))
    alone = layer_of(name, "float32", return_state=False)
    backward = layer_of(name, "float32", return_state=False)
    alone.cell.set_weights(both.forward_layer.cell.get_weights())
    backward.cell.set_weights(both.backward_layer.cell.get_weights())
    np.testing.assert_allclose(
        found[1, :7, :UNITS], keras.ops.convert_to_numpy(alone(x[1:2, :7]))[0], atol=1e-5
    )
    turned = keras.ops.convert_to_numpy(backward(x[1:2, :7][:, ::-1].copy()))[0][::-1]
    np.testing.assert_allclose(found[1, :7, UNITS:], turned, atol=1e-5)


@CELL
def test_nan_under_the_mask_does_not_come_out(name):
    layer = layer_of(name, "float32")
    x = np.ones((BATCH, 5, FEATURES), "float32")
    mask = np.ones((BATCH, 5), bool)
    mask[:, 3:] = False
    x[~mask] = np.nan
    mask = keras.ops.convert_to_tensor(mask)

    def value(x):
        return sum(keras.ops.sum(one) for one in layer(x, mask=mask))

    by_input, by_weight = gradients(value, [x], layer.cell.trainable_weights)
    assert all(np.isfinite(one).all() for one in arrays(layer(x, mask=mask)))
    assert all(np.isfinite(one).all() for one in [*by_input, *by_weight])


@CELL
def test_a_model_trains_and_generates(name):
    """`fit` in parallel; token by token as at once."""
    model = keraseq.models.language_model(
        7, cell=name, units=UNITS, layers=2, rnn_options={"loop": "parallel"}, length=9
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tokens = np.random.default_rng(6).integers(0, 7, (8, 10))
    history = model.fit(tokens[:, :-1], tokens[:, 1:], epochs=2, verbose=0).history["loss"]
    assert history[1] < history[0]
    paths = keraseq.inspection.explain(model)
    assert {path.path for path in paths} == {"parallel scan"}


def test_what_cannot_run_in_parallel_is_said():
    with pytest.raises(
        ValueError,
        match=r"loop='parallel' needs a linear cell, such as min-gru, min-lstm, lru, and one in a "
        r"layer \(several: keraseq.layers.stack\); received GRUCell. Accepted for it: loop='auto'",
    ):
        keraseq.models.sequence_classifier(
            2, features=3, cell="gru", units=UNITS, rnn_options={"loop": "parallel"}
        )
    cells = [keraseq.cells.get("min-gru", UNITS) for _ in range(2)]
    with pytest.raises(ValueError, match=r"several: keraseq.layers.stack.*StackedRNNCells|list"):
        keraseq.layers.RNN(cells, loop="parallel")


def test_an_unknown_length(monkeypatch):
    layer = keraseq.layers.RNN(keraseq.cells.get("min-gru", UNITS), loop="parallel")
    inputs = keras.Input((None, FEATURES))
    if BACKEND == "tensorflow":
        with pytest.raises(ValueError, match=r"known number of steps.*keras.Input\(\(1024"):
            layer(inputs)
        layer = keraseq.layers.RNN(keraseq.cells.get("min-gru", UNITS))
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    for steps in (5, 7):
        model.train_on_batch(np.ones((2, steps, FEATURES)), np.zeros((2, UNITS)))
    monkeypatch.setenv("KERASEQ_LOOP", "parallel")  # for the layers that can
    other = keraseq.layers.RNN(keraseq.cells.get("gru", UNITS))
    other(np.ones((2, 5, FEATURES), "float32"))
    assert other.loop_taken != "parallel"
    layer = keraseq.layers.RNN(keraseq.cells.get("lru", UNITS))
    layer(np.ones((2, 5, FEATURES), "float32"))
    assert (layer.loop_taken, layer.loop_reason) == ("parallel", "KERASEQ_LOOP=parallel")


def test_the_ring():
    """Radius and angle as the paper draws them; gamma makes the state as large as its input."""
    cell = keraseq.cells.LRUCell(2000, r_min=0.5, r_max=0.9, max_phase=0.3)
    cell.build((None, 8))
    nu, theta, gamma = (
        keras.ops.convert_to_numpy(one) for one in (cell.nu, cell.theta, cell.gamma)
    )
    radius, angle = np.exp(-np.exp(nu)), np.exp(theta)
    assert 0.5 <= radius.min() and radius.max() <= 0.9 and 0 < angle.min() and angle.max() <= 0.3
    assert abs((radius**2).mean() - (0.25 + 0.81) / 2) < 0.01  # uniform by area
    np.testing.assert_allclose(np.exp(gamma), np.sqrt(1 - radius**2), rtol=1e-4)
    for wrong in ({"r_min": 0.9, "r_max": 0.5}, {"r_max": 1.1}, {"r_min": -0.1}):
        with pytest.raises(ValueError, match="the ring needs 0 <= r_min < r_max <= 1"):
            keraseq.cells.LRUCell(4, **wrong)
    with pytest.raises(ValueError, match="max_phase must be in"):
        keraseq.cells.LRUCell(4, max_phase=7.0)
    with pytest.raises(ValueError, match="one rate for the states that belong together"):
        keraseq.cells.LRUCell(4, zoneout=(0.1, 0.2))


def test_slstm_takes_any_gate():
    """Its stabiliser keeps exponentials of any size finite, from the first step on."""
    cell = keraseq.cells.SLSTMCell(1)
    layer = keraseq.layers.RNN(cell, return_sequences=True)
    layer.build((None, 3, 1))
    cell.set_weights([np.zeros_like(one) for one in cell.get_weights()])
    for gate, size in (("input", 500.0), ("input", -500.0), ("forget", 500.0), ("forget", -500.0)):
        kernel = np.zeros((1, 4), "float32")
        kernel[0, cell.gates.index(gate)] = size
        kernel[0, cell.gates.index("candidate")] = 1.0
        cell.kernel.assign(kernel)

        def value(x):
            return keras.ops.sum(layer(x))

        x = np.array([[[1.0], [-1.0], [1.0]]], "float32")
        assert np.isfinite(keras.ops.convert_to_numpy(layer(x))).all()
        by_input, by_weight = gradients(value, [x], cell.weights)
        assert all(np.isfinite(one).all() for one in [*by_input, *by_weight]), (gate, size)
