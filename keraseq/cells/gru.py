"""Gated recurrent units."""

import keras
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.checks import known_to, one_of


@keras.saving.register_keras_serializable("keraseq")
class GRUCell(Cell):
    """Gated recurrent unit, with the reset gate before or after the recurrent product, or none.

        z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z)                 update gate
        r_t = sigmoid(W_r x_t + U_r h_{t-1} + b_r)                 reset gate
        g_t = tanh(W_g x_t + U_g (r_t * h_{t-1}) + b_g)            candidate, reset="before"
        g_t = tanh(W_g x_t + b_g + r_t * (U_g h_{t-1} + d_g))      candidate, reset="after"
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)                    candidate, reset="none"
        h_t = z_t * h_{t-1} + (1 - z_t) * g_t                      new state and output

    z_t weighs the *old* state, as in Cho et al. 2014, `keras.layers.GRU` and PyTorch; in Chung et
    al. 2014 and in MUT1-3 it weighs the new one. `reset="after"` is cuDNN's form, with a second
    bias d for the recurrent product of every gate (d_z and d_r add to b_z and b_r); `"none"` has an
    update gate only.

    Departs from the paper: biases, which Cho et al. leave out, are there (`use_bias=False` removes
    them).

    Args:
        units: Size of the state, a positive integer.
        reset: `"before"` (Cho et al. 2014), `"after"` (cuDNN) or `"none"`. Defaults to `"before"`.
        activation: In place of tanh. Defaults to `"tanh"`.
        recurrent_activation: In place of the gates' sigmoid. Defaults to `"sigmoid"`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (blocks in the order update, reset, candidate; no reset with `reset="none"`):
        kernel `(features, 3 * units)`, recurrent_kernel `(units, 3 * units)`, bias `(3 * units,)`,
        with `reset="after"` `(2, 3 * units)`: b, then d. Those of
        `keras.layers.GRU(reset_after=...)` fit unchanged.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.GRUCell(16, reset="after"))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
        Machine Translation", arXiv:1406.1078.
        Chung, Gulcehre, Cho & Bengio 2014, "Empirical Evaluation of Gated Recurrent Neural Networks
        on Sequence Modeling", arXiv:1412.3555.
    """

    reference = "Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder"

    def __init__(
        self,
        units,
        *,
        reset: str = "before",
        activation="tanh",
        recurrent_activation="sigmoid",
        **options,
    ):
        self.reset = one_of("reset", reset, ("before", "after", "none"))
        super().__init__(units, **options)
        self.activation = known_to(keras.activations, "activation", activation)
        self.recurrent_activation = known_to(
            keras.activations, "recurrent_activation", recurrent_activation
        )

    @property
    def gates(self):
        if self.reset == "none":
            return ("update", "candidate")
        return ("update", "reset", "candidate")

    def build_bias(self):
        if self.reset != "after" or not self.use_bias:
            return super().build_bias()
        self.bias = self.weight(
            "bias",
            "bias",
            (2, 3 * self.units),
            lambda shape, dtype: ops.stack(
                [self.initialise_bias(shape[1:], dtype), ops.zeros(shape[1:], dtype)]
            ),
        )

    def project(self, inputs):
        if self.reset != "after" or not self.use_bias:
            return super().project(inputs)
        return self.affine(inputs, self.bias[0])

    def step(self, projected, states):
        [h] = states
        s, tanh = self.recurrent_activation, self.activation
        if self.reset == "before":
            x_z, x_r, x_g = ops.split(projected, 3, axis=-1)
            u_z, u_r = self.recurrent(h, "update", "reset")
            z = s(x_z + u_z)
            r = s(x_r + u_r)
            g = tanh(x_g + self.recurrent(r * h, "candidate"))
        else:
            variant = self.reset_after if self.reset == "after" else self.without_reset
            z, r, g = variant(projected, h)
        h = z * h + (1 - z) * g
        return h, [h]

    def reset_after(self, projected, h):
        """z, r and g where the reset gate multiplies `U_g h + d_g`."""
        s, tanh = self.recurrent_activation, self.activation
        d = self.bias[1] if self.use_bias else None
        x_z, x_r, x_g = ops.split(projected, 3, axis=-1)
        u_z, u_r, u_g = self.recurrent(h, *self.gates, add=d)
        z = s(x_z + u_z)
        r = s(x_r + u_r)
        g = tanh(x_g + r * u_g)
        return z, r, g

    def without_reset(self, projected, h):
        """z and g where r is 1."""
        z, g = self.recurrent(h, *self.gates, add=projected)
        return self.recurrent_activation(z), 1.0, self.activation(g)
