"""Words and pairs of words that vote for a class by themselves, beside a recurrent tower."""

import keras
import numpy as np
from keras import ops

from keraseq.checks import positive_integer

LARGEST = 46_340  # ids whose pairs int32 can number


@keras.saving.register_keras_serializable("keraseq")
class WideLogits(keras.layers.Layer):
    """Logits of the words and neighbouring pairs that occur: `(batch, length)` -> `(batch, K)`.

        logits = b + sum over k in set(text) of W[k]        k = x_t, or x_{t-1} vocabulary + x_t

    Each counts once, however often it occurs; padding (0) does not count. Only `size` of them have
    weights, a table of whatever keys `set_table` is given; the layer starts with none.

    Args:
        classes: Number of logits K, a positive integer.
        vocabulary: Number of token ids, padding included, at most 46,340: pairs are numbered in
            int32.
        size: Number of words and pairs that have weights, a positive integer.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Raises:
        ValueError: A number is not positive, or the vocabulary is too large.

    Example:

    >>> layer = keraseq.models.WideLogits(2, vocabulary=10, size=3)
    >>> layer.set_table([7, 47], [[1.0, 0.0], [0.0, 2.0]], bias=[0.0, 0.5])
    >>> logits = layer(keras.ops.array([[4, 7, 7], [7, 4, 0]]))      # 47: 4, then 7
    >>> keras.ops.convert_to_numpy(logits).tolist()
    [[1.0, 2.5], [1.0, 0.5]]

    References:
        Wang & Manning 2012, "Baselines and Bigrams", ACL (words and pairs, each once).
        Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems", arXiv:1606.07792.
    """

    def __init__(self, classes: int, vocabulary: int, size: int, **kwargs):
        super().__init__(**kwargs)
        self.classes = positive_integer("classes", classes)
        self.vocabulary = positive_integer("vocabulary", vocabulary)
        self.size = positive_integer("size", size)
        if self.vocabulary > LARGEST:
            raise ValueError(
                f"pairs are numbered for a vocabulary of at most {LARGEST:,}; received "
                f"vocabulary={vocabulary}"
            )

    def build(self, input_shape):
        """Makes the empty table."""
        self.keys = self.add_weight(
            (self.size,), dtype="int32", trainable=False, name="keys", initializer="zeros"
        )
        self.kernel = self.add_weight((self.size, self.classes), name="kernel", initializer="zeros")
        self.bias = self.add_weight((self.classes,), name="bias", initializer="zeros")

    def set_table(self, keys, kernel, bias=0.0) -> None:
        """Gives words and pairs their weights.

        Args:
            keys: `(n,)`, each once, positive, at most `size` of them: the id of a word, or the id
                of one times `vocabulary` plus that of the next.
            kernel: `(n, classes)`.
            bias: `(classes,)`. Defaults to 0.

        Raises:
            ValueError: Too many keys, one twice or not positive, or shapes that do not fit.
        """
        keys, kernel = np.asarray(keys), np.asarray(kernel)
        if keys.ndim != 1 or kernel.shape != (len(keys), self.classes):
            raise ValueError(
                f"kernel must have the shape (keys, {self.classes}); received keys of shape "
                f"{keys.shape} and a kernel of shape {kernel.shape}"
            )
        if len(keys) > self.size or len(np.unique(keys)) < len(keys) or (keys < 1).any():
            raise ValueError(
                f"keys must be at most {self.size:,} positive numbers, each once; received "
                f"{len(keys):,}"
            )
        if not self.built:
            self.build(None)
            self.built = True
        order, free = np.argsort(keys), self.size - len(keys)
        self.keys.assign(np.pad(keys[order].astype("int32"), (free, 0)))  # no text has a 0
        self.kernel.assign(np.pad(kernel[order].astype("float32"), ((free, 0), (0, 0))))
        self.bias.assign(np.broadcast_to(np.asarray(bias, "float32"), (self.classes,)))

    def call(self, inputs):
        """Looks words and pairs up, and adds up."""
        found = ops.sort(self.numbered(ops.cast(inputs, "int32")), axis=1)
        shape = ops.shape(found)
        first = ops.pad(found[:, 1:] != found[:, :-1], [[0, 0], [1, 0]], constant_values=True)
        flat = ops.reshape(found, (-1,))
        places = ops.minimum(ops.searchsorted(self.keys, flat), self.size - 1)
        known = ops.reshape(ops.take(self.keys, places) == flat, shape)
        counts = ops.cast(known & first & (found > 0), self.kernel.dtype)
        weights = ops.reshape(ops.take(self.kernel, places, axis=0), (*shape, self.classes))
        return ops.sum(ops.expand_dims(counts, -1) * weights, axis=1) + self.bias

    def numbered(self, tokens):
        """The keys of all words and pairs of each row, `(batch, length)` -> `(batch, 2 length)`.

        A word without one before it is its own pair.
        """
        before = ops.pad(tokens[:, :-1], [[0, 0], [1, 0]])
        pairs = ops.where(tokens > 0, before * self.vocabulary + tokens, 0)
        return ops.concatenate([tokens, pairs], axis=1)

    def compute_mask(self, inputs, mask=None):
        """No steps are left that could be masked."""

    def compute_output_shape(self, input_shape):
        """One row of logits a text."""
        return (input_shape[0], self.classes)

    def get_config(self):
        """Configuration for serialisation."""
        return {
            **super().get_config(),
            "classes": self.classes,
            "vocabulary": self.vocabulary,
            "size": self.size,
        }


def keys_of(tokens: np.ndarray, vocabulary: int) -> np.ndarray:
    """The keys of the words and pairs of one text, `(length,)` -> `(2 length,)`.

    Example:

    >>> from keraseq.models.wide import keys_of
    >>> keys_of([4, 7], vocabulary=10).tolist()
    [4, 7, 4, 47]
    """
    tokens = np.asarray(tokens, "int64")
    before = np.pad(tokens[:-1], (1, 0))
    return np.concatenate([tokens, before * vocabulary + tokens])
