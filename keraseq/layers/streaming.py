"""Texts that go on from batch to batch: states carried along rows, until a row starts anew."""

import keras
from keras import ops, tree

from keraseq.layers.stack import Stack


@keras.saving.register_keras_serializable("keraseq")
class StreamingStack(Stack):
    """A `stateful` tower of recurrent layers in which single rows of a batch can start anew.

        s_0 = first states of the cells     in rows that are fresh
        s_0 = s_T of the batch before       in all others

    Args:
        cell, units, **options: As for `keraseq.layers.Stack`, with `stateful=True`.

    Call arguments:
        sequences: `(batch, time, features)`; row i goes on where row i of the last batch ended.
        fresh: `(batch, 1)` booleans, `True` where a row starts anew instead.
        training: Whether dropout and zoneout are at work.

    Returns:
        As `keraseq.layers.Stack`.

    Raises:
        ValueError: `stateful` is not `True`.

    Example:

    >>> import keraseq
    >>> tower = keraseq.layers.StreamingStack("gru", 4, return_sequences=True, stateful=True)
    >>> fresh = keras.ops.array([[True], [False]])
    >>> tuple(tower(keras.ops.ones((2, 5, 3)), fresh).shape)
    (2, 5, 4)
    """

    def __init__(self, cell, units, **options):
        super().__init__(cell, units, **options)
        if not self.stateful:
            raise ValueError("StreamingStack needs stateful=True; received stateful=False")

    def __call__(self, sequences, fresh, **kwargs):
        """`keras.layers.Layer.__call__`; `fresh` goes by its name, since it is no state."""
        return super().__call__(sequences, fresh=fresh, **kwargs)

    def build(self, sequences_shape, fresh_shape=None):
        """Builds the layers, and the states that they carry."""
        super().build(sequences_shape)

    def call(self, sequences, fresh, training=False):
        """Runs the layers from the states that each row is to start from."""
        states = []
        for rnn in self.rnns:
            carried = [ops.convert_to_tensor(state) for state in tree.flatten(rnn.states)]
            first = tree.flatten(rnn.cell.get_initial_state(batch_size=ops.shape(sequences)[0]))
            states += [ops.where(fresh, new, old) for new, old in zip(first, carried, strict=True)]
        return super().call(sequences, initial_state=states, training=training)
