"""Calibrated intervals: the rank by hand, and cover where nothing was fitted."""

import numpy as np
import pandas as pd
import pytest

from keraseq import data, evaluate


def test_the_margin_is_a_rank():
    outside = np.arange(9.0)[::-1]
    assert evaluate.conformal_margin(outside, 0.8) == 7  # rank ceil(10 * 0.8) = 8 of 9
    assert evaluate.conformal_margin(outside, 0.95) == 8  # too few: the largest
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
