"""Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder.

Reset before the product is their equation; after it is cuDNN's.
"""

from oracles.parts import ACTIVATIONS, biases, project, recur, split


def gru(
    weights,
    x,
    states,
    *,
    reset="before",
    activation="tanh",
    recurrent_activation="sigmoid",
    use_bias=True,
    layer_norm=False,
):
    """z_t = s(W_z x_t + U_z h_{t-1} + b_z)
    r_t = s(W_r x_t + U_r h_{t-1} + b_r)                        absent when reset is "none"
    g_t = tanh(W_h x_t + U_h (r_t . h_{t-1}) + b_h)             reset before the product
    g_t = tanh(W_h x_t + b_h + r_t . (U_h h_{t-1} + b'_h))      reset after it, as cuDNN
    h_t = z_t . h_{t-1} + (1 - z_t) . g_t
    """
    [h] = states
    s, tanh = ACTIVATIONS[recurrent_activation], ACTIVATIONS[activation]
    if reset == "none":
        gates = ["update", "candidate"]
        W = project(x, weights, gates, layer_norm)
        U = recur(h, weights, gates, gates, layer_norm)
        b = biases(weights, gates, use_bias)
        z = s(W["update"] + U["update"] + b["update"])
        g = tanh(W["candidate"] + U["candidate"] + b["candidate"])
        h = z * h + (1.0 - z) * g
        return h, [h]

    gates = ["update", "reset", "candidate"]
    W = project(x, weights, gates, layer_norm)
    if reset == "before":
        b = biases(weights, gates, use_bias)
        U = recur(h, weights, gates, ["update", "reset"], layer_norm)
        z = s(W["update"] + U["update"] + b["update"])
        r = s(W["reset"] + U["reset"] + b["reset"])
        V = recur(r * h, weights, gates, ["candidate"], layer_norm)
        g = tanh(W["candidate"] + V["candidate"] + b["candidate"])
    elif reset == "after":
        zero = dict.fromkeys(gates, 0.0)
        b_in = split(weights["bias"][0], gates) if use_bias else zero
        b_rec = split(weights["bias"][1], gates) if use_bias else zero
        U = recur(h, weights, gates, gates, layer_norm)
        z = s(W["update"] + b_in["update"] + U["update"] + b_rec["update"])
        r = s(W["reset"] + b_in["reset"] + U["reset"] + b_rec["reset"])
        inner = U["candidate"] + b_rec["candidate"]
        g = tanh(W["candidate"] + b_in["candidate"] + r * inner)
    else:
        raise ValueError(reset)
    h = z * h + (1.0 - z) * g
    return h, [h]
