"""What reads a word letter by letter, in a sentence."""

import keras
from keras import ops

from keraseq.layers.rnn import valid_steps


@keras.saving.register_keras_serializable("keraseq")
class EachWord(keras.layers.Wrapper):
    """A layer on the letters of each word: `(batch, words, letters, width)` -> a vector a word.

    Words of all sentences are laid one below the other, `(batch * words, letters, width)`, so that
    the layer runs once. (`keras.layers.TimeDistributed` runs it a word at a time, or needs to know
    the batch.)

    Args:
        layer: From `(n, letters, width)` to `(n, features)`, such as a recurrent layer that gives
            its last output.
        **kwargs: `name` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, words, letters, width)`.
        mask: `(batch, words, letters)`, `True` where a letter is. A word without any, as padding
            is, gets what the layer makes of a row without a step: recurrent layers give zeros.

    Returns:
        `(batch, words, features)`; a word is masked if it has no letter.

    Example:

    >>> reader = keraseq.layers.EachWord(keraseq.layers.stack("gru", 3))
    >>> tuple(reader(keras.ops.ones((2, 5, 7, 4))).shape)
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

    def call(self, inputs, mask=None, training=False):
        """Runs it over all words at once."""
        batch, words, letters = ops.shape(inputs)[:3]
        rows = ops.reshape(inputs, (-1, letters, inputs.shape[-1]))
        options = {"training": training}
        if mask is not None:
            options["mask"] = ops.reshape(mask, (-1, letters))
        found = self.layer(rows, **options)
        return ops.reshape(found, (batch, words, found.shape[-1]))

    def compute_mask(self, inputs, mask=None):
        """A word is there if any of its letters is."""
        return valid_steps(mask)

    def compute_output_shape(self, input_shape):
        """Batch, words, and what the layer gives."""
        found = self.layer.compute_output_shape((None, *input_shape[2:]))
        return (*input_shape[:2], found[-1])
