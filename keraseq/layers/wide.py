"""Runs of one to three words that vote for a class by themselves, beside a recurrent tower."""

import keras
import numpy as np
from keras import ops

from keraseq.checks import positive_integer
from keraseq.layers.scan.formats import exported

LARGEST = 46_340  # ids whose pairs int32 can number
SPREAD = -1_640_531_535  # 2**32 over the golden ratio, as int32: spreads what it multiplies
LOWEST = -(2**31)


@keras.saving.register_keras_serializable("keraseq")
class WideLogits(keras.layers.Layer):
    """Logits of the words, pairs and triples that occur: `(batch, length)` -> `(batch, K)`.

        logits = b + sum over k in set(text) of W[k]

    The key k of a word is its id x_t, that of two neighbours x_{t-1} vocabulary + x_t, and that of
    three a negative number, hashed: of 100,000 keys one is hit by mistake once in 20,000 triples.
    Each counts once, however often it occurs; padding (0) does not count. Only `size` keys have
    weights, those that `set_table` is given; the layer starts with none.

    Args:
        classes: Number of logits K, a positive integer.
        vocabulary: Number of token ids, padding included, at most 46,340: pairs are numbered in
            int32.
        size: Number of keys that have weights, a positive integer.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Raises:
        ValueError: A number is not positive, or the vocabulary is too large.

    Example:

    >>> layer = keraseq.layers.WideLogits(2, vocabulary=10, size=3)
    >>> layer.set_table([7, 47], [[1.0, 0.0], [0.0, 2.0]], bias=[0.0, 0.5])
    >>> logits = layer(keras.ops.array([[4, 7, 7], [7, 4, 0]]))      # 47: 4, then 7
    >>> keras.ops.convert_to_numpy(logits).tolist()
    [[1.0, 2.5], [1.0, 0.5]]

    References:
        Wang & Manning 2012, "Baselines and Bigrams", ACL (runs of words, each once).
        Cheng et al. 2016, "Wide & Deep Learning for Recommender Systems", arXiv:1606.07792.
    """

    built: bool

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
        """Gives words, pairs and triples their weights.

        Args:
            keys: `(n,)`, each once, not 0, at most `size` of them, see `keys_of`.
            kernel: `(n, classes)`.
            bias: `(classes,)`. Defaults to 0.

        Raises:
            ValueError: Too many keys, one twice or 0, or shapes that do not fit.
        """
        keys, kernel = np.asarray(keys), np.asarray(kernel)
        if keys.ndim != 1 or kernel.shape != (len(keys), self.classes):
            raise ValueError(
                f"kernel must have the shape (keys, {self.classes}); received keys of shape "
                f"{keys.shape} and a kernel of shape {kernel.shape}"
            )
        if len(keys) > self.size or len(np.unique(keys)) < len(keys) or not keys.all():
            raise ValueError(
                f"keys must be at most {self.size:,} numbers, none of them 0, each once; received "
                f"{len(keys):,}"
            )
        if not self.built:
            self.build(None)
            self.built = True
        free = self.size - len(keys)
        keys = np.pad(keys.astype("int32"), (free, 0))  # a 0 is never looked up
        order = np.argsort(keys, kind="stable")
        self.keys.assign(keys[order])
        self.kernel.assign(np.pad(kernel.astype("float32"), ((free, 0), (0, 0)))[order])
        self.bias.assign(np.broadcast_to(np.asarray(bias, "float32"), (self.classes,)))

    def call(self, inputs):
        """Looks the keys up, and adds up."""
        found = ops.sort(self.numbered(ops.cast(inputs, "int32")), axis=1)
        shape = ops.shape(found)
        new = found[:, 1:] != found[:, :-1]
        first = ops.concatenate([ops.ones_like(found[:, :1], dtype="bool"), new], axis=1)
        flat = ops.reshape(found, (-1,))
        places = ops.minimum(places_of(ops.convert_to_tensor(self.keys), flat), self.size - 1)
        known = ops.reshape(ops.take(self.keys, places) == flat, shape)
        counts = ops.cast(known & first & (found != 0), self.kernel.dtype)
        weights = ops.reshape(ops.take(self.kernel, places, axis=0), (*shape, self.classes))
        return ops.sum(ops.expand_dims(counts, -1) * weights, axis=1) + self.bias

    def numbered(self, tokens):
        """The keys of each row, `(batch, length)` -> `(batch, 3 length)`, see `keys_of`."""
        before = ops.pad(tokens[:, :-1], [[0, 0], [1, 0]])
        pairs = ops.where(tokens > 0, before * self.vocabulary + tokens, 0)
        two = ops.pad(pairs[:, :-1], [[0, 0], [1, 0]])
        triples = two * SPREAD + tokens  # int32 wraps around
        triples = ops.where(triples < 0, triples, triples + LOWEST)  # `|`, which LiteRT has not
        whole = (tokens > 0) & (two >= self.vocabulary)
        return ops.concatenate([tokens, pairs, ops.where(whole, triples, 0)], axis=1)

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


def places_of(keys, wanted):
    """How many of some sorted keys are smaller than each that is wanted."""
    if not exported():
        return ops.searchsorted(keys, wanted)
    places, size = (
        ops.zeros_like(wanted),
        keys.shape[0],
    )  # by halving: other runtimes have no search
    for bit in reversed(range(size.bit_length())):
        further = places + 2**bit
        before = ops.take(keys, ops.minimum(further, size) - 1) < wanted
        places = ops.where((further <= size) & before, further, places)
    return places


def keys_of(tokens: np.ndarray, vocabulary: int) -> np.ndarray:
    """The keys of the words, pairs and triples of one text, `(length,)` -> at most `(3 length,)`.

    The key of a word is its id, and a word without one before it is its own pair. Triples are
    hashed into the negative numbers of int32.

    Example:

    >>> from keraseq.layers.wide import keys_of
    >>> keys_of([4, 7, 5], vocabulary=10).tolist()
    [4, 7, 5, 4, 47, 75, -1943054460]
    """
    tokens = np.asarray(tokens, "int64")
    pairs = np.pad(tokens[:-1], (1, 0)) * vocabulary + tokens
    two, last = pairs[1:-1], tokens[2:]
    triples = (two * SPREAD + last).astype("int32") | np.int32(LOWEST)
    return np.concatenate([tokens, pairs, triples]).astype("int32")
