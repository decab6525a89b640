"""Chen 2017, MinimalRNN: Toward More Interpretable and Trainable Recurrent Neural Networks."""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid


def minimal_rnn(weights, x, states, *, use_bias=True, layer_norm=False):
    """z_t = tanh(W_x x_t + b_z)                    the paper's Phi
    u_t = s(U_h h_{t-1} + U_z z_t + b_u)
    h_t = u_t . h_{t-1} + (1 - u_t) . z_t
    """
    [h] = states
    b = biases(weights, ["candidate", "update"], use_bias)
    z = np.tanh(project(x, weights, ["candidate"], layer_norm)["candidate"] + b["candidate"])
    U = recur(h, weights, ["update"], ["update"], layer_norm)
    Z = project(z, weights, ["update"], layer_norm, matrix="latent_kernel", gain="latent_gain")
    u = sigmoid(U["update"] + Z["update"] + b["update"])
    h = u * h + (1.0 - u) * z
    return h, [h]
