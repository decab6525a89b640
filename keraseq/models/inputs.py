"""What comes in: measurements or tokens, and the vectors that a recurrent tower reads."""

import keras
from keras import ops

from keraseq.checks import positive_integer, rate


@keras.saving.register_keras_serializable("keraseq")
class OneHot(keras.layers.Layer):
    """Tokens as unit vectors: `(batch, length)` integers -> `(batch, length, vocabulary)`.

    Unlike `keras.layers.CategoryEncoding` it keeps the time axis of sequences of length 1.

    Args:
        vocabulary: Number of tokens, a positive integer.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Example:

    >>> layer = keraseq.models.inputs.OneHot(3)
    >>> keras.ops.convert_to_numpy(layer(keras.ops.array([[2]]))).tolist()
    [[[0.0, 0.0, 1.0]]]
    """

    def __init__(self, vocabulary: int, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary = positive_integer("vocabulary", vocabulary)

    def call(self, inputs):
        """Encodes tokens."""
        return ops.one_hot(inputs, self.vocabulary, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """The input's shape and one axis more."""
        return (*input_shape, self.vocabulary)

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "vocabulary": self.vocabulary}


def sequence_inputs(features, vocabulary, embedding, length, dropout):
    """The model's input and the vectors that it stands for: `(inputs, (batch, length, width))`.

    Exactly one of `features` (measurements as they are) and `vocabulary` (tokens, embedded; 0 is
    padding, masked from here on) must be given.
    """
    if (features is None) == (vocabulary is None):
        raise ValueError(
            "exactly one of features (measurements) and vocabulary (tokens) must be given; "
            f"received features={features!r}, vocabulary={vocabulary!r}"
        )
    length = None if length is None else positive_integer("length", length)
    if features is not None:
        inputs = keras.Input((length, positive_integer("features", features)), name="features")
        return inputs, inputs
    return embedded_tokens("tokens", vocabulary, embedding, length, dropout)


def embedded_tokens(name, vocabulary, embedding, length, dropout, prefix=""):
    """An input of tokens, and their embedding with dropout; 0 is padding and masked."""
    vocabulary = positive_integer(f"{prefix}vocabulary", vocabulary)
    embedding = positive_integer("embedding", embedding)
    inputs = keras.Input((length,), dtype="int32", name=name)
    embed = keras.layers.Embedding(vocabulary, embedding, mask_zero=True, name=f"{prefix}embedding")
    return inputs, drop(embed(inputs), dropout, f"{prefix}embedding_dropout")


def drop(x, fraction: float, name: str):
    """Dropout, as a layer only where there is some."""
    return keras.layers.Dropout(fraction, name=name)(x) if rate("dropout", fraction) else x


def full_precision() -> str:
    """The dtype of weights: what outputs keep under a policy of mixed precision."""
    return keras.config.dtype_policy().variable_dtype
