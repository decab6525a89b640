"""Time-series forecasting: a table of measurements -> a model -> a forecast that beats the naive.

series = data.series("sales.csv", targets="y")                   1, data
bundle = recipes.train("forecast", series, horizon=24)           2 and 3, model and training
print(recipes.evaluate(bundle, series))                          4, beside every baseline
bundle.save("sales")                                             5, all that a forecast needs
recipes.predict(bundle, series)
"""

from typing import TYPE_CHECKING

from keraseq.recipes.forecast.settings import Settings
from keraseq.recipes.recipe import lazy

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes.forecast.evaluation import evaluate, series_of, verdict
    from keraseq.recipes.forecast.forecaster import Forecaster

__getattr__ = lazy(__name__, evaluation="evaluate series_of verdict", forecaster="Forecaster")
__all__ = ["Forecaster", "Settings", "evaluate", "series_of", "verdict"]


def __dir__():
    return __all__
