"""Zilly, Srivastava, Koutnik & Schmidhuber 2017, Recurrent Highway Networks; carry gate 1 - t."""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def rhn(weights, x, states, *, depth=2, use_bias=True, layer_norm=False):
    """for l = 1 .. depth, s_0 = y_{t-1}:
    g_l = tanh(W_g x_t [l = 1] + R_g,l s_{l-1} + b_g,l)
    t_l = s(W_t x_t [l = 1] + R_t,l s_{l-1} + b_t,l)
    s_l = g_l . t_l + s_{l-1} . (1 - t_l)
    y_t = s_depth
    """
    [s] = states
    gates = [f"{part}_{n + 1}" for n in range(depth) for part in ("candidate", "transform")]
    W = project(x, weights, gates[:2], layer_norm)
    b = biases(weights, gates, use_bias)
    for level in range(1, depth + 1):
        candidate, transform = f"candidate_{level}", f"transform_{level}"
        R = recur(s, weights, gates, [candidate, transform], layer_norm)
        g = np.tanh(W.get(candidate, 0.0) + R[candidate] + b[candidate])
        t = sigmoid(W.get(transform, 0.0) + R[transform] + b[transform])
        s = g * t + s * (1.0 - t)
    return s, [s]
