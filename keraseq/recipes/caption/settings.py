"""The options of `caption`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from keraseq.checks import positive_integer, positive_number, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING, fraction_or_file

LITE0 = "efficientnet-lite0"
Part = Annotated[
    float | str | None,
    fraction_or_file,
    "Fraction of the pictures, or a file with a name of a picture a line. Default: 0.1, or as the "
    "data set says.",
    READING,
]


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What a captioner is made of and how it is trained."""

    image: Annotated[
        Literal["attention", "initial_state", "first_input", "every_input", "merge"],
        "Where the picture comes in: attention to its regions (Xu et al. 2015), or as one vector: "
        "initial_state, first_input, every_input, merge (Tanti et al. 2017).",
        COMMON,
    ] = "attention"
    cell: recipe.Cell = "gru"
    units: recipe.Units = 320
    layers: recipe.Layers = 1
    dropout: recipe.Dropout = 0.3
    epochs: recipe.Epochs = 12
    batch_size: recipe.Batch = 64
    patience: recipe.Patience = 5
    embedding: Annotated[int, positive_integer, "Width of the words' vectors.", MODEL] = 256
    attention_units: Annotated[
        int, positive_integer, "Width of the scores of attention.", MODEL
    ] = 128
    encoder: Annotated[
        str,
        f"Network that looks at pictures: {LITE0}, or the .keras file of another that gives a map.",
        MODEL,
    ] = LITE0
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    even_attention: Annotated[
        float,
        recipe.or_zero(positive_number),
        "What it costs that a caption does not look at all regions alike; 0 is nothing.",
        TRAINING,
    ] = 1.0
    label_smoothing: Annotated[
        float, rate, "Share of the probability that is spread over all words.", TRAINING
    ] = 0.1
    measured_pictures: Annotated[
        int,
        positive_integer,
        "Validation pictures that are captioned after each epoch, greedily, to choose the best.",
        TRAINING,
    ] = 1_000
    minimum: Annotated[
        int, positive_integer, "Times that a word must stand in the training part.", MODEL
    ] = 5
    length: Annotated[
        int,
        positive_integer,
        "Words of a caption, at most: longer ones are not trained on, nor written.",
        MODEL,
    ] = 20
    pictures: Annotated[
        str | None,
        "Folder or zip archive of the pictures. Default: the folder of the captions.",
        READING,
    ] = None
    train: Annotated[
        str | None,
        "File with a name of a picture a line. Default: what is in no other part.",
        READING,
    ] = None
    validation: Part = None
    test: Part = None
    sep: recipe.Sep = None
    header: recipe.Header = None
    encoding: recipe.Encoding = None
    cache: Annotated[
        str | None,
        "File (.h5) that keeps what the network saw. Default: in Keras' own folder.",
        READING,
    ] = None
