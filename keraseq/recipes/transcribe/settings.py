"""The options of `transcribe`."""

from dataclasses import dataclass
from typing import Annotated

from keraseq.checks import positive_integer
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, READING, TRAINING


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What the model is made of and how it is trained."""

    cell: recipe.Cell = "gru"
    units: recipe.Units = 64
    layers: recipe.Layers = 1
    bidirectional: Annotated[bool, "Whether each layer reads both ways.", COMMON] = True
    most: Annotated[
        int, positive_integer, "The most recordings that are glued together in training.", TRAINING
    ] = 5
    varied: Annotated[
        bool,
        "Whether strings are said faster or slower, by another voice, with noise, without some "
        "bands.",
        TRAINING,
    ] = True
    dropout: recipe.Dropout = 0.3
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    epochs: recipe.Epochs = 30
    batch_size: recipe.Batch = 16
    learning_rate: recipe.LearningRate = 3e-3
    path: Annotated[str | None, "Column of the paths of WAV files. Default: path.", READING] = None
    label: Annotated[str | None, "Column of the labels. Default: label.", READING] = None
    group: Annotated[
        str | None,
        "Column that says who speaks: a string is of one speaker.",
        READING,
    ] = None
    held_out: Annotated[
        str | None, "Group that is the test part, whole; of fsdd a speaker, or official.", READING
    ] = None
    rate: Annotated[
        int | None,
        positive_integer,
        "Samples a second; others are resampled. Default: the lowest of all files.",
        READING,
    ] = None
    sep: recipe.Sep = None
    header: recipe.Header = None
    encoding: recipe.Encoding = None
    validation: Annotated[
        float | None, rate, "Fraction of the recordings. Default: 0.2, of fsdd 0.1.", READING
    ] = None
    test: Annotated[
        float | str | None,
        recipe.fraction_or_file,
        "Fraction of the recordings, or a folder or table of its own. Default: 0.2.",
        READING,
    ] = None
