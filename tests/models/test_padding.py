"""Padding: tokens of value 0 must not change anything, whatever pools or reads them."""

import itertools

import keras
import numpy as np
import pytest

from keraseq import models, train
from keraseq.layers.pooling import SequencePooling

pytestmark = pytest.mark.usefixtures("step_by_step")
JIT = keras.backend.backend() == "jax"  # XLA elsewhere takes longer to compile than these to run
WORDS = np.array([[3, 1, 2], [5, 4, 6]])
RIGHT = np.pad(WORDS, ((0, 0), (0, 4)))
LEFT = np.pad(WORDS, ((0, 0), (4, 0)))
RAGGED = np.array([[3, 1, 2, 0, 0], [5, 4, 6, 2, 1], [0, 0, 0, 0, 0]])


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


POOLINGS = ("last", "mean", "max", "attention")
KINDS = tuple(itertools.product(POOLINGS, (False, True), (False, True)))


@pytest.mark.parametrize(
    ("pooling", "bidirectional", "residual"),
    KINDS if keras.backend.backend() == "tensorflow" else KINDS[::5],  # each pooling once
)
def test_classifier(pooling, bidirectional, residual):
    train.seed_everything(4)
    model = models.sequence_classifier(
        3,
        vocabulary=8,
        embedding=5,
        units=6,
        layers=2,
        pooling=pooling,
        bidirectional=bidirectional,
        residual=residual,
    )
    bare = numpy(model(WORDS))
    assert np.ptp(bare) > 1e-3
    np.testing.assert_allclose(numpy(model(RIGHT)), bare, atol=1e-6)
    np.testing.assert_allclose(numpy(model(LEFT)), bare, atol=1e-6)
    np.testing.assert_allclose(model.predict(RIGHT, verbose=0), bare, atol=1e-6)
    assert np.isfinite(numpy(model(RAGGED))).all()


def test_an_empty_row_of_every_pooling_gives_zeros():
    """... and so the logits are the bias of the logits, and training goes on without NaN."""
    for pooling in ("last", "mean", "max", "attention", ("max", "attention")):
        model = models.sequence_classifier(3, vocabulary=8, units=4, pooling=pooling)
        model.get_layer("logits").bias.assign([1.0, 2.0, 3.0])
        np.testing.assert_array_equal(numpy(model(RAGGED))[2], [1.0, 2.0, 3.0])
        train.compile(model, jit_compile=JIT).fit(RAGGED, np.array([0, 1, 2]), verbose=0)
        assert all(np.isfinite(w).all() for w in model.get_weights())


def test_pooling_against_numpy():
    x = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32") - 4  # all below zero
    mask = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
    for mode, reduce in {"mean": np.mean, "max": np.max}.items():
        layer = SequencePooling(mode)
        expected = [reduce(row[valid], axis=0) for row, valid in zip(x, mask, strict=True)]
        np.testing.assert_allclose(numpy(layer(x, mask=mask)), expected, rtol=1e-5)
        np.testing.assert_allclose(numpy(layer(x)), reduce(x, axis=1), rtol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_tagger(bidirectional):
    model = models.sequence_tagger(3, vocabulary=8, units=6, layers=2, bidirectional=bidirectional)
    bare = numpy(model(WORDS))
    np.testing.assert_allclose(numpy(model(RIGHT))[:, :3], bare, atol=1e-6)
    np.testing.assert_allclose(numpy(model(LEFT))[:, 4:], bare, atol=1e-6)


def test_loss_and_accuracy_of_a_tagger_leave_padding_out():
    model = train.compile(models.sequence_tagger(3, vocabulary=8, units=6), jit_compile=JIT)
    labels = np.array([[0, 2, 1], [2, 2, 0]])
    bare = model.evaluate(WORDS, labels, verbose=0, return_dict=True)
    for fill in (0, 1, 2):
        padded = np.pad(labels, ((0, 0), (0, 4)), constant_values=fill)
        scores = model.evaluate(RIGHT, padded, verbose=0, return_dict=True)
        assert scores == pytest.approx(bare, rel=1e-5)


def test_encoder_and_decoder():
    model = models.encoder_decoder(8, 8, units=6, layers=2)
    target = np.array([[1, 2], [3, 4]])
    bare = numpy(model({"source": WORDS, "target": target}))
    for source in (LEFT, RIGHT):
        np.testing.assert_allclose(
            numpy(model({"source": source, "target": target})), bare, atol=1e-6
        )
    padded = numpy(model({"source": WORDS, "target": np.pad(target, ((0, 0), (0, 3)))}))
    np.testing.assert_allclose(padded[:, :2], bare, atol=1e-6)
    train.compile(model, jit_compile=JIT)
    scores = model.evaluate({"source": WORDS, "target": target}, target, verbose=0)
    padding = np.pad(target, ((0, 0), (0, 3)))
    again = model.evaluate({"source": WORDS, "target": padding}, padding, verbose=0)
    assert again == pytest.approx(scores, rel=1e-5)


def test_a_language_model_masks_nothing():
    model = models.language_model(8, units=6)
    zeros, ones = np.zeros((1, 4), int), np.ones((1, 4), int)
    assert not np.allclose(numpy(model(zeros)), numpy(model(ones)))
    first, last = numpy(model(zeros))[0, [0, -1]]
    assert not np.allclose(first, last)  # a masked step would repeat what is before it
