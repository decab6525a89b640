"""Zhou, Wu, Zhang & Zhou 2016, Minimal Gated Unit for Recurrent Neural Networks."""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def mgu(weights, x, states, *, use_bias=True, layer_norm=False):
    """f_t = s(W_f x_t + U_f h_{t-1} + b_f)
    h~_t = tanh(W_h x_t + U_h (f_t . h_{t-1}) + b_h)
    h_t = (1 - f_t) . h_{t-1} + f_t . h~_t
    """
    [h] = states
    gates = ["forget", "candidate"]
    W = project(x, weights, gates, layer_norm)
    b = biases(weights, gates, use_bias)
    f = sigmoid(
        W["forget"] + recur(h, weights, gates, ["forget"], layer_norm)["forget"] + b["forget"]
    )
    V = recur(f * h, weights, gates, ["candidate"], layer_norm)
    g = np.tanh(W["candidate"] + V["candidate"] + b["candidate"])
    h = (1.0 - f) * h + f * g
    return h, [h]
