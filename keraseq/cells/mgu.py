"""Minimal gated unit."""

import keras
from keras import ops

from keraseq.cells.cell import Cell


@keras.saving.register_keras_serializable("keraseq")
class MGUCell(Cell):
    """Minimal gated unit: a GRU whose one gate both resets and updates.

        f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)                forget gate
        g_t = tanh(W_g x_t + U_g (f_t * h_{t-1}) + b_g)           candidate
        h_t = (1 - f_t) * h_{t-1} + f_t * g_t                     new state and output

    Departs from the paper: nothing. (f_t weighs the *new* value, opposite of `keras.layers.GRU`.)

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

    Weights (gates forget, candidate):
        kernel `(features, 2 * units)`, recurrent_kernel `(units, 2 * units)`, bias `(2 * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MGUCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Zhou, Wu, Zhang & Zhou 2016, "Minimal Gated Unit for Recurrent Neural Networks",
        arXiv:1603.09420.
    """

    gates = ("forget", "candidate")
    reference = "Zhou et al. 2016, Minimal Gated Unit for Recurrent Neural Networks"

    def step(self, projected, states):
        [h] = states
        x_f, x_g = ops.split(projected, 2, axis=-1)
        f = ops.sigmoid(x_f + self.recurrent(h, "forget"))
        g = ops.tanh(x_g + self.recurrent(f * h, "candidate"))
        h = (1 - f) * h + f * g
        return h, [h]
