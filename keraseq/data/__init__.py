"""Step 1, data: raw input -> train, validation and test parts, and what inverts the preparation."""

from keraseq.data import chorales, digits, mnist, text
from keraseq.data.dates import calendar_features, season_of
from keraseq.data.measurements import check_series, fill_gaps
from keraseq.data.public_series import co2, ett, m4_hourly
from keraseq.data.scaling import Scaler, window_scale
from keraseq.data.text import (
    CharacterVocabulary,
    Corpus,
    WordPieceVocabulary,
    WordVocabulary,
    text_corpus,
    tokenizer,
)
from keraseq.data.timeseries import Series, series
from keraseq.data.windowing import Borders, SeriesWindows, Windows, split_by_time, windows

__all__ = [
    "Borders",
    "CharacterVocabulary",
    "Corpus",
    "Scaler",
    "Series",
    "SeriesWindows",
    "Windows",
    "WordPieceVocabulary",
    "WordVocabulary",
    "calendar_features",
    "check_series",
    "chorales",
    "co2",
    "digits",
    "ett",
    "fill_gaps",
    "m4_hourly",
    "mnist",
    "season_of",
    "series",
    "split_by_time",
    "text",
    "text_corpus",
    "tokenizer",
    "window_scale",
    "windows",
]
