"""Step 1, data: raw input -> train, validation and test parts, and what inverts the preparation."""

from keraseq.data import chorales, digits, labelled, mnist, text
from keraseq.data.dates import calendar_features, season_of
from keraseq.data.labelled import LabelledTexts, TextEncoder, reviews
from keraseq.data.labelled.aclimdb import imdb
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
    "LabelledTexts",
    "Scaler",
    "Series",
    "SeriesWindows",
    "TextEncoder",
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
    "imdb",
    "labelled",
    "m4_hourly",
    "mnist",
    "reviews",
    "season_of",
    "series",
    "split_by_time",
    "text",
    "text_corpus",
    "tokenizer",
    "window_scale",
    "windows",
]
