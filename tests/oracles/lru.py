"""Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long Sequences, appendix A."""

import numpy as np

from oracles.parts import biases, project
from oracles.parts import layer_norm as normalised


def lru(weights, x, states, *, use_bias=True, layer_norm=False):
    """Lambda = exp(-exp(nu_log) + 1j exp(theta_log))
    x_t = Lambda . x_{t-1} + exp(gamma_log) . (B u_t)
    y_t = Re(C x_t) + D u_t [+ b]

    In complex numbers; the weights hold B as B_re, B_im, and C as C_re above -C_im.
    """
    real, imaginary = states
    W = project(x, weights, ["real", "imaginary", "skip"], layer_norm)
    eigenvalue = np.exp(-np.exp(weights["nu"]) + 1j * np.exp(weights["theta"]))
    B = (W["real"] + 1j * W["imaginary"]) * weights.get("operand_mask", 1.0)
    state = eigenvalue * (real + 1j * imaginary) + np.exp(weights["gamma"]) * B
    states = [state.real, state.imag]
    return lru_output(weights, x, states, use_bias=use_bias, layer_norm=layer_norm), states


def lru_output(weights, x, states, *, use_bias=True, layer_norm=False):
    """y of a state."""
    C_re, minus_C_im = np.split(weights["output_kernel"], 2)
    C = ((states[0] + 1j * states[1]) @ (C_re - 1j * minus_C_im)).real
    if layer_norm:
        C = normalised(C, weights["output_gain"])
    D = project(x, weights, ["real", "imaginary", "skip"], layer_norm)["skip"]
    return C + D + biases(weights, ["skip"], use_bias)["skip"]
