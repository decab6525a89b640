"""States carried from batch to batch, reset in the rows that the data name."""

import keras
import numpy as np
import pytest

from keraseq import layers, models, train
from keraseq.data.text import streams

RNG = np.random.default_rng(5)
TEXT = RNG.integers(0, 9, 61)


def twins(batch_size=3, length=5, cell="lstm", **options):
    """The same model with and without states that it keeps."""
    options = {"cell": cell, "units": [4, 5], **options}
    keeps = models.language_model(
        9, stateful=True, resets=True, batch_size=batch_size, length=length, **options
    )
    plain = models.language_model(9, **options)
    plain.set_weights(keeps.get_weights())
    return keeps, plain


def batches(stream):
    """What `fit` feeds, batch by batch."""
    for start in range(0, len(stream.tokens), stream.batch_size):
        part = slice(start, start + stream.batch_size)
        yield {"tokens": stream.tokens[part], "fresh": stream.fresh[part]}


def outputs(model, stream):
    """The logits of each row from its beginning to its end, `(rows, time, vocabulary)`."""
    logits = [model.predict_on_batch(one) for one in batches(stream)]
    return np.concatenate(logits, axis=1)


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("cell", ["lstm", "mut1", "gru"])
def test_rows_in_windows_are_rows_read_as_a_whole(cell):
    keeps, plain = twins(cell=cell)
    stream = streams([TEXT], 3, 5)
    wanted = plain.predict_on_batch(np.stack([TEXT[i : i + 20] for i in (0, 20, 40)]))
    for _ in range(2):  # a second time too: fresh rows forget the first
        np.testing.assert_allclose(outputs(keeps, stream), wanted, atol=1e-5)


@pytest.mark.usefixtures("step_by_step")
def test_a_document_is_read_as_if_it_were_alone():
    documents = [TEXT[:13], TEXT[13:21], TEXT[21:40]]
    keeps, plain = twins(batch_size=1)
    stream = streams(documents, 1, 5)
    logits = outputs(keeps, stream)[0][stream.weights.ravel() > 0]
    alone = [plain.predict_on_batch(one[None, :-1])[0] for one in documents]
    np.testing.assert_allclose(logits, np.concatenate(alone), atol=1e-5)


def test_only_the_fresh_rows_start_anew():
    keeps, plain = twins(batch_size=2)
    tokens = TEXT[:20].reshape(2, 10)
    first = {"tokens": tokens[:, :5], "fresh": np.ones((2, 1), bool)}
    second = {"tokens": tokens[:, 5:], "fresh": np.array([[False], [True]])}
    keeps.predict_on_batch(first)
    logits = keeps.predict_on_batch(second)
    np.testing.assert_allclose(logits[0], plain.predict_on_batch(tokens)[0, 5:], atol=1e-5)
    np.testing.assert_allclose(logits[1], plain.predict_on_batch(tokens[:, 5:])[1], atol=1e-5)


def test_fit_reports_the_mean_over_all_tokens_from_fresh_states():
    keeps, _ = twins(batch_size=2)
    stream = streams([TEXT[:33], TEXT[33:40]], 2, 5)
    train.compile(keeps, learning_rate=1e-9, metrics=[])
    data = (stream.inputs, stream.targets, stream.weights)
    seen = keeps.fit(
        *data[:2],
        sample_weight=data[2],
        batch_size=2,
        shuffle=False,
        epochs=2,
        verbose=0,
        validation_data=data,
        validation_batch_size=2,
    ).history
    rows = outputs(keeps, stream).reshape(2, -1, 5, 9).swapaxes(0, 1).reshape(-1, 5, 9)
    costs = keras.ops.convert_to_numpy(
        keras.losses.sparse_categorical_crossentropy(stream.targets, rows, from_logits=True)
    )
    wanted = costs[stream.weights > 0].mean()
    np.testing.assert_allclose([*seen["loss"], *seen["val_loss"]], wanted, rtol=1e-4)


@pytest.mark.skipif(
    keras.backend.backend() == "torch",
    reason="stateful RNNs on PyTorch keep a view of the first states, which cannot be written",
)
def test_first_states_that_are_weights_are_trained():
    options = {"trainable_initial_state": True}
    keeps, _ = twins(batch_size=2, cell="gru", units=4, cell_options=options)
    train.compile(keeps, learning_rate=0.1, metrics=[])
    [initial] = [one for one in keeps.trainable_weights if "initial" in one.path]
    tokens = {"tokens": TEXT[:10].reshape(2, 5), "fresh": np.zeros((2, 1), bool)}
    keeps.train_on_batch(tokens, TEXT[1:11].reshape(2, 5))
    assert not np.any(keras.ops.convert_to_numpy(initial))  # nothing started there
    tokens["fresh"][1] = True
    keeps.train_on_batch(tokens, TEXT[1:11].reshape(2, 5))
    assert np.any(keras.ops.convert_to_numpy(initial))


def test_saved_and_loaded_it_carries_states_as_before(tmp_path):
    keeps, _ = twins()
    stream = streams([TEXT], 3, 5)
    keeps.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(again, stream), outputs(keeps, stream), atol=1e-6)


def test_resets_need_states():
    with pytest.raises(ValueError, match="resets=True needs stateful=True; received stateful=Fal"):
        models.language_model(9, resets=True)
    with pytest.raises(ValueError, match="StreamingStack needs stateful=True"):
        layers.StreamingStack("gru", 4)


# Scheduled sampling.


def sampled(rate, **options):
    train.seed_everything(3)
    keeps = models.language_model(
        9,
        cell="gru",
        units=6,
        scheduled_sampling=True,
        stateful=True,
        resets=True,
        batch_size=2,
        length=5,
        **options,
    )
    keeps.sampling_rate.assign(rate)
    return keeps


def inputs(first=0):
    tokens = TEXT[first : first + 10].reshape(2, 5)
    return {"tokens": tokens, "fresh": np.ones((2, 1), bool)}


def values(model, x, **options):
    return keras.ops.convert_to_numpy(model(x, **options))


def test_a_rate_of_zero_is_teacher_forcing():
    model = sampled(0.0)
    np.testing.assert_allclose(
        values(model, inputs(), training=True), values(model, inputs()), atol=1e-6
    )


def test_with_a_rate_of_one_all_but_the_first_word_are_the_models_own():
    model = sampled(1.0)
    layer = model.get_layer("logits")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 0, bias + 50 * (np.arange(9) == 7)])  # it always says 7
    read = inputs()
    own = {**read, "tokens": np.where(np.arange(5) == 0, read["tokens"], 7)}
    seen = []
    model.get_layer("one_hot").call = spy(model.get_layer("one_hot").call, seen)
    model(read, training=True)
    assert (seen[-1] == own["tokens"]).all() and (seen[0] == read["tokens"]).all()
    seen.clear()
    model(read, training=False)
    assert len(seen) == 1 and (seen[0] == read["tokens"]).all()


def spy(call, seen):
    def look(x):
        seen.append(keras.ops.convert_to_numpy(x))
        return call(x)

    return look


def test_words_are_drawn_from_the_model_and_replaced_at_the_rate():
    model = sampled(0.5)
    layer = model.get_layer("logits")
    kernel, _ = layer.get_weights()
    layer.set_weights([kernel * 0, np.log(np.array([0.7, 0.3, *[1e-9] * 7])).astype("float32")])
    seen = []
    model.get_layer("one_hot").call = spy(model.get_layer("one_hot").call, seen)
    for _ in range(60):
        model({**inputs(), "tokens": np.full((2, 5), 8)}, training=True)
    read = np.stack(seen[1::2])[:, :, 1:]
    assert 0.4 < np.mean(read != 8) < 0.6
    assert 0.6 < np.mean(read[read != 8] == 0) < 0.8


def test_the_first_pass_leaves_no_trace_in_the_states():
    model, teacher = sampled(0.0), sampled(0.0)
    for first in (0, 10):
        x = {**inputs(first), "fresh": np.full((2, 1), first == 0)}
        logits = values(model, x, training=True)
    x = {**inputs(0)}
    teacher(x)
    np.testing.assert_allclose(
        logits, values(teacher, {**inputs(10), "fresh": np.zeros((2, 1), bool)}), atol=1e-6
    )


def test_the_rate_rises_with_the_epochs_and_models_learn_with_it():
    model = train.compile(sampled(0.0), learning_rate=0.03, metrics=[])
    stream = streams([np.arange(101) % 9], 2, 5)
    schedule = train.SamplingSchedule(0.5, epochs=6)
    assert [schedule.rate(epoch) for epoch in range(6)] == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    )
    seen = model.fit(
        stream.inputs,
        stream.targets,
        sample_weight=stream.weights,
        batch_size=2,
        shuffle=False,
        epochs=6,
        verbose=0,
        callbacks=[schedule],
    ).history["loss"]
    assert float(keras.ops.convert_to_numpy(model.sampling_rate)) == pytest.approx(0.5)
    assert seen[-1] < 0.6 * seen[0]
    smooth = train.SamplingSchedule(0.5, epochs=11, decay="inverse_sigmoid")
    rates = [smooth.rate(epoch) for epoch in range(11)]
    assert rates[0] < 0.01 and rates[5] == pytest.approx(0.25, abs=0.01) and rates[10] > 0.49
    assert (np.diff(rates) > 0).all() and np.diff(rates).argmax() in (4, 5)
    with pytest.raises(ValueError, match="unknown decay 'sigmoid'"):
        train.SamplingSchedule(0.5, 3, "sigmoid")
    with pytest.raises(ValueError, match=r"last must be a number in \[0, 1\]"):
        train.SamplingSchedule(1.5, 3)


def test_a_decoder_reads_its_own_words_but_never_instead_of_padding():
    """At a rate of 1 what it was given after the start does not matter, at 0 it does."""
    model = models.encoder_decoder(9, 9, cell="elman", units=4, scheduled_sampling=True)
    source, given = np.array([[3, 4, 5]] * 2), np.array([[1, 2, 3, 0, 0], [1, 8, 7, 6, 0]])
    logits = model.get_layer("logits")
    kernel, bias = logits.get_weights()
    logits.set_weights([kernel * 0, bias + 50 * (np.arange(9) == 5)])  # it only ever writes 5
    seen = []

    def read(target):
        seen.append(keras.ops.convert_to_numpy(target["target"]))

    for rate in (0.0, 1.0):
        model.sampling_rate.assign(rate)
        read(
            model._with_own_words(
                {
                    k: keras.ops.convert_to_tensor(v)
                    for k, v in {"source": source, "target": given}.items()
                }
            )
        )
    np.testing.assert_array_equal(seen[0], given)
    np.testing.assert_array_equal(seen[1], [[1, 5, 5, 0, 0], [1, 5, 5, 5, 0]])


def test_scheduled_sampling_without_states_saves_and_loads(tmp_path):
    model = models.language_model(9, units=4, scheduled_sampling=True)
    tokens = TEXT[:10].reshape(2, 5)
    values(model, tokens, training=True)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again, models.ScheduledSampling)
    np.testing.assert_allclose(values(again, tokens), values(model, tokens), atol=1e-6)
