"""minGRU and minLSTM: gates that see the input alone."""

import keras
from keras import ops

from keraseq.cells.linear import LinearCell
from keraseq.checks import boolean


class Minimal(LinearCell):
    """What minGRU and minLSTM share: the candidate."""

    def __init__(self, units, *, positive: bool = False, **options):
        super().__init__(units, **options)
        self.positive = boolean("positive", positive)

    def candidate(self, preactivation):
        """k_t, under recurrent dropout."""
        k = preactivation
        if self.positive:
            k = ops.where(k >= 0, k + 0.5, ops.sigmoid(k))
        return self.masked(k)


@keras.saving.register_keras_serializable("keraseq")
class MinGRUCell(Minimal):
    """minGRU: a gated recurrent unit whose gate and candidate do not see the state.

        z_t = sigmoid(W_z x_t + b_z)                              update gate
        k_t = W_k x_t + b_k                                       candidate
        h_t = (1 - z_t) * h_{t-1} + z_t * k_t                     new state and output

    All steps can be computed at once: see `keraseq.cells.LinearCell`. Depth does what the gates
    cannot, which see one input only: stack several. With `positive=True` the candidate is
    g(W_k x_t + b_k), with g(v) = v + 1/2 for v >= 0 and sigmoid(v) below, so that the state stays
    above 0, as in the paper's log-space form.

    Departs from the paper: nothing. (Its log-space form takes the first state through g; here a
    state is given as it is.)

    Args:
        units: Size of the state, a positive integer.
        positive: Whether the candidate goes through g. Defaults to `False`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`. `recurrent_dropout`
            drops k_t. There are no recurrent weights for the others called `recurrent`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates update, candidate):
        kernel `(features, 2 * units)`, bias `(2 * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MinGRUCell(16), loop="parallel")
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?",
        arXiv:2410.01201.
    """

    gates = ("update", "candidate")
    reference = "Feng et al. 2024, Were RNNs All We Needed?"

    def step(self, projected, states):
        [h] = states
        z, k = self.gated(projected)
        h = (1 - z) * h + z * k
        return h, [h]

    def gated(self, projected):
        """z and k."""
        z, k = ops.split(projected, 2, axis=-1)
        return ops.sigmoid(z), self.candidate(k)

    def coefficients(self, projected):
        z, k = self.gated(projected)
        return 1 - z, z * k


@keras.saving.register_keras_serializable("keraseq")
class MinLSTMCell(Minimal):
    """minLSTM: long short-term memory whose gates do not see the state, normalised to a sum of 1.

        u_t = sigmoid(W_f x_t + b_f)                              forget gate before normalisation
        v_t = sigmoid(W_i x_t + b_i)                              input gate before normalisation
        f_t = u_t / (u_t + v_t)                                   forget gate
        i_t = v_t / (u_t + v_t)                                   input gate
        k_t = W_k x_t + b_k                                       candidate
        h_t = f_t * h_{t-1} + i_t * k_t                           new state and output

    All steps can be computed at once: see `keraseq.cells.LinearCell`. With `positive=True` the
    candidate is g(W_k x_t + b_k), with g(v) = v + 1/2 for v >= 0 and sigmoid(v) below.

    Departs from the paper: nothing. (f_t is computed as sigmoid(log u_t - log v_t), which is the
    same and no 0 / 0 where both gates are shut.)

    Args:
        units: Size of the state, a positive integer.
        positive: Whether the candidate goes through g. Defaults to `False`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`. `recurrent_dropout`
            drops k_t. There are no recurrent weights for the others called `recurrent`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates forget, input, candidate):
        kernel `(features, 3 * units)`, bias `(3 * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MinLSTMCell(16), loop="parallel")
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?",
        arXiv:2410.01201.
    """

    gates = ("forget", "input", "candidate")
    reference = "Feng et al. 2024, Were RNNs All We Needed?"

    def step(self, projected, states):
        [h] = states
        f, i, k = self.gated(projected)
        h = f * h + i * k
        return h, [h]

    def gated(self, projected):
        """f, i and k."""
        f, i, k = ops.split(projected, 3, axis=-1)
        f = ops.sigmoid(ops.log_sigmoid(f) - ops.log_sigmoid(i))
        return f, 1 - f, self.candidate(k)

    def coefficients(self, projected):
        f, i, k = self.gated(projected)
        return f, i * k
