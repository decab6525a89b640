"""Ravanelli, Brakel, Omologo & Bengio 2018, Light Gated Recurrent Units for Speech Recognition.

Without the batch normalisation of W x; a bias stands in its place.
"""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def ligru(weights, x, states, *, use_bias=True, layer_norm=False):
    """z_t = s(W_z x_t + U_z h_{t-1} + b_z)
    h~_t = ReLU(W_h x_t + U_h h_{t-1} + b_h)
    h_t = z_t . h_{t-1} + (1 - z_t) . h~_t
    """
    [h] = states
    gates = ["update", "candidate"]
    W = project(x, weights, gates, layer_norm)
    U = recur(h, weights, gates, gates, layer_norm)
    b = biases(weights, gates, use_bias)
    z = sigmoid(W["update"] + U["update"] + b["update"])
    g = np.maximum(W["candidate"] + U["candidate"] + b["candidate"], 0.0)
    h = z * h + (1.0 - z) * g
    return h, [h]
