"""Models that leave Keras say in other runtimes what they say in Keras."""

import importlib.util
import json
import sys

import keras
import numpy as np
import pytest

import keraseq
from keraseq import cells, layers, models
from keraseq.layers.scan.formats import FORMATS

BACKEND = keras.backend.backend()
HERE = [name for name, made in FORMATS.items() if BACKEND in made.backends]
VOCABULARY, STEPS = 11, 5


def tokens(rows, *shape, seed=0):
    """Tokens, padded where they are as sequences."""
    rng = np.random.default_rng(seed)
    found = rng.integers(1, VOCABULARY, (rows, *shape)).astype("int32")
    if shape:
        found[np.arange(shape[0])[None] >= rng.integers(2, shape[0] + 1, rows)[:, None]] = 0
    return found


def gaps(rows):
    """Measurements with steps of NaN."""
    x = np.random.default_rng(0).normal(size=(rows, STEPS, 2)).astype("float32")
    x[:, 3:] = np.nan
    return {"features": x}


def words(rows):
    return {"tokens": tokens(rows, STEPS)}


def sentences(rows):
    return {"source": tokens(rows, STEPS), "target": tokens(rows, STEPS - 1, seed=1)}


def trees(rows):
    children = np.zeros((rows, 2, 1, 2), "int32")
    children[:, 0, 0] = [1, 2]
    children[1:, 1, 0] = [-1, 3]
    return {"tokens": tokens(rows, 3), "children": children}


def voting():
    model = models.sequence_classifier(
        3, vocabulary=VOCABULARY, cell="gru", units=4, wide=40, pooling=["max", "attention"]
    )
    model.get_layer("wide").set_table([3, 4, 47, -1_943_054_460], np.eye(4, 3))
    return model


# name: builder, input for so many rows
MODELS = {
    "both directions": (
        lambda: models.sequence_classifier(
            3, vocabulary=VOCABULARY, cell="lstm", units=[4, 3], bidirectional=True
        ),
        words,
    ),
    "linear, gaps": (
        lambda: models.sequence_tagger(3, features=2, length=STEPS, cell="lru", units=4)
        if False
        else models.sequence_classifier(
            3, features=2, length=STEPS, cell="lru", units=4, masked=True
        ),
        gaps,
    ),
    "tags that stand side by side": (
        lambda: models.sequence_tagger(3, vocabulary=VOCABULARY, cell="mut1", units=4, crf=True),
        words,
    ),
    "translation": (
        lambda: models.encoder_decoder(VOCABULARY, VOCABULARY, units=4, attention="dot"),
        sentences,
    ),
    "forecast": (
        lambda: models.step_forecaster(2, features=2, length=STEPS, units=4),
        lambda rows: {"features": gaps(rows)["features"][:, [0, 1, 2, 0, 1]]},
    ),
    "votes": (voting, words),
    "trees": (lambda: models.tree_classifier(3, vocabulary=VOCABULARY, units=4), trees),
}


def run(path, format, inputs) -> dict:
    """The outputs of an exported file, by name, in the runtime that is made for it."""
    if format == "saved-model":
        import tensorflow as tf

        loaded = tf.saved_model.load(path)
        signature = loaded.signatures["serving_default"]
        given = {name: tf.constant(one) for name, one in inputs.items()}
        return {name: one.numpy() for name, one in signature(**given).items()}
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        names = [one.name for one in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    runner = interpreter.get_signature_runner("serving_default")
    return runner(**inputs)


@pytest.mark.parametrize("format", HERE)
@pytest.mark.parametrize("name", MODELS)
def test_every_builder(name, format, tmp_path):
    build, inputs = MODELS[name]
    model = build()
    path = keraseq.export(model, tmp_path / f"out{FORMATS[format].suffix}", format)
    for rows in (3, 1):
        x = inputs(rows)
        want = model.predict(x if len(x) > 1 else next(iter(x.values())), verbose=0)
        found = run(path, format, x)
        assert list(found) == ["output"]
        np.testing.assert_allclose(found["output"], want, atol=1e-5)
