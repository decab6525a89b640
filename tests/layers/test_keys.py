"""Keys that know those before them, against a NADE in NumPy and all frames that there are."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import keraseq
from keraseq.autodiff import gradients
from keraseq.layers import IndependentKeys, OrderedKeys, keys
from keraseq.losses import KeysLoss

KEYS, FEATURES = 4, 3
FRAMES = np.array(list(itertools.product((0.0, 1.0), repeat=KEYS)), "float32")
CONTEXT = np.random.default_rng(0).normal(size=FEATURES).astype("float32")
SAME = np.tile(CONTEXT, (len(FRAMES), 1))


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def made(cls=OrderedKeys, *arguments, **options):
    """A layer with weights drawn at random, built for KEYS keys."""
    layer = cls(*arguments, **options)
    layer.build([(None, FEATURES), (None, KEYS)] if cls is OrderedKeys else (None, FEATURES))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=one.shape) for one in layer.get_weights()])
    return layer


def logistic(x):
    return 1 / (1 + np.exp(-x))


def oracle(layer, x, y):
    """The log-probability of a frame, key by key as the paper has it."""
    C, c, U, V, B, b = (one.astype("float64") for one in layer.get_weights())
    a, total = x @ C + c, 0.0
    for i in reversed(range(KEYS)) if layer.downwards else range(KEYS):
        p = logistic(b[i] + x @ B[:, i] + V[i] @ logistic(a))
        total += np.log(p if y[i] else 1 - p)
        a = a + y[i] * U[i]
    return total


@pytest.fixture(params=[2, 12], ids=["many-at-once", "few-at-once"])
def few(request, monkeypatch):
    """Frames with more keys than the layer takes for few, and with fewer."""
    monkeypatch.setattr(keys, "FEW", request.param)


@pytest.mark.parametrize("downwards", [False, True])
def test_it_is_the_paper_and_all_frames_together_are_certain(few, downwards):
    layer = made(units=5, downwards=downwards)
    logits = numpy(layer([SAME, FRAMES]))
    found = -np.logaddexp(0, logits) + FRAMES * logits
    np.testing.assert_allclose(
        found.sum(-1), [oracle(layer, CONTEXT, y) for y in FRAMES], rtol=1e-5, atol=1e-5
    )
    assert np.exp(found.sum(-1)).sum() == pytest.approx(1, abs=1e-5)
    # Frames that sound like few, alone: the short way gives the same.
    rare = FRAMES.sum(-1) <= 2
    np.testing.assert_allclose(numpy(layer([SAME[rare], FRAMES[rare]])), logits[rare], atol=1e-5)


def test_a_frame_is_drawn_key_by_key_by_these_logits():
    uniform = np.random.default_rng(2).random((len(FRAMES), KEYS)).astype("float32")
    for layer in (made(units=5), made(units=5, downwards=True), made(IndependentKeys, KEYS)):
        drawn = numpy(layer.draw(ops.convert_to_tensor(SAME), ops.convert_to_tensor(uniform)))
        logits = layer(SAME) if isinstance(layer, IndependentKeys) else layer([SAME, drawn])
        np.testing.assert_array_equal(drawn, uniform < logistic(numpy(logits)))
        cold = numpy(layer.draw(ops.convert_to_tensor(SAME), ops.convert_to_tensor(uniform), 1e-6))
        assert (cold == cold[0]).all()  # no doubt is left, and the context is one


def test_gradient_is_that_of_central_differences(few, float64):
    layer = made(units=2, dtype="float64")
    x, y = SAME.astype("float64")[None], FRAMES.astype("float64")[None]
    loss = KeysLoss(dtype="float64")
    weights = [one.value for one in layer.trainable_weights]

    def cost(*values):
        with keras.StatelessScope(list(zip(layer.trainable_weights, values, strict=True))):
            return loss(y, layer([x, y]))

    found, _ = gradients(cost, weights)
    for at, weight in enumerate(weights):
        place = tuple(np.array(weight.shape) - 1)
        ends = []
        for change in (1e-5, -1e-5):
            values = [numpy(one).copy() for one in weights]
            values[at][place] += change
            ends.append(float(cost(*map(ops.convert_to_tensor, values))))
        slope = (ends[0] - ends[1]) / 2e-5
        assert float(numpy(found[at])[place]) == pytest.approx(slope, rel=1e-4, abs=1e-9)


def test_what_pieces_are_filled_up_with_does_not_count():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(2, 6, KEYS)).astype("float32")
    y = rng.integers(0, 2, (2, 6, KEYS)).astype("float32")
    y[0, 2:] = -1
    mean = (np.logaddexp(0, logits) - y * logits).sum(-1)[y[..., 0] >= 0].mean()
    assert float(KeysLoss()(y, logits)) == pytest.approx(mean, rel=1e-5)
    other = logits.copy()
    other[0, 2:] = 99
    assert float(KeysLoss()(y, other)) == pytest.approx(mean, rel=1e-5)
    assert float(KeysLoss()(np.full_like(y, -1), logits)) == 0


def test_a_logit_does_not_know_its_own_key_nor_the_next_frame():
    model = keraseq.models.roll_model(KEYS, cell="mut1", units=4, head_units=3)
    rng = np.random.default_rng(4)
    frames, following = rng.integers(0, 2, (2, 1, 5, KEYS)).astype("float32")
    before = numpy(model([frames, following]))
    following[0, 2, 1] = 1 - following[0, 2, 1]
    after = numpy(model([frames, following]))
    changed = np.abs(after - before).max(axis=0) > 1e-7
    assert not changed[:, :2].any() and not np.delete(changed, 2, axis=0).any()
    assert changed[2, 2:].all()


def test_saved_and_loaded(tmp_path):
    for head in keraseq.models.music.HEADS:
        model = keraseq.models.roll_model(
            KEYS, head=head, cell="mut1", units=4, head_units=3, downwards=True
        )
        model.save(tmp_path / "roll.keras")
        other = keras.saving.load_model(tmp_path / "roll.keras")
        x = [np.ones((1, 2, KEYS), "float32")] * len(model.inputs)
        given = x if len(x) > 1 else x[0]
        np.testing.assert_array_equal(numpy(other(given)), numpy(model(given)))
        assert other.layers[-1].get_config() == model.layers[-1].get_config()
        assert isinstance(other.fitting_loss(), KeysLoss)
