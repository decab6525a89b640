"""The options of `classify`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from keraseq.checks import positive_integer, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING

FEW = 10  # ids besides the tokens that are asked for: padding, the unknown one


def poolings(name: str, value) -> tuple[str, ...]:
    """`"last"`, or one or several others."""
    from keraseq.models.classifier import chosen_poolings

    return tuple(chosen_poolings(value))


Some = recipe.or_zero(positive_integer)


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What the model is made of and how it is trained.

    The defaults come from a handful of runs, compared on the validation part of the IMDB reviews.
    """

    layers: recipe.Layers = 1
    bidirectional: Annotated[bool, "Whether each layer reads both ways.", COMMON] = False
    pretraining: Annotated[
        int,
        Some,
        "Epochs in which the same layers first learn to tell the next word of the training texts "
        "(Dai & Le 2015); 0 is none.",
        COMMON,
    ] = 0
    # The last state alone must carry a word of the start to the end.
    pooling: Annotated[
        tuple[str, ...],
        poolings,
        "What the decision sees of the outputs: last, or one or several of max, mean, attention.",
        MODEL,
    ] = ("max", "mean")
    level: Annotated[Literal["word", "wordpiece"], "What a token is: word or wordpiece.", MODEL] = (
        "word"
    )
    vocabulary_size: Annotated[
        int | None,
        positive_integer,
        "Number of tokens. Default: 20,000 words, or about 8,000 pieces.",
        MODEL,
    ] = None
    # 87 % of the IMDB reviews are read whole.
    length: Annotated[int, positive_integer, "The most tokens that are read of a text.", MODEL] = (
        400
    )
    keep: Annotated[
        Literal["start", "end", "both"],
        "What is read of a longer one: its start, its end, or of both a quarter from the start and "
        "the rest from the end, where reviewers conclude.",
        MODEL,
    ] = "both"
    embedding: Annotated[int, positive_integer, "Width of the tokens' vectors.", MODEL] = 128
    pairs: Annotated[
        int,
        Some,
        "Vectors for pairs of neighbouring words, added to the words' own; 0 is none.",
        MODEL,
    ] = 50_000
    wide: Annotated[
        int,
        Some,
        "Words, pairs and triples that vote by themselves, beside the recurrent layers: a logistic "
        "regression that is fitted apart; 0 is none.",
        MODEL,
    ] = 100_000
    dropout: recipe.Dropout = 0.5
    word_dropout: Annotated[
        float, rate, "Fraction of the tokens that are unknown, in training.", TRAINING
    ] = 0.2
    # Most weights are these vectors, and they learn the training texts by heart.
    embedding_dropout: Annotated[
        float, rate, "Fraction of the values of the tokens' vectors to drop.", TRAINING
    ] = 0.5
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    batch_size: recipe.Batch = 64
    learning_rate: recipe.LearningRate = 2e-3
    epochs: recipe.Epochs = 2
    text: Annotated[str | None, "Column of the texts of a table. Default: text.", READING] = None
    label: Annotated[str | None, "Column of the labels of a table. Default: label.", READING] = None
    validation: Annotated[float | None, rate, "Fraction of the texts. Default: 0.1.", READING] = (
        None
    )
    test: Annotated[
        float | None, rate, "Fraction of the texts of a table. Default: 0.1.", READING
    ] = None

    def check(self) -> None:
        """Raises if options do not go together."""
        from keraseq.layers.wide import LARGEST

        if self.wide and (self.vocabulary_size or 0) > LARGEST - FEW:
            raise ValueError(
                f"wide numbers pairs of at most {LARGEST - FEW:,} tokens; give wide=0, or fewer; "
                f"received vocabulary_size={self.vocabulary_size}"
            )
        if self.bidirectional and self.pretraining and self.layers > 1:
            raise ValueError(
                "pretraining needs one layer where it is bidirectional: a second one would see the "
                f"word that it should tell; received layers={self.layers}"
            )
