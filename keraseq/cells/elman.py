"""Elman's simple recurrent network."""

import keras

from keraseq.cells.cell import Cell
from keraseq.checks import known_to


@keras.saving.register_keras_serializable("keraseq")
class ElmanCell(Cell):
    """Simple recurrent network: the state is one activation of input and old state.

        h_t = f(W x_t + U h_{t-1} + b)                        new state and output

    The preset `irnn` is Le et al.'s: f = ReLU, U = identity and b = 0 at the start of training.

    Departs from the paper: Elman's units are logistic; f is tanh by default, as everywhere since.

    Args:
        units: Size of the state, a positive integer.
        activation: f, a name or a function. Defaults to `"tanh"`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (one block, hidden):
        kernel `(features, units)`, recurrent_kernel `(units, units)`, bias `(units,)`. The weights
        of `keras.layers.SimpleRNN` fit unchanged.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.ElmanCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Elman 1990, "Finding Structure in Time", Cognitive Science 14.
        Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear
        Units", arXiv:1504.00941.
    """

    gates = ("hidden",)
    reference = "Elman 1990, Finding Structure in Time"

    def __init__(self, units, *, activation="tanh", **options):
        super().__init__(units, **options)
        self.activation = known_to(keras.activations, "activation", activation)

    def step(self, projected, states):
        [h] = states
        h = self.activation(self.recurrent(h, "hidden", add=projected))
        return h, [h]
