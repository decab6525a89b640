"""Step 1, data: raw input -> train, validation and test parts, and what inverts the preparation."""

from keraseq.data import labelled, pairs, sets, tagged, text
from keraseq.data.labelled import (
    Labelled,
    LabelledSeries,
    LabelledSkeletons,
    LabelledTexts,
    LabelledTrees,
    SeriesEncoder,
    SkeletonEncoder,
    TextEncoder,
    TreeEncoder,
    labelled_series,
    labelled_skeletons,
    labelled_trees,
    reviews,
)
from keraseq.data.pairs import Pairs, SentenceEncoder, sentence_pairs
from keraseq.data.parts import Part, Parts
from keraseq.data.sets import load
from keraseq.data.tagged import TaggedSentences, WordEncoder, tagged_sentences
from keraseq.data.text import (
    CharacterVocabulary,
    Corpus,
    WordPieceVocabulary,
    WordVocabulary,
    text_corpus,
    tokenizer,
)
from keraseq.data.timeseries import (
    Borders,
    Scaler,
    Series,
    SeriesWindows,
    Windows,
    calendar_features,
    check_series,
    deviation_of,
    fill_gaps,
    negligible,
    season_of,
    series,
    split_by_time,
    window_scale,
)

__all__ = [
    "Borders",
    "CharacterVocabulary",
    "Corpus",
    "Labelled",
    "LabelledSeries",
    "LabelledSkeletons",
    "LabelledTexts",
    "LabelledTrees",
    "Pairs",
    "Part",
    "Parts",
    "Scaler",
    "SentenceEncoder",
    "Series",
    "SeriesEncoder",
    "SeriesWindows",
    "SkeletonEncoder",
    "TaggedSentences",
    "TextEncoder",
    "TreeEncoder",
    "Windows",
    "WordEncoder",
    "WordPieceVocabulary",
    "WordVocabulary",
    "calendar_features",
    "check_series",
    "deviation_of",
    "fill_gaps",
    "labelled",
    "labelled_series",
    "labelled_skeletons",
    "labelled_trees",
    "load",
    "negligible",
    "pairs",
    "reviews",
    "season_of",
    "sentence_pairs",
    "series",
    "sets",
    "split_by_time",
    "tagged",
    "tagged_sentences",
    "text",
    "text_corpus",
    "tokenizer",
    "window_scale",
]


def __dir__():
    return __all__
