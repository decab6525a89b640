"""Time-series forecasting: a table of measurements -> a model -> a forecast that beats the naive.

series = data.series("sales.csv", targets="y")          1, data
bundle = recipes.forecast.train(series, horizon=24)     2 and 3, model and training
print(recipes.forecast.evaluate(bundle, series))        4, beside every baseline
bundle.save("sales")                                    5, all that a forecast needs
recipes.forecast.Forecaster.of(bundle).forecast(series)
"""

from keraseq.recipes.forecast.evaluation import evaluate, series_of, verdict
from keraseq.recipes.forecast.forecaster import Forecaster, Settings
from keraseq.recipes.forecast.training import train

__all__ = ["Forecaster", "Settings", "evaluate", "series_of", "train", "verdict"]
