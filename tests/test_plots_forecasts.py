import matplotlib
import numpy as np
import pandas as pd
import pytest

from keraseq import plots

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def forecast(quantiles):
    frame = pd.DataFrame({"ds": range(4), "y": np.arange(4.0)})
    return frame.assign(**{f"y-{q}": frame["y"] + 10 * (q - 0.5) for q in quantiles})


def test_every_interval_has_its_band_and_the_colour_of_its_legend():
    ax = plots.fan_chart(forecast([0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95]))
    bands, legend = ax.collections, ax.get_legend()
    assert [band.get_label() for band in bands] == [
        f"{share} interval" for share in ("90%", "80%", "50%", "20%")
    ]
    widths = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in bands]
    assert widths == sorted(widths, reverse=True)
    colours = [tuple(band.get_facecolor()[0]) for band in bands]
    assert len(set(colours)) == 4 and {colour[3] for colour in colours} == {1.0}
    assert [tuple(patch.get_facecolor()) for patch in legend.get_patches()] == colours


def test_a_point_forecast_is_a_line():
    ax = plots.fan_chart(forecast([]), pd.Series([1.0, 2.0], index=[-2, -1]))
    assert not ax.collections
    assert [line.get_label() for line in ax.get_lines()[:2]] == ["known", "forecast"]


def test_fan_charts_of_what_is_not_there():
    with pytest.raises(ValueError, match="unknown target 'z'; the forecast has: 'ds', 'y'"):
        plots.fan_chart(forecast([]), target="z")
    two = forecast([]).assign(unique_id=["a", "a", "b", "b"])
    with pytest.raises(ValueError, match="shows one series"):
        plots.fan_chart(two)


def test_errors_by_step():
    frame = pd.DataFrame(
        {"method": ["m", "m", "n", "n"], "step": [1, 2] * 2, "mae": [1.0, 2, 3, 4]}
    )
    ax = plots.errors_by_step(frame, methods=["n", "m"])
    assert [line.get_label() for line in ax.get_lines()] == ["n", "m"]
    assert ax.get_ylim()[0] == 0 and ax.get_ylabel() == "MAE"
    with pytest.raises(ValueError, match="unknown method 'o'; the frame has: m, n"):
        plots.errors_by_step(frame, methods=["o"])
    with pytest.raises(ValueError, match="unknown metric 'mse'"):
        plots.errors_by_step(frame, metric="mse")
