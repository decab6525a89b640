"""sLSTM: long short-term memory with exponential gates."""

import keras
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.checks import one_of


@keras.saving.register_keras_serializable("keraseq")
class SLSTMCell(Cell):
    """sLSTM: long short-term memory with exponential gates, a normaliser and a stabiliser.

        p_t = W_i x_t + U_i h_{t-1} + b_i                         input gate's exponent
        q_t = log sigmoid(W_f x_t + U_f h_{t-1} + b_f)            forget gate's exponent
        m_t = max(q_t + m_{t-1}, p_t)                             stabiliser
        i_t = exp(p_t - m_t)                                      input gate
        f_t = exp(q_t + m_{t-1} - m_t)                            forget gate
        z_t = tanh(W_z x_t + U_z h_{t-1} + b_z)                   candidate
        c_t = f_t * c_{t-1} + i_t * z_t                           new cell state
        n_t = f_t * n_{t-1} + i_t                                 new normaliser
        o_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o)                output gate
        h_t = o_t * c_t / n_t                                     new hidden state, output

    With `forget="exp"` the forget gate is exponential too: q_t = W_f x_t + U_f h_{t-1} + b_f. The
    true cell state and normaliser are c_t and n_t times exp(m_t); h_t does not depend on m.

    Departs from the paper: U is dense (one head). Where nothing is remembered yet (n_{t-1} = 0)
    m_t = p_t, as in the authors' code, since m_{t-1} is the scale of nothing. b_f starts at 1, as
    in `keraseq.cells.LSTMCell`. Zoneout has one rate for c, n and m, which belong together; at
    inference it mixes c and n at one scale.

    Args:
        units: Size of the states, a positive integer.
        forget: `"sigmoid"` or `"exp"`, the forget gate's function. Defaults to `"sigmoid"`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: Four tensors, `h_{t-1}`, `c_{t-1}`, `n_{t-1}` and `m_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t, c_t, n_t, m_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates input, forget, candidate, output):
        kernel `(features, 4 * units)`, recurrent_kernel `(units, 4 * units)`, bias `(4 * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.SLSTMCell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Beck, Pöppel, Spanring, Auer, Prudnikova, Kopp, Klambauer, Brandstetter & Hochreiter 2024,
        "xLSTM: Extended Long Short-Term Memory", arXiv:2405.04517.
    """

    gates = ("input", "forget", "candidate", "output")
    state_names = ("hidden", "cell", "normalizer", "maximum")
    zoned_with = (0, 1, 1, 1)
    reference = "Beck et al. 2024, xLSTM: Extended Long Short-Term Memory"

    def __init__(self, units, *, forget: str = "sigmoid", **options):
        super().__init__(units, **options)
        self.forget = one_of("forget", forget, ("sigmoid", "exp"))

    def bias_defaults(self):
        return {"forget": 1.0}

    def step(self, projected, states):
        h, c, n, m = states
        p, q, z, o = self.recurrent(h, *self.gates, add=projected)
        q = ops.log_sigmoid(q) if self.forget == "sigmoid" else q
        before, m = q + m, ops.where(n == 0, p, ops.maximum(q + m, p))
        i = ops.exp(p - m)
        f = ops.exp(-ops.relu(m - before))  # above 0 it would only multiply n = 0
        z = ops.tanh(z)
        c = f * c + i * z
        n = f * n + i
        o = ops.sigmoid(o)
        h = o * c / n
        return h, [h, c, n, m]

    def zoned(self, states, new_states, keep=None):
        """The new states mixed with the old ones, c and n at one scale."""
        (h, *old), (new_h, *new) = states, new_states
        if keep is None:
            m = ops.maximum(old[2], new[2])
            old, new = ([*(ops.exp(m_0 - m) * one for one in both), m] for *both, m_0 in (old, new))
        return super().zoned([h, *old], [new_h, *new], keep)
