"""Rolling origins: numbers by hand, no window too many, no method that sees the future."""

import numpy as np
import pandas as pd
import pytest

from keraseq import data, evaluate


def frame(rows=100, seed=0, level=10.0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "ds": pd.date_range("2026-01-01", periods=rows, freq="D"),
            "y": level + rng.normal(size=rows).cumsum(),
            "z": 5 * rng.normal(size=rows),
        }
    )


@pytest.fixture(scope="module")
def series():
    return data.series(frame(), targets=["y", "z"])


def middle(past, horizon, future=None):
    """Mean of the past with an interval of two deviations."""
    mean = np.repeat(past.mean(axis=1, keepdims=True), horizon, axis=1)[..., :2]
    spread = np.repeat(past.std(axis=1, keepdims=True), horizon, axis=1)[..., :2]
    return {"mean": mean, "quantiles": {0.1: mean - spread, 0.5: mean, 0.9: mean + spread}}


def test_every_metric_by_hand(series):
    scaler = data.Scaler.fit(series.part("train")["series"])
    found = evaluate.backtest(middle, series, 3, look_back=4, scaler=scaler)
    values = series.frames["series"].to_numpy()
    origins = range(85, 98)
    truth = np.stack([values[o : o + 3] for o in origins])
    past = np.stack([values[o - 4 : o] for o in origins])
    mean, spread = past.mean(axis=1, keepdims=True), past.std(axis=1, keepdims=True)
    error = truth - mean
    scale = np.abs(values[7:85] - values[:78]).mean(axis=0)
    wanted = {
        "mae": np.abs(error),
        "mse": error**2,
        "mase": np.abs(error) / scale,
        "smape": 200 * np.abs(error) / (np.abs(truth) + np.abs(mean)),
        "scaled_mse": (error / scaler.deviation) ** 2,
        "coverage-0.8": (np.abs(error) <= spread).astype(float),
        "width-0.8": np.broadcast_to(2 * spread, truth.shape),
        "pinball-0.9": evaluate.pinball(truth, mean + spread, 0.9),
    }
    [row] = found.summary().to_dict("records")
    for name, one in wanted.items():
        assert row[name] == pytest.approx(one.mean()), name
    assert row["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    steps = found.summary("step")
    np.testing.assert_allclose(steps["mae"], np.abs(error).mean(axis=(0, 2)))
    targets = found.summary("target").set_index("target")
    np.testing.assert_allclose(targets.loc[["y", "z"], "mae"], np.abs(error).mean(axis=(0, 1)))
    assert len(found.table) == 6 and (found.table["windows"] == 13).all()


def test_a_method_sees_the_rows_before_its_origin_and_the_known_future():
    table = frame().assign(known=np.arange(100.0))
    series = data.series(table, targets=["y", "z"], future_covariates=["known"])
    seen = []

    def method(past, horizon, future):
        seen.append((past, future))
        return {"mean": np.zeros((len(past), horizon, 2))}

    evaluate.backtest(method, series, 4, look_back=6, stride=5)
    [(past, future)] = seen
    assert past.shape == (3, 6, 3) and future.shape == (3, 4, 1)
    np.testing.assert_array_equal(past[:, -1, 2], [84, 89, 94])
    np.testing.assert_array_equal(future[:, 0, 0], [85, 90, 95])


def test_windows_of_series_of_unequal_length_count_alike():
    parts = [frame(100, 0).assign(unique_id="a"), frame(300, 1, 50.0).assign(unique_id="b")]
    series = data.series(pd.concat(parts), targets="y")

    def last(past, horizon, future=None):
        return {"mean": np.repeat(past[:, -1:, :1], horizon, axis=1)}

    found = evaluate.backtest(last, series, 2, look_back=1)
    each = found.summary("series").set_index("series")["mae"]
    for name, frame_ in series.frames.items():
        y = frame_["y"].to_numpy()
        origins = np.arange(*series.rows("test", name))[:-1]
        truth = y[origins[:, None] + [0, 1]]
        assert each[name] == pytest.approx(np.abs(truth - y[origins - 1][:, None]).mean())
    [total] = found.summary()["mae"]
    assert total == pytest.approx((14 * each["a"] + 44 * each["b"]) / 58)


def test_many_windows_are_forecast_in_parts(series, monkeypatch):
    whole = evaluate.backtest(middle, series, 3, look_back=4).table
    monkeypatch.setattr(evaluate.backtesting, "WINDOWS", 5)
    pd.testing.assert_frame_equal(evaluate.backtest(middle, series, 3, look_back=4).table, whole)


def test_baselines_stand_in_one_table(series):
    methods = {"mean": middle, **evaluate.baselines(series, 3)}
    table = evaluate.backtest(methods, series, 3, look_back=8).summary()
    assert set(table["method"]) == set(methods) and table["mae"].is_monotonic_increasing
    assert table.set_index("method")["crps"].notna().sum() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"look_back": None}, "method 'method' has no attribute look_back: give look_back="),
        ({"horizon": 0}, "horizon must be a positive integer"),
        ({"horizon": 16}, "its test part lets 15 of its 100 rows be targets"),
        ({"part": "tests"}, "unknown part 'tests'.*Did you mean 'test'"),
        ({"stride": 0}, "stride must be a positive integer"),
        ({"methods": lambda *a: {"mean": np.zeros((13, 3, 1))}}, r"of shape \(13, 3, 2\)"),
        ({"methods": lambda *a: np.zeros(3)}, "must return a dictionary with 'mean'"),
    ],
)
def test_bad_calls(series, options, message):
    options = {"methods": middle, "horizon": 3, "look_back": 4, **options}
    with pytest.raises(ValueError, match=message):
        evaluate.backtest(options.pop("methods"), series, options.pop("horizon"), **options)
    with pytest.raises(ValueError, match=r"unknown by 'steps'.*Did you mean 'step'"):
        evaluate.backtest(middle, series, 3, look_back=4).summary("steps")
