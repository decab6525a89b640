"""Just another network: an LSTM with a forget gate only."""

import keras
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.cells.initializers import ChronoInitializer, time_lag
from keraseq.checks import number


@keras.saving.register_keras_serializable("keraseq")
class JANETCell(Cell):
    """JANET: an LSTM of which only the forget gate is left.

        s_t = W_f x_t + U_f h_{t-1} + b_f                         forget gate, before its sigmoid
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)                   candidate
        f_t = sigmoid(s_t)                                        forget gate
        i_t = 1 - sigmoid(s_t - beta)                             input gate
        h_t = f_t * h_{t-1} + i_t * g_t                           new state and output

    Departs from the paper: b_f starts at 1 unless `chrono` is given; the paper always uses chrono
    initialisation with the length of the task.

    Args:
        units: Size of the state, a positive integer.
        beta: How much more is written than forgotten, any number. Defaults to 1.
        chrono: The longest time lag expected, in steps, at least 3: b_f = log u with u uniform in
            [1, chrono - 1] at the start (Tallec & Ollivier 2018). Default: none.
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
    >>> layer = keraseq.layers.RNN(keraseq.cells.JANETCell(16, chrono=100))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        van der Westhuizen & Lasenby 2018, "The Unreasonable Effectiveness of the Forget Gate",
        arXiv:1804.04849.
        Tallec & Ollivier 2018, "Can Recurrent Neural Networks Warp Time?", arXiv:1804.11188.
    """

    gates = ("forget", "candidate")
    reference = (
        "van der Westhuizen & Lasenby 2018, The Unreasonable Effectiveness of the Forget Gate"
    )

    def __init__(self, units, *, beta: float = 1.0, chrono: int | None = None, **options):
        super().__init__(units, **options)
        self.beta = number("beta", beta)
        self.chrono = time_lag(chrono)

    def bias_defaults(self):
        return {"forget": ChronoInitializer(self.chrono, seed=self.seed) if self.chrono else 1.0}

    def step(self, projected, states):
        [h] = states
        s, g = self.recurrent(h, *self.gates, add=projected)
        f = ops.sigmoid(s)
        i = 1 - ops.sigmoid(s - self.beta)
        g = ops.tanh(g)
        h = f * h + i * g
        return h, [h]
