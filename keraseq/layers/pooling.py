"""From the outputs of all steps to one vector."""

import keras
from keras import ops

from keraseq.checks import one_of
from keraseq.layers.attention import shares_of
from keraseq.layers.rnn import valid_steps

POOLED = ("mean", "max", "attention")
# "last" is what a recurrent layer returns itself; "average" is of the predictions at every step.
POOLINGS = ("last", "average", *POOLED)


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
        self.mode = one_of("mode", mode, POOLED)
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


@keras.saving.register_keras_serializable("keraseq")
class AveragedPredictions(keras.layers.Layer):
    """The mean over the valid steps of what is predicted at each: `(batch, length, classes)`.

        y = log sum_t m_t softmax(x_t) / sum_t m_t        m the mask; all ones where there is none

    The exponentials are the mean probabilities, so that y are logits again. Of a single logit the
    sigmoid is averaged. A row without any valid step gives zeros.

    Args:
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: Logits `(batch, length, classes)`.
        mask: `(batch, length)`, `True` where a step is valid.

    Returns:
        `(batch, classes)`.

    Example:

    >>> x = keras.ops.log(keras.ops.array([[[0.9, 0.1], [0.5, 0.5]]]))
    >>> y = keras.ops.exp(keraseq.layers.AveragedPredictions()(x))
    >>> round(float(y[0, 0]), 3)
    0.7

    References:
        Donahue et al. 2015, "Long-term Recurrent Convolutional Networks for Visual Recognition and
        Description".
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        """Averages over time."""
        x, mask = ops.cast(inputs, self.variable_dtype), valid_steps(mask)
        single = x.shape[-1] == 1
        if single:
            x = ops.concatenate([x, ops.zeros_like(x)], axis=-1)
        logs, count = ops.log_softmax(x, axis=-1), ops.cast(ops.shape(x)[1], x.dtype)
        if mask is not None:
            valid = mask[..., None]
            logs = ops.where(valid, logs, -1e9)
            count = ops.maximum(ops.sum(ops.cast(valid, x.dtype), axis=1), 1.0)
        y = ops.logsumexp(logs, axis=1) - ops.log(count)
        if mask is not None:
            y = ops.where(ops.any(valid, axis=1), y, 0.0)
        return ops.cast(y[:, :1] - y[:, 1:] if single else y, self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        """None: the time axis is gone."""
        return None

    def compute_output_shape(self, input_shape):
        """The input's shape without time."""
        return (input_shape[0], input_shape[2])
