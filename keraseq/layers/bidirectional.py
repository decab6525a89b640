"""Both directions of a recurrent layer."""

import keras
from keras import ops, tree

from keraseq.keras_inside import apart
from keraseq.layers.rnn import valid_steps
from keraseq.layers.starting import Starting


@keras.saving.register_keras_serializable("keraseq")
class Bidirectional(Starting, keras.layers.Bidirectional):
    """`keras.layers.Bidirectional`, mended where it raises with `stateful` and `return_state`.

    Keras 3.15 multiplies a generator in `compute_mask` there. Arguments, call and results are those
    of `keras.layers.Bidirectional`. An `initial_state` holds the forward states before the others.

    Raises:
        ValueError: In use, an `initial_state` that does not fit.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.Bidirectional(keraseq.layers.RNN(keraseq.cells.GRUCell(16)))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 32)
    """

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        with apart():  # both are made from the configuration of one that lives for a moment
            super().__init__(layer, merge_mode, weights, backward_layer, **kwargs)

    @property
    def state_sizes(self) -> list[int]:
        """Size of each state, those of the forward layer first."""
        layers = (self.forward_layer, self.backward_layer)
        return [size for layer in layers for size in tree.flatten(layer.cell.state_size)]

    def over_time(self, sequences, initial_state=None, mask=None, training=False):
        """`call` for sequences `(time, batch, features)`, outputs side by side.

        Returns:
            `(output, states)`, the states of the forward layer before those of the other.
        """
        half = None if initial_state is None else len(initial_state) // 2
        forward = None if half is None else initial_state[:half]
        backward = None if half is None else initial_state[half:]
        y, states = self.forward_layer.over_time(sequences, forward, mask, training)
        y_back, states_back = self.backward_layer.over_time(sequences, backward, mask, training)
        if self.return_sequences:
            y_back = ops.flip(y_back, axis=0)
        return ops.concatenate([y, y_back], axis=-1), [*states, *states_back]

    def compute_mask(self, _, mask):
        """The mask of the outputs; states have none."""
        mask = valid_steps(mask) if self.return_sequences else None
        outputs = (mask, mask) if self.merge_mode is None else (mask,)
        if not self.return_state:
            return outputs if self.merge_mode is None else mask
        return (*outputs, *[None] * len(self.state_sizes))
