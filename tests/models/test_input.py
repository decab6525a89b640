"""Input of the wrong kind: refused in one line wherever it comes in, and nothing is lost by it."""

import keras
import numpy as np
import pytest

from keraseq import models, train

JIT = keras.backend.backend() == "jax"  # XLA elsewhere takes longer to compile than these to run
TOKENS = np.array([[3, 1, 2, 0], [5, 4, 6, 2]])
FLOATS = TOKENS.astype("float32")
LABELS = np.array([0, 1])
NEEDS_TOKENS = "`tokens` must be integer tokens, an array of shape (batch, length >= 1); received "


@pytest.fixture(scope="module")
def model():
    return trained()


def trained():
    model = models.sequence_classifier(2, vocabulary=7, embedding=3, units=3)
    train.compile(model, jit_compile=JIT)
    model.fit(TOKENS, LABELS, verbose=0)
    return model


def dataset(x, y):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).batch(2)


class Rows(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.data = (x, y)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.data


USES = {
    "call": lambda m, x: m(x),
    "call with training": lambda m, x: m(x, training=True),
    "fit": lambda m, x: m.fit(x, LABELS, verbose=0),
    "fit by name": lambda m, x: m.fit(y=LABELS, x=x, verbose=0),
    "fit with validation": lambda m, x: m.fit(
        TOKENS, LABELS, validation_data=(x, LABELS), verbose=0
    ),
    "evaluate": lambda m, x: m.evaluate(x, LABELS, verbose=0),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "train_on_batch": lambda m, x: m.train_on_batch(x, LABELS),
    "test_on_batch": lambda m, x: m.test_on_batch(x, LABELS),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "fit on tf.data": lambda m, x: m.fit(dataset(x, LABELS), verbose=0),
    "predict on tf.data": lambda m, x: m.predict(dataset(x, LABELS), verbose=0),
    "symbolic call": lambda m, x: m(keras.Input((None,), dtype=str(x.dtype))),
}


def refused(use, model, x):
    """The message of the one-line ValueError."""
    with pytest.raises(ValueError) as caught:
        use(model, x)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("use", USES)
def test_float_tokens_are_refused_everywhere_and_the_model_lives_on(model, use):
    expected = model.predict(TOKENS, verbose=0)
    message = refused(USES[use], model, FLOATS)
    shape = {"symbolic call": "(None, None)"}.get(use, "(2, 4)")
    shape = "(None, 4)" if "tf.data" in use else shape
    assert message == NEEDS_TOKENS + f"float32 of shape {shape}"
    if use == "fit with validation":
        return  # its training epoch is over by then
    np.testing.assert_array_equal(model.predict(TOKENS, verbose=0), expected)
    assert refused(USES[use], model, FLOATS) == message  # the second time as the first


def test_float_tokens_of_a_dataset_in_python():
    message = refused(lambda m, x: m.fit(Rows(x, LABELS), verbose=0), trained(), FLOATS)
    assert message.startswith(NEEDS_TOKENS + "float32 of shape (")


@pytest.mark.parametrize("copied", ["loaded", "cloned"])
def test_a_loaded_model_refuses_too(model, tmp_path, copied):
    if copied == "loaded":
        model.save(tmp_path / "model.keras")
        copy = keras.saving.load_model(tmp_path / "model.keras")
    else:
        copy = keras.models.clone_model(model)
    for use in ("call", "predict", "fit"):
        if use == "fit" and not copy.compiled:
            continue
        assert refused(USES[use], copy, FLOATS) == NEEDS_TOKENS + "float32 of shape (2, 4)"


def test_inside_another_model(model):
    """A functional model around ours casts nothing that ours did not see."""
    inputs = keras.Input((None,), dtype="int32")
    outer = keras.Model(inputs, keras.layers.Softmax()(model(inputs)))
    np.testing.assert_allclose(outer.predict(TOKENS, verbose=0).sum(axis=1), np.ones(2), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint16"])
def test_integers_of_any_kind_are_tokens(model, dtype):
    expected = keras.ops.convert_to_numpy(model(TOKENS))
    for use in ("call", "predict"):
        got = USES[use](model, TOKENS.astype(dtype))
        np.testing.assert_allclose(keras.ops.convert_to_numpy(got), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("x", "received"),
    [
        (TOKENS > 1, "bool of shape (2, 4)"),
        (TOKENS.astype("float64"), "float64 of shape (2, 4)"),
        (TOKENS[0], "int64 of shape (4,)"),
        (TOKENS[..., None], "int64 of shape (2, 4, 1)"),
        (TOKENS[:, :0], "int64 of shape (2, 0)"),
        (TOKENS.tolist(), "a list"),
        (np.array([["good", "film"]]), "str128 of shape (1, 2)"),
    ],
)
def test_what_are_no_tokens(model, x, received):
    for use in (model, lambda x: model.predict(x, verbose=0)):
        assert refused(lambda _, x, use=use: use(x), model, x) == NEEDS_TOKENS + received


def test_empty_data_is_refused(model):
    for use in ("fit", "predict", "evaluate"):
        assert refused(USES[use], model, TOKENS[:0]) == NEEDS_TOKENS + "int64 of shape (0, 4)"


@pytest.mark.parametrize(
    ("shape", "accepted"),
    [((2, 5), "3"), ((2, 5, 4), "3"), ((2, 5, 3, 1), "3"), ((3,), "3"), ((2, 0, 3), "3")],
)
def test_what_are_no_features(shape, accepted):
    model = models.forecaster(2, features=3, units=2)
    x = np.ones(shape, "float32")
    expected = (
        f"`features` must be numbers, an array of shape (batch, length >= 1, {accepted}); "
        f"received float32 of shape {shape}"
    )
    assert refused(lambda m, x: m(x), model, x) == expected
    assert refused(lambda m, x: m.predict(x, verbose=0), model, x) == expected


def test_integers_and_booleans_are_features():
    model = models.forecaster(2, features=3, units=2)
    x = np.random.default_rng(0).integers(0, 2, (2, 5, 3))
    expected = model.predict(x.astype("float32"), verbose=0)
    for dtype in ("int64", "bool", "float64", "float16"):
        got = model.predict(x.astype(dtype), verbose=0)
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_fixed_length_and_batch():
    model = models.sequence_tagger(2, features=3, units=2, length=4)
    assert refused(lambda m, x: m(x), model, np.ones((2, 5, 3))) == (
        "`features` must be numbers, an array of shape (batch, 4, 3); "
        "received float64 of shape (2, 5, 3)"
    )
    stateful = models.language_model(7, units=2, stateful=True, batch_size=2)
    four = np.concatenate([TOKENS, TOKENS])
    assert stateful.predict(four, batch_size=2, verbose=0).shape == (4, 4, 7)
    assert refused(lambda m, x: m(x), stateful, four) == (
        "`tokens` must be integer tokens, an array of shape (2, length >= 1); "
        "received int64 of shape (4, 4)"
    )


def test_two_inputs():
    model = models.encoder_decoder(7, 7, units=2)
    assert refused(
        lambda m, x: m.predict({"source": TOKENS, "target": x}, verbose=0), model, FLOATS
    ) == (
        "`target` must be integer tokens, an array of shape (batch, length >= 1); "
        "received float32 of shape (2, 4)"
    )
    assert refused(lambda m, x: m.predict({"source": x}, verbose=0), model, TOKENS) == (
        "`target` is missing: the inputs are source, target; received ['source']"
    )
