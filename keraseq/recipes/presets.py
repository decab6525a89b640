"""Public data sets with settings that were found good for them: a row each.

`keraseq train classify imdb` takes the settings of its row where nobody gives others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Settings for a data set.

    Args:
        settings: Where they are not the recipe's defaults.
        gives: What was measured with them.
    """

    settings: Mapping[str, Any]
    gives: str


GLOVE = "glove/glove.6B.100d.slice.txt.gz"  # in the folder that KERASEQ_DATA names

PRESETS: dict[str, dict[str, Preset]] = {
    "write": {
        "tinyshakespeare": Preset(
            {"epochs": 40, "recurrent_dropout": 0.3},
            "1.408 nats a character on nanoGPT's validation part",
        ),
        "ptb": Preset(
            {"level": "word", "dropout": 0.35, "batch_size": 20, "epochs": 20},
            "perplexity 93.4 on test (in bfloat16)",
        ),
    },
    "compose": {
        "jsb": Preset({}, "5.23 nats a frame on test, 8.29 with independent keys"),
    },
    "classify": {
        "imdb": Preset(
            {"units": 256, "pretraining": 3, "learning_rate": 1e-3},
            "91.7 % of the test reviews (in bfloat16)",
        ),
        "sst": Preset(
            {
                "vectors": GLOVE,
                "recurrent_dropout": 0.1,
            },
            "49.1 % of the test sentences in five classes, 86.8 % in two (mean of seeds 0 to 2)",
        ),
        "msraction3d": Preset(
            {"layers": 2},
            "87.7 % of the test actions with `--validation 0` and seeds 0 to 4 (mean)",
        ),
        "msraction3d-drawn": Preset(
            {"layers": 2, "dropout": 0.2, "learning_rate": 4e-3, "epochs": 30},
            "41 % of the test actions, single frames 33 % (seed 0)",
        ),
        "moving-mnist": Preset(
            {"epochs": 8}, "all of 666 test films after 2,000, single frames 9 %: chance"
        ),
        "basicmotions": Preset({}, "0.990 of the test records with seeds 0 to 4 (mean)"),
        "fsdd": Preset({}, "80.8 % of the digits of a speaker never heard (mean of six)"),
        "splice": Preset({}, "95.5 % of the junctions (ten folds)"),
    },
    "tag": {
        "ewt": Preset(
            {
                "vectors": GLOVE,
                "units": 160,
                "character_units": 50,
                "epochs": 9,
            },
            "95.5 % of the words of the test part",
        ),
        "wnut17": Preset(
            {
                "vectors": GLOVE,
                "units": 100,
                "least": 2,
                "word_dropout": 0.0,
                "more_words": 30_000,
                "epochs": 14,
            },
            "F1 of entities 33.1 on the test part",
        ),
    },
    "translate": {
        "multi30k": Preset(
            {"encoder_units": 192, "patience": 0, "measured_sentences": 300},
            "BLEU 34.9 on test 2016, German to English, beam 5",
        ),
        "tatoeba-spa": Preset(
            {"units": 160, "encoder_units": 128, "embedding": 128, "epochs": 5},
            "BLEU 28.2 on the test part, Spanish to English, beam 5",
        ),
    },
    "caption": {
        "flickr8k": Preset({}, "CIDEr 50.6 and BLEU-4 20.6 on test, beam 3 (seed 0)"),
    },
    "transcribe": {
        "fsdd": Preset({}, "digit error rate 25.6 % on strings of theo, never heard"),
    },
    "forecast": {
        "etth1": Preset(
            {"horizon": 96, "look_back": 96, "units": 256},
            "squared error 0.368 of scaled values on the test part",
        ),
        "m4-hourly": Preset(
            {
                "horizon": 48,
                "look_back": 336,
                "units": 128,
                "dropout": 0.2,
                "batch_size": 512,
                "stride": 3,
                "transform": "log",
                "epochs": 24,
            },
            "MASE 0.878 on the test part",
        ),
    },
}


def preset(recipe: str, source) -> Mapping[str, Any]:
    """The settings of a row, none where a recipe has none for a source."""
    row = PRESETS.get(recipe, {}).get(source) if isinstance(source, str) else None
    return row.settings if row else {}
