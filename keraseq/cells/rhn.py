"""Recurrent highway network."""

import keras
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.checks import number, positive_integer

DEEPEST = 1_000  # highway layers; a file may ask for any number of them


@keras.saving.register_keras_serializable("keraseq")
class RHNCell(Cell):
    """Recurrent highway network: several highway layers within one step.

        s_0 = h_{t-1}
        g_n = tanh([W_g x_t, n = 1] + U_gn s_{n-1} + b_gn)        candidate of layer n = 1 ... depth
        z_n = sigmoid([W_z x_t, n = 1] + U_zn s_{n-1} + b_zn)     transform gate of layer n
        s_n = g_n * z_n + s_{n-1} * (1 - z_n)
        h_t = s_depth                                             new state and output

    The input enters the first layer only.

    Departs from the paper: the carry gate is always 1 - z_n, as in all of the paper's experiments.

    Args:
        units: Size of the state, a positive integer.
        depth: Number of highway layers in a step, a positive integer, at most 1,000. Defaults to 2.
        transform_bias: Initial value of b_z, any number; negative values carry the state over at
            first. Defaults to -2.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates candidate_1, transform_1, candidate_2, ...):
        kernel `(features, 2 * units)` (candidate_1, transform_1), recurrent_kernel
        `(units, 2 * depth * units)`, bias `(2 * depth * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.RHNCell(16, depth=3))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Zilly, Srivastava, Koutnik & Schmidhuber 2017, "Recurrent Highway Networks",
        arXiv:1607.03474.
    """

    reference = "Zilly et al. 2017, Recurrent Highway Networks"

    def __init__(self, units, *, depth: int = 2, transform_bias: float = -2.0, **options):
        self.depth = positive_integer("depth", depth)
        if depth > DEEPEST:
            raise ValueError(f"depth must be at most {DEEPEST:,}; received depth={depth}")
        super().__init__(units, **options)
        self.transform_bias = number("transform_bias", transform_bias)

    @property
    def gates(self):
        layers = range(1, self.depth + 1)
        return tuple(f"{gate}_{n}" for n in layers for gate in ("candidate", "transform"))

    @property
    def kernel_blocks(self):
        return self.gates[:2]

    def bias_defaults(self):
        return {gate: self.transform_bias for gate in self.gates if gate.startswith("transform")}

    def project(self, inputs):
        return self.affine(inputs, self.biases(*self.gates[:2], joined=True))

    def step(self, projected, states):
        [s] = states
        for n in range(1, self.depth + 1):
            blocks = (f"candidate_{n}", f"transform_{n}")
            x = projected if n == 1 else self.biases(*blocks, joined=True)
            g, z = self.recurrent(s, *blocks, add=x)
            g = ops.tanh(g)
            z = ops.sigmoid(z)
            s = g * z + s * (1 - z)
        return s, [s]
