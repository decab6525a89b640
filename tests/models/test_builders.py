"""Builders: what they build, on every backend, and that it trains, saves and loads."""

import inspect
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keraseq import layers, models, train
from keraseq.keras_inside import layers_inside

JIT = keras.backend.backend() == "jax"  # XLA elsewhere takes longer to compile than these to run
TOKENS = np.array([[3, 1, 2, 0, 0], [5, 4, 3, 2, 1], [1, 1, 0, 0, 0], [2, 6, 6, 1, 0]])
RNG = np.random.default_rng(1)
SERIES = RNG.normal(size=(4, 5, 3)).astype("float32")
LABELS = np.array([0, 2, 1, 1])

CASES = {  # name: (builder, arguments, inputs, targets)
    "classifier of tokens": (
        models.sequence_classifier,
        {"classes": 3, "vocabulary": 7, "embedding": 4, "units": 5},
        TOKENS,
        LABELS,
    ),
    "classifier of features": (
        models.sequence_classifier,
        {
            "classes": 3,
            "features": 3,
            "units": [6, 6],
            "cell": "mut1",
            "bidirectional": True,
            "residual": True,
            "dropout": 0.1,
            "pooling": "max",
            "length": 5,
            "cell_options": {"zoneout": 0.1, "layer_norm": True},
        },
        SERIES,
        LABELS,
    ),
    "tagger": (
        models.sequence_tagger,
        {"classes": 3, "vocabulary": 7, "units": 4, "cell": "gru", "bidirectional": True},
        TOKENS,
        TOKENS % 3,
    ),
    "language model": (
        models.language_model,
        {"vocabulary": 7, "units": 4, "layers": 2, "cell": "lstm-peephole"},
        TOKENS,
        TOKENS,
    ),
    "tied language model": (
        models.language_model,
        {"vocabulary": 7, "embedding": 4, "units": 4, "tie_embeddings": True, "dropout": 0.2},
        TOKENS,
        TOKENS,
    ),
    "stateful language model": (
        models.language_model,
        {"vocabulary": 7, "units": 4, "stateful": True, "batch_size": 4, "cell": "mgu"},
        TOKENS,
        TOKENS,
    ),
    "forecaster": (
        models.forecaster,
        {"horizon": 2, "features": 3, "targets": 2, "units": 4, "cell": "indrnn"},
        SERIES,
        SERIES[:, :2, :2],
    ),
    "forecaster of changes": (
        models.forecaster,
        {"horizon": 2, "features": 3, "units": 4, "normalize": "last", "dropout": 0.1},
        SERIES,
        SERIES[:, :2, :1],
    ),
    "encoder and decoder": (
        models.encoder_decoder,
        {"source_vocabulary": 7, "target_vocabulary": 7, "units": 4, "layers": 2},
        {"source": TOKENS, "target": TOKENS[:, :3]},
        TOKENS[:, :3],
    ),
    "captioner that attends": (
        models.image_captioner,
        {"vocabulary": 7, "features": (4, 3), "units": 4, "layers": 2, "dropout": 0.1},
        {"picture": SERIES[:, :4], "target": TOKENS},
        TOKENS,
    ),
    "captioner of a vector": (
        models.image_captioner,
        {"vocabulary": 7, "features": (3,), "units": 4, "image": "first_input", "cell": "gru"},
        {"picture": SERIES[:, 0], "target": TOKENS},
        TOKENS,
    ),
}


def build(case, seed=2):
    builder, arguments, inputs, targets = CASES[case]
    train.seed_everything(seed)
    return builder(**arguments), inputs, targets


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("case", CASES)
def test_builds_uncompiled_and_trains_a_step(case):
    model, inputs, targets = build(case)
    assert isinstance(model, keras.Model)
    assert not model.compiled
    before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
    train.compile(model, jit_compile=JIT)
    loss = model.fit(inputs, targets, batch_size=4, verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    moved = [
        not np.array_equal(old, keras.ops.convert_to_numpy(new))
        for old, new in zip(before, model.trainable_weights, strict=True)
    ]
    assert all(moved), [
        w.path for w, m in zip(model.trainable_weights, moved, strict=True) if not m
    ]


def test_layers_have_names_and_the_summary_shows_them():
    shown = []
    for case in CASES:
        build(case)[0].summary(print_fn=shown.append, line_length=120)
    names = {case: [layer.name for layer in build(case)[0].layers] for case in CASES}
    assert names["classifier of features"] == [
        "features",
        "recurrent",
        "max_pooling",
        "dropout",
        "logits",
    ]
    assert names["language model"] == ["tokens", "one_hot", "recurrent", "logits"]
    assert names["forecaster of changes"] == [
        "features",
        "normalization",
        "recurrent",
        "dropout",
        "dense",
        "values",
        "forecast",
    ]
    text = "\n".join(shown)
    assert all(name in text for case in names for name in names[case] if "not_equal" not in name)
    assert [build(case)[0].name for case in ("tagger", "forecaster", "encoder and decoder")] == [
        "sequence_tagger",
        "forecaster",
        "encoder_decoder",
    ]


def test_shapes():
    shapes = {case: build(case)[0].output_shape for case in CASES}
    assert shapes == {
        "classifier of tokens": (None, 3),
        "classifier of features": (None, 3),
        "tagger": (None, None, 3),
        "language model": (None, None, 7),
        "tied language model": (None, None, 7),
        "stateful language model": (4, None, 7),
        "forecaster": (None, 2, 2),
        "forecaster of changes": (None, 2, 1),
        "encoder and decoder": (None, None, 7),
        "captioner of a vector": (None, None, 7),
        "captioner that attends": (None, None, 7),
    }


LOAD = """
import json, sys
import numpy as np
import keraseq, keras
folder = sys.argv[1]
data = np.load(folder + "/data.npz", allow_pickle=False)
for i, keys in enumerate(json.load(open(folder + "/cases.json"))):
    inputs = {k: data[f"{i}/{k}"] for k in keys} if keys else data[f"{i}"]
    model = keras.saving.load_model(f"{folder}/{i}.keras", safe_mode=True)
    assert type(model) is keraseq.models.SequenceModel
    if keras.backend.backend() == "jax":
        found = model.predict(inputs, verbose=0)
    else:  # without compiling, here and there
        found = keras.ops.convert_to_numpy(model(inputs))
    np.testing.assert_array_equal(found, data[f"{i}/out"])
    tokens = "tokens" in [t.name for t in model.inputs]
    if tokens:
        for use in (model.predict, model, lambda x: model.fit(x, x, verbose=0)):
            try:
                use(inputs.astype("float32"))
            except ValueError as error:
                assert str(error).startswith("`tokens` must be integer tokens"), error
            else:
                raise AssertionError("floats were taken for tokens")
"""


def test_all_models_load_in_a_fresh_process_and_predict_the_same_bits(tmp_path):
    arrays, keys = {}, []
    for i, case in enumerate(CASES):
        model, inputs, _ = build(case)
        train.compile(model, jit_compile=JIT)
        model.save(tmp_path / f"{i}.keras")
        use = (lambda x, model=model: model.predict(x, verbose=0)) if JIT else model
        arrays[f"{i}/out"] = keras.ops.convert_to_numpy(use(inputs))
        keys.append(sorted(inputs) if isinstance(inputs, dict) else [])
        for key in keys[-1]:
            arrays[f"{i}/{key}"] = inputs[key]
        if not keys[-1]:
            arrays[str(i)] = inputs
    np.savez(tmp_path / "data.npz", **arrays)
    (tmp_path / "cases.json").write_text(json.dumps(keys))
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    run = [sys.executable, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_cell_class_and_an_instance_serve_too():
    from keraseq.cells import GRUCell

    for cell in (GRUCell, GRUCell(9, reset="after")):
        model = models.sequence_classifier(3, features=3, cell=cell, units=4)
        assert tuple(model(SERIES).shape) == (4, 3)
        assert model.get_layer("recurrent").compute_output_shape((4, 5, 3)) == (4, 4)


@pytest.mark.parametrize("case", [one for one in CASES if one != "encoder and decoder"])
def test_mixed_precision_keeps_outputs_in_float32(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model, inputs, _ = build(case)
        output = model(inputs)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(output.dtype) == "float32"
    assert model.get_layer("recurrent").compute_dtype == "bfloat16"


def test_large_levels_survive_mixed_precision():
    """420.3 in bfloat16 is 420: the last value must not pass through it."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.forecaster(1, features=1, units=2, normalize="last")
        model.get_layer("dense").set_weights(
            [np.zeros_like(w) for w in model.get_layer("dense").get_weights()]
        )
        window = np.full((1, 4, 1), 420.3, "float32")
        forecast = keras.ops.convert_to_numpy(model(window))
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(forecast, window[:, -1:])


BUILDERS = (
    models.sequence_classifier,
    models.sequence_tagger,
    models.language_model,
    models.encoder_decoder,
    models.forecaster,
    models.step_forecaster,
    models.segment_forecaster,
)


def test_one_word_has_one_default_in_every_builder():
    """But for `embedding`: characters enter a language model as one-hot vectors."""
    defaults = {}
    for builder in BUILDERS:
        for name, one in inspect.signature(builder).parameters.items():
            # A size that one builder needs, such as the length of a window, is optional in others.
            if name not in ("name", "embedding") and one.default not in (one.empty, None):
                defaults.setdefault(name, set()).add(one.default)
    assert not {name: found for name, found in defaults.items() if len(found) > 1}
    for name in ("cell", "units", "dropout", "cell_options", "rnn_options"):
        assert all(name in inspect.signature(one).parameters for one in BUILDERS), name


def test_how_layers_run_reaches_every_one_of_them(tmp_path):
    options = {"loop": "plain", "unroll": 2, "checkpoint_every": 2}
    tokens, series = {"vocabulary": 9}, {"features": 2, "length": 4}
    given = dict(
        zip(
            BUILDERS,
            [
                tokens | {"classes": 3, "bidirectional": True},
                {"classes": 2} | tokens,
                tokens,
                {"source_vocabulary": 5, "target_vocabulary": 5},
                {"horizon": 3} | series,
                {"horizon": 3} | series,
                {"horizon": 4, "segment": 2} | series,
            ],
            strict=True,
        )
    )
    for builder, own in given.items():
        model = builder(units=2, rnn_options=options, **own)
        model.save(tmp_path / "model.keras")
        for one in (model, keras.saving.load_model(tmp_path / "model.keras")):
            found = [layer for layer in layers_inside(one) if isinstance(layer, layers.RNN)]
            assert found
            for rnn in found:
                assert {name: getattr(rnn, name) for name in options} == options
        with pytest.raises(
            ValueError,
            match=r"'lop'; accepted: 'loop', 'unroll', 'checkpoint_every'\. Did you mean 'loop'",
        ):
            builder(units=2, rnn_options={"lop": "plain"}, **own)
    x = np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")
    plain = models.step_forecaster(4, **series, units=2)
    other = models.step_forecaster(4, **series, units=2, rnn_options={"unroll": True})
    other.set_weights(plain.get_weights())
    np.testing.assert_allclose(other.predict(x, verbose=0), plain.predict(x, verbose=0), rtol=1e-5)
