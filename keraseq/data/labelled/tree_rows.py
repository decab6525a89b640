"""Trees as numbers: when which node is made, ids of words, batches of trees alike high."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from keraseq.data.labelled.trees import LabelledTree, parsed, plain

STEP_WIDTH = 2  # nodes of each tree that `keraseq.layers.Tree` makes at a time


class TreeRow(NamedTuple):
    """A tree as numbers, see `keraseq.layers.Tree`.

    Attributes:
        tokens: The ids of the words, `(leaves,)`.
        children: `(steps, width, arity)`.
        labels: Of the leaves, `(leaves,)`, and of the steps' nodes, `(steps * width,)`.
    """

    tokens: np.ndarray
    children: np.ndarray
    labels: tuple[np.ndarray, np.ndarray]


def schedule(
    children: Sequence[tuple[int, ...]], arity: int, width: int = STEP_WIDTH
) -> tuple[np.ndarray, list[int]]:
    """When which node of a tree is made: children before parents, long ways to the root first.

    Args:
        children: Those of each node, which come before it; none of a leaf.
        arity: The most that a node has.
        width: Nodes in a step. Defaults to 2.

    Returns:
        `(steps, width, arity)`, int32, what `keraseq.layers.Tree` reads: k for leaf k, counted from
        1, -k for the k-th node of the steps, 0 for none; and the place, from 0, of each node that
        is no leaf, in their order.

    Example:

    >>> keraseq.data.labelled.schedule([(), (), (0, 1), (), (2, 3)], 2, width=1)[0].tolist()
    [[[1, 2]], [[-1, 3]]]
    """
    count = len(children)
    height, parent, waits = [0] * count, [-1] * count, [0] * count
    code, leaves = [0] * count, 0
    for node, its in enumerate(children):
        for child in its:
            parent[child] = node
            waits[node] += bool(children[child])
        if not its:
            leaves += 1
            code[node] = leaves
    for node in range(count - 2, -1, -1):  # how far the root is
        height[node] = height[parent[node]] + 1
    ready = [node for node, its in enumerate(children) if its and not waits[node]]
    steps: list[list[int]] = []
    while ready:
        ready.sort(key=lambda node: (-height[node], node))
        now, ready = ready[:width], ready[width:]
        for place, node in enumerate(now):
            code[node] = -(len(steps) * width + place + 1)
            waits[parent[node]] -= 1
            if parent[node] >= 0 and not waits[parent[node]]:
                ready.append(parent[node])
        steps.append(now)
    table = np.zeros((max(1, len(steps)), width, arity), "int32")
    for step, now in enumerate(steps):
        for place, node in enumerate(now):
            its = children[node]
            table[step, place, : len(its)] = [code[one] for one in its]
    return table, [-code[node] - 1 for node, its in enumerate(children) if its]


class TreeEncoder:
    """What turns trees in brackets into numbers, and is kept with the model.

    Words are known without case. Ids come in this order: 0 padding, 1 unknown, the words of the
    training part, further words that have a vector.

    Args:
        words: The words of the training part.
        more: Further words.
        arity: The most children that a node has. Defaults to 2.

    Example:

    >>> encoder = keraseq.data.TreeEncoder(["lovely", "film"])
    >>> [row] = encoder.rows(["(4 (3 Lovely) (2 play))"])
    >>> row.tokens.tolist(), row.children.tolist()
    ([2, 1], [[[1, 2], [0, 0]]])
    """

    def __init__(self, words: Sequence[str], more: Sequence[str] = (), arity: int = 2):
        self.words, self.more, self.arity = list(words), list(more), int(arity)
        self._ids = {word: i for i, word in enumerate([*self.words, *self.more], 2)}
        if len(self._ids) != len(self.words) + len(self.more):
            raise ValueError("an encoder has each word once")

    @classmethod
    def of(cls, trees: Iterable[str], vectors: Iterable[str] = ()) -> TreeEncoder:
        """The encoder of a training part, and of words that have a vector, which come last."""
        trees, vectors = [parsed(one) for one in trees], list(vectors)
        counts = Counter(plain(word) for tree in trees for word in tree.words)
        words = sorted(counts, key=lambda word: (-counts[word], word))
        arity = max(len(its) for tree in trees for its in tree.children)
        return cls(words, [one for one in vectors if one not in counts], max(2, arity))

    def __len__(self) -> int:
        """Number of ids."""
        return len(self._ids) + 2

    def rows(self, trees: Iterable[str | bytes]) -> list[TreeRow]:
        """The numbers of each tree; an error names the tree by its place."""
        if isinstance(trees, (str, bytes)):
            raise ValueError("trees must be a list of trees in brackets; received one text")
        return [self.encode(parsed(one, f"tree {i}"), f"tree {i}") for i, one in enumerate(trees)]

    def encode(self, tree: LabelledTree, name: str = "the tree") -> TreeRow:
        """The numbers of a tree."""
        most = max(map(len, tree.children))
        if most > self.arity:
            raise ValueError(
                f"{name} has a node with {most} children; those of the training part have at most "
                f"{self.arity}"
            )
        tokens = np.array([self._ids.get(plain(word), 1) for word in tree.words], "int32")
        table, places = schedule(tree.children, self.arity)
        inner = np.zeros(table.shape[0] * table.shape[1], "int32")
        leaf = [not its for its in tree.children]
        labels = np.array(tree.labels, "int32")
        inner[places] = labels[~np.array(leaf)]
        return TreeRow(tokens, table, (labels[leaf], inner))

    def lengths(self, trees: Iterable[str]) -> np.ndarray:
        """How many words each tree has."""
        return np.array([len(parsed(one).words) for one in trees])

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing`; its names are those of the arguments."""
        return {"words": self.words, "more": self.more, "arity": self.arity}


def tree_batches(
    rows: Sequence[TreeRow],
    targets: str | None = None,
    batch_size: int = 32,
    *,
    shuffle: bool = False,
    multiple: int = 1,
):
    """Batches of trees that need about as many steps, for `fit` and `predict` on every backend.

    Args:
        rows: What a `TreeEncoder` made of trees.
        targets: `"nodes"`, a label at every node, or none, the default.
        batch_size: Trees in a batch. Defaults to 32.
        shuffle: See `keraseq.data.labelled.batches`.
        multiple: Leaves and steps of a batch are multiples of this. Defaults to 1.

    Returns:
        A `keras.utils.PyDataset` of `{"tokens": (batch, leaves), "children": (batch, steps, width,
        arity)}`, or of that and labels `(batch, leaves + steps * width)`.

    Example:

    >>> encoder = keraseq.data.TreeEncoder(["lovely", "film"])
    >>> [batch] = keraseq.data.labelled.tree_batches(encoder.rows(["(4 (3 lovely) (2 film))"]))
    >>> batch["tokens"].tolist()
    [[2, 3]]
    """
    from keraseq.data.batches import Batches  # which loads Keras
    from keraseq.data.labelled.batches import groups, padded

    if not len(rows):
        raise ValueError("there are no trees to make batches of")
    steps = np.array([len(row.children) for row in rows])
    leaves = np.array([len(row.tokens) for row in rows])

    def draw(shuffle):
        parts = groups(steps, batch_size, shuffle, multiple)
        shapes = [[-(-of[one].max() // multiple) for of in (steps, leaves)] for one in parts]
        return [parts[i] for i in unlike_first(np.array(shapes))]

    def gather(chosen):
        some = [rows[i] for i in chosen]
        tokens = padded([row.tokens for row in some], multiple)
        inputs = {"tokens": tokens, "children": padded([row.children for row in some], multiple)}
        if targets is None:
            return inputs
        labels = [padded([row.labels[0] for row in some], multiple)]
        slots = inputs["children"].shape[1] * inputs["children"].shape[2]
        inner = np.zeros((len(some), slots), "int32")
        for i, row in enumerate(some):
            inner[i, : len(row.labels[1])] = row.labels[1]
        return inputs, np.concatenate([*labels, inner], axis=1)

    return Batches(draw, gather, shuffle)


def unlike_first(shapes: np.ndarray) -> list[int]:
    """An order of batches whose first two differ in every axis in which any two do."""
    order = list(range(len(shapes)))
    varies = (shapes != shapes[0]).any(axis=0)
    # If each of two axes varies, some pair differs in both: see which, from the first on.
    for first in order:
        other = np.flatnonzero((shapes[:, varies] != shapes[first, varies]).all(axis=1))
        if len(other) and varies.any():
            rest = [i for i in order if i not in (first, other[0])]
            return [first, int(other[0]), *rest]
    return order
