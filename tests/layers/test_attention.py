"""Attention: the equations in NumPy, gradients in every loop, masks, any cell, what is saved."""

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND
from keras import ops

import keraseq
from keraseq.autodiff import gradients
from keraseq.layers import RNN, Attention, AttentionCell, EvenAttention
from keraseq.layers.attention import SCORES, shares_of, unevenness

ROWS, STEPS, FEATURES, UNITS, PLACES = 3, 4, 2, 3, 5
LOOPS = ("plain", "deferred", "compiled") if BACKEND == "tensorflow" else ("plain", "deferred")
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool)
PRESENT = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0]], bool)


def numbers(width=UNITS):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(ROWS, STEPS, FEATURES)).astype("float32")
    return x, rng.normal(size=(ROWS, PLACES, width)).astype("float32")


def close(found, expected, atol):
    found, expected = (ops.convert_to_numpy(one) for one in (found, expected))
    np.testing.assert_allclose(found, expected, atol=atol)


def drawn(layer, seed=5):
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    return layer


def attended(score, weights, query, memory, present):
    """What a query finds, in float64: `(found, shares)`."""
    if score == "additive":
        w, u, v = (weights[name] for name in ("query_kernel", "key_kernel", "v"))
        scores = (np.tanh(query @ w + memory @ u) @ v)[:, 0]
    elif score == "general":
        scores = memory @ weights["key_kernel"] @ query
    else:
        scores = memory @ query
    shares = np.where(present, np.exp(scores - scores.max()), 0.0)
    shares = shares / shares.sum() if present.any() else shares
    return shares @ memory, shares


def by_hand(layer, x, memory, present):
    """An Elman decoder with attention, one row and one step after the other, in float64."""
    attention = layer.cell
    score, elman = attention.score, attention.cell
    weights = {
        one.name: np.asarray(ops.convert_to_numpy(one), "float64") for one in attention.weights
    }
    kernel, recurrent, bias = (
        np.asarray(ops.convert_to_numpy(one), "float64")
        for one in (elman.kernel, elman.recurrent_kernel, elman.bias)
    )
    rows = []
    for row in range(len(x)):
        h, fed, outputs = np.zeros(UNITS), np.zeros(UNITS), []
        for now in x[row].astype("float64"):
            given = (weights, memory[row].astype("float64"), present[row])
            if score == "additive":
                found, shares = attended(score, given[0], h, *given[1:])
                found = found * gate_of(attention, weights, h)
                h = np.tanh(np.concatenate([now, found]) @ kernel + h @ recurrent + bias)
                outputs.append(np.concatenate([h, found]))
            else:
                h = np.tanh(np.concatenate([now, fed]) @ kernel + h @ recurrent + bias)
                found, shares = attended(score, given[0], h, *given[1:])
                found = found * gate_of(attention, weights, h)
                own = np.asarray(ops.convert_to_numpy(attention.kernel), "float64")
                fed = np.tanh(np.concatenate([found, h]) @ own)
                outputs.append(fed)
            if attention.give_shares:
                outputs[-1] = np.concatenate([outputs[-1], shares])
        rows.append(outputs)
    return np.array(rows)


def gate_of(attention, weights, query):
    """How much what is found counts."""
    if not attention.gate:
        return 1.0
    return 1 / (1 + np.exp(-(query @ weights["gate_kernel"] + weights["gate_bias"])))


def decoder(score, cell="elman", attends=(), **options):
    attention = AttentionCell(keraseq.cells.get(cell, UNITS), score, **dict(attends))
    layer = RNN(attention, return_sequences=True, **options)
    layer.build((ROWS, STEPS, FEATURES), context_shape=(ROWS, PLACES, UNITS))
    return drawn(layer)


@pytest.mark.parametrize("score", SCORES)
def test_the_equations(score):
    x, memory = numbers()
    layer = decoder(score)
    found = layer(x, context=memory, context_mask=ops.convert_to_tensor(PRESENT))
    close(found, by_hand(layer, x, memory, PRESENT), 2e-6)
    layer = decoder(score, attends={"gate": True, "give_shares": True})
    found = layer(x, context=memory, context_mask=ops.convert_to_tensor(PRESENT))
    close(found, by_hand(layer, x, memory, PRESENT), 2e-6)
    close(ops.sum(found[..., -PLACES:], axis=-1), np.ones((ROWS, STEPS)), 1e-6)


def test_even_attention():
    """The cost by hand, padding aside; its gradient is tested below."""
    x, memory = numbers()
    mask, even = ops.convert_to_tensor(MASK), EvenAttention(PLACES, weight=3.0)
    y = decoder("dot", attends={"give_shares": True})(x, mask=mask, context=memory)
    shares = ops.convert_to_numpy(y)[..., -PLACES:] * MASK[..., None]
    close(even(y, mask=mask), y[..., :-PLACES], 0)
    assert even.losses == []  # in use it costs nothing
    even(y, mask=mask, training=True)
    expected = 3 * ((1 - shares.sum(axis=1)) ** 2).sum() / MASK.sum()
    assert float(even.losses[0]) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="give_shares=True needs a memory of a known number"):
        RNN(AttentionCell(keraseq.cells.GRUCell(UNITS), give_shares=True)).build(
            (ROWS, STEPS, FEATURES), context_shape=(ROWS, None, UNITS)
        )


@pytest.mark.parametrize("score", SCORES)
def test_gradients_are_the_same_in_every_loop_and_those_of_differences(score):
    x, memory = numbers()
    present, mask = ops.convert_to_tensor(PRESENT), ops.convert_to_tensor(MASK)

    def loss(layer, x, memory):
        y = layer(x, mask=mask, training=True, context=memory, context_mask=present)
        cost = unevenness(y[..., -PLACES:], mask)
        return cost + ops.sum(ops.sin(y) * ops.cumsum(ops.ones_like(y), axis=1))

    found = {}
    for loop in LOOPS:
        layer = decoder(score, "gru", {"gate": True, "give_shares": True}, loop=loop)
        run = lambda x, memory, layer=layer: loss(layer, x, memory)  # noqa: E731
        given, weights = gradients(run, [x, memory], layer.trainable_weights)
        found[loop] = [*given, *weights]
        assert layer.loop_taken == loop
    for loop in LOOPS[1:]:
        for one, other in zip(found[loop], found["plain"], strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5 * max(1, np.abs(other).max()))
    assert all(np.abs(one).max() > 1e-4 for one in found["plain"])
    # Along a random direction, of x and memory and of every weight.
    rng, step = np.random.default_rng(1), 1e-2
    ways = [rng.normal(size=one.shape).astype("float32") for one in found["plain"]]
    before = [ops.convert_to_numpy(one) for one in layer.trainable_weights]

    def at(distance):
        for weight, start, way in zip(layer.trainable_weights, before, ways[2:], strict=True):
            weight.assign(start + distance * way)
        moved = (
            ops.convert_to_tensor(o + distance * w)
            for o, w in zip((x, memory), ways[:2], strict=True)
        )
        return float(ops.convert_to_numpy(loss(layer, *moved)))

    slope = sum(float(np.sum(w * g)) for w, g in zip(ways, found["plain"], strict=True))
    assert slope == pytest.approx((at(step) - at(-step)) / (2 * step), rel=0.02, abs=0.02)


@pytest.mark.parametrize("score", SCORES)
def test_an_empty_memory_gives_zeros_and_finite_gradients(score):
    x, memory = numbers()
    present = PRESENT & np.array([[True], [False], [True]])
    holes = np.where(present[..., None], memory, np.nan).astype("float32")
    layer = decoder(score)

    def loss(x, memory):
        y = layer(x, context=memory, context_mask=ops.convert_to_tensor(present), training=True)
        return ops.sum(ops.sin(y))

    expected = by_hand(layer, x, np.where(present[..., None], memory, 0.0), present)
    y = layer(x, context=holes, context_mask=ops.convert_to_tensor(present))
    close(y, expected, 2e-6)
    given, weights = gradients(loss, [x, holes], layer.trainable_weights)
    assert all(np.isfinite(one).all() for one in [*given, *weights])
    assert not given[1][~present].any()


def test_shares():
    scores = ops.convert_to_tensor([[1.0, 2.0, 500.0], [-1e5, -1e5, 0.0], [1.0, 2.0, 3.0]])
    mask = ops.convert_to_tensor([[True, True, False], [True, True, False], [False] * 3])
    e = np.exp(1.0)
    expected = [[1 / (1 + e), e / (1 + e), 0], [0.5, 0.5, 0], [0, 0, 0]]
    close(shares_of(scores, mask), expected, 1e-6)
    close(shares_of(scores), ops.softmax(scores), 1e-7)


@pytest.mark.parametrize("score", SCORES)
def test_all_steps_at_once_are_each_step(score):
    rng = np.random.default_rng(2)
    query = rng.normal(size=(ROWS, STEPS, UNITS)).astype("float32")
    _, memory = numbers()
    layer = Attention(score)
    layer(query, memory)
    drawn(layer)
    weights = {one.name: np.asarray(ops.convert_to_numpy(one), "float64") for one in layer.weights}
    found = layer(query, memory, memory_mask=ops.convert_to_tensor(PRESENT))
    for row in range(ROWS):
        for t in range(STEPS):
            c, _ = attended(score, weights, query[row, t], memory[row], PRESENT[row])
            expected = np.tanh(np.concatenate([c, query[row, t]]) @ weights["kernel"])
            close(found[row, t], expected, 2e-6)


@pytest.mark.parametrize("name", keraseq.cells.names())
def test_any_cell(name):
    """A row alone says what it says among others, whose memories are longer."""
    x, memory = numbers()
    layer = decoder("additive", name)
    together = layer(x, context=memory, context_mask=ops.convert_to_tensor(PRESENT))
    alone = layer(x[1:2], context=memory[1:2, :3])
    close(together[1:2], alone, 1e-5)
    assert together.shape[-1] == layer.cell.output_size


def test_cells_of_keras_and_cells_on_each_other():
    x, memory = numbers()
    stacked = keras.layers.StackedRNNCells
    ours = keraseq.cells
    for make in (
        lambda: keras.layers.GRUCell(UNITS),
        lambda: stacked([ours.LSTMCell(4), ours.GRUCell(UNITS)]),
    ):
        for score in SCORES:
            cell = AttentionCell(make(), score)
            y, *states = RNN(cell, return_sequences=True, return_state=True)(x, context=memory)
            assert y.shape[-1] == cell.output_size
            assert [one.shape[-1] for one in states] == cell.state_size


def test_dropout_reaches_the_cell():
    """One mask a sequence, the same in every loop."""
    x, memory = numbers()
    found = []
    for loop in LOOPS:
        cell = keraseq.cells.GRUCell(UNITS, dropout=0.4, recurrent_dropout=0.3, seed=3)
        layer = RNN(AttentionCell(cell, "general"), return_sequences=True, loop=loop)
        layer.build((ROWS, STEPS, FEATURES), context_shape=(ROWS, PLACES, UNITS))
        drawn(cell)
        drawn(layer)
        found.append(ops.convert_to_numpy(layer(x, context=memory, training=True)))
        assert np.abs(found[-1] - ops.convert_to_numpy(layer(x, context=memory))).max() > 1e-3
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], atol=1e-5)


def test_what_is_refused():
    x, memory = numbers(width=7)
    with pytest.raises(ValueError, match=r"needs a memory as wide as the query, 3; received 7"):
        RNN(AttentionCell(keraseq.cells.GRUCell(UNITS), "dot"))(x, context=memory)
    with pytest.raises(ValueError, match=r"needs a memory.*: give its layer context="):
        RNN(AttentionCell(keraseq.cells.GRUCell(UNITS)))(x)
    with pytest.raises(
        ValueError, match=r"unknown score 'bahdanau'; accepted: 'additive', 'dot', 'general'"
    ):
        AttentionCell(keraseq.cells.GRUCell(UNITS), "bahdanau")
    with pytest.raises(ValueError, match=r"units is the width of the additive score"):
        Attention("dot", units=4)
    with pytest.raises(ValueError, match=r"input_feeding is for attention='dot' and 'general'"):
        keraseq.models.encoder_decoder(9, 9, attention="additive", input_feeding=True)
    with pytest.raises(ValueError, match=r"tie_embeddings=True needs one vocabulary"):
        keraseq.models.encoder_decoder(9, 8, tie_embeddings=True)


MODELS = [
    {"attention": "additive", "bidirectional": True, "cell": "lstm", "layers": 2},
    {"attention": "dot", "cell": "mut1", "layers": 2, "tie_embeddings": True, "embedding": 5},
    {"attention": "general", "input_feeding": False, "encoder_units": 5, "cell": "elman"},
    {"bidirectional": True, "encoder_units": [3, 5], "units": [4, 6], "cell": "gru"},
]


@pytest.mark.parametrize("options", MODELS, ids=str)
def test_encoder_decoders_train_and_are_saved(options, tmp_path, request):
    """Padding of either side changes nothing; every weight moves; the saved model is the same.

    One of them in a graph and the loop that it would choose; that loops agree is tested above.
    """
    if options["cell"] != "elman":
        request.getfixturevalue("plain_loop")
        request.getfixturevalue("step_by_step")
    keras.utils.set_random_seed(2)
    model = keraseq.models.encoder_decoder(9, 9, **{"units": 4, "dropout": 0.1} | options)
    source = np.array([[3, 4, 5, 6], [7, 8, 0, 0]], "int32")
    target = np.array([[1, 4, 5], [1, 6, 0]], "int32")
    both = {"source": source, "target": target}
    alone = model.predict({"source": source[1:, :2], "target": target[1:, :2]}, verbose=0)
    np.testing.assert_allclose(model.predict(both, verbose=0)[1:, :2], alone, atol=1e-6)
    before = [ops.convert_to_numpy(one) for one in model.trainable_weights]
    model.compile(keras.optimizers.SGD(1.0), model.fitting_loss())
    model.fit(both, np.array([[4, 5, 2], [6, 2, 0]]), epochs=2, verbose=0)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(ops.convert_to_numpy(weight) - old).max() > 0, weight.path
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(both, verbose=0), model.predict(both, verbose=0))


def test_the_mask_of_a_sequence_counts_where_states_are_given():
    """Keras hands no mask on where a layer gets several tensors: the fault of the usual decoder."""
    tokens = np.array([[0, 0, 3, 4]], "int32")
    vectors = keras.layers.Embedding(9, FEATURES, mask_zero=True)(tokens)
    state = ops.ones((1, UNITS))
    for layer in (
        RNN(keraseq.cells.GRUCell(UNITS)),
        keraseq.layers.stack("gru", UNITS),
    ):
        whole = layer(vectors, initial_state=[state])
        alone = layer(vectors[:, 2:], initial_state=[state])
        close(whole, alone, 1e-6)
