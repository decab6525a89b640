"""What each builder's model does with its input, beyond shapes."""

import keras
import numpy as np
import pytest

import keraseq
from keraseq import models, train

JIT = keras.backend.backend() == "jax"  # XLA elsewhere takes longer to compile than these to run
RNG = np.random.default_rng(2)
TEXT = RNG.integers(0, 9, (2, 8))
SERIES = RNG.normal(size=(4, 6, 3)).astype("float32")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("embedding", [None, 5])
def test_a_language_model_sees_no_later_token(embedding):
    model = models.language_model(9, embedding=embedding, units=6, layers=2)
    other = TEXT.copy()
    other[:, 5:] = (other[:, 5:] + 1) % 9
    one, two = numpy(model(TEXT)), numpy(model(other))
    np.testing.assert_array_equal(one[:, :5], two[:, :5])
    assert not np.allclose(one[:, 5], two[:, 5])


def test_one_hot_reads_the_rows_of_the_kernel():
    """A one-hot vector times the kernel is a row of it: an embedding with these rows, no kernel."""
    model = models.language_model(9, units=4, cell="elman")
    kernel, recurrent, bias = (numpy(w) for w in model.get_layer("recurrent").weights)
    h = np.zeros((2, 4))
    for token in TEXT.T:
        h = np.tanh(kernel[token] + h @ recurrent + bias)
    w, b = (numpy(one) for one in model.get_layer("logits").weights)
    np.testing.assert_allclose(numpy(model(TEXT))[:, -1], h @ w + b, atol=1e-6)
    assert tuple(model(TEXT[:, :1]).shape) == (2, 1, 9)


@pytest.mark.parametrize("cell", ["lstm", "mut3"])
def test_states_go_on_from_batch_to_batch(cell):
    options = {"units": 5, "layers": 2, "cell": cell}
    whole = models.language_model(9, **options)
    parts = models.language_model(9, **options, stateful=True, batch_size=2)
    parts.set_weights(whole.get_weights() + parts.get_weights()[len(whole.get_weights()) :])
    expected = numpy(whole(TEXT))
    for _ in range(2):
        halves = [numpy(parts(half)) for half in (TEXT[:, :3], TEXT[:, 3:])]
        np.testing.assert_allclose(np.concatenate(halves, axis=1), expected, atol=1e-5)
        keraseq.layers.reset_states(parts)
    numpy(parts(TEXT[:, :3]))
    assert not np.allclose(numpy(parts(TEXT)), expected)  # without a reset it is another text


def test_states_go_on_in_fit_and_predict():
    model = models.language_model(9, units=5, stateful=True, batch_size=2)
    train.compile(model, learning_rate=1e-9, jit_compile=JIT)
    long = np.concatenate([TEXT[:, :4], TEXT[:, 4:]])  # two batches of two rows
    plain = models.language_model(9, units=5)
    plain.set_weights(model.get_weights()[: len(plain.get_weights())])
    got = model.predict(long, batch_size=2, verbose=0)
    np.testing.assert_allclose(np.concatenate([got[:2], got[2:]], 1), numpy(plain(TEXT)), atol=1e-5)
    keraseq.layers.reset_states(model)
    loss = model.fit(long, long, batch_size=2, shuffle=False, verbose=0).history["loss"][0]
    train.compile(plain, jit_compile=JIT)
    assert loss == pytest.approx(plain.evaluate(TEXT, TEXT, verbose=0)[0], rel=1e-5)


def test_tied_embeddings_share_one_matrix():
    options = {"embedding": 6, "units": 6}
    tied = models.language_model(9, **options, tie_embeddings=True)
    loose = models.language_model(9, **options)
    assert loose.count_params() - tied.count_params() == 6 * 9 + 9
    vectors = tied.get_layer("embedding").get_weights()[0]
    tower = keras.Model(tied.input, tied.get_layer("recurrent").output)
    np.testing.assert_allclose(numpy(tied(TEXT)), numpy(tower(TEXT)) @ vectors.T, atol=1e-5)


def test_products_with_tied_embeddings_are_as_precise_as_the_others():
    """Keras keeps the vectors in float32, and would do these products so: four times as slow."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.language_model(9, embedding=6, units=6, tie_embeddings=True)
    finally:
        keras.config.set_dtype_policy("float32")
    embed = model.get_layer("embedding")
    product = embed(keras.ops.ones((1, 2, 6), "bfloat16"), reverse=True)
    assert keras.backend.standardize_dtype(product.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(model(TEXT).dtype) == "float32"
    again = keras.Model.from_config(model.get_config())
    assert again.get_layer("embedding").reverse_dtype == "bfloat16"


def test_tied_embeddings_fit_a_projection():
    options = {"cell_options": {"projection": 4}, "units": 9, "tie_embeddings": True}
    assert models.language_model(9, embedding=4, **options).output_shape == (None, None, 9)


def test_a_shift_of_the_target_shifts_the_forecast():
    model = models.forecaster(5, features=3, targets=2, units=6, layers=2, normalize="last")
    shift = np.array([100.0, -3.0, 0.0], "float32")
    forecast = numpy(model(SERIES + shift))
    np.testing.assert_allclose(forecast, numpy(model(SERIES)) + shift[:2], atol=1e-4)
    other = numpy(model(SERIES + np.array([0, 0, 1.0], "float32")))
    assert not np.allclose(other, numpy(model(SERIES)), atol=1e-3)  # the third only helps
    plain = models.forecaster(5, features=3, targets=2, units=6, normalize=None)
    assert not np.allclose(numpy(plain(SERIES + shift)), numpy(plain(SERIES)) + shift[:2], atol=0.1)


def test_an_untrained_change_of_zero_repeats_the_last_value():
    model = models.forecaster(3, features=3, targets=2, units=4, normalize="last")
    model.get_layer("dense").set_weights(
        [np.zeros_like(w) for w in model.get_layer("dense").get_weights()]
    )
    expected = np.repeat(SERIES[:, -1:, :2], 3, axis=1)
    np.testing.assert_array_equal(numpy(model(SERIES)), expected)


def test_a_forecaster_learns_the_next_steps_of_its_first_series():
    """Step k of the output is step k of the future, and target 0 is feature 0."""
    t = np.arange(60)
    table = np.stack([np.sin(t / 3), np.cos(t / 7)], axis=1).astype("float32")
    x = np.stack([table[i : i + 8] for i in range(50)])
    y = np.stack([table[i + 8 : i + 10, :1] for i in range(50)])
    model = train.compile(
        models.forecaster(2, features=2, units=8, cell="gru"), learning_rate=0.02, jit_compile=JIT
    )
    model.fit(x, y, epochs=60, batch_size=50, verbose=0)
    assert np.mean((model.predict(x, verbose=0) - y) ** 2) < 0.02  # the variance of y is 0.5


def test_only_the_states_of_the_encoder_reach_the_decoder():
    model = models.encoder_decoder(9, 9, units=5, layers=2, cell="lstm")
    source, target = TEXT, TEXT[:, :4]
    model = models.encoder_decoder(10, 10, units=5, layers=2)
    source, target = source + 1, target + 1
    other = source.copy()
    other[:, 0] = other[:, 0] % 9 + 1
    one = numpy(model({"source": source, "target": target}))
    assert not np.allclose(one, numpy(model({"source": other, "target": target})), atol=1e-6)
    later = target.copy()
    later[:, 3] = later[:, 3] % 9 + 1
    two = numpy(model({"source": source, "target": later}))
    np.testing.assert_array_equal(one[:, :3], two[:, :3])

    x = model.get_layer("source_embedding")(source)
    _, *states = model.get_layer("encoder")(x)
    y = model.get_layer("target_embedding")(target)
    decoder = model.get_layer("decoder")
    by_hand = model.get_layer("logits")(decoder(y, initial_state=states))
    np.testing.assert_allclose(one, numpy(by_hand), atol=1e-6)


def test_an_encoder_and_decoder_learns_to_reverse_and_writes_step_by_step():
    """The docstring's way to write: 0 behind the start token, filled choice by choice."""
    rng = np.random.default_rng(0)
    source = rng.integers(1, 5, (64, 3))
    answer = source[:, ::-1]
    start = 5
    target = np.concatenate([np.full((64, 1), start), answer[:, :-1]], axis=1)
    train.seed_everything(0)
    model = models.encoder_decoder(5, 6, embedding=16, units=48, cell="gru")
    train.compile(model, learning_rate=0.02, jit_compile=JIT)
    model.fit({"source": source, "target": target}, answer, epochs=40, batch_size=64, verbose=0)
    written = np.zeros((64, 4), int)
    written[:, 0] = start
    for t in range(3):
        logits = model.predict({"source": source, "target": written}, batch_size=64, verbose=0)
        written[:, t + 1] = logits[:, t].argmax(-1)
    assert np.mean(written[:, 1:] == answer) > 0.9
