"""Keras' own machinery around every builder: clones, copies, quantization, devices, labels."""

import copy
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keraseq import cells, models, train

BACKEND = keras.backend.backend()
JIT = BACKEND == "jax"  # XLA elsewhere takes longer to compile than these to run
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(4, 6, 3)).astype("float32")
TOKENS = RNG.integers(1, 9, (4, 6)).astype("int32")
FUTURE = {"features": FEATURES, "future": RNG.normal(size=(4, 4, 2)).astype("float32")}
FRESH = {"tokens": TOKENS, "fresh": np.ones((4, 1), bool)}
BOTH = {"source": TOKENS, "target": TOKENS}


@keras.saving.register_keras_serializable("tests")
class GatedCell(cells.Cell):
    """A user's cell with a layer of its own inside."""

    gates = ("hidden",)

    def build_weights(self, features):
        super().build_weights(features)
        self.gate = keras.layers.Dense(self.units, "sigmoid", dtype=self.dtype_policy)
        self.gate.build((None, self.units))

    def step(self, projected, states):
        [h] = states
        h = h + self.gate(h) * ops.tanh(projected + self.recurrent(h, "hidden"))
        return h, [h]


OF_TOKENS, OF_FEATURES = {"vocabulary": 10, "units": 4}, {"features": 3, "units": 4}
SEGMENTS = {"length": 6, "segment": 3, **OF_FEATURES}
STREAM = {"units": 4, "stateful": True, "resets": True, "batch_size": 4}
TIED = {"units": 4, "embedding": 4, "tie_embeddings": True}
BOTH_WAYS = {"bidirectional": True, "layers": 2, **OF_TOKENS}
# Every builder, with the options that put other layers inside, and what its model reads.
BUILDERS = {
    "classifier": (lambda: models.sequence_classifier(3, pairs=7, wide=5, **BOTH_WAYS), TOKENS),
    "of features": (
        lambda: models.sequence_classifier(3, cell=GatedCell, **OF_FEATURES),
        FEATURES,
    ),
    "tagger": (lambda: models.sequence_tagger(3, **OF_TOKENS), TOKENS),
    "language": (lambda: models.language_model(10, units=4), TOKENS),
    "tied": (lambda: models.language_model(10, scheduled_sampling=True, **TIED), TOKENS),
    "stream": (lambda: models.language_model(10, **STREAM), FRESH),
    "forecaster": (lambda: models.forecaster(4, normalize="standard", **OF_FEATURES), FEATURES),
    "step by step": (lambda: models.step_forecaster(4, **OF_FEATURES), FEATURES),
    "recursive": (
        lambda: models.step_forecaster(4, targets=3, decoder="same", **OF_FEATURES),
        FEATURES,
    ),
    "with future": (lambda: models.step_forecaster(4, future=2, **OF_FEATURES), FUTURE),
    "segments": (lambda: models.segment_forecaster(4, head="gaussian", **SEGMENTS), FEATURES),
    "segments ahead": (lambda: models.segment_forecaster(4, future=2, **SEGMENTS), FUTURE),
    "encoder-decoder": (lambda: models.encoder_decoder(10, 10, units=4), BOTH),
}
# Building and files are Keras' matter off TensorFlow: one of each kind there.
NAMES = (
    tuple(BUILDERS)
    if BACKEND == "tensorflow"
    else ("classifier", "tied", "stream", "forecaster", "segments", "encoder-decoder")
)


def built(name):
    """One of them: the model and inputs."""
    make, inputs = BUILDERS[name]
    return make(), inputs


def answer(model, x):
    """What an eager call gives, from the first states where a model carries its own."""
    return ops.convert_to_numpy(model(x))


@pytest.mark.parametrize("name", NAMES)
def test_copies_answer_alike(name):
    model, x = built(name)
    expected = answer(model, x)

    def anew(layer):
        return type(layer).from_config(layer.get_config())

    cloned = [keras.models.clone_model(model), keras.models.clone_model(model, clone_function=anew)]
    for clone in cloned:
        clone.set_weights(model.get_weights())
    for other in (*cloned, copy.deepcopy(model)):
        assert type(other) is type(model)
        np.testing.assert_allclose(answer(other, x), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantize.*:UserWarning")
# Keras 3.15 on PyTorch transposes a quantized ReversibleEmbedding in a way that is deprecated.
@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors")
@pytest.mark.parametrize("name", NAMES)
def test_quantized_models_come_back(name, tmp_path):
    """From their file and as clones, in every way of Keras that needs no data."""
    for mode in ("int8", "float8", "int4") if name == "segments" else ("int8",):
        model, x = built(name)
        before = answer(model, x)
        model.quantize(mode)
        expected = answer(model, x)
        assert 0 < np.abs(expected - before).max() < 1
        path = tmp_path / "model.keras"
        model.save(path)
        others = [keras.saving.load_model(path)]
        if mode == "int8":  # of other modes Keras' own dense layer orders its weights anew
            others.append(keras.models.clone_model(model))
            others[1].set_weights(model.get_weights())
        for other in others:
            np.testing.assert_allclose(answer(other, x), expected, atol=1e-6)


LABELS = np.array([0, 1, 2, 1])
TO_2 = "labels must be class numbers from 0 to 2, an array of shape (batch); received "
TO_1 = "labels must be numbers from 0 to 1, an array of shape (batch); received "
ONE_HOT = ". For one-hot labels compile with keras.losses.CategoricalCrossentropy(from_logits=True)"


def refused(use, *given, **named):
    with pytest.raises(ValueError) as caught:
        use(*given, **named)
    return str(caught.value)


def test_labels_that_do_not_belong_to_the_loss():
    model = train.compile(models.sequence_classifier(3, vocabulary=10, units=2), jit_compile=JIT)
    score = model.evaluate(TOKENS, LABELS, verbose=0)
    for same in (LABELS[:, None], LABELS.astype("float32"), LABELS.astype("uint8")):
        assert model.evaluate(TOKENS, same, verbose=0) == pytest.approx(score)
    hot = np.eye(3)[LABELS]
    wrong = {
        "float64 of shape (4, 3)" + ONE_HOT: hot,
        "int64 of shape (4, 1, 1)": LABELS[:, None, None],
        "0.5": LABELS + 0.5,
        "3": LABELS + 1,
        "-1": LABELS - 1,
        "nan": LABELS * np.nan,
    }
    before = model.get_weights()
    for said, labels in wrong.items():
        for use in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
            assert refused(use, TOKENS, labels) == TO_2 + said
        aside = (TOKENS, labels)
        assert refused(model.fit, TOKENS, LABELS, validation_data=aside) == TO_2 + said
    for one, same in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, same)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model = train.compile(models.sequence_classifier(3, vocabulary=10, units=2), loss)
    model.evaluate(TOKENS, np.array([0, -1, 2, 1]), verbose=0)
    assert refused(model.evaluate, TOKENS, LABELS - 2) == TO_2 + "-2"


def test_labels_of_other_models():
    yes_or_no = train.compile(models.sequence_classifier(1, vocabulary=10, units=2))
    assert (
        refused(yes_or_no.fit, TOKENS, np.eye(2)[[0, 1, 1, 0]]) == TO_1 + "float64 of shape (4, 2)"
    )
    assert refused(yes_or_no.fit, TOKENS, LABELS) == TO_1 + "2"
    tagger = train.compile(models.sequence_tagger(3, vocabulary=10, units=2), jit_compile=JIT)
    tags = TOKENS % 3
    score = tagger.evaluate(TOKENS, tags, verbose=0)
    assert tagger.evaluate(TOKENS, tags[..., None], verbose=0) == pytest.approx(score)
    asked = TO_2.replace("(batch)", "(batch, length)")
    assert refused(tagger.fit, TOKENS, np.eye(3)[tags]).startswith(
        asked + "float64 of shape (4, 6, 3)"
    )
    assert refused(tagger.fit, TOKENS, LABELS) == asked + "int64 of shape (4,)"
    many = train.compile(models.sequence_classifier(1200, vocabulary=10, units=2))
    assert refused(many.fit, TOKENS, LABELS + 1198).endswith("received 1200")
    assert refused(many.fit, TOKENS, np.eye(1200)[LABELS]).endswith(ONE_HOT)


READ_TOKENS = ("classifier", "tagger", "language", "tied", "stream", "encoder-decoder")


@pytest.mark.parametrize("name", READ_TOKENS)
def test_tokens_beyond_the_vocabulary(name):
    """Refused in one line wherever the numbers are at hand; the model lives on."""
    import tensorflow as tf

    model, x = built(name)
    which = [one.name for one in model.inputs if "int" in one.dtype][-1]
    for token in (10, -3):
        bad = TOKENS.copy()
        bad[2, 3] = token
        given = {**x, which: bad} if isinstance(x, dict) else bad
        message = f"`{which}` must be ids of the vocabulary, 0 to 9"
        tensors = keras.tree.map_structure(ops.convert_to_tensor, given)
        for use in (model, model.predict, model.evaluate, model.fit, model.predict_on_batch):
            assert refused(use, given) == f"{message}; received {token}"
        assert refused(model, tensors) == f"{message}; received {token}"
        data = tf.data.Dataset.from_tensor_slices((given,)).batch(4)
        assert refused(model.predict, data, verbose=0) == message
    assert np.isfinite(answer(model, x)).all()


class Broken(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise OSError("the disk is gone")


@pytest.mark.parametrize("use", ["fit", "predict", "evaluate"])
def test_a_model_outlives_data_that_break_off(use):
    """On JAX, Keras has the weights outside the model while a step runs."""
    model = train.compile(models.sequence_classifier(3, vocabulary=10, units=2), jit_compile=JIT)
    expected = answer(model, TOKENS)
    with pytest.raises(OSError, match="the disk is gone"):
        getattr(model, use)(Broken(), verbose=0)
    np.testing.assert_array_equal(answer(model, TOKENS), expected)


def test_scale_of_a_window_is_that_of_mean_and_deviation():
    """`normalize="standard"`: a series ten times as large has ten times the deviation too."""
    options = {"features": 1, "units": 3, "normalize": "standard", "head": "gaussian"}
    for model in (
        models.forecaster(4, **options),
        models.step_forecaster(4, **options),
        models.segment_forecaster(4, length=6, segment=3, **options),
    ):
        x = FEATURES[..., :1]
        np.testing.assert_allclose(answer(model, 10 * x), 10 * answer(model, x), rtol=1e-4)
        mean, deviation = np.moveaxis(answer(model, 10 * x + 7) - 10 * answer(model, x), -1, 0)
        np.testing.assert_allclose(mean, np.full_like(mean, 7.0), rtol=1e-4)
        np.testing.assert_allclose(deviation, np.zeros_like(mean), atol=1e-4)


DEVICES = """
import keraseq, numpy as np, tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keraseq import models, train

rng = np.random.default_rng(0)
tokens = rng.integers(1, 10, (16, 4)).astype("int32")
both = {"source": tokens, "target": tokens}
made = {
    "classifier": (lambda: models.sequence_classifier(3, vocabulary=10, units=2), tokens),
    "encoder-decoder": (lambda: models.encoder_decoder(10, 10, units=2), both),
}
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for name, (make, x) in made.items():
    y = tokens[:, 0] % 3 if name == "classifier" else tokens
    results = []
    with strategy.scope():
        model = make()
        train.compile(model)
    alone = make()
    alone.set_weights(model.get_weights())
    train.compile(alone)
    for one in (model, alone):
        history = one.fit(
            x, y, batch_size=8, epochs=1, shuffle=False, validation_data=(x, y), verbose=0
        )
        results.append([*history.history.values(), *one.get_weights(), one.predict(x, verbose=0)])
    for here, there in zip(*results, strict=True):
        np.testing.assert_allclose(here, there, atol=1e-4, err_msg=name)
    try:
        model.fit(tokens.astype("float32") if x is tokens else both | {"source": y / 2}, y)
    except ValueError as error:
        assert "must be integer tokens" in str(error), error
    else:
        raise AssertionError("floats were tokens")
"""


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute")
def test_models_of_tokens_on_two_devices():
    """As on one device, with validation. In a process of its own: devices are made at its start."""
    done = subprocess.run(
        [sys.executable, "-c", DEVICES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
