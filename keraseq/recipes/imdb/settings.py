"""What a classifier of texts is made of and how it is trained."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from keraseq import cells
from keraseq.checks import (
    boolean,
    one_of,
    positive_integer,
    positive_number,
    rate,
)
from keraseq.data.labelled.encoder import KEEPS, LEVELS
from keraseq.layers.wide import LARGEST
from keraseq.models.classifier import chosen_poolings
from keraseq.recipes.precision import PRECISIONS

FEW = 10  # ids besides the tokens that are asked for: padding, the unknown one


@dataclass(frozen=True)
class Settings:
    """What the model is made of and how it is trained.

    The defaults come from a handful of runs, compared on the validation part of the IMDB reviews.

    Args:
        level: Tokens: `"word"`, or `"wordpiece"` (keras_nlp).
        vocabulary_size: Number of tokens; default: 20,000 words, or about 8,000 pieces.
        length: The most tokens that are read of a text: 87 % of the IMDB reviews are read whole.
        keep: Which part of a longer one is read: its `"start"`, its `"end"`, or of `"both"` a
            quarter from the start and the rest from the end, where reviewers conclude.
        cell: A registered name, see `keraseq.cells.names()`.
        units: Size of the state.
        layers: Number of recurrent layers.
        bidirectional: Whether each layer reads both ways.
        embedding: Width of the tokens' vectors.
        pairs: Vectors for pairs of neighbouring words, added to the words' own; 0 is none.
        wide: Words, pairs and triples that have a say in the decision by themselves, beside the
            recurrent layers: a logistic regression that is fitted apart (see
            `keraseq.layers.WideLogits`); 0 is none.
        pooling: What the decision sees of the outputs: `"last"`, or one or several of `"max"`,
            `"mean"`, `"attention"`. The last state alone must carry a word of the start to the end.
        word_dropout: Fraction of the tokens that are unknown, in training.
        embedding_dropout: Fraction of the values of the tokens' vectors to drop. Most weights are
            these vectors, and they learn the training reviews by heart.
        recurrent_dropout: Of the operands of recurrent products, one mask a text (Gal & Ghahramani
            2016).
        dropout: Fraction to drop between layers and before the decision.
        weight_decay: Of AdamW, in each step times the learning rate; none on biases.
        batch_size: Texts in a step.
        learning_rate: Of Adam, at its highest: it rises for 100 steps, then falls to zero with a
            cosine.
        clipnorm: Largest norm of all gradients together.
        epochs: At most so many; what is kept is the one with the lowest validation loss.
        pretraining: Epochs in which the same layers first learn to tell the next word of the
            training texts (Dai & Le 2015); 0 is none.
        precision: Of the training: `"float32"`, or `"mixed_bfloat16"`, whose matrix products are
            faster on processors that have them. The finished model computes in float32.
        seed: Of weights, dropout and the order of texts.
    """

    level: str = "word"
    vocabulary_size: int | None = None
    length: int = 400
    keep: str = "both"
    cell: str = "gru"
    units: int = 128
    layers: int = 1
    bidirectional: bool = False
    embedding: int = 128
    pairs: int = 50_000
    wide: int = 100_000
    pooling: str | Sequence[str] = ("max", "mean")
    word_dropout: float = 0.2
    embedding_dropout: float = 0.5
    recurrent_dropout: float = 0.0
    dropout: float = 0.5
    weight_decay: float = 0.0
    batch_size: int = 64
    learning_rate: float = 2e-3
    clipnorm: float = 1.0
    epochs: int = 2
    pretraining: int = 0
    precision: str = "float32"
    seed: int = 0


def checked(settings: dict) -> Settings:
    """The settings, or an error that names what cannot be."""
    known = [one.name for one in fields(Settings)]
    for name in settings:
        one_of("setting", name, known)
    chosen = Settings(**settings)
    one_of("level", chosen.level, LEVELS)
    one_of("keep", chosen.keep, KEEPS)
    for name in ("length", "units", "layers", "embedding", "batch_size", "epochs"):
        positive_integer(name, getattr(chosen, name))
    if chosen.vocabulary_size is not None:
        positive_integer("vocabulary_size", chosen.vocabulary_size)
    for name in ("word_dropout", "embedding_dropout", "recurrent_dropout", "dropout"):
        rate(name, getattr(chosen, name))
    for name in ("learning_rate", "clipnorm"):
        positive_number(name, getattr(chosen, name))
    one_of("precision", chosen.precision, PRECISIONS)
    if chosen.weight_decay:
        positive_number("weight_decay", chosen.weight_decay)
    for name in ("pairs", "wide"):
        if getattr(chosen, name):
            positive_integer(name, getattr(chosen, name))
    if chosen.wide and (chosen.vocabulary_size or 0) > LARGEST - FEW:
        raise ValueError(
            f"wide numbers pairs of at most {LARGEST - FEW:,} tokens; give wide=0, or fewer; "
            f"received vocabulary_size={chosen.vocabulary_size}"
        )
    if chosen.pretraining:
        positive_integer("pretraining", chosen.pretraining)
    cells.get(chosen.cell, chosen.units)  # or says which cells there are
    if boolean("bidirectional", chosen.bidirectional) and chosen.pretraining and chosen.layers > 1:
        raise ValueError(
            "pretraining needs one layer where it is bidirectional: a second one would see the "
            f"word that it should tell; received layers={chosen.layers}"
        )
    return replace(chosen, pooling=chosen_poolings(chosen.pooling))
