"""Both directions of a recurrent layer."""

import keras
from keras import tree


@keras.saving.register_keras_serializable("keraseq")
class Bidirectional(keras.layers.Bidirectional):
    """`keras.layers.Bidirectional`, mended where it raises with `stateful` and `return_state`.

    Keras 3.15 multiplies a generator in `compute_mask` there. Arguments, call and results are those
    of `keras.layers.Bidirectional`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.Bidirectional(keraseq.layers.RNN(keraseq.cells.GRUCell(16)))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 32)
    """

    def compute_mask(self, _, mask):
        """The mask of the outputs; states have none."""
        mask = tree.flatten(mask)[0] if mask is not None else None
        mask = mask if self.return_sequences else None
        outputs = (mask, mask) if self.merge_mode is None else (mask,)
        if not self.return_state:
            return outputs if self.merge_mode is None else mask
        layers = (self.forward_layer, self.backward_layer)
        states = sum(len(tree.flatten(layer.cell.state_size)) for layer in layers)
        return (*outputs, *[None] * states)
