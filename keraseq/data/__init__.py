"""Step 1, data: raw input -> train, validation and test parts, and what inverts the preparation."""

from keraseq.data import digits, series, text
from keraseq.data.series import Scaler
from keraseq.data.text import CharacterVocabulary

__all__ = ["CharacterVocabulary", "Scaler", "digits", "series", "text"]
