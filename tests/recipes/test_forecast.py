"""The recipe: it learns, it knows no future, it comes back; tests/test_kills.py kills it."""

import os
import re

import numpy as np
import pandas as pd
import pytest

import keraseq
from keraseq import data
from keraseq.recipes import forecast
from keraseq.recipes.forecast.recipe import calibrated
from keraseq.recipes.run import Falling

needs_data = pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs KERASEQ_DATA")
SMALL = {"units": 8, "dropout": 0.0, "epochs": 2}


def waves(rows=300, level=50.0, seed=0, names=("y",)):
    """Days with a weekly wave, which repeating the last value cannot forecast."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows)
    frame = {"date": pd.date_range("2026-01-01", periods=rows, freq="D")}
    for i, name in enumerate(names):
        frame[name] = level + 5 * np.sin(2 * np.pi * (t + i) / 7) + 0.3 * rng.normal(size=rows)
    return pd.DataFrame(frame)


def trained(series=None, horizon=7, look_back=14, **options):
    series = data.series(waves()) if series is None else series
    shape = {"horizon": horizon, "look_back": look_back, "report": None}
    return keraseq.recipes.train("forecast", series, **{**SMALL, **shape, **options})


def test_it_beats_the_last_value_and_the_season_and_has_no_lag():
    """Cross-correlation of forecast and truth peaks at 0: it is no shifted copy of the past."""
    series = data.series(waves(500))
    bundle = trained(series, epochs=30, learning_rate=0.02, batch_size=32)
    method = forecast.Forecaster.of(bundle)
    inputs, targets, _ = data.SeriesWindows(series, "test", look_back=14, horizon=7).arrays()
    found = method(inputs)["mean"]
    error = np.abs(found - targets).mean()
    assert error < np.abs(inputs[:, -1:] - targets).mean() / 4
    assert error < 1.15 * np.abs(inputs[:, -7:] - targets).mean()
    for step in (0, 6):
        truth, said = targets[:, step, 0], found[:, step, 0]
        lags = range(-3, 4)
        middle = slice(3, len(truth) - 3)
        match = [np.corrcoef(truth[middle], np.roll(said, lag)[middle])[0, 1] for lag in lags]
        assert lags[int(np.argmax(match))] == 0


def test_the_lag_test_finds_a_lag():
    """The test above can fail: the last value, as a forecast of step 1, is late by one."""
    y = waves(200)["y"].to_numpy()
    truth, said = y[1:], y[:-1]
    middle = slice(3, -3)
    match = [np.corrcoef(truth[middle], np.roll(said, lag)[middle])[0, 1] for lag in range(-3, 4)]
    assert int(np.argmax(match)) - 3 == -1


@pytest.mark.parametrize("scale", ["train", "window"])
def test_no_forecast_knows_what_comes_after_its_origin(scale):
    """Training and forecast stay as they are when everything after the border changes."""
    frame = waves()
    first = data.series(frame)
    row = first.borders["series"].test
    other = frame.copy()
    other.loc[row:, "y"] *= 100
    found = []
    for one in (first, data.series(other)):
        bundle = trained(one, scale=scale, epochs=1)
        past = one.frames["series"].to_numpy()[row - 14 : row]
        method = forecast.Forecaster.of(bundle)
        found.append((method.scaler, method(past[None])["mean"]))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize(
    ("head", "scale"),
    [("point", "train"), ("point", "window"), ("quantiles", "train"), ("gaussian", "window")],
)
def test_a_bundle_forecasts_in_the_units_of_the_data(head, scale, tmp_path):
    series = data.series(waves(names=("y", "z"), level=1e4))
    bundle = trained(series, head=head, scale=scale, quantiles=(0.1, 0.5, 0.9))
    method = forecast.Forecaster.of(bundle)
    table = method.forecast(series)
    assert table["ds"].iloc[0] == pd.Timestamp("2026-10-28") and len(table) == 7
    assert ((table["y"] > 9_900) & (table["y"] < 10_100)).all()
    assert (table["y-0.1"] < table["y-0.9"]).all() and (table["z-0.1"] < table["z-0.9"]).all()
    bundle.save(tmp_path / "bundle")
    again = forecast.Forecaster.of(keraseq.bundle.load(tmp_path / "bundle"))
    pd.testing.assert_frame_equal(again.forecast(series), table)
    assert again.settings == method.settings


@pytest.mark.parametrize("head", ["point", "quantiles", "gaussian"])
def test_intervals_cover_what_they_say_where_they_were_calibrated(head):
    """By hand: 80 % of the truths of each step lie inside, whatever the model said before."""
    series = data.series(waves(400))
    bundle = trained(series, head=head, epochs=1)
    method = forecast.Forecaster.of(bundle)
    windows = data.SeriesWindows(series, "validation", look_back=14, horizon=7)
    inputs, truth, _ = windows.arrays()
    found = method(inputs)["quantiles"]
    inside = ((found[0.1] <= truth) & (truth <= found[0.9])).mean(axis=(0, 2))
    np.testing.assert_allclose(inside, 0.8, atol=1.5 / len(windows) + 0.01)
    bare, center, scale = method.scaled_quantiles(inputs)
    np.testing.assert_allclose(
        found[0.9], np.maximum(bare[0.9] + bundle.preprocessing["margins"]["0.8"], bare["mean"])
        * scale + center,
    )  # fmt: skip
    assert calibrated(method, series)["0.8"].shape == (7, 1)


def test_forecasts_are_calibrated_on_the_latest_windows():
    """With 100 known windows or more; with fewer on the margins of the training."""
    long, short = data.series(waves(500)), data.series(waves(300))
    bundle = trained(long, epochs=1)
    method = forecast.Forecaster.of(bundle)
    assert method.recalibrated(short, "test") is method
    assert method.recalibrated(long, "validation") is method
    newest = method.recalibrated(long)
    assert newest.recent == 210  # 30 weeks
    past = long.frames["series"].to_numpy()[None, -14:]
    table = method.forecast(long)
    np.testing.assert_allclose(table["y-0.9"], newest(past, 7)["quantiles"][0.9][0, :, 0])
    assert np.abs(table["y-0.9"] - method(past)["quantiles"][0.9][0, :, 0]).max() > 1e-6
    row = forecast.evaluate(bundle, long).set_index("method").loc["segment gru"]
    assert row["coverage-0.8"] == pytest.approx(0.8, abs=0.1)


def test_gaussian_quantiles_are_those_of_the_normal_distribution():
    bundle = trained(head="gaussian", quantiles=(0.1, 0.5, 0.9))
    past = data.series(waves()).frames["series"].to_numpy()[None, -14:]
    method = forecast.Forecaster.of(bundle)
    method.margins = {}
    found = method(past)
    low, middle, high = found["quantiles"].values()
    np.testing.assert_allclose(middle, found["mean"])
    np.testing.assert_allclose(high - middle, middle - low, rtol=1e-6)
    scaler = forecast.Forecaster.of(bundle).scaler
    raw = bundle.model.predict(scaler.transform(data.series(waves()).frames["series"]).to_numpy(
        "float32")[None, -14:], verbose=0)  # fmt: skip
    np.testing.assert_allclose(
        high - middle, 1.2815516 * raw[..., 1] * scaler.deviation[0], rtol=1e-4
    )


def test_one_model_for_many_series_of_other_levels():
    parts = [
        waves(rows, level, seed).rename(columns={"date": "ds"}).assign(unique_id=name)
        for name, rows, level, seed in (("a", 120, 50, 0), ("b", 200, 5000, 1))
    ]
    series = data.series(pd.concat(parts), targets="y")
    bundle = trained(series)
    assert bundle.preprocessing["settings"]["scale"] == "window"
    table = forecast.Forecaster.of(bundle).forecast(series)
    assert table.groupby("unique_id")["y"].mean().round(-1).to_dict() == {"a": 50, "b": 5000}
    assert table.groupby("unique_id")["ds"].min()["a"] == pd.Timestamp("2026-05-01")


@pytest.mark.parametrize("model", ["segment", "direct", "recursive", "encoder-decoder"])
def test_every_model_takes_future_covariates(model):
    frame = waves().assign(holiday=lambda f: (f.index % 7 == 0).astype(float))
    series = data.series(
        frame, targets="y", future_covariates=["holiday"], calendar=["weekday"], validation=40
    )
    bundle = trained(series, model=model, epochs=1)
    method = forecast.Forecaster.of(bundle)
    days = pd.date_range("2026-10-28", periods=7)
    known = pd.DataFrame({"holiday": np.zeros(7)}, index=days)
    quiet, busy = method.forecast(series, known), method.forecast(series, known + 1)
    assert np.abs(quiet["y"] - busy["y"]).max() > 1e-6
    with pytest.raises(ValueError, match=r"ends too early .* horizon=7 needs 7 rows"):
        method.forecast(series, known[:5])
    past = series.frames["series"].to_numpy()[None, -14:]
    with pytest.raises(ValueError, match="must be given for 7 rows; received none"):
        method(past)
    assert method(past, 3, np.zeros((1, 3, 3)))["mean"].shape == (1, 3, 1)


@pytest.mark.parametrize("head", ["point", "quantiles"])
def test_logarithms_go_in_and_numbers_come_out(head, tmp_path):
    """What doubles everywhere has a forecast that doubles, intervals included."""
    frame = waves()
    double = frame.assign(y=2 * frame["y"])
    tables = []
    for one in (frame, double):
        bundle = trained(data.series(one), transform="log", epochs=1, head=head)
        bundle.save(tmp_path / "bundle")
        method = forecast.Forecaster.of(keraseq.bundle.load(tmp_path / "bundle"))
        tables.append(method.forecast(data.series(one)).drop(columns=["unique_id", "ds"]))
    np.testing.assert_allclose(tables[1], 2 * tables[0], rtol=1e-3)
    assert 40 < tables[0]["y"].mean() < 60
    assert "scaled_mse" not in forecast.evaluate(bundle, data.series(double))
    with pytest.raises(ValueError, match=r"transform='log' needs positive values; column 'y' has"):
        trained(data.series(frame.assign(y=frame["y"] - 60)), transform="log")
    with pytest.raises(ValueError, match=r"forecasts logarithms \(transform='log'\); received -1"):
        method(np.full((1, 14, 1), -1.0))
    with pytest.raises(ValueError, match=r"unknown transform 'logs'.*Did you mean 'log'"):
        trained(transform="logs")


def test_a_constant_series_is_forecast_as_that_constant():
    frame = waves().assign(y=12.5)
    for scale in ("train", "window"):
        table = forecast.Forecaster.of(trained(data.series(frame), scale=scale)).forecast(
            data.series(frame)
        )
        np.testing.assert_allclose(table["y"], 12.5, atol=0.5)


def test_evaluation_beside_the_baselines(tmp_path):
    frame = waves(400)
    frame.to_csv(tmp_path / "waves.csv", index=False)
    bundle = trained(data.series(tmp_path / "waves.csv"), epochs=1)
    table = forecast.evaluate(bundle, tmp_path / "waves.csv").set_index("method")
    assert set(table.index) == {
        "segment gru",
        "repeat last",
        "seasonal naive (7)",
        "drift",
        "AR(14)",
        "exponential smoothing",
        "linear",
    }
    assert table["mase"].is_monotonic_increasing
    assert table["coverage-0.8"].notna().sum() == 1
    said = forecast.verdict(table.reset_index(), forecast.Forecaster.of(bundle))
    best = table.index.drop("segment gru")[0]
    better = table.loc["segment gru", "mase"] < table.loc[best, "mase"]
    assert said.startswith("The model is better" if better else "A baseline is better")
    assert best in said and f"{table.loc[best, 'mase']:.4g}" in said
    y, row = frame["y"].to_numpy(), 340  # where the test part begins
    origins = np.arange(row, 394)
    truth = y[origins[:, None] + np.arange(7)]
    naive = np.abs(truth - y[origins - 1][:, None])
    assert table.loc["repeat last", "mae"] == pytest.approx(naive.mean(), rel=1e-5)
    scale = np.abs(y[7:row] - y[: row - 7]).mean()
    assert table.loc["repeat last", "mase"] == pytest.approx(naive.mean() / scale, rel=1e-5)
    by_model = forecast.Forecaster.of(bundle)(y[origins[:, None] + np.arange(-14, 0)][..., None])
    error = np.abs(by_model["mean"][..., 0] - truth).mean()
    assert table.loc["segment gru", "mae"] == pytest.approx(error, rel=1e-4)
    assert keraseq.recipes.of(bundle).name == "forecast"
    with pytest.raises(ValueError, match="on no public series: give the series"):
        forecast.evaluate(bundle)


def test_evaluation_with_covariates_and_constant_targets():
    frame = waves(300, names=("y", "z")).assign(z=1.0, holiday=0.0)
    series = data.series(
        frame, targets=["y", "z"], future_covariates=["holiday"], calendar=["weekday"]
    )
    table = forecast.evaluate(trained(series, epochs=1), series)
    assert np.isfinite(table[["mae", "mase", "scaled_mse"]].to_numpy()).all()


def test_defaults_follow_from_the_series():
    def chosen(frame, horizon, **options):
        recipe = keraseq.recipes.get("forecast")
        return recipe.completed(data.series(frame), recipe.Settings(horizon=horizon, **options))

    settings = chosen(waves(700), 7)
    assert (settings.look_back, settings.segment, settings.scale) == (28, 7, "train")
    assert settings.batch_size == (490 - 28 - 7 + 1) // 32 and settings.epochs >= 30
    assert settings.patience == max(3, round(settings.epochs / 3))
    assert chosen(waves(60), 7).look_back == 14  # no more than a third of the training part
    numbered = chosen(waves(300)[["y"]], 20)
    assert (numbered.look_back, numbered.segment) == (40, 8)
    assert chosen(waves(300), 5, look_back=15).segment == 5  # the largest that divides it


def test_a_rate_that_falls():
    rate = Falling(1.0, epochs=30)
    assert [rate(0), rate(3)] == [1, 1]
    assert rate(4) == pytest.approx(0.8) and rate(13) == pytest.approx(0.8**10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": 3}, "unknown option 'unit'; accepted: 'cell'"),
        ({"model": "segments"}, "Did you mean 'segment'?"),
        ({"head": "normal"}, "unknown head 'normal'"),
        ({"cell": "grv"}, "unknown cell 'grv'"),
        ({"prior": 1.0}, "prior=1.0 needs head='gaussian'; received head='point'"),
        ({"quantiles": (10, 50, 90)}, "quantiles must rise from 0 to 1; received [10, 50, 90]"),
        ({"horizon": None}, "give horizon (in a shell --horizon): rows to forecast"),
        ({"horizon": 0}, "horizon must be a positive integer; received horizon=0"),
        ({"horizon": 50}, "its validation part lets 45 of its 300 rows be targets; give"),
        ({"quantiles": (0.001, 0.999)}, "an interval of 0.998 is calibrated on at least 499 forec"),
        ({"look_back": 500}, "do not fit: its train part lets 0 of its 300 rows be targets"),
    ],
)
def test_settings_that_are_wrong(options, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        trained(**options)
    assert "\n" not in str(caught.value)


def test_forecasts_that_cannot_be():
    series = data.series(waves())
    method = forecast.Forecaster.of(trained(series))
    past = series.frames["series"].to_numpy()[None, -14:]
    assert method(past, 3)["mean"].shape == (1, 3, 1)
    with pytest.raises(ValueError, match="trained to forecast 7 rows; received horizon=8"):
        method(past, 8)
    with pytest.raises(ValueError, match=r"past must be \(windows, 14, 1\), its columns y"):
        method(past[:, 1:])
    with pytest.raises(ValueError, match="series 'series' has 10 rows; the model looks back 14"):
        method.forecast(data.series(waves(10)))
    with pytest.raises(ValueError, match=r"trained with targets=\['y'\]; received \['z'\]"):
        method.forecast(data.series(waves(names=("z",))))
    with pytest.raises(ValueError, match="is no forecaster of this recipe"):
        forecast.Forecaster.of(keraseq.bundle.Bundle(method.model))


@needs_data
def test_the_protocol_of_ett_gives_the_published_floor():
    """Repeat-last on ETTh1 at 96 hours: MSE 1.294, MAE 0.713 in scaled units, as published."""
    series = data.series("etth1")
    scaler = data.Scaler.fit(series.part("train")["ETTh1"])
    windows = data.SeriesWindows(series, "test", look_back=96, horizon=96, scaler=scaler)
    inputs, targets, _ = windows.arrays()
    error = targets - inputs[:, -1:]
    assert np.mean(error**2) == pytest.approx(1.294, abs=6e-4)
    assert np.mean(np.abs(error)) == pytest.approx(0.713, abs=6e-4)
