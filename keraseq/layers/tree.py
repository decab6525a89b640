"""A cell run over trees, some nodes of every tree at a time."""

import keras
from keras import ops

from keraseq.cells.context import Masks
from keraseq.cells.tree import TreeCell
from keraseq.checks import boolean
from keraseq.layers.holding import Holding
from keraseq.layers.rnn import valid_steps


@keras.saving.register_keras_serializable("keraseq")
class Tree(Holding, keras.layers.Layer):
    """Runs a cell over trees, from the leaves to the root: the trees of a batch together.

        p      = project(x)                                     one matrix product for all nodes
        leaves = compose(p of the leaves)                       all at once
        nodes  = compose(p of the nodes, states of children)    step by step, a few of each tree

    `children` says which nodes a step makes: `width` of each tree. `keraseq.data.labelled.schedule`
    plans that, children in steps before their parents; with two a step most trees need no more
    steps than they are high. Shapes depend on the largest tree of a batch alone, so that a compiled
    model meets few. Children are picked by a product with ones and zeros, which every backend
    differentiates without scattering; it costs less than the cell as long as trees have fewer nodes
    than the state units.

    Args:
        cell: A `keraseq.cells.TreeCell`.
        return_nodes: Whether to return the output of every node instead of the root's. Defaults to
            `False`.
        inner_inputs: Whether nodes with children have inputs too, as in dependency trees. Defaults
            to `False`: only leaves are words.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: A list of the vectors `(batch, leaves, features)`, and integers
            `(batch, steps, width, arity)`: the children of each node that a step makes. k is leaf
            k, counted from 1; -k the k-th node of the steps; 0 no child. A node without children is
            padding. With `inner_inputs` vectors `(batch, leaves + steps * width, features)`.
        mask: That of the vectors, `(batch, leaves)`, `True` where a leaf is.
        training: Whether dropout is at work.

    Returns:
        The state of each tree's last node, `(batch, units)`, or of all nodes
        `(batch, leaves + steps * width, units)`, leaves first, which carry a mask of the nodes that
        are there. Of a tree with one word the leaf is the root.

    Raises:
        ValueError: `cell` is no cell for trees, or the inputs are of another rank or width.

    Example:

    >>> layer = keraseq.layers.Tree(keraseq.cells.TreeElmanCell(4), return_nodes=True)
    >>> words, children = keras.ops.ones((1, 3, 5)), [[[[1, 2]], [[-1, 3]]]]
    >>> tuple(layer([words, keras.ops.array(children)]).shape)
    (1, 5, 4)

    References:
        Pollack 1990, "Recursive Distributed Representations"; Goller & Kuchler 1996, "Learning
        Task-Dependent Distributed Representations by Backpropagation Through Structure".
    """

    def __init__(self, cell, return_nodes=False, inner_inputs=False, **kwargs):
        if not isinstance(cell, TreeCell):
            raise ValueError(
                f"cell must be a cell for trees, such as keraseq.cells.TreeLSTMCell; received "
                f"{cell!r}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_nodes = boolean("return_nodes", return_nodes)
        self.inner_inputs = boolean("inner_inputs", inner_inputs)
        self.supports_masking = True
        # XLA cannot compile the gradient of TensorFlow's loops.
        self.supports_jit = keras.backend.backend() != "tensorflow"

    def build(self, input_shape):
        """Builds the cell."""
        self._check(*input_shape)
        if not self.cell.built:
            self.cell.build(input_shape[0])
            self.cell.built = True
        super().build(input_shape)

    def call(self, inputs, mask=None, training=False):
        """Leaves, then step by step."""
        x, children = inputs
        self._check(x.shape, children.shape)
        batch, (steps, width, arity) = ops.shape(x)[0], ops.shape(children)[1:]
        count = steps * width
        leaves = ops.shape(x)[1] - (count if self.inner_inputs else 0)
        masks = self.cell.draw_masks(batch) if training else Masks()
        if masks.inputs is not None:
            x = x * masks.inputs[:, None]
        projected = self.cell.project(x)
        kind = projected.dtype
        of_leaves = self._composed(projected[:, :leaves])
        # Which child is which node: rows of ones and zeros.
        places = ops.reshape(children, (batch, steps, width * arity))
        chosen = ops.cast(ops.expand_dims(places, -1) == -1 - ops.arange(count), kind)
        picked = ops.cast(ops.expand_dims(places, -1) == 1 + ops.arange(leaves), kind)
        picked = ops.reshape(picked, (batch, -1, leaves)) @ of_leaves
        size = of_leaves.shape[-1]
        reads = {
            "chosen": ops.moveaxis(chosen, 1, 0),
            "leaves": ops.moveaxis(ops.reshape(picked, (batch, steps, -1, size)), 1, 0),
        }
        if self.inner_inputs:
            below = ops.reshape(projected[:, leaves:], (batch, steps, width, projected.shape[-1]))
            reads["x"] = ops.moveaxis(below, 1, 0)
        nothing = ops.zeros((1, projected.shape[-1]), dtype=kind)  # no input: W 0 + b
        nothing = nothing + self.cell.biases(*self.cell.bias_blocks, joined=True)
        at = ops.arange(steps)[None, :, None, None]

        def step(t, states):
            now = {name: ops.take(one, t, axis=0) for name, one in reads.items()}
            found = now["chosen"] @ ops.reshape(states, (batch, -1, size)) + now["leaves"]
            found = ops.reshape(found, (-1, width, arity, size))
            new = self._composed(now.get("x", nothing), found, masks.operands)
            return ops.where(at == t, new[:, None], states)

        empty = ops.zeros((batch, steps, width, size), dtype=kind)
        made = ops.reshape(ops.fori_loop(0, steps, step, empty), (batch, -1, size))
        nodes = ops.concatenate([of_leaves, made], axis=1)[..., : self.cell.units]
        there = self._there(x, children, mask)
        nodes = ops.where(ops.expand_dims(there, -1), nodes, ops.zeros((), dtype=kind))
        if not self.return_nodes:
            places = ops.arange(1, leaves + count + 1)
            last = ops.max(ops.where(there, places, 0), axis=1) - 1
            root = ops.cast(last[:, None] == ops.arange(leaves + count), kind)
            nodes = (root[:, None] @ nodes)[:, 0]
        return ops.cast(nodes, self.compute_dtype)

    def _composed(self, projected, children=None, dropped=None):
        """`compose` for nodes `(batch, n, m)` and the states of their children, if they have some.

        Those stand side by side, `(batch, n, arity, size)`, and so do the nodes' states that come.
        """
        batch, n = ops.shape(projected if children is None else children)[:2]
        if len(projected.shape) == 3:
            projected = ops.reshape(projected, (-1, projected.shape[-1]))
        if children is not None:
            states = ops.split(children, len(self.cell.state_names), axis=-1)
            if dropped is not None:
                states[0] = states[0] * dropped[:, None, None]
            children = [ops.reshape(one, (-1, *one.shape[2:])) for one in states]
        found = ops.concatenate(self.cell.compose(projected, children), axis=-1)
        return ops.reshape(found, (batch, n, found.shape[-1]))

    def compute_mask(self, inputs, mask=None):
        """Which nodes are there; of the root alone there is no mask."""
        if not self.return_nodes:
            return None
        return self._there(*inputs, mask)

    def _there(self, x, children, mask):
        """Which nodes are there, `(batch, nodes)`."""
        nodes = ops.any(ops.not_equal(children, 0), axis=-1)
        nodes = ops.reshape(nodes, (ops.shape(nodes)[0], -1))
        leaves = valid_steps(mask)
        if leaves is None:
            leaves = ops.ones(ops.shape(x)[:2], "bool")
        if self.inner_inputs:
            leaves = leaves[:, : ops.shape(x)[1] - ops.shape(nodes)[1]]
        return ops.concatenate([leaves, nodes], axis=1)

    def compute_output_shape(self, input_shape):
        """Batch, nodes where all are asked for, and units."""
        (batch, leaves, _), (_, steps, width, _) = input_shape
        if not self.return_nodes:
            return (batch, self.cell.units)
        if not self.inner_inputs:
            leaves = None if None in (leaves, steps) else leaves + steps * width
        return (batch, leaves, self.cell.units)

    def _check(self, x, children):
        arity = self.cell.arity
        if len(x) != 3 or len(children) != 4 or children[-1] != arity:
            raise ValueError(
                "a Tree reads vectors (batch, leaves, features) and children (batch, steps, width, "
                f"{arity}); received shapes {tuple(x)} and {tuple(children)}"
            )

    def get_config(self):
        """Configuration for serialisation."""
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "return_nodes": self.return_nodes,
            "inner_inputs": self.inner_inputs,
        }
