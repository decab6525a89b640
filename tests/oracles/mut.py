"""Jozefowicz, Zaremba & Sutskever 2015, An Empirical Exploration of Recurrent Architectures.

Where the paper adds the bare x_t (MUT2) or tanh(x_t) (MUT1) to vectors of `units`, P x_t stands
for it: P is the identity as printed, a fixed matrix, or a learned one.
"""

import numpy as np

from oracles.parts import biases, project, recur, sigmoid

GATES = ["update", "reset", "candidate"]


def bare_input(x, weights, units, mode, W, block):
    """P x_t, and a learned P is the kernel's own block."""
    if mode == "auto":
        mode = "identity" if x.shape[-1] == units else "learned"
    if mode == "identity":
        return x
    if mode == "fixed":
        return x @ weights["input_matrix"]
    return W[block]


def kernel_blocks(x, units, mode, block):
    learned = mode == "learned" or (mode == "auto" and x.shape[-1] != units)
    return GATES if learned else [gate for gate in GATES if gate != block]


def mut1(weights, x, states, *, input_projection="auto", use_bias=True, layer_norm=False):
    """z = s(W_xz x_t + b_z)
    r = s(W_xr x_t + W_hr h_t + b_r)
    h_{t+1} = tanh(W_hh (r . h_t) + tanh(x_t) + b_h) . z + h_t . (1 - z)
    """
    [h] = states
    units = h.shape[-1]
    W = project(x, weights, kernel_blocks(x, units, input_projection, "candidate"), layer_norm)
    b = biases(weights, GATES, use_bias)
    Px = bare_input(x, weights, units, input_projection, W, "candidate")
    recurrent = ["reset", "candidate"]

    z = sigmoid(W["update"] + b["update"])
    U = recur(h, weights, recurrent, ["reset"], layer_norm)
    r = sigmoid(W["reset"] + U["reset"] + b["reset"])
    V = recur(r * h, weights, recurrent, ["candidate"], layer_norm)
    h = np.tanh(V["candidate"] + np.tanh(Px) + b["candidate"]) * z + h * (1.0 - z)
    return h, [h]


def mut2(weights, x, states, *, input_projection="auto", use_bias=True, layer_norm=False):
    """z = s(W_xz x_t + W_hz h_t + b_z)
    r = s(x_t + W_hr h_t + b_r)
    h_{t+1} = tanh(W_hh (r . h_t) + W_xh x_t + b_h) . z + h_t . (1 - z)
    """
    [h] = states
    units = h.shape[-1]
    W = project(x, weights, kernel_blocks(x, units, input_projection, "reset"), layer_norm)
    b = biases(weights, GATES, use_bias)
    Px = bare_input(x, weights, units, input_projection, W, "reset")

    U = recur(h, weights, GATES, ["update", "reset"], layer_norm)
    z = sigmoid(W["update"] + U["update"] + b["update"])
    r = sigmoid(Px + U["reset"] + b["reset"])
    V = recur(r * h, weights, GATES, ["candidate"], layer_norm)
    h = np.tanh(V["candidate"] + W["candidate"] + b["candidate"]) * z + h * (1.0 - z)
    return h, [h]


def mut3(weights, x, states, *, use_bias=True, layer_norm=False):
    """z = s(W_xz x_t + W_hz tanh(h_t) + b_z)
    r = s(W_xr x_t + W_hr h_t + b_r)
    h_{t+1} = tanh(W_hh (r . h_t) + W_xh x_t + b_h) . z + h_t . (1 - z)
    """
    [h] = states
    W = project(x, weights, GATES, layer_norm)
    b = biases(weights, GATES, use_bias)

    T = recur(np.tanh(h), weights, GATES, ["update"], layer_norm)
    z = sigmoid(W["update"] + T["update"] + b["update"])
    U = recur(h, weights, GATES, ["reset"], layer_norm)
    r = sigmoid(W["reset"] + U["reset"] + b["reset"])
    V = recur(r * h, weights, GATES, ["candidate"], layer_norm)
    h = np.tanh(V["candidate"] + W["candidate"] + b["candidate"]) * z + h * (1.0 - z)
    return h, [h]
