"""A vector of a whole sequence beside each of its steps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keraseq")
class Beside(keras.layers.Layer):
    """Puts a vector beside each step of a sequence, or beside some.

        y_t = [x_t; v]            and [x_t; 0] where it is not wanted

    Args:
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        steps: `(batch, time, features)`; their mask goes on.
        vector: `(batch, width)`.
        where: `(batch, time)`, `True` where it is wanted. Default: everywhere.

    Returns:
        `(batch, time, features + width)`.

    Example:

    >>> y = keraseq.layers.Beside()(keras.ops.zeros((1, 2, 1)), keras.ops.ones((1, 1)))
    >>> keras.ops.convert_to_numpy(y).tolist()
    [[[0.0, 1.0], [0.0, 1.0]]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, steps, vector, where=None):
        """Puts it there."""
        beside = ops.ones_like(steps[..., :1]) * vector[:, None]
        if where is not None:
            beside = ops.where(where[..., None], beside, 0.0)
        return ops.concatenate([steps, beside], axis=-1)

    def compute_output_shape(self, steps_shape, vector_shape, where_shape=None):
        """Wider by the vector."""
        return (*steps_shape[:-1], steps_shape[-1] + vector_shape[-1])
