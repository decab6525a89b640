"""Steps that are not there."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keraseq")
class MaskNaN(keras.layers.Layer):
    """Masks the steps of which no value is a number: `(batch, length, width)`, or more axes.

    `keras.layers.Masking` masks those that hold one value throughout, which measurements may do.
    A `NaN` within a step that holds numbers stays.

    Args:
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, width)`, or frames `(batch, length, height, width, channels)`.

    Returns:
        The same, with zeros in the masked steps, and a mask for what follows.

    Example:

    >>> layer = keraseq.layers.MaskNaN()
    >>> x = keras.ops.array([[[1.0], [float("nan")]]])
    >>> keras.ops.convert_to_numpy(layer.compute_mask(x)).tolist()
    [[True, False]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        """Puts zeros into the masked steps."""
        axes = tuple(range(2, len(inputs.shape)))
        valid = ops.expand_dims(self.compute_mask(inputs), axes)
        return ops.where(valid, inputs, ops.zeros_like(inputs))

    def compute_mask(self, inputs, mask=None):
        """`True` where a step holds a number, `(batch, length)`."""
        axes = tuple(range(2, len(inputs.shape)))
        return ops.logical_not(ops.all(ops.isnan(inputs), axis=axes))

    def compute_output_shape(self, input_shape):
        """That of the input."""
        return input_shape
