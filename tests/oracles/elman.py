"""Elman 1990, Finding Structure in Time.

Le, Jaitly & Hinton 2015 for the IRNN (ReLU, U = identity at the start).
"""

from oracles.parts import ACTIVATIONS, biases, project, recur


def elman(weights, x, states, *, activation="tanh", use_bias=True, layer_norm=False):
    """h_t = f(W x_t + U h_{t-1} + b)"""
    [h] = states
    gates = ["hidden"]
    W = project(x, weights, gates, layer_norm)
    U = recur(h, weights, gates, gates, layer_norm)
    b = biases(weights, gates, use_bias)
    h = ACTIVATIONS[activation](W["hidden"] + U["hidden"] + b["hidden"])
    return h, [h]
