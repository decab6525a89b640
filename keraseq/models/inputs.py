"""What comes in: measurements or tokens, and the vectors that a recurrent tower reads."""

import keras

from keraseq.checks import boolean, positive_integer
from keraseq.checks import rate as fraction
from keraseq.layers import MaskNaN, PairEmbedding, WordDropout


def sequence_inputs(
    features, vocabulary, embedding, length, dropout, word_dropout=0.0, pairs=0, masked=False
):
    """The model's input and the vectors that it stands for: `(inputs, (batch, length, width))`.

    Exactly one of `features` (measurements as they are, steps of NaN masked if asked) and
    `vocabulary` (tokens, embedded; 0 is padding, masked from here on) must be given.
    """
    if (features is None) == (vocabulary is None):
        raise ValueError(
            "exactly one of features (measurements) and vocabulary (tokens) must be given; "
            f"received features={features!r}, vocabulary={vocabulary!r}"
        )
    length = None if length is None else positive_integer("length", length)
    if features is not None:
        if word_dropout:
            raise ValueError(f"word_dropout is for tokens; received features={features!r}")
        if pairs:
            raise ValueError(f"pairs are for tokens; received features={features!r}")
        inputs = keras.Input((length, positive_integer("features", features)), name="features")
        return inputs, MaskNaN(name="padding")(inputs) if boolean("masked", masked) else inputs
    if masked:
        raise ValueError(f"masked is for features; received vocabulary={vocabulary!r}")
    return embedded_tokens(
        "tokens", vocabulary, embedding, length, dropout, "", word_dropout, pairs
    )


def embedded_tokens(
    name, vocabulary, embedding, length, dropout, prefix="", word_dropout=0.0, pairs=0, embed=None
):
    """An input of tokens, and their embedding with dropouts; 0 is padding and masked.

    Without a layer `embed` that others have too, one of its own is made.
    """
    vocabulary = positive_integer(f"{prefix}vocabulary", vocabulary)
    embedding = positive_integer("embedding", embedding)
    inputs = keras.Input((length,), dtype="int32", name=name)
    if embed is None:
        embed = keras.layers.Embedding(
            vocabulary, embedding, mask_zero=True, name=f"{prefix}embedding"
        )
    tokens = inputs
    if fraction("word_dropout", word_dropout):
        tokens = WordDropout(word_dropout, name=f"{prefix}word_dropout")(inputs)
    x = embed(tokens)
    if pairs:
        with_before = PairEmbedding(pairs, embedding, dropout=dropout, name=f"{prefix}pairs")(
            tokens
        )
        x = keras.layers.Add(name=f"{prefix}words_and_pairs")([x, with_before])
    return inputs, drop(x, dropout, f"{prefix}embedding_dropout")


def drop(x, rate: float, name: str):
    """Dropout, as a layer only where there is some."""
    return keras.layers.Dropout(rate, name=name)(x) if fraction("dropout", rate) else x


def full_precision() -> str:
    """The dtype of weights: what outputs keep under a policy of mixed precision."""
    return keras.config.dtype_policy().variable_dtype
