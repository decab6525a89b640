# %% [markdown]
# # Forecasting: from a table to a forecast with its proof
#
# One series from start to finish (the minimum temperature of each day in Melbourne), where a
# recurrent model is better than every baseline; a forecast that says how sure it is, and whether
# that is true; a second series, where a straight line of numbers is better; and the seven channels
# of ETTh1 by the published protocol, cell by cell.

# %% tags=["parameters"]
# Outside a checkout, first: %pip install keraseq
epochs = 12
units = 128
stride = 1
seed = 0

# %% [markdown]
# ## The series
# Ten years of days. The day of the year is known beforehand, so it may be read for the horizon too.
# Two leap days are missing in the table: without `fill=` that would be an error (here the name
# `"melbourne"` brings it along).

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import seaborn

from keraseq import data, evaluate, experiments, plots, recipes

# %%
series = data.series("melbourne", calendar=["yearday"])
for part in ("train", "validation", "test"):
    [frame] = series.part(part).values()
    print(f"{part:10} {len(frame):5,} days from {frame.index[0]:%d %B %Y}")

# %% [markdown]
# ## Training
# Four weeks ahead from eight. The model is segment-wise: eight steps of a week each, then all days
# of the horizon at once. It forecasts quantiles; which epoch is kept is decided on validation.

# %%
quantiles = (0.05, 0.1, 0.5, 0.9, 0.95)
options = {"head": "quantiles", "quantiles": quantiles, "units": units, "seed": seed}
bundle = recipes.train("forecast", series, horizon=28, epochs=epochs, stride=stride, **options)
forecaster = recipes.forecast.Forecaster.of(bundle)

# %% [markdown]
# ## Where it is better than every baseline
# On all windows of the test part, in degrees. MASE counts errors in units of the seasonal naive
# error of the years before. `linear` is a regression from the same window to the same horizon, and
# the one to beat.

# %%
table = recipes.forecast.evaluate(bundle, series, stride=stride)
print(better := recipes.forecast.verdict(table, forecaster))
table[["method", "mae", "rmse", "mase", "crps", "coverage-0.8"]].round(3)

# %% [markdown]
# The same, day by day of the horizon. Look at the first days: there yesterday still tells most of
# it, and all methods are close. Further on the model is ahead: it knows the day of the year.

# %%
model = forecaster.recalibrated(series, "test")
methods = {"segment gru": model, **evaluate.baselines(series, 28, forecaster.look_back)}
found = evaluate.backtest(methods, series, 28, stride=max(3, stride))
_ = plots.errors_by_step(found.summary("step"), label="mean absolute error, °C")

# %% [markdown]
# ## A forecast that says how sure it is
# What the model would have said on three days of the test part, and what came. Nine days of ten
# should lie in the band, eight of ten in its darker part.

# %%
[(name, frame)] = series.frames.items()
look = {"target": "temperature", "label": "minimum temperature, °C"}
figure, panels = plt.subplots(3, 1, figsize=(9, 8), layout="constrained")
for panel, row in zip(panels, (3220, 3390, 3560), strict=True):
    coming = forecaster.forecast(replace(series, frames={name: frame.iloc[:row]}))
    known, truth = frame["temperature"].iloc[:row], frame["temperature"].iloc[row : row + 28]
    plots.fan_chart(coming, known.iloc[-70:], truth=truth, ax=panel, **look)

# %% [markdown]
# ## Is it as sure as it says?
# Intervals as the model gives them, with margins from the validation part, and with margins from
# its last 210 forecasts before each day. Look at the two columns of coverage: the nearer to 0.8 and
# 0.9 the truer, and of two that are equally true the narrower is better.

# %%
bare = recipes.forecast.Forecaster.of(bundle)
bare.margins = {}
ways = {"as trained": bare, "validation part": forecaster, "last forecasts": model}
found = evaluate.backtest(ways, series, 28, stride=max(3, stride)).summary()
found[["method", "coverage-0.8", "width-0.8", "coverage-0.9", "width-0.9", "crps"]].round(3)

# %% [markdown]
# ## Where a baseline is better
# Weekly carbon dioxide at Mauna Loa rises for decades and swings with the year. Half a year ahead
# from two years, the same recipe.

# %%
weeks = data.series("co2", fill="previous")
options = {"units": 32, "stride": stride, "seed": seed, "report": None}
gas = recipes.train("forecast", weeks, horizon=26, epochs=epochs, **options)
table = recipes.forecast.evaluate(gas, weeks, stride=max(3, stride))
beaten = recipes.forecast.Forecaster.of(gas)
print(worse := recipes.forecast.verdict(table, beaten))
table[["method", "mae", "rmse", "mase"]].round(3)

# %% [markdown]
# Here the linear regression wins, and clearly. A trend and a season that hardly change from year to
# year are a fixed weighted sum of the weeks before; a network with thousands of weights has to find
# that sum from 1,599 weeks. So always look at the table first. The same by weeks ahead:

# %%
line = evaluate.baselines(weeks, 26, beaten.look_back)["linear"]
methods = {"segment gru": beaten, "linear": line}
found = evaluate.backtest(methods, weeks, 26, stride=max(3, stride))
_ = plots.errors_by_step(found.summary("step"), label="mean absolute error, ppm")

# %% [markdown]
# ## All seven channels, cell by cell
# 96 hours from 96 hours, every channel, every window, errors in scaled units: the protocol of the
# published tables. The model is the same, the cell is another; a dot is a seed, a bar their mean.
# Look at the scale: the whole axis is a hundredth wide, so cells matter little here. A point-wise
# GRU is reported with 1.135 there, repeating yesterday with 0.512.

# %%
runs = experiments.measured("ett-cells")
order = runs.groupby("cell")["test_mse"].mean().sort_values().index
look = {"x": "test_mse", "y": "cell", "order": order, "ax": plots.new_axes(None, 6.4, 3)}
ax = seaborn.stripplot(runs, **look, color=plots.COLOURS[1], size=7, jitter=False, alpha=0.8)
seaborn.pointplot(runs, **look, errorbar=None, marker="|", markersize=20, linestyle="", color="k")
ax.set(xlabel="mean squared error on test, scaled (lower is better)", ylabel="")
_ = plots.finish(ax)

# %% [markdown]
# `keraseq evaluate ett` measures a model of these channels that comes with keraseq again from the
# raw table, baselines beside it. And the two cases from above, once more:

# %%
print(f"Melbourne: {better}\nMauna Loa: {worse}")
