"""From the outputs of all steps to one vector."""

import keras
from keras import ops

from keraseq.checks import one_of
from keraseq.layers.attention import shares_of
from keraseq.layers.rnn import valid_steps

POOLINGS = ("last", "mean", "max", "attention")  # "last" is what a recurrent layer returns itself


@keras.saving.register_keras_serializable("keraseq")
class SequencePooling(keras.layers.Layer):
    """Pooling over the valid steps: `(batch, length, width)` -> `(batch, width)`.

        mean       y = sum_t m_t x_t / sum_t m_t
        max        y = max over t with m_t of x_t    m the mask; all ones where there is none
        attention  y = sum_t a_t x_t                 a = softmax over t with m_t of x_t w


    A row without any valid step gives zeros, as a recurrent layer's last output does.
    `keras.layers.GlobalMaxPooling1D` counts padded steps, and `GlobalAveragePooling1D` divides such
    a row by zero. Sums are in the variable dtype, also under mixed precision.

    Args:
        mode: `"mean"`, `"max"`, or `"attention"`, which learns the vector w.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, width)`.
        mask: `(batch, length)`, `True` where a step is valid.

    Returns:
        `(batch, width)`.

    Raises:
        ValueError: `mode` is none of these.

    Example:

    >>> layer = keraseq.layers.SequencePooling("max")
    >>> float(layer(keras.ops.array([[[1.0], [5.0]]]), mask=keras.ops.array([[True, False]]))[0, 0])
    1.0

    References:
        Yang et al. 2016, "Hierarchical Attention Networks for Document Classification" (attention,
        there with a layer more).
    """

    def __init__(self, mode: str, **kwargs):
        super().__init__(**kwargs)
        self.mode = one_of("mode", mode, POOLINGS[1:])
        self.supports_masking = True

    def build(self, input_shape):
        """Makes w, with attention."""
        if self.mode == "attention":
            self.w = self.add_weight((input_shape[-1], 1), name="w", initializer="glorot_uniform")

    def call(self, inputs, mask=None):
        """Pools over time."""
        x, mask = ops.cast(inputs, self.variable_dtype), valid_steps(mask)
        if self.mode == "attention":
            return ops.cast(self._attended(x, mask), self.compute_dtype)
        if mask is None:
            pooled = ops.mean(x, axis=1) if self.mode == "mean" else ops.max(x, axis=1)
            return ops.cast(pooled, self.compute_dtype)
        valid = ops.expand_dims(mask, -1)
        if self.mode == "mean":
            count = ops.sum(ops.cast(valid, x.dtype), axis=1)
            pooled = ops.sum(ops.where(valid, x, 0.0), axis=1) / ops.maximum(count, 1.0)
        else:
            highest = ops.max(ops.where(valid, x, -float("inf")), axis=1)
            pooled = ops.where(ops.any(valid, axis=1), highest, 0.0)
        return ops.cast(pooled, self.compute_dtype)

    def _attended(self, x, mask):
        if mask is not None:
            x = ops.where(ops.expand_dims(mask, -1), x, 0.0)
        scores = ops.matmul(x, ops.cast(self.w, x.dtype))[..., 0]
        return ops.sum(ops.expand_dims(shares_of(scores, mask), -1) * x, axis=1)

    def compute_mask(self, inputs, mask=None):
        """None: the time axis is gone."""
        return None

    def compute_output_shape(self, input_shape):
        """The input's shape without time."""
        return (input_shape[0], input_shape[2])

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "mode": self.mode}
