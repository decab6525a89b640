"""The keys of a frame of music: each by itself, or each knowing those before it."""

import keras
from keras import ops

from keraseq.checks import boolean, positive_integer
from keraseq.losses import KeysLoss

FEW = 12  # keys that rarely more than sound together: frames of more take longer


@keras.saving.register_keras_serializable("keraseq")
class IndependentKeys(keras.layers.Dense):
    """A logit for each key, of the context alone: `(..., features)` -> `(..., keys)`.

        l = x W + b
        p(y | x) = prod_i s(l_i)^y_i (1 - s(l_i))^(1 - y_i)      s: logistic function

    Args:
        keys: Number of keys.
        **kwargs: Of `keras.layers.Dense`.

    Call arguments:
        inputs: Context, `(..., features)`.

    Returns:
        Logits, `(..., keys)`.

    Weights:
        `kernel (features, keys)`, `bias (keys,)`.

    Example:

    >>> layer = keraseq.layers.IndependentKeys(88)
    >>> tuple(layer(keras.ops.ones((1, 5, 8))).shape)
    (1, 5, 88)
    """

    def __init__(self, keys: int, **kwargs):
        kwargs.pop("units", None)
        super().__init__(positive_integer("keys", keys), **kwargs)
        self.keys = self.units

    def loss(self) -> keras.losses.Loss:
        """The loss that belongs to it."""
        return KeysLoss()

    def draw(self, context, uniform, temperature=1.0):
        """Keys `(batch, keys)` drawn by uniform numbers of the same shape."""
        return ops.cast(uniform < ops.sigmoid(self(context) / temperature), "float32")

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "keys": self.keys}


@keras.saving.register_keras_serializable("keraseq")
class OrderedKeys(keras.layers.Layer):
    """A logit for each key, of the context and of the keys before it: a NADE at every step.

        a_1     = x C + c
        a_{i+1} = a_i + y_i U_i                        y: keys, 1 where one sounds
        l_i     = (x B + b)_i + V_i s(a_i)             s: logistic function
        p(y | x) = prod_i s(l_i)^y_i (1 - s(l_i))^(1 - y_i)

    Independent keys know no chords: they give every mixture of two likely chords too. Here the
    product is the exact probability of the frame, whatever the order of the keys, and a frame is
    drawn key by key.

    **Departs from the paper** (Boulanger-Lewandowski et al. 2012): the context may be that of any
    cell; `downwards` reads from the highest key, so that the melody comes first.

    Args:
        units: Size of `a`. Defaults to 128.
        downwards: Whether the highest key comes first. Defaults to `False`.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: A list of the context `(..., features)` and the keys `(..., keys)`, 0 or 1.

    Returns:
        Logits, `(..., keys)`; logit i does not depend on the keys from i on.

    Weights:
        `context_kernel (features, units)` C, `context_bias (units,)` c, `keys_kernel (keys, units)`
        U, `readout (keys, units)` V, `kernel (features, keys)` B, `bias (keys,)` b.

    Example:

    >>> layer = keraseq.layers.OrderedKeys(16)
    >>> tuple(layer([keras.ops.ones((1, 5, 8)), keras.ops.ones((1, 5, 88))]).shape)
    (1, 5, 88)

    References:
        Larochelle & Murray 2011, "The Neural Autoregressive Distribution Estimator";
        Boulanger-Lewandowski, Bengio & Vincent 2012, "Modeling Temporal Dependencies in
        High-Dimensional Sequences", arXiv:1206.6392 (above a recurrent network).
    """

    def __init__(self, units: int = 128, downwards: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.downwards = boolean("downwards", downwards)

    def build(self, input_shape):
        """Makes the weights."""
        features, keys = (shape[-1] for shape in input_shape)
        shapes = {
            "context_kernel": (features, self.units),
            "context_bias": (self.units,),
            "keys_kernel": (keys, self.units),
            "readout": (keys, self.units),
            "kernel": (features, keys),
            "bias": (keys,),
        }
        for name, shape in shapes.items():
            kind = "glorot_uniform" if len(shape) == 2 else "zeros"
            setattr(self, name, self.add_weight(shape, name=name, initializer=kind))

    def call(self, inputs):
        """All logits at once: the keys are known."""
        x, y = inputs
        y = ops.cast(y, x.dtype)
        sounding = ops.cumsum(y, axis=-1)
        before = sounding[..., -1:] - sounding if self.downwards else sounding - y
        first, base = self._of(x)
        known = lambda most: self._known(first, y, before, most)  # noqa: E731
        if y.shape[-1] <= FEW:
            return base + known(y.shape[-1])
        few = ops.max(sounding) <= FEW
        return base + ops.cond(few, lambda: known(FEW), lambda: known(y.shape[-1]))

    def _known(self, first, y, before, most: int):
        """What the keys before add to each logit, where at most so many sound together.

        `a` changes where a key sounds, and nowhere else: it is computed once for each of these.
        """
        numbers = ops.arange(most + 1, dtype=y.dtype)
        place = ops.cast(before[..., None, :] == numbers[:, None], y.dtype)
        rows = ops.matmul(place * y[..., None, :], self.keys_kernel)
        hidden = ops.sigmoid(first[..., None, :] + ops.cumsum(rows, axis=-2) - rows)
        return ops.sum(ops.matmul(hidden, ops.transpose(self.readout)) * place, axis=-2)

    def draw(self, context, uniform, temperature=1.0):
        """Keys `(batch, keys)` drawn one after the other by uniform numbers of the same shape."""
        a, base = self._of(context)
        keys = base.shape[-1]

        def step(i, kept):
            a, drawn = kept
            at = keys - 1 - i if self.downwards else i
            logit = ops.take(base, at, axis=1)
            logit = logit + ops.sum(ops.sigmoid(a) * ops.take(self.readout, at, axis=0), axis=-1)
            y = ops.cast(ops.take(uniform, at, axis=1) < ops.sigmoid(logit / temperature), a.dtype)
            a = a + y[:, None] * ops.take(self.keys_kernel, at, axis=0)
            return a, ops.where(ops.arange(keys) == at, y[:, None], drawn)

        return ops.fori_loop(0, keys, step, (a, ops.zeros_like(base)))[1]

    def _of(self, x):
        """What the context gives: the first `a`, and each logit without its keys."""
        first = ops.matmul(x, self.context_kernel) + self.context_bias
        return first, ops.matmul(x, self.kernel) + self.bias

    def loss(self) -> keras.losses.Loss:
        """The loss that belongs to it."""
        return KeysLoss()

    def compute_output_shape(self, input_shape):
        """That of the keys."""
        return tuple(input_shape[1])

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "units": self.units, "downwards": self.downwards}
