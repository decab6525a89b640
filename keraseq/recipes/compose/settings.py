"""The options of `compose`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keraseq.checks import positive_integer, positive_number, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING

Part = Annotated[float | None, rate, "Fraction of the pieces. Default: 0.1.", READING]


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What a model of music is made of and how it is trained."""

    follows: ClassVar[dict[str, str]] = {"step": "0.5, or that of the data set"}

    cell: recipe.Cell = "lstm"
    units: recipe.Units = 256
    layers: recipe.Layers = 1
    head: Annotated[
        Literal["ordered", "independent"],
        "ordered: each key knows those before it in its frame; independent: it does not.",
        COMMON,
    ] = "ordered"
    head_units: Annotated[
        int, positive_integer, "Size of the hidden layer of ordered keys.", MODEL
    ] = 128
    downwards: Annotated[bool, "Whether ordered keys begin with the highest.", MODEL] = False
    dropout: recipe.Dropout = 0.3
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    transpose: Annotated[
        bool, "Whether pieces are moved by -5 to 6 semitones, anew each time.", TRAINING
    ] = True
    length: Annotated[
        int,
        positive_integer,
        "Frames through which the gradient goes; longer pieces are cut.",
        TRAINING,
    ] = 160
    learning_rate: recipe.LearningRate = 5e-3
    batch_size: recipe.Batch = 8
    epochs: recipe.Epochs = 150
    step: Annotated[
        float | None, positive_number, "Quarter notes in a frame of a MIDI file.", READING
    ] = None
    validation: Part = None
    test: Part = None
