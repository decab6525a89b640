"""What is explained is what runs: compared with what the layers took in training."""

import contextlib
import importlib

import keras
import numpy as np
import pytest
from keras import layers

import keraseq
from keraseq.inspection import explain
from keraseq.layers import scan

BACKEND = keras.backend.backend()
X = np.zeros((4, 6, 3), "float32")


def model_of(*recurrent, steps=6):
    inputs = x = keras.Input((steps, 3))
    for layer in recurrent:
        x = layer(x)
    return keras.Model(inputs, x)


def gru(**options):
    return keraseq.layers.RNN(keraseq.cells.GRUCell(5), **options)


@pytest.mark.parametrize("loop", ["auto", "plain", "deferred"])
@pytest.mark.parametrize("steps", [6, None])
def test_the_path_is_the_one_that_training_takes(loop, steps):
    layer = gru(loop=loop)
    model = model_of(layer, steps=steps)
    [path] = explain(model)
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(X, np.zeros((4, 5)), verbose=0)
    if steps is None and BACKEND == "tensorflow" and loop == "auto":
        # Data of a known length make a graph for that length, which `steps=` tells beforehand.
        assert path.path == "deferred gradient" and "keras.Input((100, ...))" in path.faster
        [path] = explain(model, steps=6)
    assert (
        path.path
        == {
            "plain": "plain loop",
            "deferred": "deferred gradient",
            "compiled": "compiled scan",
        }[layer.loop_taken]
    )
    assert path.reason == layer.loop_reason
    assert path.cell == "GRUCell" and path.kind == "keraseq.layers.RNN"


def test_inference_is_another_question():
    model = model_of(gru())
    [path] = explain(model, training=False)
    layer = model.layers[-1]
    model.predict(X, verbose=0)
    assert path.reason == layer.loop_reason
    if BACKEND == "tensorflow":
        assert path.path == "plain loop" and explain(model)[0].path != "plain loop"


def test_nothing_in_the_model_changes():
    layer = gru(loop="deferred", stateful=True)
    inputs = keras.Input((6, 3), batch_size=4)
    model = keras.Model(inputs, layer(inputs))
    weights = [np.copy(w) for w in model.get_weights()]
    layer.loop_taken, layer.loop_reason = "kept", "as it was"
    calls, loop = len(model._inbound_nodes), keras.layers.RNN.inner_loop
    explain(model)
    assert (layer.loop_taken, layer.loop_reason) == ("kept", "as it was")
    assert len(model._inbound_nodes) == calls and keras.layers.RNN.inner_loop is loop
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert not np.any(keras.ops.convert_to_numpy(layer.states[0].value))


def test_the_last_call_of_a_layer():
    layer = gru(loop="plain")
    assert explain(layer)[0].path == "not run yet"
    layer(X)
    assert explain(layer)[0].path == "plain loop"
    assert explain(layer)[0].faster.startswith('loop="auto"')


def test_every_recurrent_layer_is_found_once_and_named_by_its_place():
    tower = keraseq.layers.stack("mut1", [4, 3], bidirectional=True, return_sequences=True)
    inner = keras.Sequential([keras.Input((6, 6)), gru(return_sequences=True)], name="inner")
    shared = layers.LSTM(6, return_sequences=True, name="shared")
    model = model_of(
        tower,
        inner,
        layers.Dense(6),
        shared,
        shared,
        layers.Bidirectional(layers.GRU(2, reset_after=False), name="both"),
    )
    paths = explain(model)
    assert [path.cell for path in paths] == [
        *["MUT1Cell"] * 4,
        "GRUCell",
        "LSTMCell",
        *["GRUCell"] * 2,
    ]
    names = [path.layer for path in paths]
    assert len(set(names)) == len(names) == 8
    assert names[0].startswith(f"{tower.name}/bidirectional_1/") and names[4].startswith("inner/")
    assert names[5] == "shared" and names[6].startswith("both/")
    assert [one.kind for one in paths][4:7] == [
        "keraseq.layers.RNN",
        "keras.layers.LSTM",
        "keras.layers.GRU",
    ]


@pytest.mark.parametrize(
    ("layer", "cell"),
    [
        (lambda: layers.LSTM(5), "lstm"),
        (lambda: layers.GRU(5, reset_after=False), "gru"),
        (lambda: layers.GRU(5), "gru-after"),
        (lambda: layers.SimpleRNN(5), "elman"),
    ],
)
def test_the_layer_named_instead_of_one_of_keras_does_the_same(layer, cell):
    layer = layer()
    model = model_of(layer)
    [path] = explain(model)
    assert path.path == "Keras' own loop"
    instead = path.faster.split(":")[0]
    assert f'"{cell}"' in instead
    same = eval(instead, {"keraseq": keraseq})
    same.build((4, 6, 3))
    same.set_weights(layer.get_weights())
    x = np.random.default_rng(0).normal(size=X.shape).astype("float32")
    ours, theirs = (keras.ops.convert_to_numpy(one(x)) for one in (same, layer))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_sequential_model_is_traced_like_any():
    model = keras.Sequential([keras.Input((6, 3)), gru()])
    assert explain(model) == explain(keras.Model(model.inputs, model.outputs))


def test_why_cudnn_does_not_run():
    [path] = explain(model_of(layers.LSTM(5, use_cudnn=False)))
    assert path.reason == "use_cudnn=False"
    [path] = explain(model_of(layers.LSTM(5)))
    assert "no GPU" in path.reason or path.path == "cuDNN"


def test_cudnn_is_told_by_what_runs(monkeypatch):
    """A GPU is pretended: Keras' loop is what shows that cuDNN did not take the layer."""
    module = __import__("sys").modules["keraseq.inspection.explain"]
    monkeypatch.setattr(module, "on_gpu", lambda layer: True)
    lstm = layers.LSTM(5)
    ran, had_not = module.of_keras(lstm, {id(lstm)}), module.of_keras(lstm, set())
    assert ran[0] == "Keras' own loop" and "recurrent dropout" in ran[1]
    assert had_not[0] == "cuDNN"


def test_what_would_be_faster():
    foreign = keraseq.layers.RNN(layers.LSTMCell(5))
    same_cell = layers.RNN(keraseq.cells.MGUCell(5))
    for layer, words in (
        (gru(unroll=True), "unroll=4"),
        (foreign, "a cell of keraseq"),
        (same_cell, "keraseq.layers.RNN with the same cell"),
        (layers.RNN(layers.LSTMCell(5)), "a cell of keraseq in keraseq.layers.RNN"),
        (gru(checkpoint_every=2, return_sequences=True), "checkpoint_every=None"),
    ):
        [path] = explain(model_of(layer))
        assert words in path.faster, path
    assert explain(model_of(gru(), steps=6))[0].faster == ""


def test_eager_models_and_a_forced_loop(monkeypatch):
    model = model_of(gru())
    model.compile("sgd", "mse", run_eagerly=True)
    [path] = explain(model)
    assert "run_eagerly=False" in path.faster
    model.fit(X, np.zeros((4, 5)), verbose=0)
    assert path.reason == model.layers[-1].loop_reason
    monkeypatch.setenv(scan.FORCED, "deferred")
    [path] = explain(model_of(gru()))
    assert path.path == "deferred gradient" and f"{scan.FORCED} unset" in path.faster


def test_it_prints_as_text_and_makes_a_frame():
    paths = explain(model_of(gru(return_sequences=True, name="low"), layers.LSTM(2, name="high")))
    text = str(paths)
    assert text.startswith("low: GRUCell in keraseq.layers.RNN\n    runs      ")
    assert "\nhigh: LSTMCell in keras.layers.LSTM\n" in text and repr(paths) == text
    frame = paths.frame()
    assert list(frame.columns) == [
        *("layer", "kind", "cell", "path", "reason", "faster", "products")
    ]
    assert list(frame["layer"]) == ["low", "high"]
    assert str(explain(keras.Sequential([keras.Input((3,))]))) == "no recurrent layer"


def test_the_type_of_products_is_told():
    model = model_of(
        gru(dtype="mixed_bfloat16", return_sequences=True), layers.LSTM(2, use_cudnn=False)
    )
    assert [path.products for path in explain(model)] == ["bfloat16", "float32"]
    assert "    products  bfloat16\n" in f"{explain(model)}\n"


def test_on_a_gpu_products_are_rounded_until_somebody_asks(monkeypatch):
    """As the backend is set; the GPU is pretended."""
    module = importlib.import_module("keraseq.inspection.explain")
    monkeypatch.setattr(module, "on_gpu", lambda layer: True)
    model = model_of(gru(loop="plain"))
    with precision_of_products("rounded"):
        [path] = explain(model)
        assert path.products.startswith("float32 rounded to TF32") and ASKS in path.products
    with precision_of_products("full"):
        assert explain(model)[0].products == "float32"


ASKS = {"tensorflow": "tensor_float_32", "jax": '"highest"', "torch": "cuda.matmul"}[BACKEND]


@contextlib.contextmanager
def precision_of_products(asked):
    """What the backend is asked for, in its own words."""
    if BACKEND == "jax":
        import jax

        with jax.default_matmul_precision("highest" if asked == "full" else None):
            yield
        return
    if BACKEND == "torch":
        import torch

        place, before = torch.backends.cuda.matmul, torch.backends.cuda.matmul.allow_tf32
        place.allow_tf32 = asked == "rounded"
        try:
            yield
        finally:
            place.allow_tf32 = before
        return
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(asked == "rounded")
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def test_sizes_must_be_sizes():
    with pytest.raises(ValueError, match="steps must be a positive integer; received steps=0"):
        explain(model_of(gru()), steps=0)
