"""Cells for trees by recursion: Tai, Socher & Manning 2015; Socher et al. 2011."""

import numpy as np

from oracles.parts import sigmoid, split


def tree_lstm(weights, x, children):
    """Equations 9 to 14: a matrix U^kl for the forget gate of child k and the state of child l."""
    arity = len(children)
    W, b = split(x @ weights["kernel"], "ifuo"), split(weights["bias"], "ifuo")
    names = ["i", *(f"f{k}" for k in range(arity)), "u", "o"]
    of_child = [split(U, names) for U in np.split(weights["recurrent_kernel"], arity)]
    total = {n: sum(h @ U[n] for (h, _), U in zip(children, of_child, strict=True)) for n in names}
    i = sigmoid(W["i"] + total["i"] + b["i"])
    f = [sigmoid(W["f"] + total[f"f{k}"] + b["f"]) for k in range(arity)]
    u = np.tanh(W["u"] + total["u"] + b["u"])
    o = sigmoid(W["o"] + total["o"] + b["o"])
    c = i * u + sum(f_k * c_k for f_k, (_, c_k) in zip(f, children, strict=True))
    return o * np.tanh(c), c


def child_sum_tree_lstm(weights, x, children):
    """Equations 2 to 8."""
    W, U, b = (
        split(one, "ifuo")
        for one in (x @ weights["kernel"], weights["recurrent_kernel"], weights["bias"])
    )
    s = sum(h for h, _ in children)
    i = sigmoid(W["i"] + s @ U["i"] + b["i"])
    u = np.tanh(W["u"] + s @ U["u"] + b["u"])
    o = sigmoid(W["o"] + s @ U["o"] + b["o"])
    c = i * u + sum(sigmoid(W["f"] + h @ U["f"] + b["f"]) * c_k for h, c_k in children)
    return o * np.tanh(c), c


def tree_elman(weights, x, children):
    """h = tanh(W x + U [h_1; ...; h_k] + b); the second state is nothing."""
    h = np.concatenate([h for h, _ in children])
    h = np.tanh(x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"])
    return h, np.zeros_like(h)


TREE_ORACLES = {
    "tree-lstm": tree_lstm,
    "tree-lstm-sum": child_sum_tree_lstm,
    "tree-elman": tree_elman,
}


def recursive(oracle, weights, inputs, children, arity, units):
    """The output of every node, in the tree's order, each by recursion from scratch.

    `inputs` holds a vector a node, zeros where there is none; `children` numbers of nodes.
    """

    def node(j):
        found = [node(child) for child in children[j]]
        found += [(np.zeros(units), np.zeros(units))] * (arity - len(found))
        return oracle(weights, inputs[j], found)

    return np.array([node(j)[0] for j in range(len(children))])
