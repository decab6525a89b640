"""Collins, Sohl-Dickstein & Sussillo 2017, Capacity and Trainability in Recurrent Networks."""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def ugrnn(weights, x, states, *, forget_bias=1.0, use_bias=True, layer_norm=False):
    """c_t = tanh(W_c x_t + U_c h_{t-1} + b_c)
    g_t = s(W_g x_t + U_g h_{t-1} + b_g + b_fg)
    h_t = g_t . h_{t-1} + (1 - g_t) . c_t
    """
    [h] = states
    gates = ["update", "candidate"]
    W = project(x, weights, gates, layer_norm)
    U = recur(h, weights, gates, gates, layer_norm)
    b = biases(weights, gates, use_bias)
    c = np.tanh(W["candidate"] + U["candidate"] + b["candidate"])
    g = sigmoid(W["update"] + U["update"] + b["update"] + forget_bias)
    h = g * h + (1.0 - g) * c
    return h, [h]
