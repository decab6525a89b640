"""Beck et al. 2024, xLSTM: Extended Long Short-Term Memory, section 2.2 and appendix A.1."""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def slstm(weights, x, states, *, forget="sigmoid", use_bias=True, layer_norm=False):
    """c_t = f_t . c_{t-1} + i_t . z_t,  n_t = f_t . n_{t-1} + i_t,  h_t = o_t . c_t / n_t
    z = tanh(z~), i = exp(i~), f = s(f~) or exp(f~), o = s(o~)
    m_t = max(log f_t + m_{t-1}, log i_t)
    i'_t = exp(log i_t - m_t), f'_t = exp(log f_t + m_{t-1} - m_t) in place of i and f

    Where n_{t-1} = 0, m_t = log i_t (the authors' code).
    """
    h, c, n, m = states
    gates = ["input", "forget", "candidate", "output"]
    W, b = project(x, weights, gates, layer_norm), biases(weights, gates, use_bias)
    U = recur(h, weights, gates, gates, layer_norm)
    i, f, z, o = (W[gate] + U[gate] + b[gate] for gate in gates)
    log_f = np.log(sigmoid(f)) if forget == "sigmoid" else f
    new_m = np.where(n == 0.0, i, np.maximum(log_f + m, i))
    i, f = np.exp(i - new_m), np.where(n == 0.0, 0.0, np.exp(log_f + m - new_m))
    c, n = f * c + i * np.tanh(z), f * n + i
    h = sigmoid(o) * c / n
    return h, [h, c, n, new_m]


def at_one_scale(old, new):
    """Two lists of states with the true c and n in units of the same exp(m)."""
    m = np.maximum(old[3], new[3])
    return [[h, c * np.exp(own - m), n * np.exp(own - m), m] for h, c, n, own in (old, new)]
