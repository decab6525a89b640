"""Cells for trees: the state of a node from its input and the states of its children.

`keraseq.layers.Tree` runs them; `TREE_CELLS` is their table.
"""

import keras
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.checks import known_to, one_of, positive_integer


class TreeCell(Cell):
    """Base of the cells for trees: weights, options and configuration are those of `Cell`.

        p_j       = project(x_j)                    all that depends on the node's input alone
        h_j, s_j  = compose(p_j, s of its children)

    A subclass names its blocks and writes `compose`. A child that is not there has states of zeros.
    `dropout` and `recurrent_dropout` have one mask a tree; there is no time, and so no zoneout.

    Args:
        units: Size of the state, a positive integer.
        arity: The most children that a node has. Defaults to 2.
        **options: Of `keraseq.cells.Cell`.

    Example: the sum of the children, where Elman's network has a matrix for each.

    >>> class SumCell(keraseq.cells.TreeCell):
    ...     gates = ("hidden",)
    ...     def compose(self, projected, children=None):
    ...         if children is not None:
    ...             h = keras.ops.sum(children[0], axis=1)
    ...             projected = self.recurrent(h, "hidden", add=projected)
    ...         return [keras.ops.tanh(projected)]
    >>> words, children = keras.ops.ones((1, 2, 5)), keras.ops.array([[[[1, 2]]]])
    >>> tuple(keraseq.layers.Tree(SumCell(8))([words, children]).shape)
    (1, 8)
    """

    def __init__(self, units, *, arity: int = 2, **options):
        super().__init__(units, **options)
        self.arity = positive_integer("arity", arity)
        if any(self.zoneout) or self.trainable_initial_state:
            raise ValueError(
                f"{type(self).__name__} has no state before a first step: zoneout must be 0 and "
                "trainable_initial_state False"
            )

    def compose(self, projected, children=None):
        """The states of nodes.

        Args:
            projected: What `project` gave for them, `(n, m)`, or what broadcasts to that.
            children: For each state those of the children, `(n, arity, units)`; None of leaves.

        Returns:
            A list of states `(n, units)`, of which the first, h, is the output.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `compose`")


class OrderedCell(TreeCell):
    """Base of the cells that have a matrix for each child: first, second, ..."""

    @property
    def operand_size(self):
        return self.arity * self.units

    def of_children(self, h):
        """U [h_1; ...; h_k] for every recurrent block, side by side in a tuple."""
        found = self.recurrent(ops.reshape(h, (-1, self.operand_size)), *self.recurrent_blocks)
        return found if isinstance(found, tuple) else (found,)


@keras.saving.register_keras_serializable("keraseq")
class TreeLSTMCell(OrderedCell):
    """N-ary Tree-LSTM: each child has a place, and a forget gate of its own.

        i    = sigmoid(W_i x + sum_l U_i^l h_l + b_i)                        input gate
        f_k  = sigmoid(W_f x + sum_l U_f^kl h_l + b_f)                       forget gate of child k
        u    = tanh(W_u x + sum_l U_u^l h_l + b_u)                           candidate
        o    = sigmoid(W_o x + sum_l U_o^l h_l + b_o)                        output gate
        c    = i * u + sum_k f_k * c_k                                       cell state
        h    = o * tanh(c)                                                   hidden state, output

    Equations 9 to 14 of the paper. For constituency trees (`arity=2`) only leaves have an input x.

    Departs from the paper: b_f starts at 1. With `arity=1` it is an LSTM, and has its weights.

    Args:
        units: Size of the state, a positive integer.
        arity: The most children that a node has. Defaults to 2.
        **options: Options that every cell takes, but for zoneout; see `keraseq.cells.Cell`.

    Call arguments:
        projected: W x + b, of `project`.
        children: h and c of the children, `(n, arity, units)` each.

    Returns:
        `[h, c]`, each `(n, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (blocks input, forget, candidate, output; of the recurrent kernel a forget a child):
        kernel `(features, 4 * units)`, recurrent_kernel `(arity * units, (3 + arity) * units)`,
        bias `(4 * units,)`.

    Example:

    >>> layer = keraseq.layers.Tree(keraseq.cells.TreeLSTMCell(8))
    >>> words, children = keras.ops.ones((1, 3, 5)), [[[[1, 2], [0, 0]], [[-1, 3], [0, 0]]]]
    >>> tuple(layer([words, keras.ops.array(children)]).shape)
    (1, 8)

    References:
        Tai, Socher & Manning 2015, "Improved Semantic Representations From Tree-Structured Long
        Short-Term Memory Networks", ACL.
    """

    state_names = ("hidden", "cell")
    gates = ("input", "forget", "candidate", "output")
    reference = "Tai, Socher & Manning 2015, Tree-Structured Long Short-Term Memory Networks"

    @property
    def recurrent_blocks(self):
        forget = [f"forget_{k}" for k in range(1, self.arity + 1)]
        return ("input", *forget, "candidate", "output")

    def bias_defaults(self):
        return {"forget": 1.0}

    def compose(self, projected, children=None):
        i, f, u, o = ops.split(projected, 4, axis=-1)
        kept = 0.0
        if children is not None:
            h, c = children
            of_i, *of_f, of_u, of_o = self.of_children(h)
            i, u, o = i + of_i, u + of_u, o + of_o
            kept = sum(ops.sigmoid(f + of_k) * c[:, k] for k, of_k in enumerate(of_f))
        c = ops.sigmoid(i) * ops.tanh(u) + kept
        return [ops.sigmoid(o) * ops.tanh(c), c]


@keras.saving.register_keras_serializable("keraseq")
class ChildSumTreeLSTMCell(TreeCell):
    """Child-sum Tree-LSTM: children in any number and order, each with a forget gate of its own.

        s    = sum_k h_k
        i    = sigmoid(W_i x + U_i s + b_i)                                  input gate
        f_k  = sigmoid(W_f x + U_f h_k + b_f)                                forget gate of child k
        u    = tanh(W_u x + U_u s + b_u)                                     candidate
        o    = sigmoid(W_o x + U_o s + b_o)                                  output gate
        c    = i * u + sum_k f_k * c_k                                       cell state
        h    = o * tanh(c)                                                   hidden state, output

    Equations 2 to 8 of the paper, which has it for dependency trees, where every node is a word.

    Departs from the paper: b_f starts at 1. Where no node has two children it is an LSTM, and has
    its weights.

    Args:
        units: Size of the state, a positive integer.
        arity: The most children that a node has. Defaults to 2.
        **options: Options that every cell takes, but for zoneout; see `keraseq.cells.Cell`.

    Call arguments:
        projected: W x + b, of `project`.
        children: h and c of the children, `(n, arity, units)` each.

    Returns:
        `[h, c]`, each `(n, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (blocks input, forget, candidate, output):
        kernel `(features, 4 * units)`, recurrent_kernel `(units, 4 * units)`, bias `(4 * units,)`.

    Example:

    >>> layer = keraseq.layers.Tree(keraseq.cells.ChildSumTreeLSTMCell(8, arity=3))
    >>> words, children = keras.ops.ones((1, 3, 5)), [[[[1, 2, 3]]]]
    >>> tuple(layer([words, keras.ops.array(children)]).shape)
    (1, 8)

    References:
        Tai, Socher & Manning 2015, "Improved Semantic Representations From Tree-Structured Long
        Short-Term Memory Networks", ACL.
    """

    state_names = ("hidden", "cell")
    gates = ("input", "forget", "candidate", "output")
    reference = "Tai, Socher & Manning 2015, Tree-Structured Long Short-Term Memory Networks"

    def bias_defaults(self):
        return {"forget": 1.0}

    def compose(self, projected, children=None):
        i, f, u, o = ops.split(projected, 4, axis=-1)
        kept = 0.0
        if children is not None:
            h, c = children
            s = ops.sum(h, axis=1)
            i = self.recurrent(s, "input", add=i)
            of_u, of_o = self.recurrent(s, "candidate", "output")
            u, o = u + of_u, o + of_o
            of_k = self.recurrent(h, "forget")
            kept = ops.sum(ops.sigmoid(ops.expand_dims(f, -2) + of_k) * c, axis=1)
        c = ops.sigmoid(i) * ops.tanh(u) + kept
        return [ops.sigmoid(o) * ops.tanh(c), c]


@keras.saving.register_keras_serializable("keraseq")
class TreeElmanCell(OrderedCell):
    """Recursive neural network: one activation of the children side by side.

        h = f(W x + U [h_1; ...; h_k] + b)                                   new state and output

    Departs from the paper: a word's vector passes through W, so that states may be wider than
    vectors; Socher et al. have no W, and a leaf's state is its vector.

    Args:
        units: Size of the state, a positive integer.
        arity: The most children that a node has. Defaults to 2.
        activation: f, a name or a function. Defaults to `"tanh"`.
        **options: Options that every cell takes, but for zoneout; see `keraseq.cells.Cell`.

    Call arguments:
        projected: W x + b, of `project`.
        children: h of the children, `(n, arity, units)`.

    Returns:
        `[h]`, `(n, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (one block, hidden):
        kernel `(features, units)`, recurrent_kernel `(arity * units, units)`, bias `(units,)`.

    Example:

    >>> layer = keraseq.layers.Tree(keraseq.cells.TreeElmanCell(8))
    >>> words, children = keras.ops.ones((1, 2, 5)), [[[[1, 2]]]]
    >>> tuple(layer([words, keras.ops.array(children)]).shape)
    (1, 8)

    References:
        Socher, Lin, Ng & Manning 2011, "Parsing Natural Scenes and Natural Language with Recursive
        Neural Networks", ICML.
    """

    gates = ("hidden",)
    reference = "Socher, Lin, Ng & Manning 2011, Recursive Neural Networks"

    def __init__(self, units, *, activation="tanh", **options):
        super().__init__(units, **options)
        self.activation = known_to(keras.activations, "activation", activation)

    def compose(self, projected, children=None):
        if children is not None:
            [h] = children
            projected = projected + self.of_children(h)[0]
        return [self.activation(projected)]


TREE_CELLS = {
    "tree-lstm": TreeLSTMCell,
    "tree-lstm-sum": ChildSumTreeLSTMCell,
    "tree-elman": TreeElmanCell,
}


def tree_cell(name: str, units: int, **options) -> TreeCell:
    """The cell for trees of a name.

    Example:

    >>> keraseq.cells.tree_cell("tree-elman", 8, arity=3).arity
    3
    """
    return TREE_CELLS[one_of("cell for trees", name, TREE_CELLS)](units, **options)
