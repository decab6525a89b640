"""van der Westhuizen & Lasenby 2018, The Unreasonable Effectiveness of the Forget Gate."""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def janet(weights, x, states, *, beta=1.0, use_bias=True, layer_norm=False):
    """s_t = W_f x_t + U_f h_{t-1} + b_f
    c~_t = tanh(W_c x_t + U_c h_{t-1} + b_c)
    h_t = s(s_t) . h_{t-1} + (1 - s(s_t - beta)) . c~_t
    """
    [h] = states
    gates = ["forget", "candidate"]
    W = project(x, weights, gates, layer_norm)
    U = recur(h, weights, gates, gates, layer_norm)
    b = biases(weights, gates, use_bias)
    s = W["forget"] + U["forget"] + b["forget"]
    g = np.tanh(W["candidate"] + U["candidate"] + b["candidate"])
    h = sigmoid(s) * h + (1.0 - sigmoid(s - beta)) * g
    return h, [h]
