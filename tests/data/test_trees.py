"""Trees in brackets: read, refused in one line, planned, and in batches."""

import gzip
import os

import numpy as np
import pytest

from keraseq import data
from keraseq.data.labelled import parsed, schedule, tree_batches

FILM = "(4 (3 (2 a) (3 lovely)) (2 film))"


def test_a_tree_is_taken_apart_and_written_as_it_was():
    tree = parsed(FILM)
    assert tree.words == ["a", "lovely", "film"] and tree.text == "a lovely film"
    assert tree.labels == [2, 3, 3, 2, 4]
    assert tree.children == [(), (), (0, 1), (), (2, 3)]
    assert tree.spans() == [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)]
    assert str(tree) == FILM == str(parsed("( 4 (3\n  (2 a)(3 lovely) )\t(2 film))"))
    assert str(parsed("(3 Great)")) == "(3 Great)" and parsed("(3 Great)").children == [()]
    assert parsed("(2 (2 8\xa01/2) (2 -LRB-))").words == ["8\xa01/2", "-LRB-"]


def test_a_tree_may_be_as_deep_as_it_likes():
    depth = 5_000
    deep = "(2 " * depth + "(1 no)" + " (2 more))" * depth
    tree = parsed(deep)
    assert len(tree.words) == depth + 1 and str(tree) == deep
    table, _ = schedule(tree.children, 2)
    assert table.shape == (depth, 2, 2)


@pytest.mark.parametrize(
    "text, message",
    [
        (f"{FILM}\n(4 (3 good)\n{FILM}", r"line 2: 1 bracket is not closed"),
        (f"{FILM}\n(4 (3 good", r"line 2: 2 brackets are not closed"),
        (f"{FILM})", r"line 1: a \) closes nothing; a tree is written"),
        ("a lovely film", r"line 1: text that is in no tree; .*received 'a lovely film'"),
        (f"{FILM} film", r"line 1: text that is in no tree"),
        ("(4 (good) (2 film))", r"line 1: a node has no label; it holds 'good'"),
        ("((3 good) (2 film))", r"line 1: a node has no label; it holds trees"),
        ("(4 (3 good) ())", r"line 1: a node has no label; it holds nothing"),
        (f"\n{FILM}\n(5 (3 good) (2 film))", r"line 3: label '5'; accepted: 0, 1, 2, 3, 4"),
        ("(-1 (3 good) (2 film))", r"line 1: label '-1'; accepted: 0, 1, 2, 3, 4"),
        ("(4 (3 good) (2))", r"line 1: a node with label 2 holds nothing; accepted: a word, or"),
        ("(4 good film)", r"line 1: a node with label 4 holds the word 'good' and something else"),
        ("(4 good (2 film))", r"line 1: a node with label 4 holds the word 'good' and something"),
    ],
)
def test_what_is_no_tree_is_named_with_its_line(text, message, tmp_path):
    (tmp_path / "films.trees").write_text(text)
    with pytest.raises(ValueError, match=f"films.trees, {message}") as caught:
        data.labelled_trees(tmp_path / "films.trees")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_trees(tmp_path):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "few").write_text(FILM)
    for name, error, message in (
        ("nowhere", FileNotFoundError, "there is no file"),
        ("empty", ValueError, "cannot be read: there is nothing in it"),
        ("binary", ValueError, "cannot be read: it holds zero bytes"),
        ("few", ValueError, "few: too few trees for the test part"),
    ):
        with pytest.raises(error, match=message):
            data.labelled_trees(tmp_path / name)
    with pytest.raises(TypeError, match="trees come from a path or a list of texts; received int"):
        data.labelled_trees(3)
    with pytest.raises(ValueError, match=r"tree 0 must be one tree, .*; received"):
        parsed(f"{FILM} {FILM}", "tree 0")


def trees_of(count):
    return [f"({n % 5} (2 word{n}) (3 (2 !) (2 {n})))" for n in range(count)]


def test_parts(tmp_path):
    parts = data.labelled_trees(trees_of(60))
    assert str(parts) == "trees: train 50, validation 5, test 5 trees; classes 0, 1, 2, 3, 4"
    every = [one for name in data.parts.PARTS for one in parts.part(name).inputs]
    assert sorted(every) == sorted(trees_of(60))
    assert all(int(tree[1]) == label for tree, label in zip(*parts.train, strict=True))
    assert data.labelled_trees(trees_of(60), seed=1).test.inputs != parts.test.inputs
    with gzip.open(tmp_path / "films.trees.gz", "wt") as file:
        file.write("\n".join(trees_of(60)))
    # Another label does not make another sentence.
    test = ["(0 (2 word7) (3 (2 !) (2 7)))", *trees_of(5)]
    given = data.labelled_trees(tmp_path / "films.trees.gz", test=test)
    assert given.dropped == 6 and given.test.inputs == test
    assert given.options == {} and given.split.startswith("validation 10% of what is not test")


def depth_first(children, node):
    yield node
    for child in children[node]:
        yield from depth_first(children, child)


def test_children_come_before_their_parents():
    rng = np.random.default_rng(0)
    for _ in range(30):
        text = "(2 a)"
        for _ in range(rng.integers(0, 30)):
            text = f"(2 {text} (2 b))" if rng.random() < 0.4 else f"(2 (2 (2 c) (2 d)) {text})"
        tree = parsed(text)
        table, places = schedule(tree.children, 2)
        inner = [node for node, its in enumerate(tree.children) if its]
        assert len(set(places)) == len(inner)
        leaves = [node for node, its in enumerate(tree.children) if not its]
        node_at = {place: node for place, node in zip(places, inner, strict=True)}
        for place, row in enumerate(table.reshape(-1, 2)):
            if place not in node_at:
                assert not row.any()
                continue
            its = [leaves[code - 1] if code > 0 else node_at[-code - 1] for code in row]
            assert tuple(its) == tree.children[node_at[place]]
            assert all(-code <= place // 2 * 2 for code in row if code < 0)  # earlier steps
        if inner:
            assert max(places) == places[-1]  # the root is last


def test_rows_and_batches():
    encoder = data.TreeEncoder.of([FILM, "(2 (2 A) (2 (2 b) (2 c)))"])
    assert encoder.words == ["a", "b", "c", "film", "lovely"] and len(encoder) == 7
    again = data.TreeEncoder(**encoder.to_dict())
    [one, other] = again.rows(["(3 (0 Lovely) (1 play))", "(4 what)"])
    assert one.tokens.tolist() == [6, 1] and one.children.tolist() == [[[1, 2], [0, 0]]]
    assert [its.tolist() for its in one.labels] == [[0, 1], [3, 0]]
    assert other.children.tolist() == [[[0, 0], [0, 0]]]
    assert encoder.lengths([FILM, "(4 what)"]).tolist() == [3, 1]
    [(inputs, labels)] = tree_batches([one, other], "nodes")
    assert inputs["tokens"].tolist() == [[6, 1], [1, 0]]
    assert labels.tolist() == [[0, 1, 3, 0], [4, 0, 0, 0]]
    with pytest.raises(ValueError, match=r"tree 0 has a node with 3 children; .* at most 2"):
        encoder.rows(["(2 (2 a) (2 b) (2 c))"])
    with pytest.raises(ValueError, match="there are no trees"):
        tree_batches([])
    with pytest.raises(ValueError, match="trees must be a list"):
        encoder.rows(FILM)


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_first_two_batches_differ_where_any_do(shuffle):
    """Else Keras takes an axis for fixed, on TensorFlow."""
    chain = lambda n: "(2 " * n + "(2 a)" + " (2 b))" * n  # noqa: E731
    full = "(2 (2 (2 a) (2 b)) (2 (2 c) (2 d)))"
    trees = [*[chain(2)] * 6, full, full, chain(1), chain(1)]
    encoder = data.TreeEncoder.of(trees)
    batches = tree_batches(encoder.rows(trees), batch_size=2, shuffle=shuffle)
    shapes = [(one["tokens"].shape[1], one["children"].shape[1]) for one in batches]
    assert shapes[0][0] != shapes[1][0] and shapes[0][1] != shapes[1][1]
    assert sorted(batches.order) == list(range(10))


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_the_treebank():
    trees = data.load("sst")
    # Four sentences of the training part stand in another one.
    assert str(trees).startswith("sst: train 8,540, validation 1,101, test 2,210 trees")
    nodes = [len(parsed(one).labels) for one in trees.test.inputs]
    assert sum(nodes) == 82_600 and (trees.test.targets != 2).sum() == 1_821
