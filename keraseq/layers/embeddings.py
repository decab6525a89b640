"""Tokens as vectors, and tokens that are left out."""

import keras
from keras import ops

from keraseq.checks import positive_integer
from keraseq.checks import rate as fraction
from keraseq.layers.holding import Holding


@keras.saving.register_keras_serializable("keraseq")
class OneHot(keras.layers.Layer):
    """Tokens as unit vectors: `(batch, length)` integers -> `(batch, length, vocabulary)`.

    Unlike `keras.layers.CategoryEncoding` it keeps the time axis of sequences of length 1.

    Args:
        vocabulary: Number of tokens, a positive integer.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Example:

    >>> layer = keraseq.layers.OneHot(3)
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


@keras.saving.register_keras_serializable("keraseq")
class WordDropout(keras.layers.Layer):
    """In training, tokens at random become the unknown one: `(batch, length)` integers.

    The model learns to do without any single word, and what to do with an unknown one. Padding (0)
    stays padding.

    Args:
        rate: Fraction of the tokens, in [0, 1).
        unknown: The unknown token. Defaults to 1.
        seed: Of the random numbers. Default: drawn.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Raises:
        ValueError: The rate is not in [0, 1).

    Example:

    >>> layer = keraseq.layers.WordDropout(0.999999, unknown=9)
    >>> tokens = layer(keras.ops.array([[5, 6, 0]]), training=True)
    >>> keras.ops.convert_to_numpy(tokens).tolist()
    [[9, 9, 0]]

    References:
        Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text
        Classification".
    """

    def __init__(self, rate: float, unknown: int = 1, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate = fraction("word_dropout", rate)
        self.unknown = int(unknown)
        self.seed = seed
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Replaces tokens in training."""
        if not training:
            return inputs
        chosen = keras.random.uniform(ops.shape(inputs), seed=self.seeds) < self.rate
        unknown = ops.cast(self.unknown, inputs.dtype)
        return ops.where(ops.logical_and(chosen, inputs > 0), unknown, inputs)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """Configuration for serialisation."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "unknown": self.unknown,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable("keraseq")
class Scale(keras.layers.Layer):
    """Multiplies by a number: `scale * x`, any shape; the mask goes on.

    `keras.layers.Rescaling` does so too, and needs TensorFlow on every backend.

    Args:
        scale: The number.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Example:

    >>> float(keraseq.layers.Scale(0.5)(keras.ops.ones(())))
    0.5
    """

    def __init__(self, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.scale = float(scale)
        self.supports_masking = True

    def call(self, inputs):
        """Multiplies."""
        return inputs * self.scale

    def compute_output_shape(self, shape):
        """As it comes."""
        return shape

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keraseq")
class WordVectors(keras.layers.Layer):
    """Vectors of tokens, of which the last stay as they are: `(batch, length)` integers -> vectors.

    What pretrained vectors know of words that the training part does not have is kept so, without
    the cost of training them. 0 is padding and masked.

    Args:
        trained: Number of tokens whose vectors are trained, the first ones.
        fixed: Number of those that stay.
        width: Of a vector.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Returns:
        `(batch, length, width)`.

    Weights:
        `embeddings (trained, width)`, and `fixed (fixed, width)`, which no training changes.

    Example:

    >>> tuple(keraseq.layers.WordVectors(5, 3, 4)(keras.ops.array([[1, 7]])).shape)
    (1, 2, 4)
    """

    def __init__(self, trained: int, fixed: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.trained = positive_integer("trained", trained)
        self.held = positive_integer("fixed", fixed)
        self.width = positive_integer("width", width)
        self.vocabulary = self.trained + self.held

    def build(self, input_shape):
        """Makes both tables."""
        self.embeddings = self.add_weight(
            (self.trained, self.width), name="embeddings", initializer="uniform"
        )
        self.fixed = self.add_weight(
            (self.held, self.width), name="fixed", initializer="zeros", trainable=False
        )

    def call(self, inputs):
        """Looks the vectors up."""
        own = ops.take(self.embeddings, ops.minimum(inputs, self.trained - 1), axis=0)
        others = ops.take(self.fixed, ops.maximum(inputs - self.trained, 0), axis=0)
        found = ops.where(ops.expand_dims(inputs < self.trained, -1), own, others)
        return ops.cast(found, self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        """Padding is masked."""
        return ops.not_equal(inputs, 0)

    def compute_output_shape(self, input_shape):
        """The input's shape and the width."""
        return (*input_shape, self.width)

    def get_config(self):
        """Configuration for serialisation."""
        sizes = {"trained": self.trained, "fixed": self.held, "width": self.width}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("keraseq")
class TiedEmbedding(keras.layers.ReversibleEmbedding):
    """`keras.layers.ReversibleEmbedding` that keeps the mask of what it turns into logits.

    Keras' own forgets it, so that padded steps enter the loss.

    Example:

    >>> layer = keraseq.layers.TiedEmbedding(5, 3, mask_zero=True)
    >>> logits = layer(layer(keras.ops.array([[2, 0]])), reverse=True)
    >>> keras.ops.convert_to_numpy(logits._keras_mask).tolist()
    [[True, False]]
    """

    def compute_mask(self, inputs, mask=None):
        return mask


@keras.saving.register_keras_serializable("keraseq")
class PairEmbedding(Holding, keras.layers.Layer):
    """A vector for each token and the one before it: `(batch, length)` -> `(batch, length, width)`.

        y_t = W v[(7919 x_{t-1} + x_t) mod buckets]            x_0 = 0

    "not good" gets a vector of its own, which a recurrent layer would have to compose. Pairs share
    buckets by chance; W keeps the table narrow.

    Args:
        buckets: Number of vectors, a positive integer.
        width: Of what comes out, a positive integer.
        rank: Width of the table. Defaults to 32.
        dropout: Fraction of the table's values to drop, in [0, 1). Defaults to 0.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Example:

    >>> layer = keraseq.layers.PairEmbedding(1000, 4)
    >>> tuple(layer(keras.ops.array([[5, 6, 0]])).shape)
    (1, 3, 4)

    References:
        Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759
        (hashed pairs, there without order or W).
    """

    def __init__(self, buckets: int, width: int, rank: int = 32, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.buckets = positive_integer("pairs", buckets)
        self.width = positive_integer("width", width)
        self.rank = positive_integer("rank", rank)
        self.dropout = fraction("dropout", dropout)
        inner = {"dtype": self.dtype_policy}
        self.vectors = keras.layers.Embedding(self.buckets, self.rank, name="vectors", **inner)
        self.drop = keras.layers.Dropout(self.dropout, name="drop", **inner)
        self.widen = keras.layers.Dense(self.width, use_bias=False, name="widen", **inner)

    def build(self, input_shape):
        """Makes the table and W."""
        self.vectors.build(input_shape)
        self.widen.build((*input_shape, self.rank))
        super().build(input_shape)

    def call(self, inputs, training=False):
        """Looks the pairs up."""
        before = ops.pad(inputs[:, :-1], [[0, 0], [1, 0]])
        before = ops.mod(before, 200_000)  # so that int32 holds the product
        vectors = self.vectors(ops.mod(before * 7919 + inputs, self.buckets))
        return self.widen(self.drop(vectors, training=training))

    def compute_mask(self, inputs, mask=None):
        """Padding is masked, as by the embedding of the tokens themselves."""
        return ops.not_equal(inputs, 0)

    def compute_output_shape(self, input_shape):
        """The input's shape and the width."""
        return (*input_shape, self.width)

    def get_config(self):
        """Configuration for serialisation."""
        return {
            **super().get_config(),
            "buckets": self.buckets,
            "width": self.width,
            "rank": self.rank,
            "dropout": self.dropout,
        }
