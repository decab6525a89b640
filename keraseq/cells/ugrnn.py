"""Update gate RNN."""

import keras
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.checks import number


@keras.saving.register_keras_serializable("keraseq")
class UGRNNCell(Cell):
    """Update gate RNN: a simple recurrent network with one gate that keeps the old state.

        u_t = sigmoid(W_u x_t + U_u h_{t-1} + b_u + k)            update gate
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)                   candidate
        h_t = u_t * h_{t-1} + (1 - u_t) * g_t                     new state and output

    k is the paper's b^fg, a constant that is tuned and not trained.

    Departs from the paper: nothing. (u_t weighs the *old* state, as in `keras.layers.GRU`.)

    Args:
        units: Size of the state, a positive integer.
        forget_bias: k, any number. Defaults to 1.
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
    >>> layer = keraseq.layers.RNN(keraseq.cells.UGRNNCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Collins, Sohl-Dickstein & Sussillo 2017, "Capacity and Trainability in Recurrent Neural
        Networks", arXiv:1611.09913.
    """

    gates = ("update", "candidate")
    reference = "Collins et al. 2017, Capacity and Trainability in Recurrent Neural Networks"

    def __init__(self, units, *, forget_bias: float = 1.0, **options):
        super().__init__(units, **options)
        self.forget_bias = number("forget_bias", forget_bias)

    def step(self, projected, states):
        [h] = states
        u, g = self.recurrent(h, *self.gates, add=projected)
        u = ops.sigmoid(u + self.forget_bias)
        g = ops.tanh(g)
        h = u * h + (1 - u) * g
        return h, [h]
