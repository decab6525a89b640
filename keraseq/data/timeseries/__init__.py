"""Series: file, frame or name -> checked frames with a known frequency -> windows, and scalers.

The package is not called `series`, for that is the name of its function: `keraseq.data.series`
would be a package for some and a function for others.
"""

from keraseq.data.timeseries.categories import dummies
from keraseq.data.timeseries.columns import read
from keraseq.data.timeseries.dates import CALENDAR, calendar_features, season_of
from keraseq.data.timeseries.measurements import check_series, fill_gaps
from keraseq.data.timeseries.reading import series
from keraseq.data.timeseries.scaling import Scaler, deviation_of, negligible, window_scale
from keraseq.data.timeseries.series import Borders, Series, split_by_time
from keraseq.data.timeseries.windowing import SeriesWindows, Windows

__all__ = [
    "CALENDAR",
    "Borders",
    "Scaler",
    "Series",
    "SeriesWindows",
    "Windows",
    "calendar_features",
    "check_series",
    "deviation_of",
    "dummies",
    "fill_gaps",
    "negligible",
    "read",
    "season_of",
    "series",
    "split_by_time",
    "window_scale",
]


def __dir__():
    return __all__
