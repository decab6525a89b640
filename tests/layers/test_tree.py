"""The tree layer against NumPy by recursion, chains, itself tree by tree; gradients; saving."""

import keras
import numpy as np
import pytest
from keras import ops
from oracles.tree import TREE_ORACLES, recursive

import keraseq
from keraseq.autodiff import gradients
from keraseq.cells import TREE_CELLS, tree_cell
from keraseq.data.labelled import schedule
from keraseq.layers import RNN, Tree

FEATURES, UNITS = 3, 4
CELLS = pytest.mark.parametrize("name", TREE_CELLS)


def random_tree(rng, leaves, arity):
    """Numbers of children, of which each node has 1 to `arity`; children come first."""
    children = [()] * leaves
    roots = list(range(leaves))
    while len(roots) > 1 or len(children) < leaves + 2:
        count = min(int(rng.integers(1, arity + 1)), len(roots))
        start = int(rng.integers(0, len(roots) - count + 1))
        children.append(tuple(roots[start : start + count]))
        roots[start : start + count] = [len(children) - 1]
    return children


def drawn(name, arity, dtype="float32", **options):
    """A layer whose weights, biases too, are drawn at random."""
    cell = tree_cell(name, UNITS, arity=arity, dtype=dtype)
    layer = Tree(cell, dtype=dtype, **options)
    layer.build([(None, None, FEATURES), (None, None, 2, arity)])
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=one.shape) for one in layer.get_weights()])
    return layer


def weights_of(layer):
    return {one.name: ops.convert_to_numpy(one).astype("float64") for one in layer.weights}


class Batch:
    """Random trees, what the layer reads for them, and where it puts their nodes."""

    def __init__(self, arity=2, count=20, inner=False, seed=0, width=2):
        rng = np.random.default_rng(seed)
        self.trees = [random_tree(rng, int(n), arity) for n in rng.integers(1, 9, count)]
        self.inputs = [
            np.array([rng.normal(size=FEATURES) * (inner or not its) for its in tree])
            for tree in self.trees
        ]
        plans = [schedule(tree, arity, width) for tree in self.trees]
        self.leaves = max(sum(not its for its in tree) for tree in self.trees)
        steps = max(len(table) for table, _ in plans)
        self.children = np.zeros((count, steps, width, arity), "int32")
        nodes = self.leaves + (steps * width if inner else 0)
        self.x = np.full((count, nodes, FEATURES), 9.0)  # where nothing is
        self.mask = np.zeros((count, nodes), bool)
        self.places = []
        for i, (tree, (table, of_inner)) in enumerate(zip(self.trees, plans, strict=True)):
            self.children[i, : len(table)] = table
            leaves, inner_places = iter(range(99)), iter(of_inner)
            place = [self.leaves + next(inner_places) if its else next(leaves) for its in tree]
            self.places.append(place)
            for node, at in enumerate(place):
                if inner or not tree[node]:
                    self.x[i, at] = self.inputs[i][node]
                    self.mask[i, at] = True

    def run(self, layer, rows=slice(None)):
        found = layer([self.x[rows], self.children[rows]], mask=[self.mask[rows], None])
        return ops.convert_to_numpy(found)


@CELLS
@pytest.mark.parametrize("arity, inner", [(2, False), (3, True)])
def test_every_node_is_that_of_the_recursion(name, arity, inner):
    batch = Batch(arity, inner=inner)
    layer = drawn(name, arity, return_nodes=True, inner_inputs=inner)
    found, weights = batch.run(layer), weights_of(layer)
    for i, tree in enumerate(batch.trees):
        oracle = TREE_ORACLES[name]
        right = recursive(oracle, weights, batch.inputs[i], tree, arity, UNITS)
        np.testing.assert_allclose(found[i, batch.places[i]], right, atol=2e-6)
        others = np.setdiff1d(np.arange(found.shape[1]), batch.places[i])
        assert not found[i, others].any()
    root = drawn(name, arity, inner_inputs=inner)
    last = np.array([found[i, place[-1]] for i, place in enumerate(batch.places)])
    np.testing.assert_allclose(batch.run(root), last, atol=1e-6)


@CELLS
def test_a_batch_is_its_trees_one_by_one_in_any_order(name):
    batch, layer = Batch(), drawn(name, 2)
    whole = batch.run(layer)
    one_by_one = np.concatenate([batch.run(layer, [i]) for i in range(4)])
    np.testing.assert_allclose(whole[:4], one_by_one, atol=1e-6)
    order = np.random.default_rng(3).permutation(len(whole))
    np.testing.assert_allclose(batch.run(layer, order), whole[order], atol=1e-6)


def test_padding_changes_nothing():
    batch, layer = Batch(), drawn("tree-lstm", 2)
    count = len(batch.x)
    x = np.concatenate([batch.x, np.full((count, 3, FEATURES), 7.0)], axis=1)
    mask = np.concatenate([batch.mask, np.zeros((count, 3), bool)], axis=1)
    children = np.concatenate([batch.children, np.zeros((count, 2, 2, 2), "int32")], axis=1)
    found = ops.convert_to_numpy(layer([x, children], mask=[mask, None]))
    np.testing.assert_allclose(found, batch.run(layer), atol=1e-6)


@pytest.mark.parametrize("width", [1, 3])
def test_any_number_of_nodes_a_step(width):
    layer = drawn("tree-lstm", 2)
    np.testing.assert_allclose(Batch(width=width).run(layer), Batch().run(layer), atol=1e-6)


@pytest.mark.parametrize(
    "name, cell", [("tree-lstm", "lstm"), ("tree-lstm-sum", "lstm"), ("tree-elman", "elman")]
)
def test_chains_are_sequences(name, cell):
    """Of a tree in which every node has one child the cell is that of a sequence."""
    steps, rng = 6, np.random.default_rng(0)
    x = rng.normal(size=(2, steps, FEATURES)).astype("float32")
    chain = [(), *((i,) for i in range(steps - 1))]
    table, places = schedule(chain, 1, width=1)
    assert places == list(range(steps - 1))
    layer = drawn(name, 1, return_nodes=True, inner_inputs=True)
    rnn = RNN(keraseq.cells.get(cell, UNITS), return_sequences=True)
    rnn.build((None, None, FEATURES))
    rnn.set_weights(layer.get_weights())
    found = ops.convert_to_numpy(layer([x, np.stack([table] * 2)]))
    np.testing.assert_allclose(found, ops.convert_to_numpy(rnn(x)), atol=1e-6)


@CELLS
def test_gradients_are_those_of_differences(name, float64):
    batch = Batch(arity=2, count=3, seed=2)
    layer = drawn(name, 2, dtype="float64")
    chosen = np.random.default_rng(5).normal(size=(3, UNITS))

    def value(x):
        found = layer([x, ops.convert_to_tensor(batch.children)], mask=[batch.mask, None])
        return ops.sum(found * ops.convert_to_tensor(chosen))

    [[of_x], of_weights] = gradients(value, [batch.x], layer.trainable_weights, compiled=None)
    start = [one.copy() for one in layer.get_weights()]
    rng = np.random.default_rng(6)
    for array, gradient in ((batch.x, of_x), *zip(start, of_weights, strict=True)):
        way, small = rng.normal(size=array.shape), 1e-5
        ends = []
        for sign in (1, -1):
            moved = array + sign * small * way
            at = [moved if one is array else one for one in start]
            layer.set_weights(at)
            x = moved if array is batch.x else batch.x
            ends.append(float(ops.convert_to_numpy(value(ops.convert_to_tensor(x)))))
        layer.set_weights(start)
        np.testing.assert_allclose(
            (gradient * way).sum(), (ends[0] - ends[1]) / (2 * small), rtol=1e-6
        )


def test_dropout_is_one_mask_a_tree():
    cell = tree_cell("tree-elman", UNITS, recurrent_dropout=0.5, dropout=0.5, activation="linear")
    layer = Tree(cell, return_nodes=True)
    batch = Batch()
    one, two = (
        ops.convert_to_numpy(
            layer([batch.x, batch.children], mask=[batch.mask, None], training=True)
        )
        for _ in range(2)
    )
    assert not np.allclose(one, two)
    assert np.array_equal(batch.run(layer), batch.run(layer))


@CELLS
def test_saved(name, tmp_path):
    model = keraseq.models.tree_classifier(5, vocabulary=9, units=UNITS, cell=name, embedding=3)
    model.save(tmp_path / "tree.keras")
    again = keras.models.load_model(tmp_path / "tree.keras")
    table, _ = schedule([(), (), (0, 1), (), (2, 3)], 2)
    inputs = {"tokens": np.array([[3, 4, 5]]), "children": table[None]}
    np.testing.assert_array_equal(
        model.predict(inputs, verbose=0), again.predict(inputs, verbose=0)
    )
    assert isinstance(again.get_layer("recursive").cell, TREE_CELLS[name])


def test_what_is_no_tree():
    with pytest.raises(ValueError, match=r"cell must be a cell for trees, such as .*LSTMCell"):
        Tree(keraseq.cells.get("lstm", 3))
    with pytest.raises(ValueError, match=r"children \(batch, steps, width, 2\); received shapes"):
        Tree(tree_cell("tree-lstm", 3))([np.ones((1, 2, 3)), np.ones((1, 1, 2, 3), "int32")])
    with pytest.raises(ValueError, match=r"unknown cell for trees 'tree-lstn'.*mean 'tree-lstm'"):
        tree_cell("tree-lstn", 3)
    with pytest.raises(ValueError, match=r"TreeLSTMCell has no state before a first step"):
        tree_cell("tree-lstm", 3, zoneout=0.1)
    with pytest.raises(ValueError, match=r"unknown option 'arty' for TreeElmanCell.*mean 'arity'"):
        tree_cell("tree-elman", 3, arty=2)
