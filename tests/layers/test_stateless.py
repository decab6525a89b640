"""With explicit states a model says what it says by itself: step by step, and all at once."""

import keras
import numpy as np
import pytest
from conformance.cases import FEW
from keras import ops

import keraseq
from keraseq.layers.stateless import Stateless

TOKENS = np.random.default_rng(0).integers(0, 7, (2, 9)).astype("int32")


def shaken(model):
    """Random asymmetric weights: a cell that mixes anything up gives other numbers."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


def language_model(**options):
    return shaken(keraseq.models.language_model(7, **{"units": 6, **options}))


def by_steps(stateless, tokens):
    states, logits = stateless.first_states(len(tokens)), []
    for t in range(tokens.shape[1]):
        said, _, states = stateless.step(ops.convert_to_tensor(tokens[:, t]), states)
        logits.append(numpy(said))
    return np.stack(logits, axis=1), states


def numpy(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


def check(model, tokens=TOKENS, atol=2e-5):
    expected = numpy(model(tokens))
    stateless = Stateless(model)
    steps, after = by_steps(stateless, tokens)
    np.testing.assert_allclose(steps, expected, atol=atol)
    states, parts = stateless.first_states(len(tokens)), []
    for part in (tokens[:, :4], tokens[:, 4:]):
        read = stateless.read(part, states)
        states = read.states
        parts.append(numpy(read.logits))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, atol=atol)
    for one, other in zip(keras.tree.flatten(after), keras.tree.flatten(states), strict=True):
        np.testing.assert_allclose(numpy(one), numpy(other), atol=atol)


@pytest.mark.parametrize("cell", [row.name for row in FEW])
def test_every_cell(cell):
    check(language_model(cell=cell))


OPTIONS = {
    "stack": {"units": [6, 5, 4], "cell": "lstm"},
    "residual": {"layers": 3, "residual": True, "cell": "mut1"},
    "embedding": {"embedding": 5, "cell": "gru"},
    "tied": {"embedding": 6, "tie_embeddings": True, "layers": 2, "cell": "lstm"},
    "dropout": {"dropout": 0.5, "layers": 2, "cell_options": {"recurrent_dropout": 0.5}},
    "zoneout": {"cell_options": {"zoneout": 0.3}},
    "normalised": {"cell": "gru", "cell_options": {"layer_norm": True}},
    "initial state": {"cell": "lstm", "cell_options": {"trainable_initial_state": True}},
    "projection": {"cell": keraseq.cells.LSTMCell(6, projection=3)},
    "fixed length": {"length": 9},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_kind_of_model(options):
    check(language_model(**options))


def test_states_of_a_stateful_model_are_left_alone():
    model = language_model(cell="lstm", stateful=True, batch_size=2)
    model(TOKENS)
    [layer] = model.get_layer("recurrent").rnns
    before = [numpy(state) for state in layer.states]
    other = language_model(cell="lstm")
    np.testing.assert_allclose(
        by_steps(Stateless(model), TOKENS)[0], numpy(other(TOKENS)), atol=2e-5
    )
    for one, then in zip(layer.states, before, strict=True):
        assert np.abs(then).max() > 0
        np.testing.assert_array_equal(numpy(one), then)


def test_mixed_precision_keeps_float32_states():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = language_model(cell="lstm")
    finally:
        keras.config.set_dtype_policy("float32")
    check(model, atol=0.05)
    states = by_steps(Stateless(model), TOKENS)[1]
    assert {keras.backend.standardize_dtype(one.dtype) for one in states[0]} == {"float32"}


def of_keras(*recurrent):
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(7, 5),
            *recurrent,
            keras.layers.LayerNormalization(),
            keras.layers.Dense(7),
        ]
    )


@pytest.mark.parametrize(
    "recurrent",
    [
        lambda: [
            keras.layers.LSTM(6, return_sequences=True),
            keras.layers.GRU(4, return_sequences=True),
        ],
        lambda: [keras.layers.SimpleRNN(6, return_sequences=True)],
        lambda: [
            keras.layers.RNN(
                [keras.layers.LSTMCell(4), keraseq.cells.MUT2Cell(5)], return_sequences=True
            )
        ],
    ],
    ids=["LSTM, GRU", "SimpleRNN", "stacked cells"],
)
def test_layers_of_keras(recurrent):
    check(shaken(of_keras(*recurrent())))


def test_a_layer_that_is_called_twice_has_two_states():
    tokens = keras.Input((None,), dtype="int32")
    layer = keraseq.layers.RNN(keraseq.cells.GRUCell(5), return_sequences=True)
    x = layer(layer(keras.layers.Embedding(7, 5)(tokens)))
    check(shaken(keras.Model(tokens, keras.layers.Dense(7)(x))))


def test_tokens_that_are_passed_over_leave_no_trace():
    stateless = Stateless(language_model(cell="lstm"))
    valid = np.array([[True] * 9, [True] * 3 + [False] * 6])
    states = stateless.read(TOKENS, stateless.first_states(2), valid).states
    short = stateless.read(TOKENS[1:, :3], stateless.first_states(1)).states
    for one, other in zip(states[0], short[0], strict=True):
        np.testing.assert_allclose(numpy(one)[1:], numpy(other), atol=1e-6)


def test_what_is_no_language_model_says_so():
    layers = keras.layers
    with pytest.raises(ValueError, match=r"must be a functional or sequential keras.Model"):
        Stateless("model")
    with pytest.raises(ValueError, match=r"reads integer tokens .* received model"):
        Stateless(keraseq.models.sequence_classifier(2, vocabulary=7, units=4))
    with pytest.raises(ValueError, match=r"reads integer tokens .* received model"):
        Stateless(keraseq.models.sequence_tagger(7, features=3, units=4))
    with pytest.raises(ValueError, match=r"'embedding' .* takes token 0 for pad"):
        Stateless(keraseq.models.sequence_tagger(7, vocabulary=7, units=4))
    with pytest.raises(ValueError, match=r"'recurrent' of model .* reads backwards"):
        tower = keraseq.layers.stack(
            "gru", 4, bidirectional=True, return_sequences=True, name="recurrent"
        )
        Stateless(of_keras(tower))
    with pytest.raises(ValueError, match="reads backwards"):
        Stateless(of_keras(layers.LSTM(4, return_sequences=True, go_backwards=True)))
    with pytest.raises(ValueError, match="has no recurrent layer"):
        Stateless(of_keras())
    with pytest.raises(ValueError, match="return_sequences=True"):
        Stateless(of_keras(layers.LSTM(4), layers.RepeatVector(1)))
    with pytest.raises(ValueError, match="looks at more than one step"):
        convolution = layers.Conv1D(6, 3, padding="causal")
        Stateless(shaken(of_keras(convolution, layers.LSTM(4, return_sequences=True))))
