"""Calibrated intervals: the rank by hand, and cover where nothing was fitted."""

import numpy as np
import pandas as pd
import pytest

from keraseq import data, evaluate


def test_the_margin_is_a_rank():
    outside = np.arange(9.0)[::-1]
    assert evaluate.conformal_margin(outside, 0.8) == 7  # rank ceil(10 * 0.8) = 8 of 9
    assert evaluate.conformal_margin(outside, 0.9) == 8  # rank 9 of 9
    with pytest.raises(ValueError, match=r"of 0\.95 is calibrated on at least 19 forecasts; there"):
        evaluate.conformal_margin(outside, 0.95)
    assert evaluate.conformal_margin(outside, 0.0) == 0
    with pytest.raises(ValueError, match="coverage must be"):
        evaluate.conformal_margin(outside, 1.2)


def noise(rows=6000, seed=0):
    rng = np.random.default_rng(seed)
    return data.series(pd.DataFrame({"y": rng.standard_t(4, size=rows)}), validation=0.4, test=0.4)


def test_intervals_of_a_point_forecast_cover_what_they_say():
    series = noise()
    method = evaluate.Conformal(
        evaluate.baselines(series, 2)["repeat last"], series, 2, quantiles=(0.05, 0.1, 0.9, 0.95)
    )
    [row] = evaluate.backtest(method, series, 2).summary().to_dict("records")
    assert row["coverage-0.8"] == pytest.approx(0.8, abs=0.02)
    assert row["coverage-0.9"] == pytest.approx(0.9, abs=0.02)
    assert row["width-0.9"] > row["width-0.8"] > 0


@pytest.mark.parametrize("spread", [0.1, 10.0])
def test_quantiles_that_are_too_close_or_too_wide_are_moved(spread):
    series = noise()

    def wrong(past, horizon, future=None):
        mean = np.zeros((len(past), horizon, 1))
        return {"mean": mean, "quantiles": {0.1: mean - spread, 0.9: mean + spread}}

    before = evaluate.backtest(wrong, series, 2, look_back=3).summary()["coverage-0.8"][0]
    assert abs(before - 0.8) > 0.1
    method = evaluate.Conformal(wrong, series, 2, look_back=3)
    after = evaluate.backtest(method, series, 2).summary()["coverage-0.8"][0]
    assert after == pytest.approx(0.8, abs=0.02)


def test_each_series_has_margins_of_its_own():
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"unique_id": name, "ds": np.arange(900), "y": size * rng.normal(size=900)})
        for name, size in (("quiet", 1.0), ("loud", 50.0))
    ]
    series = data.series(pd.concat(frames), validation=0.4, test=0.4)
    method = evaluate.Conformal(evaluate.baselines(series, 1)["repeat last"], series, 1)
    rows = evaluate.backtest(method, series, 1).summary("series").set_index("series")
    np.testing.assert_allclose(rows["coverage-0.8"], 0.8, atol=0.1)
    assert rows.loc["loud", "width-0.8"] > 30 * rows.loc["quiet", "width-0.8"]
    with pytest.raises(ValueError, match=r"series by series; take of_series\(NAME\)"):
        method(np.zeros((1, 1, 1)))


def drifting(rows=3000, seed=0):
    """Noise that grows quieter: what was calibrated long ago is too wide."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=rows) * np.linspace(3.0, 0.5, rows)
    return data.series(pd.DataFrame({"y": y}), validation=0.3, test=0.4)


def test_recent_windows_follow_a_series_that_changes():
    series = drifting()
    naive = evaluate.baselines(series, 2)["repeat last"]
    methods = {
        "part": evaluate.Conformal(naive, series, 2),
        "recent": evaluate.Conformal(naive, series, 2, recent=200),
    }
    table = evaluate.backtest(methods, series, 2).summary().set_index("method")
    assert table.loc["part", "coverage-0.8"] > 0.9
    assert table.loc["recent", "coverage-0.8"] == pytest.approx(0.82, abs=0.025)
    assert table.loc["recent", "width-0.8"] < 0.8 * table.loc["part", "width-0.8"]


def test_recent_margins_by_hand_and_blind_to_what_comes():
    series = drifting(400)
    y = series.frames["series"]["y"].to_numpy().copy()
    naive = evaluate.baselines(series, 2)["repeat last"]
    origin = 300
    past = y[None, :origin, None]
    method = evaluate.Conformal(naive, series, 2, recent=40)
    found = method.at_origins([origin])(past, 2)["quantiles"][0.9][0, :, 0]
    origins = np.arange(259, 299)  # the last 40 windows with both rows known before row 300
    errors = np.abs(y[origins[:, None] + [0, 1]] - y[origins - 1][:, None])
    wanted = y[origin - 1] + np.sort(errors, axis=0)[32]  # rank ceil(41 * 0.8) = 33
    np.testing.assert_allclose(found, wanted)
    y[origin:] = 1e9
    other = data.series(pd.DataFrame({"y": y}), validation=0.3, test=0.4)
    method = evaluate.Conformal(naive, other, 2, recent=40)
    again = method.at_origins([origin])(past, 2)["quantiles"][0.9][0, :, 0]
    np.testing.assert_array_equal(found, again)
    with pytest.raises(ValueError, match="no window of horizon=2 is known before row 120"):
        method.at_origins([120])(past, 2)


def test_a_forecast_after_the_end_is_calibrated_on_the_last_windows():
    series = drifting(400)
    naive = evaluate.baselines(series, 2)["repeat last"]
    method = evaluate.Conformal(naive, series, 2, recent=30)
    past = series.frames["series"].to_numpy()[None]
    ends = method(past, 2)["quantiles"]
    same = method.at_origins([400])(past, 2)["quantiles"]
    np.testing.assert_array_equal(ends[0.1], same[0.1])


def test_parts_that_are_too_short():
    series = data.series(pd.DataFrame({"y": np.arange(30.0)}))
    naive = evaluate.baselines(series, 2)["repeat last"]
    with pytest.raises(ValueError, match="its validation part is too short to calibrate on"):
        evaluate.Conformal(naive, series, 9)(np.zeros((1, 1, 1)), 9)
    with pytest.raises(ValueError, match="recent must be a positive integer"):
        evaluate.Conformal(naive, series, 2, recent=0)
