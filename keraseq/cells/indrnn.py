"""Independently recurrent network."""

import keras

from keraseq.cells.cell import Cell
from keraseq.cells.initializers import draw_blocks
from keraseq.checks import known_to


@keras.saving.register_keras_serializable("keraseq")
class IndRNNCell(Cell):
    """Independently recurrent network: each unit sees of the old state only itself.

        h_t = f(W x_t + u * h_{t-1} + b)                          new state and output

    Depth does the mixing: stack several. The paper keeps |u| below 2^(1/T) for sequences of T
    steps; give `recurrent_constraint` for that.

    Departs from the paper: u starts uniform in [0, 1], the paper's choice for hidden layers; its
    choice for a last layer that must remember (close to 1) is left to `recurrent_initializer`.
    `layer_norm` normalises W x_t alone, since u * h_{t-1} is no matrix product.

    Args:
        units: Size of the state, a positive integer.
        activation: f, a name or a function. Defaults to `"relu"`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.
            `recurrent_initializer` is that of u here and defaults to uniform in [0, 1].

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (one block, hidden):
        kernel `(features, units)`, recurrent_kernel `(units,)`, bias `(units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.IndRNNCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Li, Li, Cook, Zhu & Gao 2018, "Independently Recurrent Neural Network (IndRNN)",
        arXiv:1803.04831.
    """

    gates = ("hidden",)
    reference = "Li et al. 2018, Independently Recurrent Neural Network (IndRNN)"

    def __init__(self, units, *, activation="relu", recurrent_initializer=None, **options):
        if recurrent_initializer is None:
            recurrent_initializer = keras.initializers.RandomUniform(0.0, 1.0)
        super().__init__(units, recurrent_initializer=recurrent_initializer, **options)
        self.activation = known_to(keras.activations, "activation", activation)

    @property
    def recurrent_blocks(self):
        return ()  # no matrix: `build_weights` makes the vector

    def build_weights(self, features):
        super().build_weights(features)
        given = self.recurrent_initializer
        self.recurrent_kernel = self.weight(
            "recurrent_kernel",
            "recurrent",
            (self.units,),
            lambda shape, dtype: draw_blocks(given, {}, "zeros", self.gates, shape, dtype),
        )

    def step(self, projected, states):
        [h] = states
        h = self.activation(projected + self.recurrent_kernel * self.masked(h))
        return h, [h]
