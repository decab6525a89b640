"""Models that leave Keras say in other runtimes what they say in Keras."""

import functools
import json

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import keraseq
from keraseq import cells, layers, models
from keraseq.cli import app
from keraseq.layers.scan.formats import FORMATS

BACKEND = keras.backend.backend()
HERE = [name for name, made in FORMATS.items() if BACKEND in made.backends]
FULL = BACKEND == "tensorflow"  # the others: that they can, and what they refuse
VOCABULARY, STEPS = 11, 5
# Keras (3.15) hands JAX an option that JAX is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:The `native_serialization`:DeprecationWarning")


@pytest.fixture(autouse=True)
def loop():
    """Whatever runs elsewhere: that an export takes another is what is tested."""


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
            3, vocabulary=VOCABULARY, cell="lstm", units=3, bidirectional=True
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


@functools.cache
def predicted(name):
    """A model, its input, and what it says of that in Keras."""
    build, inputs = MODELS[name]
    model, x = build(), inputs(3)
    return model, x, model.predict(x if len(x) > 1 else next(iter(x.values())), verbose=0)


@pytest.mark.parametrize("format", HERE)
@pytest.mark.parametrize("name", MODELS if FULL else ["both directions", "forecast"])
def test_every_builder(name, format, tmp_path):
    model, x, want = predicted(name)
    run = opened(keraseq.export(model, tmp_path / f"out{FORMATS[format].suffix}", format), format)
    for rows in (3, 1):
        found = run({name: one[:rows] for name, one in x.items()})
        assert list(found) == ["output"]
        np.testing.assert_allclose(found["output"], want[:rows], atol=1e-5)


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
    [(name, x)], found = inputs.items(), []
    now = {name: keras.ops.convert_to_numpy(one) for name, one in first.items()}
    for t in range(x.shape[1]):
        new = step({name: np.ascontiguousarray(x[:, t]), **now})
        new = {name: keras.ops.convert_to_numpy(one) for name, one in new.items()}
        found.append(new["output"])
        now = {name: new[f"new_{name}"] for name in now}
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name", cells.CELLS if FULL else ["lstm", "lru"])
def test_one_step_of_every_cell(name, plain_loop):
    """From first states that are not zeros, too: what is learned is in them."""
    model = models.sequence_tagger(3, features=2, cell=name, units=4, layers=2)
    step = models.streaming(model)
    x = np.random.default_rng(0).normal(size=(2, STEPS, 2)).astype("float32")
    first = step.get_layer("step").first_states(2)
    found = streamed(
        step, {k: keras.ops.convert_to_numpy(one) for k, one in first.items()}, {"features": x}
    )
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(x)), atol=1e-5)


def test_a_model_of_one_step_is_saved(tmp_path, plain_loop):
    step = models.streaming(models.sequence_tagger(3, vocabulary=VOCABULARY, units=4))
    step.save(tmp_path / "step.keras")
    loaded = keras.saving.load_model(tmp_path / "step.keras")
    x, first = tokens(2, 4), step.get_layer("step").first_states(2)
    want = streamed(step, first, {"tokens": x})
    np.testing.assert_allclose(streamed(loaded, first, {"tokens": x}), want, atol=1e-6)


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


@pytest.mark.skipif(not HERE, reason="no format is made on this backend")
def test_what_is_beside_a_bundle(deep_model, tmp_path):
    """Enough to feed the file without keraseq: arrays are lists, JSON in JSON is what it says."""
    words = json.dumps({"kind": "words", "words": ["good", "bad"]})
    prepared = {"tokenizer": words, "margins": np.array([0.5, 1.5]), "classes": ["no", "yes"]}
    card = keraseq.bundle.Card(title="Reviews")
    path = keraseq.export(keraseq.bundle.Bundle(deep_model, prepared, card), tmp_path / "saved")
    facts = json.loads((tmp_path / "saved.json").read_text())
    assert path.is_dir() and facts["card"]["title"] == "Reviews"
    assert facts["preprocessing"] == {
        "tokenizer": {"kind": "words", "words": ["good", "bad"]},
        "margins": [0.5, 1.5],
        "classes": ["no", "yes"],
    }
    assert facts["inputs"] == [{"name": "tokens", "shape": [None, None], "dtype": "int32"}]
    assert facts["outputs"] == [{"name": "output", "shape": [None, None, 3], "dtype": "float32"}]


@pytest.mark.skipif(not FULL, reason="formats that this backend does not make")
def test_a_layer_that_says_its_loop_takes_another_meanwhile(tmp_path):
    """And Keras' own method does what `keraseq.export` does."""
    model = models.sequence_classifier(
        2, features=2, length=4, cell="gru", units=4, rnn_options={"loop": "compiled"}
    )
    model.export(tmp_path / "out.tflite", format="litert", verbose=False)
    [path] = keraseq.inspection.explain(model, training=None)
    assert path.path == "plain loop"
    assert path.reason == "exported as litert, which holds no other loop"
    x = np.ones((1, 4, 2), "float32")
    found = opened(tmp_path / "out.tflite", "litert")({"features": x})
    np.testing.assert_allclose(found["output_0"], model.predict(x, verbose=0), atol=1e-5)
    [path] = keraseq.inspection.explain(model)
    assert path.path == "compiled scan"


def refused(message, *arguments, **options):
    with pytest.raises(ValueError, match=message) as caught:
        keraseq.export(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_bad_input(deep_model, tmp_path, monkeypatch):
    out = tmp_path / "out"
    refused("export takes a keras.Model or a bundle of keraseq; received 3", 3, out)
    none = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="none")
    refused("'none' has no recurrent layer of keraseq; Keras exports it", none, out)
    refused("unknown format 'lite-rt'.* Did you mean 'litert'", deep_model, out, "lite-rt")
    refused("path of format 'litert' must end in '.tflite'; received", deep_model, out, "litert")
    refused("unknown end of the path '.onx'.* Did you mean '.onnx'", deep_model, "out.onx")
    (tmp_path / "mine").mkdir()
    refused("exists and is no SavedModel: it is not replaced", deep_model, tmp_path / "mine")
    onnx = FORMATS["onnx"]._replace(backends={BACKEND: ("no_such_package",)})
    monkeypatch.setitem(FORMATS, "onnx", onnx)
    refused("needs no_such_package: pip install 'keraseq", deep_model, tmp_path / "a.onnx")
    monkeypatch.setitem(FORMATS, "onnx", onnx._replace(backends={"other": ()}))
    refused(f"not made on {BACKEND}; .*KERAS_BACKEND=other", deep_model, tmp_path / "a.onnx")


@pytest.mark.skipif(not FULL, reason="formats that this backend does not make")
def test_low_precision_is_refused(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.sequence_classifier(2, features=2, units=3)
    finally:
        keras.config.set_dtype_policy("float32")
    refused("'litert' holds float32, and .* computes in bfloat16", model, tmp_path / "a.tflite")


def test_states_of_stateful_layers_are_refused(tmp_path):
    model = models.language_model(9, units=4, stateful=True, batch_size=2, length=3)
    refused("'recurrent' .* is stateful, and a file keeps no states", model, tmp_path / "out")
    if HERE:
        keraseq.export(model, tmp_path / "out", streaming=True)
    step = models.streaming(model)  # neither reads nor changes the states that the layer keeps
    first = step.get_layer("step").first_states(1)
    x = np.array([[1, 2, 3]], "int32")
    found = streamed(step, first, {"tokens": x})
    both = np.concatenate([x, x])
    np.testing.assert_allclose(found, model.predict(both, verbose=0)[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: models.sequence_tagger(2, features=2, units=3, bidirectional=True),
            "reads backwards: a sequence that is still to come has no end",
        ),
        (
            lambda: models.sequence_classifier(2, features=2, units=3, pooling="mean"),
            "looks at more than one step",
        ),
        (lambda: models.encoder_decoder(9, 9, units=3), "starts from, or looks at, what another"),
        (
            lambda: models.language_model(9, units=3, stateful=True, resets=True, batch_size=2),
            "starts rows anew: build the model with resets=False",
        ),
        (
            lambda: keras.Sequential([keras.Input((2, 3)), keras.layers.Dense(1)]),
            "has no recurrent layer",
        ),
    ],
)
def test_no_single_steps(build, message):
    with pytest.raises(ValueError, match=message):
        models.streaming(build())


@pytest.mark.skipif(not FULL, reason="formats that this backend does not make")
@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_what_a_format_cannot_hold(format, tmp_path):
    """One line names the operation; nothing half written is left."""
    inputs = keras.Input((3, 2), name="features")
    x = layers.RNN(cells.GRUCell(2))(inputs)
    x = keras.layers.Lambda(lambda x: keras.ops.searchsorted(keras.ops.zeros((4,)), x))(x)
    path = tmp_path / f"out{FORMATS[format].suffix}"
    refused(
        f"cannot be exported as '{format}': that has no LowerBound", keras.Model(inputs, x), path
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not FULL, reason="the shell is of no backend")
def test_the_shell(tmp_path):
    model = models.sequence_classifier(2, vocabulary=3, cell="mut1", units=4)
    folder = keraseq.bundle.Bundle(model, {"words": ["", "good", "bad"]}).save(tmp_path / "mine")
    done = CliRunner().invoke(app, ["export", str(folder), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "out.json").read_text())["preprocessing"]["words"][1] == "good"
    found = opened(tmp_path / "out", "saved-model")({"tokens": np.array([[1, 2]], "int32")})
    assert found["output"].shape == (1, 2)
    failed = CliRunner().invoke(app, ["export", str(folder), "--out", "out.onx", "--format", "onx"])
    assert failed.exit_code == 2 and "Did you mean 'onnx'" in failed.output
