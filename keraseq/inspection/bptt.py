"""Back-propagation through time as lectures derive it, written out in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from keras import ops

from keraseq.cells import Cell, ElmanCell, GRUCell, LSTMCell
from keraseq.checks import one_of, positive_integer


class Bptt(NamedTuple):
    """What `bptt` finds. All are NumPy arrays of float64.

    `states` are s_1 ... s_T and `deltas` dL/ds_1 ... dL/ds_T, `(batch, time, n)`: of an LSTM h and
    c side by side. The others are the gradients by the weights of the cell and by its inputs.
    """

    states: np.ndarray
    deltas: np.ndarray
    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray
    inputs: np.ndarray


def bptt(cell: Cell, x, slopes, *, initial_state=None, horizon: int | None = None) -> Bptt:
    """Back-propagation through time of an Elman network, a GRU or an LSTM, written out.

        a_t = x_t W + h_{t-1} U + b             h_t = f(a_t)
        delta_t = dL/dh_t = g_t + (delta_{t+1} * f'(a_{t+1})) U'        g_t: by the output of t
        dL/dU = sum over t of  h_{t-1}' (delta_t * f'(a_t))             W: x_t, b: 1 instead of h

    So for Elman's; the others have the same two lines with a step of their own.

    Truncated, what the output of step t sends goes back `horizon` steps and no further: the steps
    t, t - 1, ..., t - horizon. With `horizon=0` every step learns as if its state were given.

    Args:
        cell: A built `ElmanCell` with the activation tanh, sigmoid, relu or linear, a `GRUCell`
            (`reset="before"`) or an `LSTMCell`, with no other options that change the equation.
        x: `(batch, time, features)`.
        slopes: g, the gradient of the loss by the output of each step, all later ones apart:
            `(batch, time, units)`; zeros but for the last step where only that has a loss.
        initial_state: s_0, `(batch, n)`. Default: zeros.
        horizon: How many steps back a gradient goes, 0 or more. Default: all.

    Raises:
        ValueError: The cell is another, a shape does not fit, or `horizon` is no such number.

    Example:

    >>> import numpy as np
    >>> cell = keraseq.cells.ElmanCell(4)
    >>> cell.build((None, 3))
    >>> keraseq.inspection.bptt(cell, np.ones((2, 5, 3)), np.ones((2, 5, 4))).bias.shape
    (4,)

    References:
        Werbos 1990, "Backpropagation Through Time: What It Does and How to Do It", Proceedings of
        the IEEE 78.
        Williams & Peng 1990, "An Efficient Gradient-Based Algorithm for On-Line Training of
        Recurrent Network Trajectories", Neural Computation 2 (truncated).
    """
    written = written_out(cell)
    x, g = np.asarray(x, "float64"), np.asarray(slopes, "float64")
    if x.ndim != 3 or x.shape[2] != cell.features or g.shape != (*x.shape[:2], cell.units):
        raise ValueError(
            f"x must be (batch, time, {cell.features}) and slopes (batch, time, {cell.units}); "
            f"received {x.shape} and {g.shape}"
        )
    (batch, steps, _), n, W = x.shape, cell.units * written.states, numbers(cell.kernel)
    reach = steps if horizon is None else horizon and positive_integer("horizon", horizon)
    projected = x @ W + (numbers(cell.bias) if cell.use_bias else 0.0)
    s = np.zeros((batch, steps + 1, n))  # s[:, t] is s_t
    s[:, 0] = 0.0 if initial_state is None else initial_state
    for t in range(steps):
        s[:, t + 1] = written.step(projected[:, t], s[:, t])
    before, s = s[:, :-1], s[:, 1:]

    delta = np.zeros_like(s)
    delta[..., : cell.units] = g
    if reach >= steps:
        for t in reversed(range(1, steps)):
            delta[:, t - 1] += written.back(projected[:, t], before[:, t], delta[:, t])[1]
    else:
        sent = delta
        for _ in range(reach):  # all outputs at once send it one step further back
            sent = written.back(projected, before, sent)[1][:, 1:]
            sent = np.concatenate([sent, np.zeros((batch, 1, n))], axis=1)
            delta = delta + sent
    by_sum = written.back(projected, before, delta)[0]  # dL/da_t
    return Bptt(
        states=s,
        deltas=delta,
        kernel=np.einsum("bti,btj->ij", x, by_sum),
        recurrent_kernel=written.by_recurrent(projected, before, by_sum),
        bias=by_sum.sum(axis=(0, 1)),
        inputs=by_sum @ W.T,
    )


class Elman:
    """One step and its derivative; p is x W + b, s the states before, of one step or of many.

    `back` takes dL/ds_t and gives dL/da_t, and what goes to s_{t-1}.
    """

    states = 1

    def __init__(self, cell):
        self.U = numbers(cell.recurrent_kernel)
        name = one_of("activation", getattr(cell.activation, "__name__", "?"), ACTIVATIONS)
        self.f, self.slope = ACTIVATIONS[name]

    def step(self, p, s):
        return self.f(p + s @ self.U)

    def back(self, p, s, delta):
        d = delta * self.slope(self.step(p, s))
        return d, d @ self.U.T

    def by_recurrent(self, p, s, d):
        return np.einsum("bti,btj->ij", s[..., : len(self.U)], d)


class LSTM(Elman):
    """As `Elman`; blocks in the order input, forget, candidate, output."""

    states = 2

    def __init__(self, cell):
        self.U = numbers(cell.recurrent_kernel)

    def gates(self, p, s):
        h, c = np.split(s, 2, axis=-1)
        i, f, g, o = np.split(p + h @ self.U, 4, axis=-1)
        return c, sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)

    def step(self, p, s):
        c, i, f, g, o = self.gates(p, s)
        c = f * c + i * g
        return np.concatenate([o * np.tanh(c), c], axis=-1)

    def back(self, p, s, delta):
        c, i, f, g, o = self.gates(p, s)
        new = np.tanh(f * c + i * g)
        dh, dc = np.split(delta, 2, axis=-1)
        dc = dc + dh * o * (1 - new**2)
        by_gate = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2)
        d = np.concatenate([*by_gate, dh * new * o * (1 - o)], axis=-1)
        return d, np.concatenate([d @ self.U.T, dc * f], axis=-1)


class GRU(Elman):
    """As `Elman`; blocks in the order update, reset, candidate, which meets r * h."""

    def __init__(self, cell):
        n = cell.units
        U = numbers(cell.recurrent_kernel)
        self.n, self.U, self.U_g = n, U[:, : 2 * n], U[:, 2 * n :]

    def gates(self, p, h):
        z, r = np.split(sigmoid(p[..., : 2 * self.n] + h @ self.U), 2, axis=-1)
        return z, r, np.tanh(p[..., 2 * self.n :] + (r * h) @ self.U_g)

    def step(self, p, h):
        z, _, g = self.gates(p, h)
        return z * h + (1 - z) * g

    def back(self, p, h, delta):
        z, r, g = self.gates(p, h)
        d_g = delta * (1 - z) * (1 - g**2)
        to_rh = d_g @ self.U_g.T
        d = np.concatenate([delta * (h - g) * z * (1 - z), to_rh * h * r * (1 - r)], axis=-1)
        return np.concatenate([d, d_g], axis=-1), delta * z + to_rh * r + d @ self.U.T

    def by_recurrent(self, p, h, d):
        _, r, _ = self.gates(p, h)
        gates, candidate = np.split(d, [2 * self.n], axis=-1)
        pairs = (h, gates), (r * h, candidate)
        return np.concatenate([np.einsum("bti,btj->ij", *one) for one in pairs], axis=1)


def sigmoid(a):
    """1 / (1 + exp(-a)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * a))


# f, and f' in terms of h = f(a).
ACTIVATIONS = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "sigmoid": (sigmoid, lambda h: h * (1 - h)),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(h.dtype)),
    "linear": (lambda a: a, np.ones_like),
}
WRITTEN = {ElmanCell: Elman, GRUCell: GRU, LSTMCell: LSTM}


def written_out(cell) -> Elman:
    """The equations of a cell that is one of the three and nothing besides."""
    if type(cell) not in WRITTEN or not cell.built:
        raise ValueError(f"cell must be a built ElmanCell, GRUCell or LSTMCell; received {cell!r}")
    if cell.layer_norm or any(cell.zoneout):
        raise ValueError("bptt knows neither layer_norm nor zoneout")
    if not isinstance(cell, ElmanCell):
        plain, has = type(cell)(cell.units).get_config(), cell.get_config()
        for name in EQUATION:
            if has.get(name) != plain.get(name):
                raise ValueError(f"bptt knows {name}={plain[name]!r} alone; received {has[name]!r}")
    return WRITTEN[type(cell)](cell)


# Options that change the equation of a GRU or an LSTM.
EQUATION = ("reset", "peephole", "coupled", "input_gate", "forget_gate", "output_gate")
EQUATION += ("projection", "activation", "recurrent_activation")


def numbers(variable) -> np.ndarray:
    """A weight in float64."""
    return ops.convert_to_numpy(variable).astype("float64")
