"""The same recipe for DNA: FASTA files or a table to a bundle that reads letters."""

import functools
import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, recipes
from keraseq.bundle import Bundle
from keraseq.recipes.classify.dna import LENGTH, Dna, blurred, naive_bayes, turned, words

TINY = {"cell": "elman", "units": 6, "epochs": 12, "batch_size": 8, "learning_rate": 0.02}
TINY |= {"dropout": 0.0, "report": None}
train = functools.partial(recipes.train, "classify")


def pieces(count=60, seed=0):
    """Random letters; those of class "site" have GGC in the middle."""
    rng = np.random.default_rng(seed)
    found = ["".join(rng.choice(list("ACGT"), 12)) for _ in range(count)]
    found = [one[:5] + "GGC" * (i % 2) + one[5 : 12 - 3 * (i % 2)] for i, one in enumerate(found)]
    return found, ["site" if i % 2 else "other" for i in range(count)]


def fasta(path, found):
    path.write_text("".join(f">{path.stem} {i}\n{one}\n" for i, one in enumerate(found)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dna")
    found, labels = pieces()
    for label in ("site", "other"):
        own = [one for one, its in zip(found, labels, strict=True) if its == label]
        fasta(folder / f"{label}.fa", own)
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        return train(str(folder), **TINY)


def test_a_model_learns_and_reads_letters(trained, folder, tmp_path):
    """Letters, small or not, FASTA, a frame: the same answer."""
    found, labels = pieces(20, seed=9)
    answer = recipes.predict(trained, found)
    assert (answer.label == labels).mean() > 0.7
    fasta(tmp_path / "new.fa", map(str.lower, found))
    for given in (str(tmp_path / "new.fa"), pd.DataFrame({"sequence": found})):
        again = recipes.predict(trained, given)
        np.testing.assert_allclose(again.probability, answer.probability, rtol=1e-4)
    assert recipes.predict(trained, tmp_path / "new.fa").sequence[0] == "new 0"
    assert recipes.predict(trained, ["N", "acgtn" * 9]).probability.between(0, 1).all()
    with pytest.raises(ValueError, match="sequence 1 has 'E' at letter 1; accepted are A, C, G, T"):
        recipes.predict(trained, ["ACGT", "E"])


def test_it_is_measured_beside_naive_bayes(trained):
    table = recipes.evaluate(trained)
    own, both, *others = table[table.part == "test"].to_dict("records")
    assert both["method"] == f"{own['method']}, both strands"
    assert [one["method"] for one in others] == [
        "most frequent class",
        "naive Bayes, single letters",
        "naive Bayes, 6-mers",
        "naive Bayes by position",
    ]
    assert own["accuracy"] > 0.6 and own["mcc"] > 0
    mean = (own["sensitivity"] + own["specificity"]) / 2
    assert mean == pytest.approx(own["balanced_accuracy"])


def test_the_other_strand_of_a_row_is_that_of_its_letters():
    encoder = data.DnaEncoder(5)
    one, other = encoder.rows(["AACGN", data.reverse_complement("AACGN")])
    np.testing.assert_array_equal(turned(one), other)
    some = blurred(one, np.random.default_rng(0), 0.5)
    assert set(some[:, :4].max(1)) == {0.25, 1.0} and (some[:, 4:] == one[:, 4:]).all()


def test_words_and_naive_bayes_count():
    """By hand, on words of one kind; letters that may be several are in none."""
    found = words(["AAAAAAAC", "ANAAAAAA", "ACG"])
    assert found.sum(1).tolist() == [3, 1, 0] and found[0, 0] == 2 and found.shape[1] == 4**LENGTH
    counts = lambda found: np.array([[one.count("A"), one.count("C")] for one in found])  # noqa: E731
    chances = naive_bayes(counts, ["AAA", "CC"], np.array([0, 1]), 2)(["A", ""])
    np.testing.assert_allclose(chances, [[0.8 / (0.8 + 0.25), 0.25 / (0.8 + 0.25)], [0.5, 0.5]])
    three = np.eye(3)[[0, 1, 2, 0]]
    more = Dna().more(None, three, data.Part([""] * 4, np.array([0, 1, 2, 0])))
    assert more == {"mcc": 1.0}


def test_a_model_of_another_width_is_refused(trained):
    wrong = {**trained.preprocessing, "encoder": {"positions": 3}}
    with pytest.raises(ValueError, match="its encoder gives 7 values a step: they do not belong"):
        recipes.predict(Bundle(trained.model, wrong, trained.card), ["A"])


def test_the_shell(trained, folder, tmp_path, monkeypatch):
    """Evaluates, and predicts a file and letters; a bad one is one line."""
    monkeypatch.chdir(tmp_path)
    shell = lambda *words: CliRunner().invoke(cli.app, [str(one) for one in words])  # noqa: E731
    trained.save(tmp_path / "dna", optimizer=False)
    run = shell("predict", "dna", folder / "site.fa", "ACGT", "--json")
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rows) == 31 and rows[-1]["sequence"] == "30"
    assert shell("evaluate", "dna", folder).exit_code == 0
    (tmp_path / "bad.fa").write_text("no sequence")
    for given, message in (
        ("bad.fa", "bad.fa is no FASTA file: line 1 comes before any line that begins with '>'"),
        ("HELLO", "sequence 0 has 'E' at letter 2; accepted are A, C, G, T"),
    ):
        run = shell("predict", "dna", given)
        assert run.exit_code == 2 and run.stderr.startswith(f"Error: {message}"), run.output
        assert run.stderr.count("\n") == 1
