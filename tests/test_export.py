"""Models that leave Keras say in other runtimes what they say in Keras."""

import json

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
        lambda: models.sequence_classifier(
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


def opened(path, format):
    """An exported file in the runtime that is made for it: from inputs to outputs, by name."""
    if format == "saved-model":
        import tensorflow as tf

        loaded = tf.saved_model.load(path)

        def run(inputs):
            found = loaded.signatures["serving_default"](
                **{name: tf.constant(one) for name, one in inputs.items()}
            )
            return {name: one.numpy() for name, one in found.items()}

        return run
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        names = [one.name for one in session.get_outputs()]
        return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    return lambda inputs: runner(**inputs)


@pytest.mark.parametrize("format", HERE)
@pytest.mark.parametrize("name", MODELS)
def test_every_builder(name, format, tmp_path):
    build, inputs = MODELS[name]
    model = build()
    path = keraseq.export(model, tmp_path / f"out{FORMATS[format].suffix}", format)
    run = opened(path, format)
    for rows in (3, 1):
        x = inputs(rows)
        want = model.predict(x if len(x) > 1 else next(iter(x.values())), verbose=0)
        found = run(x)
        assert list(found) == ["output"]
        np.testing.assert_allclose(found["output"], want, atol=1e-5)


def deep():
    """A stack with all that may stand around it."""
    inputs = keras.Input((None,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(VOCABULARY, 4)(inputs)
    x = keras.layers.Dropout(0.5)(keras.layers.LayerNormalization()(x))
    x = layers.stack("lstm", [5, 4], residual=False, dropout=0.5, return_sequences=True)(x)
    x = layers.RNN(cells.GRUCell(3), return_sequences=True)(keras.layers.Dense(6, "relu")(x))
    return models.SequenceModel(inputs, keras.layers.Dense(3, name="logits")(x), name="deep")


@pytest.fixture(scope="module")
def deep_model():
    return deep()


def streamed(step, first, inputs) -> np.ndarray:
    """What a model of one step says of a sequence, step by step, from its first states."""
    [(name, x)], now, found = inputs.items(), first, []
    for t in range(x.shape[1]):
        new = step({name: np.ascontiguousarray(x[:, t]), **now})
        found.append(keras.ops.convert_to_numpy(new["output"]))
        now = {name: new[f"new_{name}"] for name in now}
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name", cells.CELLS)
def test_one_step_of_every_cell(name):
    """From first states that are not zeros, too: what is learned is in them."""
    model = models.sequence_tagger(3, features=2, cell=name, units=4, layers=2)
    step = models.streaming(model)
    x = np.random.default_rng(0).normal(size=(2, STEPS, 2)).astype("float32")
    first = step.get_layer("step").first_states(2)
    found = streamed(
        step, {k: keras.ops.convert_to_numpy(one) for k, one in first.items()}, {"features": x}
    )
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(x)), atol=1e-5)


@pytest.mark.parametrize("format", HERE)
def test_one_step_in_other_runtimes(deep_model, format, tmp_path):
    path = keraseq.export(
        deep_model, tmp_path / f"out{FORMATS[format].suffix}", format, streaming=True
    )
    facts = json.loads((tmp_path / f"{path.name}.json").read_text())
    x = np.random.default_rng(0).integers(0, VOCABULARY, (1, STEPS)).astype("int32")
    first = {k: np.asarray(one, "float32") for k, one in facts["first states"].items()}
    found = streamed(opened(path, format), first, {"tokens": x})
    np.testing.assert_allclose(found, deep_model.predict(x, verbose=0), atol=1e-5)
