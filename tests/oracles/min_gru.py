"""Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, Were RNNs All We Needed?"""

import numpy as np

from oracles.parts import biases, project, sigmoid


def min_gru(weights, x, states, *, positive=False, use_bias=True, layer_norm=False):
    """z_t = s(Linear_z(x_t))
    h~_t = Linear_h(x_t), or g(Linear_h(x_t)) as in the log-space form
    h_t = (1 - z_t) . h_{t-1} + z_t . h~_t

    Dropped (Semeniuta et al. 2016) is h~.
    """
    [h] = states
    gates = ["update", "candidate"]
    W, b = project(x, weights, gates, layer_norm), biases(weights, gates, use_bias)
    z = sigmoid(W["update"] + b["update"])
    candidate = candidate_of(W["candidate"] + b["candidate"], positive, weights)
    h = (1.0 - z) * h + z * candidate
    return h, [h]


def min_lstm(weights, x, states, *, positive=False, use_bias=True, layer_norm=False):
    """f_t = s(Linear_f(x_t)), i_t = s(Linear_i(x_t))
    f'_t = f_t / (f_t + i_t), i'_t = i_t / (f_t + i_t)
    h~_t = Linear_h(x_t), or g(Linear_h(x_t))
    h_t = f'_t . h_{t-1} + i'_t . h~_t
    """
    [h] = states
    gates = ["forget", "input", "candidate"]
    W, b = project(x, weights, gates, layer_norm), biases(weights, gates, use_bias)
    f, i = (sigmoid(W[gate] + b[gate]) for gate in ("forget", "input"))
    candidate = candidate_of(W["candidate"] + b["candidate"], positive, weights)
    h = f / (f + i) * h + i / (f + i) * candidate
    return h, [h]


def candidate_of(v, positive, weights):
    """g(v) = v + 0.5 where v >= 0, else s(v)."""
    if positive:
        v = np.where(v >= 0, v + 0.5, sigmoid(v))
    return v * weights.get("operand_mask", 1.0)
