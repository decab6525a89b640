"""What the papers' equations share, in NumPy float64: activations, layer norm, matrix blocks."""

import numpy as np

EPSILON = 1e-5


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-v))


ACTIVATIONS = {
    "linear": lambda v: v,
    "relu": lambda v: np.maximum(v, 0.0),
    "sigmoid": sigmoid,
    "softsign": lambda v: v / (1.0 + np.abs(v)),
    "tanh": np.tanh,
}


def layer_norm(v, gain, shift=0.0):
    """Ba, Kiros & Hinton 2016, over the last axis, with the population variance."""
    mean = v.mean(axis=-1, keepdims=True)
    variance = ((v - mean) ** 2).mean(axis=-1, keepdims=True)
    return gain * (v - mean) / np.sqrt(variance + EPSILON) + shift


def split(array, names):
    """The last axis cut in equal blocks, as a dict of the names given."""
    parts = np.split(np.asarray(array, "float64"), len(names), axis=-1)
    return dict(zip(names, parts, strict=True))


def biases(weights, names, use_bias):
    return split(weights["bias"], names) if use_bias else dict.fromkeys(names, 0.0)


def project(x, weights, names, layer_norm_it, matrix="kernel", gain="kernel_gain"):
    """W x for every block together; normalised, it is one vector."""
    if not names:
        return {}
    product = x @ weights[matrix]
    if layer_norm_it:
        product = layer_norm(product, weights[gain])
    return split(product, names)


def recur(operand, weights, names, wanted, layer_norm_it):
    """U operand for the blocks wanted, out of a recurrent kernel that holds `names`.

    Normalised, the blocks wanted are one vector. `operand_mask` (recurrent dropout, Gal and
    Ghahramani 2016) multiplies every operand where it is given.
    """
    operand = operand * weights.get("operand_mask", 1.0)
    blocks = split(weights["recurrent_kernel"], names)
    product = operand @ np.concatenate([blocks[name] for name in wanted], axis=-1)
    if layer_norm_it:
        gains = split(weights["recurrent_gain"], names)
        product = layer_norm(product, np.concatenate([gains[name] for name in wanted]))
    return split(product, wanted)
