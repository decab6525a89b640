"""Light gated recurrent unit."""

import keras
from keras import ops

from keraseq.cells.cell import Cell


@keras.saving.register_keras_serializable("keraseq")
class LiGRUCell(Cell):
    """Light GRU: no reset gate, and ReLU in the candidate.

        z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z)                update gate
        g_t = relu(W_g x_t + U_g h_{t-1} + b_g)                   candidate
        h_t = z_t * h_{t-1} + (1 - z_t) * g_t                     new state and output

    Departs from the paper: Ravanelli et al. normalise W_z x_t and W_g x_t over the batch, which
    also keeps the ReLU bounded; here they have biases instead, and `layer_norm` is at hand.
    (z_t weighs the *old* state, as in `keras.layers.GRU`.)

    Args:
        units: Size of the state, a positive integer.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates update, candidate):
        kernel `(features, 2 * units)`, recurrent_kernel `(units, 2 * units)`, bias `(2 * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.LiGRUCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Ravanelli, Brakel, Omologo & Bengio 2018, "Light Gated Recurrent Units for Speech
        Recognition", arXiv:1803.10225.
    """

    gates = ("update", "candidate")
    reference = "Ravanelli et al. 2018, Light Gated Recurrent Units for Speech Recognition"

    def step(self, projected, states):
        [h] = states
        z, g = self.recurrent(h, *self.gates, add=projected)
        z = ops.sigmoid(z)
        g = ops.relu(g)
        h = z * h + (1 - z) * g
        return h, [h]
