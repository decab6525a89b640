"""What a step may read: context with a gradient, other tensors found out; threads; NaN; memory."""

import gc
import threading
import weakref

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND
from keras import ops

import keraseq
from keraseq.autodiff import gradients

ROWS, STEPS, FEATURES, UNITS, PLACES = 3, 4, 2, 3, 5
LOOPS = (
    ("auto", "plain", "deferred", "compiled") if BACKEND == "tensorflow" else ("auto", "deferred")
)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool)
PRESENT = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], bool)


class Reader(keras.layers.Layer):
    """Reads a memory by dot products with the state, and hands what it found to a cell."""

    def __init__(self, cell, memory=None, **options):
        super().__init__(**options)
        self.cell, self.memory = cell, memory
        self.state_size, self.output_size = cell.state_size, cell.output_size

    def build(self, shape):
        self.cell.build((shape[0], shape[-1] + UNITS))

    def get_initial_state(self, batch_size=None):
        return self.cell.get_initial_state(batch_size)

    def call(self, inputs, states, training=False):
        memory, present = keraseq.cells.running().context or self.memory
        scores = ops.einsum("bpu,bu->bp", memory, states[0])
        weights = ops.softmax(ops.where(present, scores, -1e9), axis=-1)
        found = ops.einsum("bp,bpu->bu", weights, memory)
        return self.cell(ops.concatenate([inputs, found], -1), states, training=training)


def layer_of(cell, **options):
    layer = keraseq.layers.RNN(cell, return_sequences=True, **options)
    layer.build((ROWS, STEPS, FEATURES))
    rng = np.random.default_rng(5)
    for weight in cell.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    return layer


def numbers():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(ROWS, STEPS, FEATURES)).astype("float32")
    return x, rng.normal(size=(ROWS, PLACES, UNITS)).astype("float32")


def by_hand(cell, x, memory, mask):
    """The outputs of a masked sequence, one step after the other, without any loop of ours."""
    cell.memory = (memory, ops.convert_to_tensor(PRESENT))
    states, output, outputs = cell.get_initial_state(ROWS), ops.zeros((ROWS, UNITS)), []
    for t in range(STEPS):
        emitted, new = cell(x[:, t], states)
        valid = ops.convert_to_tensor(mask[:, t, None])
        states = [ops.where(valid, n, s) for n, s in zip(new, states, strict=True)]
        output = ops.where(valid, emitted, output)
        outputs.append(output)
    cell.memory = None
    return ops.stack(outputs, axis=1)


def score(outputs):
    return ops.sum(ops.sin(outputs) * ops.cumsum(ops.ones_like(outputs), axis=1))


def slopes(run, layer, x, memory):
    by_tensor, by_weight = gradients(run, [x, memory], layer.trainable_weights, False)
    return [*by_tensor, *by_weight]


def agree(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * max(1, np.abs(other).max()))


@pytest.mark.parametrize(
    ("loop", "way"),
    [(loop, {}) for loop in LOOPS]
    + [
        ("deferred", {"unroll": 3}),
        ("plain", {"checkpoint_every": 3}),
        ("deferred", {"checkpoint_every": 3}),
    ],
)
def test_context_has_its_gradient(loop, way):
    """As argument in every loop; the expected value comes from a loop in Python."""
    x, memory = numbers()
    layer = layer_of(Reader(keraseq.cells.GRUCell(UNITS)), loop=loop, **way)

    def by_layer(x, memory):
        context = (memory, ops.convert_to_tensor(PRESENT))
        return score(layer(x, mask=ops.convert_to_tensor(MASK), training=True, context=context))

    def expected(x, memory):
        return score(by_hand(layer.cell, x, memory, MASK))

    agree(slopes(by_layer, layer, x, memory), slopes(expected, layer, x, memory))
    assert layer.loop_taken == (loop if loop != "auto" else layer.loop_taken)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("inside", [False, True], ids=["eager", "graph"])
def test_a_tensor_that_the_step_reads_unasked_keeps_its_gradient(loop, inside):
    """It is seen, and the step runs in the plain loop; on PyTorch every loop is right."""
    x, memory = numbers()
    layer = layer_of(Reader(keraseq.cells.GRUCell(UNITS)), loop=loop)

    def by_layer(x, memory):
        layer.cell.memory = (memory, ops.convert_to_tensor(PRESENT))
        try:
            return score(layer(x, mask=ops.convert_to_tensor(MASK), training=True))
        finally:
            layer.cell.memory = None

    def expected(x, memory):
        return score(by_hand(layer.cell, x, memory, MASK))

    found, by_weight = gradients(by_layer, [x, memory], layer.trainable_weights, inside)
    agree([*found, *by_weight], slopes(expected, layer, x, memory))
    if loop in ("deferred", "compiled") and BACKEND != "torch":
        assert (layer.loop_taken, layer.loop_reason) == ("plain", keraseq.layers.scan.UNSEEN)


def test_a_weight_that_is_not_the_cells_is_seen():
    """A variable that Keras does not know to be the cell's: its gradient may not be lost."""
    scale = keras.Variable(np.full((FEATURES,), 0.7, "float32"))

    class Scaled(keras.layers.Layer):
        def __init__(self, cell):
            super().__init__()
            self.cell, self.state_size = cell, cell.state_size
            self.hidden = (lambda: scale,)  # not tracked

        def build(self, shape):
            self.cell.build(shape)

        def call(self, inputs, states, training=False):
            return self.cell(inputs * self.hidden[0](), states, training=training)

    x, _ = numbers()
    found = []
    for loop in ("plain", "deferred"):
        layer = layer_of(Scaled(keraseq.cells.GRUCell(UNITS)), loop=loop)
        assert not any(one is scale for one in layer.weights)
        found.append(
            gradients(lambda x, layer=layer: score(layer(x, training=True)), [x], [scale], False)[1]
        )
    assert np.abs(found[0][0]).max() > 0.01
    agree(found[1], found[0])


def test_a_piece_that_would_lose_a_gradient_is_refused():
    if BACKEND != "tensorflow":
        pytest.skip("elsewhere the gradient of a piece is right")
    x, memory = numbers()
    layer = layer_of(Reader(keraseq.cells.GRUCell(UNITS)), checkpoint_every=2)
    layer.cell.memory = (ops.convert_to_tensor(memory), ops.convert_to_tensor(PRESENT))
    with pytest.raises(ValueError, match=r"checkpoint_every: .* hand it over as context="):
        layer(x, training=True)


def test_dropout_and_zoneout_go_with_context():
    """Masks of a wrapped cell reach it, the same in every loop and in the gradient."""
    x, memory = numbers()
    context = (ops.convert_to_tensor(memory), ops.convert_to_tensor(PRESENT))
    found = {}
    for loop in LOOPS:
        cell = keraseq.cells.GRUCell(UNITS, dropout=0.3, recurrent_dropout=0.4, zoneout=0.2, seed=3)
        layer = layer_of(Reader(cell), loop=loop)
        run = lambda x, memory, layer=layer: score(  # noqa: E731
            layer(x, training=True, context=(memory, context[1]))
        )
        found[loop] = slopes(run, layer, x, memory)
    for loop in LOOPS:
        agree(found[loop], found["deferred"])


def test_a_model_with_context_trains_and_is_saved(tmp_path):
    """The encoder's weights move as in the plain loop."""
    moved = []
    for loop in ("plain", "auto"):
        keras.utils.set_random_seed(3)
        source, target = keras.Input((PLACES, FEATURES)), keras.Input((STEPS, FEATURES))
        encoder = keraseq.layers.RNN(keraseq.cells.GRUCell(UNITS), return_sequences=True)
        decoder = keraseq.layers.RNN(Reader(keraseq.cells.LSTMCell(UNITS)), loop=loop)
        present = ops.ones_like(source[..., 0], dtype="bool")
        y = decoder(target, context=(encoder(source), present))
        model = keras.Model([source, target], keras.layers.Dense(1)(y))
        before = [ops.convert_to_numpy(one) for one in encoder.weights]
        model.compile(keras.optimizers.SGD(0.5), "mse")
        rng = np.random.default_rng(1)
        given = [rng.normal(size=(8, n, FEATURES)).astype("float32") for n in (PLACES, STEPS)]
        model.fit(given, np.ones((8, 1)), batch_size=4, shuffle=False, verbose=0)
        after = [ops.convert_to_numpy(one) for one in encoder.weights]
        moved.append([new - old for new, old in zip(after, before, strict=True)])
    assert all(np.abs(one).max() > 1e-4 for one in moved[0])
    agree(moved[1], moved[0])


# What stands under a mask.


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", ["ours", "keras"])
def test_nan_under_the_mask_matters_nowhere(kind, loop):
    cells = {"ours": keraseq.cells.LSTMCell, "keras": keras.layers.LSTMCell}
    layer = layer_of(cells[kind](UNITS), loop=loop, return_state=True)
    x, _ = numbers()
    holes = np.where(MASK[..., None], x, np.nan)

    def run(x):
        y, *states = layer(x, mask=ops.convert_to_tensor(MASK), training=True)
        return score(y) + sum(ops.sum(one) for one in states)

    clean = gradients(run, [np.nan_to_num(holes)], layer.trainable_weights, False)
    found = gradients(run, [holes], layer.trainable_weights, False)
    agree([*found[0], *found[1]], [*clean[0], *clean[1]])


def test_nan_under_the_mask_in_towers():
    x, _ = numbers()
    holes = np.where(MASK[..., None], x, np.nan)
    tower = keraseq.layers.stack("mut1", [UNITS, UNITS], bidirectional=True, residual=True)
    mask = ops.convert_to_tensor(MASK)
    tower(x, mask=mask)
    run = lambda x: ops.sum(ops.sin(tower(x, mask=mask, training=True)))  # noqa: E731
    clean = gradients(run, [np.nan_to_num(holes)], tower.trainable_weights, False)
    found = gradients(run, [holes], tower.trainable_weights, False)
    agree([*found[0], *found[1]], [*clean[0], *clean[1]])


# Threads and memory.


def test_threads_use_models_side_by_side():
    """Training, prediction and writing, each in a thread of its own, give what they give alone."""
    x, _ = numbers()
    y = np.arange(ROWS) % 2

    def train(name, seed):
        model = keraseq.models.sequence_classifier(
            2,
            features=FEATURES,
            cell=name,
            units=UNITS,
            cell_options={"recurrent_dropout": 0.2, "zoneout": 0.1, "seed": seed},
        )
        rng = np.random.default_rng(seed)
        for weight in model.trainable_weights:
            weight.assign(rng.normal(size=weight.shape) / 3)
        for _ in range(3):
            model(x, training=False)
        model.compile(keras.optimizers.SGD(0.1), keraseq_loss(), run_eagerly=BACKEND != "jax")
        model.fit(x, y, epochs=2, verbose=0, shuffle=False)
        return model.predict_on_batch(x)

    def write(seed):
        model = models[seed]
        return keraseq.generate(model, [1, 2], 6, temperature=0, seed=seed)

    models = [keraseq.models.language_model(9, cell="mut1", units=4) for _ in range(2)]
    jobs = [(n, train, n, i) for i, n in enumerate(["gru", "lstm", "mut3"])]
    jobs += [(i, write, i) for i in range(2)]
    alone = {key: function(*arguments) for key, function, *arguments in jobs}
    found, errors = {}, []

    def job(key, function, *arguments):
        try:
            found[key] = function(*arguments)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=job, args=one) for one in jobs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not errors, errors
    for key, expected in alone.items():
        np.testing.assert_allclose(found[key], expected, atol=1e-5, err_msg=str(key))


def keraseq_loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize("loop", ["plain", *LOOPS])
def test_a_model_that_is_deleted_is_gone(loop):
    x, _ = numbers()

    def cell_of_a_trained_model():
        cell = keraseq.cells.LSTMCell(UNITS)
        layer = keraseq.layers.RNN(cell, loop=loop)
        model = keras.Sequential([keras.Input((STEPS, FEATURES)), layer, keras.layers.Dense(2)])
        model.compile("sgd", keraseq_loss())
        model.fit(x, np.arange(ROWS) % 2, verbose=0)
        return weakref.ref(cell)

    cell = cell_of_a_trained_model()
    keras.utils.clear_session()
    gc.collect()
    assert cell() is None


def test_layers_that_are_alike_share_what_was_compiled():
    """And those that are not do not: another activation, another shape, a cell of one's own."""
    if BACKEND != "tensorflow":
        pytest.skip("loops are compiled on TensorFlow alone")
    from keraseq.layers.scan import tensorflow as loops

    def known(cell, width=FEATURES, **options):
        x = np.ones((2, STEPS, width), "float32")
        keraseq.layers.RNN(cell, loop="compiled", **options)(x, training=True)
        return len(loops._shared)

    class Own(keraseq.cells.GRUCell):
        pass

    start = known(keraseq.cells.MGUCell(UNITS + 4))
    assert known(keraseq.cells.MGUCell(UNITS + 4, kernel_initializer="zeros", seed=4)) == start
    assert known(keraseq.cells.MGUCell(UNITS + 4), go_backwards=True) == start
    assert known(keraseq.cells.MGUCell(UNITS + 4, use_bias=False)) == start + 1
    assert known(keraseq.cells.MGUCell(UNITS + 4), width=FEATURES + 1) == start + 2
    assert known(keraseq.cells.GRUCell(UNITS + 4, activation=lambda x: x)) == start + 3
    assert known(keraseq.cells.GRUCell(UNITS + 4, activation=lambda x: 2 * x)) == start + 4
    assert known(Own(UNITS + 4)) == start + 4


def test_a_step_is_planned_once_at_most():
    """Eager steps run as often as there are steps; a plan, where one is needed, is one more."""
    counted = []

    class Counted(keraseq.cells.ElmanCell):
        def step(self, projected, states):
            counted.append(1)
            return super().step(projected, states)

    x, _ = numbers()
    for loop, extra in (("plain", 0), ("auto", 0), ("deferred", 1)):
        layer = layer_of(Counted(UNITS), loop=loop)
        layer(x, training=True)
        counted.clear()
        layer(x, training=True)
        if BACKEND == "torch":
            assert len(counted) == STEPS
        elif BACKEND == "tensorflow":
            assert len(counted) == STEPS + extra
        else:
            assert len(counted) <= 2
