"""Direct, step by step and segment by segment; heads and losses."""

import re

import keras
import numpy as np
import pytest
from keras import ops

from keraseq import layers, losses, models, train

JIT = keras.backend.backend() == "jax"
BUILDERS = {
    "direct": (models.forecaster, {}),
    "recursive": (models.step_forecaster, {"decoder": "same"}),
    "encoder-decoder": (models.step_forecaster, {"decoder": "own"}),
    "segment": (models.segment_forecaster, {"length": 12, "segment": 4}),
}


def numpy(x):
    return ops.convert_to_numpy(x)


def built(kind, horizon=6, features=3, targets=3, units=5, **options):
    builder, own = BUILDERS[kind]
    return builder(horizon, features=features, targets=targets, units=units, **{**own, **options})


def windows(batch=4, features=3, length=12, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, length, features)).astype("float32")


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        *((kind, "gru") for kind in BUILDERS),
        *(("segment", "lstm"), ("segment", "mut1"), ("encoder-decoder", "lstm")),
        *(("recursive", "mut1"), ("direct", "elman")),
    ],
)
def test_any_cell_forecasts_trains_and_comes_back_from_its_file(kind, cell, tmp_path):
    model = built(kind, cell=cell, dropout=0.1)
    x = windows()
    assert numpy(model(x)).shape == (4, 6, 3)
    train.compile(model, jit_compile=JIT)
    before = [np.array(w) for w in model.get_weights()]
    model.fit(x, x[:, :6] * 0 + 5, epochs=1, verbose=0)
    still = [
        weight.path
        for weight, old in zip(model.weights, before, strict=True)
        if weight.trainable and np.array_equal(numpy(weight), old)
    ]
    assert not still
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(again(x)), numpy(model(x)))
    assert again.count_params() == model.count_params()


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(("head", "tail"), [("point", ()), ("quantiles", (2,)), ("gaussian", (2,))])
def test_heads(kind, head, tail, tmp_path):
    model = built(kind, targets=2, features=2, head=head, quantiles=(0.1, 0.6))
    x = windows(features=2)
    forecast = numpy(model(x))
    assert forecast.shape == (4, 6, 2, *tail)
    if head == "quantiles":
        assert (forecast[..., 0] < forecast[..., 1]).all()
    if head == "gaussian":
        assert (forecast[..., 1] > 0).all()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(again(x)), forecast)


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("method", ["last", "mean", "standard"])
@pytest.mark.parametrize("head", ["point", "quantiles", "gaussian"])
def test_a_level_moves_the_forecast_and_nothing_else(kind, method, head):
    model = built(kind, features=2, targets=2, normalize=method, head=head)
    x = windows(features=2)
    shift = np.array([30.0, -7.0], "float32")
    moved, still = numpy(model(x + shift)), numpy(model(x))
    if head == "gaussian":
        np.testing.assert_allclose(moved[..., 1], still[..., 1], atol=1e-4)
        moved, still = moved[..., 0], still[..., 0]
    by = shift[:, None] if head == "quantiles" else shift
    np.testing.assert_allclose(moved, still + by, atol=1e-4)
    if method == "standard":  # and a scale scales it
        scaled = numpy(model(x * 3))
        scaled = scaled[..., 0] if head == "gaussian" else scaled
        np.testing.assert_allclose(scaled, still * 3, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["direct", "segment"])
def test_a_seasonal_model_that_says_nothing_repeats_the_season(kind):
    model = built(kind, features=2, targets=2, horizon=7, normalize="season", season=3)
    x = windows(features=2)
    written = model.get_layer("segments").answer if kind == "segment" else model.get_layer("dense")
    written.set_weights([np.zeros_like(w) for w in written.get_weights()])
    expected = np.concatenate([x[:, -3:], x[:, -3:], x[:, -3:-2]], axis=1)
    np.testing.assert_allclose(numpy(model(x)), expected, atol=1e-6)


def test_seasons_that_do_not_fit():
    with pytest.raises(ValueError, match="season=13; received length=12"):
        built("segment", normalize="season", season=13)
    with pytest.raises(ValueError, match="season must be a positive integer; received season=None"):
        built("segment", normalize="season")
    with pytest.raises(ValueError, match="unknown normalize 'season'; accepted: 'last', 'mean'"):
        built("recursive", normalize="season")


def test_a_constant_window_stays_finite():
    x = np.full((2, 12, 1), 1234.5, "float32")
    for method in ("last", "mean", "standard"):
        model = built("segment", features=1, targets=1, normalize=method)
        forecast = numpy(model(x))
        assert np.isfinite(forecast).all()
        assert np.abs(forecast - 1234.5).max() < 10  # a scale of 1, not of rounding


@pytest.mark.parametrize("kind", BUILDERS)
def test_future_covariates_reach_their_own_step_and_no_earlier_one(kind):
    model = (
        built(kind, features=3, targets=2, future=1, segment=4)
        if kind == "segment"
        else built(kind, features=3, targets=2, future=1)
    )
    x, future = windows(), np.zeros((4, 6, 1), "float32")
    later = future.copy()
    later[:, 4:] = 3.0
    plain = numpy(model({"features": x, "future": future}))
    moved = numpy(model({"features": x, "future": later}))
    np.testing.assert_allclose(moved[:, :4], plain[:, :4], atol=1e-6)
    assert np.abs(moved[:, 4:] - plain[:, 4:]).max() > 1e-3


@pytest.mark.parametrize("kind", ["direct", "encoder-decoder", "segment"])
def test_past_covariates_help_and_are_not_forecast(kind):
    model = built(kind, features=3, targets=1)
    x = windows()
    other = x.copy()
    other[:, :, 2] += 2
    assert numpy(model(x)).shape == (4, 6, 1)
    assert np.abs(numpy(model(x)) - numpy(model(other))).max() > 1e-4


def test_the_recursive_model_reads_its_own_forecast():
    """By hand: the cell goes on over what the dense layer just said."""
    model = built("recursive", horizon=3, features=2, targets=2, normalize=None, cell="gru")
    layer = model.get_layer("feedback")
    x = windows(features=2)
    _, *states = layer.encoder(x)
    last, expected = x[:, -1], []
    for _ in range(3):
        output, states = layer.cell(last, states)
        last = numpy(layer.writer.cell.dense(output))
        expected.append(last)
    np.testing.assert_allclose(numpy(model(x)), np.stack(expected, axis=1), atol=1e-5)


def test_recursive_has_one_cell_and_the_encoder_decoder_two():
    one = built("recursive", features=2, targets=2, units=7)
    two = built("encoder-decoder", features=2, targets=2, units=7)
    cell = one.get_layer("feedback").cell.count_params()
    assert two.count_params() - one.count_params() == cell


def test_segments_by_hand():
    """The layer's docstring, step by step, for LSTM whose output is one of two states."""
    for cell in ("lstm", "mut1"):
        layer = layers.SegmentRNN(6, cell, 8, targets=2, segment=4, width=2)
        x = windows(batch=3, features=2)
        found = numpy(layer(x))
        assert found.shape == (3, 6, 2, 2)
        for channel in range(2):
            states = layer.cell.get_initial_state(3)
            states = states if isinstance(states, (list, tuple)) else [states]
            for i in range(3):
                embedded = layer.embed(x[:, 4 * i : 4 * i + 4, channel])
                _, states = layer.cell(embedded, states)
            for j in range(2):
                place = np.concatenate([numpy(layer.position)[j], numpy(layer.channel)[channel]])
                output, _ = layer.cell(np.tile(place, (3, 1)).astype("float32"), states)
                values = numpy(layer.answer(output)).reshape(3, 4, 2)[:, : 6 - 4 * j]
                np.testing.assert_allclose(found[:, 4 * j : 4 * j + 4, channel], values, atol=1e-5)


def test_both_ways_to_decode_segments_agree():
    """Embeddings projected once for a batch, or read by the layer step."""
    # In training the cell draws masks for itself, here of ones: every step goes through the layer.
    options = {"targets": 3, "segment": 4, "cell_options": {"dropout": 1e-9}}
    layer = layers.SegmentRNN(8, "gru", 6, **options)
    x = windows()
    assert layer._draws
    np.testing.assert_allclose(numpy(layer(x, training=True)), numpy(layer(x)), atol=1e-5)


def test_without_channel_embedding_all_series_are_alike():
    model = built("segment", features=2, targets=2, channel_embedding=False)
    x = windows(features=2)
    np.testing.assert_allclose(numpy(model(x[:, :, ::-1])), numpy(model(x))[:, :, ::-1], atol=1e-5)
    with_it = built("segment", features=2, targets=2)
    assert np.abs(numpy(with_it(x[:, :, ::-1])) - numpy(with_it(x))[:, :, ::-1]).max() > 1e-3


@pytest.mark.parametrize(
    "options", [{"dropout": 0.3}, {"recurrent_dropout": 0.3}, {"zoneout": 0.3}]
)
def test_a_cell_may_draw_random_numbers_of_its_own(options):
    model = train.compile(built("segment", cell_options=options), jit_compile=JIT)
    x = windows()
    model.fit(x, x[:, :6], epochs=1, verbose=0)
    np.testing.assert_array_equal(numpy(model(x)), numpy(model(x)))
    layer = model.get_layer("segments")
    one, two = (numpy(layer(x, training=True)) for _ in range(2))
    assert np.abs(one - two).max() > 1e-5


def test_keras_cells_fit_the_slot():
    model = built("segment", cell=keras.layers.GRUCell(5))
    assert numpy(model(windows())).shape == (4, 6, 3)


def test_pinball_loss_by_hand_and_its_minimum_is_the_quantile():
    y = np.array([[[1.0]], [[4.0]]], "float32")
    forecast = np.array([[[[2.0, 3.0]]], [[[2.0, 3.0]]]], "float32")
    # 0.1: over by 1 -> 0.9, under by 2 -> 0.2; 0.8: over by 2 -> 0.4, under by 1 -> 0.8
    assert float(losses.PinballLoss([0.1, 0.8])(y, forecast)) == pytest.approx(
        np.mean([0.9, 0.2, 0.4, 0.8])
    )
    sample = np.random.default_rng(0).normal(size=(2001, 1, 1)).astype("float32")
    loss = losses.PinballLoss([0.9])
    grid = np.linspace(0, 2.5, 101)
    costs = [float(loss(sample, np.full((2001, 1, 1, 1), one, "float32"))) for one in grid]
    assert grid[np.argmin(costs)] == pytest.approx(np.quantile(sample, 0.9), abs=0.03)


def test_gaussian_loss_is_the_negative_log_density():
    y, mean, deviation = 1.3, 0.5, 2.0
    density = np.exp(-(((y - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
    forecast = np.array([[[[mean, deviation]]]], "float32")
    loss = float(losses.GaussianLoss()(np.full((1, 1, 1), y, "float32"), forecast))
    assert loss == pytest.approx(-np.log(density), rel=1e-5)


def test_maximum_a_posteriori_shrinks_the_weights():
    """The loss of a model with a prior is the mean NLL plus -log p(W) / n, up to a constant."""
    prior = losses.gaussian_prior(0.5, observations=48)
    model = built("segment", features=2, targets=2, head="gaussian", regularizer=prior)
    kernels = [w for w in model.trainable_weights if "kernel" in w.name]
    total = sum(np.square(numpy(w)).sum() for w in kernels)
    expected = total / (2 * 0.5**2 * 48)
    assert sum(numpy(one).item() for one in model.losses) == pytest.approx(expected, rel=1e-4)
    again = keras.models.model_from_json(model.to_json())
    assert len(again.losses) == len(model.losses)


def test_a_gaussian_head_learns_mean_and_deviation():
    rng = np.random.default_rng(0)
    x = np.ones((512, 4, 1), "float32")
    y = rng.normal(3.0, 0.5, size=(512, 1, 1)).astype("float32")
    model = models.forecaster(1, features=1, units=4, head="gaussian")
    train.compile(model, learning_rate=0.05, jit_compile=JIT)
    model.fit(x, y, epochs=60, batch_size=128, verbose=0)
    mean, deviation = numpy(model(x[:1])).ravel()
    assert mean == pytest.approx(y.mean(), abs=0.15)
    assert deviation == pytest.approx(y.std(), abs=0.12)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("segment", {"length": 13}, "length must be a multiple of segment=4; received length=13"),
        ("segment", {"cell": "mut4"}, "unknown cell 'mut4'"),
        ("segment", {"horizon": 0}, "horizon must be a positive integer; received horizon=0"),
        ("segment", {"targets": 4}, "at most 3; received targets=4"),
        ("segment", {"normalize": "lst"}, "unknown normalize 'lst'"),
        ("direct", {"head": "quantile"}, "Did you mean 'quantiles'?"),
        ("direct", {"head": "quantiles", "quantiles": (0.5, 0.1)}, "must increase between 0 and 1"),
        ("direct", {"head": "quantiles", "quantiles": (0.5, 1.0)}, "received 0.5, 1.0"),
        ("direct", {"head": "quantiles", "quantiles": ()}, "received none"),
        ("recursive", {"targets": 2}, "features must be targets + future = 2; received features=3"),
        ("encoder-decoder", {"decoder": "owm"}, "Did you mean 'own'?"),
    ],
)
def test_one_line_errors(kind, options, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        built(kind, **options)
    assert "\n" not in str(caught.value)


def test_priors_that_are_none():
    with pytest.raises(ValueError, match="deviation must be a positive number"):
        losses.gaussian_prior(-1, observations=5)
    with pytest.raises(ValueError, match="observations must be a positive integer"):
        losses.gaussian_prior(1, observations=0)
