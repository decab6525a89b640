"""Li, Li, Cook, Zhu & Gao 2018, Independently Recurrent Neural Network (IndRNN)."""

from oracles.parts import ACTIVATIONS, biases, project


def indrnn(weights, x, states, *, activation="relu", use_bias=True, layer_norm=False):
    """h_t = f(W x_t + u . h_{t-1} + b)"""
    [h] = states
    W = project(x, weights, ["hidden"], layer_norm)
    b = biases(weights, ["hidden"], use_bias)
    kept = h * weights.get("operand_mask", 1.0)
    h = ACTIVATIONS[activation](W["hidden"] + weights["recurrent_kernel"] * kept + b["hidden"])
    return h, [h]
