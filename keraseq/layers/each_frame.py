"""What looks at a frame, at every frame of a sequence."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keraseq")
class EachFrame(keras.layers.Wrapper):
    """A layer or model on each frame: `(batch, length, ...)` -> a vector a frame.

    Frames of all sequences are laid one below the other, so that the layer runs once.
    (`keras.layers.TimeDistributed` runs it a frame at a time, or needs to know the batch.) A mask
    `(batch, length)` goes on to what follows; frames that are not there are looked at too.

    Args:
        layer: From `(n, ...)` to `(n, features)`, such as a small convolutional network.
        **kwargs: `name` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, height, width, channels)`, or other axes after the second.

    Returns:
        `(batch, length, features)`.

    Example:

    >>> look = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> tuple(keraseq.layers.EachFrame(look)(keras.ops.ones((2, 5, 8, 8, 1))).shape)
    (2, 5, 3)
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        """Builds the layer within."""
        if not self.layer.built:
            self.layer.build((None, *input_shape[2:]))
        self.built = True

    def call(self, inputs, training=False):
        """Runs it over all frames at once."""
        batch, length = ops.shape(inputs)[:2]
        found = self.layer(ops.reshape(inputs, (-1, *inputs.shape[2:])), training=training)
        return ops.reshape(found, (batch, length, found.shape[-1]))

    def compute_output_shape(self, input_shape):
        """Batch, length, and what the layer gives."""
        found = self.layer.compute_output_shape((None, *input_shape[2:]))
        return (*input_shape[:2], found[-1])
