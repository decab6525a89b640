"""Gers, Schmidhuber & Cummins 2000 (forget gate); Gers, Schraudolph & Schmidhuber 2002 (peephole);
Greff et al. 2017 (coupled gates); Sak, Senior & Beaufays 2014 (projection);
Jozefowicz, Zaremba & Sutskever 2015 (gates removed); Ba, Kiros & Hinton 2016 (layer normalisation).
"""

import numpy as np

from oracles.parts import ACTIVATIONS, biases, project, recur, split
from oracles.parts import layer_norm as normalise


def lstm(
    weights,
    x,
    states,
    *,
    peephole=False,
    coupled=False,
    input_gate=True,
    forget_gate=True,
    output_gate=True,
    projection=None,
    activation="tanh",
    recurrent_activation="sigmoid",
    use_bias=True,
    layer_norm=False,
):
    """i_t = s(W_i x_t + U_i h_{t-1} + p_i . c_{t-1} + b_i)    1 when removed, 1 - f_t when coupled
    f_t = s(W_f x_t + U_f h_{t-1} + p_f . c_{t-1} + b_f)    1 when removed
    g_t = tanh(W_c x_t + U_c h_{t-1} + b_c)
    c_t = f_t . c_{t-1} + i_t . g_t
    o_t = s(W_o x_t + U_o h_{t-1} + p_o . c_t + b_o)        1 when removed
    h_t = o_t . tanh(c_t)                                   times P with a projection
    """
    h, c = states
    s, f_act = ACTIVATIONS[recurrent_activation], ACTIVATIONS[activation]
    has = {
        "input": input_gate and not coupled,
        "forget": forget_gate,
        "candidate": True,
        "output": output_gate,
    }
    gates = [gate for gate in ("input", "forget", "candidate", "output") if has[gate]]
    W = project(x, weights, gates, layer_norm)
    U = recur(h, weights, gates, gates, layer_norm)
    b = biases(weights, gates, use_bias)
    v = {gate: W[gate] + U[gate] + b[gate] for gate in gates}

    looking = [gate for gate in gates if gate != "candidate"]
    p = split(weights["peephole_kernel"], looking) if peephole else dict.fromkeys(looking, 0.0)

    f = s(v["forget"] + p["forget"] * c) if has["forget"] else np.ones_like(c)
    if coupled:
        i = 1.0 - f
    else:
        i = s(v["input"] + p["input"] * c) if has["input"] else np.ones_like(c)
    g = f_act(v["candidate"])
    c = f * c + i * g
    shown = c
    if layer_norm:
        shown = normalise(c, weights["cell_gain"], weights["cell_shift"])
    o = s(v["output"] + p["output"] * c) if has["output"] else np.ones_like(c)
    h = o * f_act(shown)
    if projection is not None:
        h = h @ weights["projection_kernel"]
    return h, [h, c]
