"""Batches as Keras reads them, on whatever backend there is."""

import keras
import numpy as np
import pytest

from keraseq import models, train
from keraseq.data import labelled

# Five batches of two; sorted, the first three are of one length.
ROWS = [np.full(n, 1 + i % 5, "int32") for i, n in enumerate([3, 3, 3, 3, 3, 3, 5, 9, 7, 2])]
LABELS = np.arange(10) % 2


@pytest.fixture(autouse=True)
def loop(plain_loop):
    pass


def classifier(**options):
    keras.utils.set_random_seed(1)
    model = models.sequence_classifier(2, units=3, **options)
    return train.compile(model, learning_rate=0.1)


def plain(model):
    """The same as a `keras.Model`, which looks at nothing before Keras does."""
    model = keras.Model(model.inputs, model.outputs)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_lengths_that_come_later_are_no_surprise():
    """On TensorFlow Keras takes what is alike in the first two batches for fixed."""
    model = plain(classifier(vocabulary=6, embedding=2))
    for shuffle in (False, True):
        dataset = labelled.batches(ROWS, LABELS, 2, shuffle=shuffle)
        for _ in range(4):
            model.fit(dataset, epochs=2, shuffle=False, verbose=0)
            first, second, *_ = (tokens.shape[1] for tokens, _ in dataset)
            assert first != second
    alone = labelled.batches(ROWS, batch_size=2)
    found = np.empty((10, 2))
    found[alone.order] = model.predict(alone, verbose=0)
    one_by_one = [model.predict(row[None], verbose=0)[0] for row in ROWS]
    np.testing.assert_allclose(found, one_by_one, rtol=1e-4, atol=1e-5)


def test_the_order_of_an_epoch_that_was_killed_comes_again(tmp_path):
    class Kill(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2 and killed.append(0) is None and len(killed) == 3:
                raise KeyboardInterrupt

    def run(folder, *others):
        keras.utils.set_random_seed(1)
        tower = [keras.layers.Embedding(6, 2), keras.layers.GlobalAveragePooling1D()]
        model = keras.Sequential([keras.Input((None,)), *tower, keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        train.compile(model, loss=loss, learning_rate=0.1)
        dataset = labelled.batches(ROWS, LABELS, 2, shuffle=True)
        resume = train.Resume(tmp_path / folder / "resume.npz", seed=4)
        model.fit(dataset, epochs=4, shuffle=False, verbose=0, callbacks=[*others, resume])
        return model.get_weights()

    killed = []
    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("killed", Kill())
    np.random.seed(99)  # noqa: NPY002
    for one, other in zip(whole, run("killed"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_measurements_with_weights_are_padded_as_asked():
    rows = [np.full((n, 2), n, "float64") for n in (1, 3, 4)]
    dataset = labelled.batches(
        rows, [0, 1, 0], 2, weights=[1, 2, 0.5], multiple=2, fill=float("nan")
    )
    (one, labels, weights), (last, *_) = dataset
    assert (one.dtype, one.shape, last.shape) == ("float32", (2, 4, 2), (1, 4, 2))
    np.testing.assert_array_equal(one[0, 0], [1, 1])
    assert np.isnan(one[0, 1:]).all() and np.isnan(one[1, 3:]).all()
    assert (labels.tolist(), weights.tolist()) == ([0, 1], [1.0, 2.0])
    model = classifier(features=2)
    loss = model.evaluate(labelled.batches(rows, [0, 1, 0], 1), verbose=0)[0]
    weights = np.array([3, 0, 0])
    model.compile(weighted_metrics=[], loss=model.loss)
    alone = model.evaluate(labelled.batches(rows, [0, 1, 0], 1, weights=weights), verbose=0)
    first = model.evaluate(rows[0][None], np.array([0]), verbose=0)
    assert alone == pytest.approx(first, rel=1e-4) and alone != pytest.approx(loss, rel=1e-3)


def test_tokens_beyond_the_vocabulary_are_refused_in_any_batch():
    model = classifier(vocabulary=4, embedding=2)
    rows = [np.full(1 + n // 2, 1 + (n == 9) * 3, "int32") for n in range(10)]
    for use in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"^`tokens` must be ids of the vocabulary, 0 to 3"):
            use(labelled.batches(rows, LABELS, 2), verbose=0)
    assert all(np.isfinite(one).all() for one in model.get_weights())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([], None), "there are no rows"),
        (([[1], [2]], [0]), r"labels must be one for each of 2 rows; received shape \(1,\)"),
        (([[1], [2]], [0, 1], {"weights": [1]}), "weights must be one for each of 2 rows"),
        (([[1], [2]], None, {"weights": [1, 1]}), "weights are of labels"),
        (([[1], [2.5]],), r"of one kind; received int32 \(length\) and float32 \(length\)"),
        (([[[1.0]], [[1.0, 2.0]]],), r"float32 \(length, 1\) and float32 \(length, 2\)"),
        (([[1], [2]], None, {"fill": float("nan")}), "tokens are padded with 0; received fill=nan"),
    ],
)
def test_what_cannot_be(given, message):
    *given, options = given if isinstance(given[-1], dict) else (*given, {})
    with pytest.raises(ValueError, match=message):
        labelled.batches(*given, **options)
