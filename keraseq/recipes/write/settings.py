"""The options of `write`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keraseq.checks import positive_integer, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING

# Characters: one wide layer, as the text is small; one-hot vectors are the usual input.
# Words: most parameters are vectors of words, so they are shared with the logits, and dropped much
# (Zaremba et al. 2014); 35 steps are that paper's.
OF_LEVEL = {
    "character": {
        "units": 640,
        "layers": 1,
        "embedding": 0,
        "tie_embeddings": False,
        "dropout": 0.4,
        "recurrent_dropout": 0.25,
        "length": 64,
    },
    "word": {
        "units": 400,
        "layers": 2,
        "embedding": 400,
        "tie_embeddings": True,
        "dropout": 0.5,
        "recurrent_dropout": 0.25,
        "length": 35,
    },
}
OF_LEVEL["wordpiece"] = OF_LEVEL["word"]
FOLLOWS = {
    name: f"{one} for characters, {OF_LEVEL['word'][name]} for words and pieces"
    for name, one in OF_LEVEL["character"].items()
}
Part = Annotated[float | None, rate, "Fraction of the text. Default: that of the source.", READING]


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What a language model is made of and how it is trained; `None` is filled in by the level."""

    follows: ClassVar[dict[str, str]] = FOLLOWS

    level: Annotated[
        Literal["character", "word", "wordpiece"] | None,
        "What a token is: character (the default), word or wordpiece.",
        COMMON,
    ] = None
    cell: recipe.Cell = "lstm"
    units: recipe.Units = None
    layers: recipe.Layers = None
    dropout: recipe.Dropout = None
    recurrent_dropout: recipe.RecurrentDropout = None
    embedding: Annotated[
        int | None,
        recipe.or_zero(positive_integer),
        "Width of the tokens' vectors; 0 for one-hot vectors.",
        MODEL,
    ] = None
    tie_embeddings: Annotated[
        bool | None, "Whether the logits are products with these vectors.", MODEL
    ] = None
    length: Annotated[
        int | None,
        positive_integer,
        "Steps through which the gradient goes back; the state goes on from window to window.",
        TRAINING,
    ] = None
    learning_rate: recipe.LearningRate = 2e-3
    restarts: Annotated[
        float,
        rate,
        "Fraction of the windows that start from the zero state within a text.",
        TRAINING,
    ] = 0.02
    scheduled_sampling: recipe.ScheduledSampling = 0.0
    validation: Part = None
    test: Part = None
    limit: Annotated[int | None, positive_integer, "Read only so many characters.", READING] = None
    vocabulary_size: Annotated[
        int | None, positive_integer, "Number of tokens, for words and pieces.", READING
    ] = None
