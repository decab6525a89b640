# %% [markdown]
# # Forecasting: from a table to a forecast with its proof
#
# One series from start to finish (the oil temperature of a transformer, ETTh1), beside every
# baseline; a forecast that says how sure it is, and whether that is true; and all seven channels by
# the published protocol, cell by cell.

# %% tags=["parameters"]
epochs = 8
units = 64
stride = 1
seed = 0

# %% [markdown]
# ## The series
# Hours with a target, six covariates that are known up to now, and calendar features that are known
# beforehand. The parts are those of the literature: 12 months, 4 and 4.

# %%
from dataclasses import replace
from pathlib import Path

import pandas as pd

import keraseq
from keraseq import data, evaluate, plots, recipes

series = data.series("etth1", targets="OT", calendar=["hour"])
for part in ("train", "validation", "test"):
    frame = series.part(part)["ETTh1"]
    print(f"{part:10} {len(frame):6,} hours from {frame.index[0]} to {frame.index[-1]}")
series.part("train")["ETTh1"].iloc[:3].round(2)

# %% [markdown]
# ## Training
# A day ahead from four days. The model is segment-wise: four steps of a day each, then all hours of
# the horizon at once. It forecasts quantiles; which epoch is kept is decided on validation.

# %%
quantiles = (0.05, 0.1, 0.5, 0.9, 0.95)
options = {"head": "quantiles", "quantiles": quantiles, "units": units, "seed": seed}
bundle = recipes.forecast.train(
    series, 24, 96, epochs=epochs, stride=stride, folder="runs/notebook-05", **options
)
print(bundle.card)

# %% [markdown]
# ## Beside every baseline
# On all windows of the test part, in degrees. MASE counts errors in units of the seasonal naive
# error of the months before.

# %%
table = recipes.forecast.evaluate(bundle, series, stride=stride)
forecaster = recipes.forecast.Forecaster.of(bundle)
print(recipes.forecast.verdict(table, forecaster))
table[["method", "mae", "rmse", "mase", "smape", "crps", "coverage-0.8"]].round(3)

# %%
model = forecaster.recalibrated(series, "test")
methods = {"segment gru": model, **evaluate.baselines(series, 24, 96)}
found = evaluate.backtest(methods, series, 24, stride=max(7, stride))
_ = plots.errors_by_step(found.summary("step"), label="mean absolute error, °C")

# %% [markdown]
# ## A forecast that says how sure it is
# What the model would have said at noon of three days of the test part, and what came.

# %%
import matplotlib.pyplot as plt

frame = series.frames["ETTh1"]
figure, panels = plt.subplots(3, 1, figsize=(9, 8), layout="constrained")
for panel, row in zip(panels, (11_868, 12_876, 13_884), strict=True):
    past = replace(series, frames={"ETTh1": frame.iloc[:row]})
    coming = forecaster.forecast(past)
    truth = frame["OT"].iloc[row : row + 24]
    history = frame["OT"].iloc[row - 96 : row]
    plots.fan_chart(
        coming, history, target="OT", truth=truth, label="oil temperature, °C", ax=panel
    )

# %% [markdown]
# ## Is it as sure as it says?
# Intervals as the model gives them, with margins from the validation months, and with margins from
# the errors of the last 30 days before each forecast. Errors change with the season: only the last
# ones know it.

# %%
bare = recipes.forecast.Forecaster.of(bundle)
bare.margins = {}
ways = {"as trained": bare, "validation months": forecaster, "last 30 days": model}
found = evaluate.backtest(ways, series, 24, stride=max(7, stride)).summary()
found[["method", "coverage-0.8", "width-0.8", "coverage-0.9", "width-0.9", "crps"]].round(3)

# %% [markdown]
# ## All seven channels, cell by cell
# 96 hours from 96 hours, every channel, every window, errors in scaled units: the protocol of the
# published tables (`benchmarks/forecast.py cells`). The model is the same, the cell is another; a
# dot is a seed. A point-wise GRU is reported with 1.135 there, repeating yesterday with 0.512.

# %%
import seaborn

root = Path(keraseq.__file__).parent.parent / "benchmarks" / "results"
runs = pd.read_csv(root / "ett-cells.csv")
order = runs.groupby("cell")["test_mse"].mean().sort_values().index
ax = plots.new_axes(None, 6.4, 3)
seaborn.stripplot(runs, x="test_mse", y="cell", order=order, color=plots.COLOURS[1], size=7, ax=ax)
ax.set(xlabel="mean squared error on test, scaled (lower is better)", ylabel="")
plots.finish(ax)
columns = {"test_mse": ["mean", "std"], "test_mae": "mean", "parameters": "first"}
runs.groupby("cell").agg(columns).loc[order].round(4)

# %% [markdown]
# The saved model, measured again from the raw table, beside the baselines:

# %%
saved = keraseq.bundle.load(root.parent.parent / "saved_models" / "ett")
table = recipes.forecast.evaluate(saved, stride=max(7, stride))
table[["method", "scaled_mse", "scaled_mae", "mase", "coverage-0.8"]].round(3)
