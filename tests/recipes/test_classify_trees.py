"""The same recipe for trees in brackets: raw trees to a bundle that reads raw trees."""

import functools
import os

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, recipes
from keraseq.bundle import load
from keraseq.data.labelled import parsed, tree_batches
from keraseq.recipes.classify.naive_bayes import NaiveBayes
from keraseq.recipes.classify.trees import roots

SMALL = {"units": 12, "embedding": 8, "epochs": 12, "batch_size": 8, "learning_rate": 0.03}
SMALL |= {"dropout": 0.0, "embedding_dropout": 0.0, "pace": 1.0, "report": None}
train = functools.partial(recipes.train, "classify")
WORDS = {"awful": 0, "weak": 1, "a": 2, "nice": 3, "superb": 4}


def films(count, seed=0):
    """Sentences whose sentiment is that of one word; "not" turns it around."""
    rng, found = np.random.default_rng(seed), []
    for n in range(count):
        word = list(WORDS)[n % 5]
        label = WORDS[word]
        text = f"({label} ({label} {word}) (2 film{rng.integers(3)}))"
        if rng.random() < 0.4:
            label = 4 - label
            text = f"({label} (1 not) {text})"
        for _ in range(rng.integers(3)):
            text = f"({label} (2 w{rng.integers(200)}) {text})"
        found.append(text)
    return found


@pytest.fixture(scope="module")
def trees():
    return data.labelled_trees(films(160))


@pytest.fixture(scope="module")
def trained(trees):
    return train(trees, **SMALL)


FRESH = ["(2 (1 not) (2 (2 superb) (2 film1)))", "(2 (4 superb) (2 film2))", "(2 nice)"]


def test_a_model_learns_and_reads_raw_trees(trained, trees, tmp_path):
    """What "not" turns around; the labels of a tree are not read."""
    found = recipes.predict(trained, [FRESH[0], FRESH[1].encode()])
    assert found.columns.tolist() == [
        "tree",
        "label",
        "probability",
        *(f"P({n})" for n in range(5)),
    ]
    assert found.label.tolist() == ["0", "4"]
    assert found.tree.tolist() == ["not superb film1", "superb film2"]
    trained.save(tmp_path / "saved", optimizer=False)
    again = load(tmp_path / "saved")
    (tmp_path / "fresh.trees").write_text("\n".join(FRESH))
    other = recipes.predict(again, str(tmp_path / "fresh.trees"))
    np.testing.assert_allclose(other.probability[:2], found.probability, rtol=1e-4)
    assert len(other) == 3
    shown = recipes.classify.predictions(again, trees, "test")
    assert shown.length.tolist() == [len(parsed(one).words) for one in trees.test.inputs]
    assert len(recipes.predict(again, [])) == 0


def test_evaluate_has_five_classes_and_two(trained, trees):
    table = recipes.evaluate(trained, trees)
    methods = ["tree-lstm", "most frequent class", "naive Bayes"]
    assert table.method.tolist() == methods * 2 and table.part[0] == "validation"
    ours = table.iloc[0]
    assert ours.accuracy > 0.6 and ours.binary > 0.6
    assert ours.binary_low < ours.binary <= ours.binary_high
    clear = trees.validation.targets != 2
    assert ours.binary_examples == clear.sum()
    said = recipes.predict(trained, trees.validation.inputs)
    positive = said["P(3)"] + said["P(4)"] > said["P(0)"] + said["P(1)"]
    right = (positive == (trees.validation.targets > 2))[clear]
    assert ours.binary == pytest.approx(right.mean())
    alone = recipes.evaluate(trained, films(10, seed=5), baselines=False)
    assert alone.part.tolist() == ["whole"] and alone.examples.tolist() == [10]


def test_every_node_of_a_tree(trained):
    tree = FRESH[0]
    frame = recipes.classify.nodes(trained, tree)
    assert frame.text.tolist()[-1] == "not superb film1" and frame.parent.tolist() == [
        4,
        3,
        3,
        4,
        -1,
    ]
    assert frame.truth.tolist() == parsed(tree).labels
    root = recipes.predict(trained, [tree])
    assert str(frame.label.iloc[-1]) == root.label[0]
    assert frame.probability.iloc[-1] == pytest.approx(root.probability[0], rel=1e-4)
    inner = recipes.predict(trained, ["(2 (2 superb) (2 film1))"])
    assert frame.probability.iloc[3] == pytest.approx(inner.probability[0], rel=1e-4)


def test_epochs_are_chosen_by_roots(trees, tmp_path):
    said = []
    small = {**SMALL, "epochs": 2, "report": said.append, "cell": "tree-elman"}
    bundle = train(trees, folder=tmp_path / "run", **small)
    log = np.genfromtxt(tmp_path / "run" / "log.csv", delimiter=",", names=True)
    assert bundle.card.metric.mean == pytest.approx(log["val_accuracy"].max())
    assert "accuracy" in said[0] and said[0].count("accuracy") == 1  # none of all nodes


def test_the_root_is_the_last_node_that_is_there():
    some = ["(2 a)", FRESH[1], FRESH[0], "(2 (2 (2 a) (2 b)) (2 (2 c) (2 d)))"]
    encoder = data.TreeEncoder.of(some)
    [batch] = tree_batches(encoder.rows(some), batch_size=9)
    [(_, labels)] = tree_batches(
        encoder.rows([one.replace("(2", "(4", 1) for one in some]), "nodes"
    )
    at = roots(batch)
    assert (labels[range(4), at] == 4).all() and ((labels == 4).sum(axis=1) == 1).sum() == 3


def test_naive_bayes_counts():
    bayes = NaiveBayes(["(4 (4 good) (2 day))", "(0 (0 bad) (2 day))", "(2 (2 a) (2 day))"])
    found = bayes(["(2 (2 good) (2 what))", "(2 (2 Bad) (2 day))"])
    assert found.argmax(1).tolist() == [4, 0]
    # P(good | 4) = 2 / 7: two words of the class and five kinds (good, day, bad, a) of them.
    of_good = np.array([1 / 6, 1 / 4, 1 / 6, 1 / 4, 2 / 6]) * np.array([2, 1, 2, 1, 2])
    np.testing.assert_allclose(found[0], of_good / of_good.sum())
    # "good" stands in two positive phrases, in no negative one: 3 / 9 against 1 / 9.
    assert bayes.positive(["(2 good)", "(2 bad)"]).round(3).tolist() == [0.75, 0.25]


def test_vectors_are_put_in_and_move_slowly(trees, tmp_path):
    rng = np.random.default_rng(0)
    words = ["superb", "awful", "unseen"]
    table = rng.normal(size=(3, 8)).round(3)
    (tmp_path / "glove.txt").write_text(
        "".join(
            f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, table, strict=True)
        )
    )
    bundles = []
    for pace in (0.01, 1.0):
        small = {**SMALL, "epochs": 1, "units": 3, "pace": pace, "embedding": None}
        bundle = train(trees, vectors=str(tmp_path / "glove.txt"), **small)
        tokens = recipes.classify.parts_of(bundle).encoder.rows(["(2 (2 superb) (2 unseen))"])
        layers = bundle.model.layers
        embed = bundle.model.get_layer("embedding")
        found = keras.ops.convert_to_numpy(embed(tokens[0].tokens[None]))[0] * pace
        assert any(layer.name == "pace" for layer in layers) == (pace != 1)
        np.testing.assert_allclose(found[1], table[2], rtol=1e-5)  # which no training changes
        bundles.append(np.abs(found[0] - table[0]).max())
    slow, fast = bundles
    assert 0 < slow < 0.03 < fast
    with pytest.raises(ValueError, match="embedding must be 8, the width of"):
        train(trees, vectors=str(tmp_path / "glove.txt"), **{**SMALL, "embedding": 9})


def test_what_trees_do_not_go_with(trained, trees, tmp_path):
    for given, message in (
        ({"cell": "gru"}, r"unknown cell of trees 'gru'; accepted: 'tree-lstm', 'tree-lstm-sum'"),
        ({"layers": 2}, "layers must be 1 for trees; received layers=2"),
        ({"class_weight": "balanced"}, "class_weight must be none for trees"),
        (
            {"bidirectional": True},
            "bidirectional=True is an option of texts, .*, series; these data are trees",
        ),
        ({"kind": "texts"}, "kind='texts' is given, and these data are trees"),
    ):
        with pytest.raises(ValueError, match=message):
            train(trees, **{**SMALL, **given})
    reviews = data.labelled_series(np.random.default_rng(0).normal(size=(40, 5)), ["a", "b"] * 20)
    with pytest.raises(ValueError, match="unknown cell 'tree-lstm'; known cells: elman"):
        train(reviews, cell="tree-lstm", report=None)
    with pytest.raises(ValueError, match="explain reads texts word by word; this model reads tre"):
        recipes.classify.explain(trained, "(2 a)")
    for raw, message in (
        (["A gem."], r"tree 0: text that is in no tree; a tree is written .*received 'A gem.'"),
        (["(2 a)", "(2 (2 a) (2 b) (2 c))"], "tree 1 has a node with 3 children"),
        (["(2 a) (2 b)"], "tree 0 must be one tree"),
        ("(2 a)", "trees must be a list of trees in brackets; received one text"),
        ([3], "tree 0 must be a text; received int"),
    ):
        with pytest.raises((ValueError, TypeError), match=message) as caught:
            recipes.predict(trained, raw)
        assert "\n" not in str(caught.value)


def test_the_shell(tmp_path, monkeypatch):
    """Trains from a file by its content, evaluates another, and reads trees or a line of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films.txt").write_text("\n".join(films(100)))
    (tmp_path / "other.trees").write_text("\n".join(films(10, seed=3)))

    def shell(*arguments, code=0, **options):
        run = CliRunner().invoke(cli.app, [str(one) for one in arguments], **options)
        assert run.exit_code == code, run.output
        return run

    small = ["--units", 3, "--embedding", 3, "--epochs", 1, "--out", "mine"]
    run = shell("train", "classify", "films.txt", *small)
    assert "films.txt: train" in run.output and "naive Bayes" in run.output
    assert "binary" in run.output
    assert "other" not in shell("evaluate", "mine", "--no-baselines").output
    assert "whole" in shell("evaluate", "mine", "other.trees").output
    assert shell("predict", "mine", FRESH[0]).output.endswith("not superb film1\n")
    assert len(shell("predict", "mine", "other.trees").output.splitlines()) == 10
    assert len(shell("predict", "mine", input="\n".join(FRESH)).output.splitlines()) == 3
    assert "text that is in no tree" in shell("predict", "mine", "A gem.", code=2).stderr
    for option, value, message in (
        ("--wide", 3, "wide=3 is an option of texts; these data are trees"),
        ("--sep", ";", "sep=';' says how a table is read; these data are trees"),
        ("--label", "x", "label='x' is an option of texts, signals, dna, series; these"),
    ):
        assert message in shell("train", "classify", "films.txt", option, value, code=2).stderr


def test_parts_in_files_of_their_own_are_read_again(tmp_path):
    for name, count in (("train", 60), ("dev", 20), ("test", 20)):
        (tmp_path / f"{name}.trees").write_text("\n".join(films(count, seed=count)))
    others = {"validation": tmp_path / "dev.trees", "test": tmp_path / "test.trees"}
    parts = data.labelled_trees(tmp_path / "train.trees", **others)
    train(parts, **{**SMALL, "epochs": 1}).save(tmp_path / "saved", optimizer=False)
    table = recipes.evaluate(load(tmp_path / "saved"), baselines=False)
    assert table.part.tolist() == ["validation", "test"] and table.examples.tolist() == [20, 20]


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_naive_bayes_on_the_treebank_is_that_of_the_reference():
    trees = data.load("sst")
    bayes, test = NaiveBayes(trees.train.inputs), trees.test
    assert (bayes(test.inputs).argmax(1) == test.targets).mean() == pytest.approx(0.399, abs=0.006)
    clear = test.targets != 2
    right = (bayes.positive(test.inputs) > 0.5) == (test.targets > 2)
    assert right[clear].mean() == pytest.approx(0.835, abs=0.006)
