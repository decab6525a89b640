"""Baselines: by hand, against statsmodels, and blind to what comes after the origin."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.holtwinters import ExponentialSmoothing

from keraseq import data, evaluate
from keraseq.evaluate.forecast_baselines import ExponentialSmoothing as ExponentialBaseline
from keraseq.evaluate.forecast_baselines import SeasonalDrift


def waves(rows=200, seed=0, level=20.0):
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    y = level + 0.02 * t + 3 * np.sin(2 * np.pi * t / 7) + 0.3 * rng.normal(size=rows)
    return pd.DataFrame({"ds": pd.date_range("2026-01-01", periods=rows, freq="D"), "y": y})


@pytest.fixture(scope="module")
def series():
    return data.series(waves(), targets="y")


@pytest.fixture(scope="module")
def methods(series):
    return evaluate.baselines(series, 9, 21)


def test_every_baseline_is_there(methods):
    assert list(methods) == [
        "repeat last",
        "seasonal naive (7)",
        "drift",
        "AR(14)",
        "exponential smoothing",
        "linear",
    ]
    plain = evaluate.baselines(data.series(waves()[["y"]]), 9)  # no times, no season
    assert list(plain) == ["repeat last", "drift", "AR(10)", "exponential smoothing", "linear"]


def test_naive_forecasts_by_hand(series, methods):
    past = np.arange(21.0)[None, :, None] ** 2

    def of(name):
        return methods[name](past, 9)["mean"][0, :, 0].tolist()

    assert of("repeat last") == [400] * 9
    season = [n**2 for n in range(14, 21)]
    assert of("seasonal naive (7)") == [*season, *season[:2]]
    assert of("drift") == [400 + 20 * n for n in range(1, 10)]
    # 31 is 1 above 30, so each season ahead is 1 higher
    drifting = SeasonalDrift(series, 4)(np.array([[[30.0], [11], [21], [31]]]), 4)["mean"]
    assert drifting[0, :, 0].tolist() == [12, 22, 32, 13]


def test_the_autoregression_is_that_of_statsmodels(series, methods):
    y = series.frames["series"]["y"].to_numpy()
    wanted = AutoReg(y[:140], lags=14, trend="c").fit().predict(140, 148)
    found = methods["AR(14)"](y[None, :140, None], 9)["mean"][0, :, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("season", [7, 1])
def test_exponential_smoothing_is_that_of_statsmodels(series, season):
    """With the same constants and the same start both say the same.

    But for one step: a season ahead statsmodels 0.14 takes the season's shape of before the last
    row (`s[nobs + m - 1]` is written over), we take the last row's.
    """
    method = ExponentialBaseline(series, 70, season=season)
    past = series.frames["series"]["y"].to_numpy()[70:140]
    first = past[:season]
    known = {"initial_level": first.mean(), "initial_trend": 0.0}
    if season > 1:
        known["initial_seasonal"] = first - first.mean()
        known |= {"seasonal": "add", "seasonal_periods": season}
    alpha, beta, gamma, phi = method.parameters(0)
    constants = {"smoothing_level": alpha, "smoothing_trend": beta, "damping_trend": phi}
    if season > 1:
        constants["smoothing_seasonal"] = gamma
    model = ExponentialSmoothing(
        past, trend="add", damped_trend=True, initialization_method="known", **known
    )
    wanted = model.fit(optimized=False, **constants).forecast(9)
    found = method(past[None, :, None], 9)["mean"][0, :, 0]
    same = np.arange(9) != season - 1 if season > 1 else slice(None)
    np.testing.assert_allclose(found[same], wanted[same], rtol=1e-6)


def test_the_linear_model_finds_a_linear_rule():
    """y_t = 2 y_{t-1} - y_{t-2} + 0.1 is a parabola, which no other baseline knows."""
    t = np.arange(120.0)
    series = data.series(pd.DataFrame({"y": 0.05 * t**2}))
    method = evaluate.baselines(series, 3, 8)["linear"]
    past = 0.05 * np.arange(60.0, 68.0) ** 2
    wanted = 0.05 * np.arange(68.0, 71.0) ** 2
    np.testing.assert_allclose(method(past[None, :, None], 3)["mean"][0, :, 0], wanted, rtol=2e-3)
    assert method(past[None, :, None], 2)["mean"].shape == (1, 2, 1)
    with pytest.raises(ValueError, match="fitted for horizon=3; received horizon=4"):
        method(past[None, :, None], 4)


def test_baselines_learn_from_the_training_part_alone():
    frame = waves()
    other = frame.copy()
    other.loc[140:, "y"] = 1e6  # the training part ends there
    past = frame["y"].to_numpy()[None, 60:130, None]
    for name, method in evaluate.baselines(data.series(frame, targets="y"), 9, 21).items():
        same = evaluate.baselines(data.series(other, targets="y"), 9, 21)[name]
        np.testing.assert_array_equal(method(past, 9)["mean"], same(past, 9)["mean"])


def test_series_of_many_have_parameters_of_their_own():
    frames = [waves(level=level).assign(unique_id=name) for name, level in (("a", 20), ("b", 900))]
    series = data.series(pd.concat(frames))
    methods = evaluate.baselines(series, 5)
    past = series.frames["b"][["y"]].to_numpy()[None, :140]
    with pytest.raises(ValueError, match=r"fitted series by series; take of_series\(NAME\)"):
        methods["AR(14)"](past, 5)
    for name in ("AR(14)", "exponential smoothing"):
        found = methods[name].of_series("b")(past, 5)["mean"]
        assert np.abs(found - 903).max() < 6
    linear = methods["linear"]
    one, two = (linear(series.frames[k][["y"]].to_numpy()[None, :140], 5)["mean"] for k in "ab")
    np.testing.assert_allclose(two - one, 880, atol=0.2)  # it knows no level


def test_constant_series_stay_constant():
    frame = waves().assign(y=4.0)
    series = data.series(frame, targets="y")
    for name, method in evaluate.baselines(series, 5).items():
        found = method(np.full((2, 100, 1), 4.0), 5)["mean"]
        np.testing.assert_allclose(found, 4.0, err_msg=name)


def test_short_series_get_what_fits():
    series = data.series(waves(20), targets="y", validation=4, test=4)
    methods = evaluate.baselines(series, 3)
    past = series.frames["series"][["y"]].to_numpy()[None, :12]
    for name, method in methods.items():
        assert method.look_back <= 12, name
        assert np.isfinite(method(past, 3)["mean"]).all(), name
