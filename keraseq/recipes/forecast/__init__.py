"""Time-series forecasting: a table of measurements -> a model -> a forecast that beats the naive.

series = data.series("sales.csv", targets="y")                   1, data
bundle = recipes.train("forecast", series, horizon=24)           2 and 3, model and training
print(recipes.evaluate(bundle, series))                          4, beside every baseline
bundle.save("sales")                                             5, all that a forecast needs
recipes.predict(bundle, series)
"""

from keraseq.recipes.forecast.settings import Settings
from keraseq.recipes.recipe import lazy

__getattr__ = lazy(__name__, evaluation="evaluate series_of verdict", forecaster="Forecaster")
__all__ = ["Forecaster", "Settings", "evaluate", "series_of", "verdict"]
