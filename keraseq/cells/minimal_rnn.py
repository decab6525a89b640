"""MinimalRNN: a gate between the old state and an encoding of the input."""

import keras
from keras import ops

from keraseq.cells.cell import Cell, normalise


@keras.saving.register_keras_serializable("keraseq")
class MinimalRNNCell(Cell):
    """MinimalRNN: the state lives in the space of the encoded inputs.

        z_t = tanh(W x_t + b_z)                                   encoded input
        u_t = sigmoid(U_h h_{t-1} + U_z z_t + b_u)                update gate
        h_t = u_t * h_{t-1} + (1 - u_t) * z_t                     new state and output

    Departs from the paper: nothing; the encoder, any network in the paper, is the one layer that
    its experiments use. (u_t weighs the *old* state, as in `keras.layers.GRU`.)

    Args:
        units: Size of the state, a positive integer.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.
            `kernel_initializer`, regulariser and constraint serve U_z too.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates candidate, update):
        kernel `(features, units)` (candidate), recurrent_kernel `(units, units)` (update), bias
        `(2 * units,)`, latent_kernel U_z `(units, units)`; with `layer_norm` also latent_gain.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MinimalRNNCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Chen 2017, "MinimalRNN: Toward More Interpretable and Trainable Recurrent Neural Networks",
        arXiv:1711.06788.
    """

    gates = ("candidate", "update")
    reference = "Chen 2017, MinimalRNN: Toward More Interpretable and Trainable Recurrent Networks"

    @property
    def kernel_blocks(self):
        return ("candidate",)

    @property
    def recurrent_blocks(self):
        return ("update",)

    def build_weights(self, features):
        super().build_weights(features)
        self.latent_kernel = self.matrix("latent_kernel", self.units, ("update",))
        if self.layer_norm:
            self.latent_gain = self.vector("latent_gain", self.units, "ones")

    def project(self, inputs):
        b_z, b_u = self.biases("candidate", "update")
        z = ops.tanh(self.affine(inputs, b_z))
        u = self._product(z, self.latent_kernel)
        u = (normalise(u, self.latent_gain) if self.layer_norm else u) + b_u
        return ops.concatenate([z, u], axis=-1)

    def step(self, projected, states):
        [h] = states
        z, x_u = ops.split(projected, 2, axis=-1)
        u = ops.sigmoid(x_u + self.recurrent(h, "update"))
        h = u * h + (1 - u) * z
        return h, [h]
