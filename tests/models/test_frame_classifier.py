"""Frames: what looks at each, what is told of all, and what padding may not change."""

import keras
import numpy as np
import pytest

from keraseq import layers, models

RNG = np.random.default_rng(0)
SMALL = {"height": 6, "width": 5, "filters": (2, 3), "embedding": 4, "units": 3}


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def softmax(x):
    shares = np.exp(x - x.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def test_predictions_are_averaged_over_the_valid_steps():
    x = RNG.normal(size=(3, 4, 5)).astype("float32")
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    layer = layers.AveragedPredictions()
    found = numpy(layer(x, mask=mask))
    np.testing.assert_allclose(np.exp(found[0]), softmax(x[0]).mean(0), rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[1]), softmax(x[1, :2]).mean(0), rtol=1e-5)
    assert not found[2].any()
    np.testing.assert_allclose(numpy(layer(x))[0], found[0], rtol=1e-5)
    single = numpy(layer(x[..., :1]))[:, 0]
    np.testing.assert_allclose(
        1 / (1 + np.exp(-single)), (1 / (1 + np.exp(-x[..., 0]))).mean(1), rtol=1e-5
    )


def test_without_a_cell_single_frames_are_averaged_in_any_order():
    model = models.frame_classifier(3, cell=None, channels=2, **SMALL)
    film = RNG.random((1, 4, 6, 5, 2)).astype("float32")
    each = np.concatenate([numpy(model(film[:, i : i + 1])) for i in range(4)])
    np.testing.assert_allclose(np.exp(numpy(model(film))[0]), softmax(each).mean(0), rtol=1e-4)
    np.testing.assert_allclose(numpy(model(film[:, ::-1])), numpy(model(film)), atol=1e-5)


@pytest.mark.parametrize("pooling", ["average", "last"])
def test_padding_changes_nothing(pooling):
    model = models.frame_classifier(3, pooling=pooling, masked=True, layers=2, **SMALL)
    film = RNG.random((2, 4, 6, 5, 1)).astype("float32")
    padded = np.full((2, 6, 6, 5, 1), np.nan, "float32")
    padded[:, :4] = film
    np.testing.assert_allclose(numpy(model(padded)), numpy(model(film)), atol=1e-5)
    again = keras.Model.from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_frames_of_one_pixel_and_of_any_cell():
    model = models.frame_classifier(2, height=1, width=1, cell="mut1", units=3)
    assert model(np.ones((2, 3, 1, 1, 1), "float32")).shape == (2, 2)
    with pytest.raises(ValueError, match=r"`frames` must be numbers.*length >= 1, 1, 1, 1"):
        model(np.ones((2, 3, 2, 1, 1), "float32"))


def test_options_that_do_not_go_together():
    with pytest.raises(ValueError, match="pooling='last' needs a cell"):
        models.frame_classifier(2, cell=None, pooling="last", **SMALL)
    with pytest.raises(ValueError, match="unknown pooling 'max'; accepted: 'average', 'last'"):
        models.frame_classifier(2, pooling="max", **SMALL)
    with pytest.raises(ValueError, match="height must be a positive integer"):
        models.frame_classifier(2, height=0, width=1)
