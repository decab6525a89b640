"""The tagger from raw sentences to raw sentences, and what it says of bad ones."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import keraseq
from keraseq import cli, data, plots, recipes
from keraseq.bundle import BundleError
from keraseq.evaluate import entity_counts, entity_f1
from keraseq.recipes.tag.recipe import shown

matplotlib.use("agg")

# Names are known by their letters.
TINY = {"units": 8, "embedding": 8, "character_units": 4, "learning_rate": 0.02, "epochs": 12}
TINY |= {"word_dropout": 0.2, "least": 2}
PLACES = ["Oslo", "Bonn", "Lima", "Bern", "Rome", "Kyiv"]
VERBS = ["went", "sent", "drove", "flew"]


def named(count, seed=0):
    """Names of persons and places, which their letters and neighbours tell."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        who = f"{rng.choice(['Jo', 'Al', 'Mo'])}{rng.integers(99)}"
        words = [(who, "B-person"), (str(rng.choice(VERBS)), "O"), ("to", "O")]
        if rng.random() < 0.5:
            words[1:1] = [("Ox", "I-person")]
        yield [*words, ("New", "B-place"), (str(rng.choice(PLACES)), "I-place"), (".", "O")]


@pytest.fixture(scope="module")
def parts():
    return data.tagged_sentences(list(named(120)))


@pytest.fixture(scope="module")
def bundle(parts, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        said = []
        trained = recipes.train("tag", parts, report=said.append, **TINY)
    assert any("F1 of entities" in line for line in said)
    folder = trained.save(tmp_path_factory.mktemp("tag") / "names", optimizer=False)
    return keraseq.bundle.load(folder)


def test_it_learns_and_is_measured_beside_those_that_count(bundle, parts):
    table = recipes.evaluate(bundle, parts)
    test = table[table.part == "test"].set_index("method")
    assert list(test.index) == [
        "bidirectional lstm, letters, CRF",
        "most frequent tag, by word or ending",
        "trigram HMM",
        "names of the training part",
    ]
    ours = test.iloc[0]
    assert ours.accuracy > 0.9 and ours.f1 > 0.8
    assert ours.low <= ours.accuracy <= ours.high + 1e-9 and ours.f1_low <= ours.f1 <= ours.f1_high
    # By hand, from what `predictions` says.
    frame = recipes.tag.predictions(bundle, parts, "test")
    assert ours.accuracy == frame.right.mean()
    assert ours.unseen == frame.right[frame["count"] == 0].mean() and ours.unseen_words > 0
    assert ours.sentences == frame.groupby("sentence").right.all().mean()
    by_sentence = [one for _, one in frame.groupby("sentence")]
    counts = [entity_counts(one.truth.tolist(), one.tag.tolist()) for one in by_sentence]
    assert ours.f1 == entity_f1(counts)["f1"]
    assert bundle.card.metric.name == "validation F1 of entities"


@pytest.mark.usefixtures("step_by_step")
def test_raw_sentences_in_texts_and_words(bundle):
    frame = recipes.predict(bundle, ["Jo7 went to New Bonn.", "", ["Al3", "flew"], b"Mo1"])
    assert frame.columns.tolist() == ["sentence", "token", "tag", "probability"]
    assert frame.sentence.tolist() == [0] * 6 + [2, 2, 3]
    assert frame.tag.tolist()[1:6] == ["O", "O", "B-place", "I-place", "O"]
    assert frame.probability.between(0, 1.0001).all()
    alone = recipes.predict(bundle, "Jo7 went to New Bonn.")  # padding and company change nothing
    np.testing.assert_allclose(alone.probability, frame.probability[:6], atol=1e-5)
    assert recipes.predict(bundle, []).empty and recipes.predict(bundle, " ").empty
    strange = recipes.predict(bundle, "\u2603 \u65e5\u672c\u8a9e " + "x" * 999)  # unknown letters
    assert len(strange) == 3 and strange.probability.notna().all()
    assert len(recipes.predict(bundle, [["word"] * 500])) == 500
    for raw, message in (([3], "sentence 0 must be a text or"), ([["a", 3]], "received list")):
        with pytest.raises(TypeError, match=message):
            recipes.predict(bundle, raw)
    with pytest.raises(ValueError, match="sentence 0 is not UTF-8"):
        recipes.predict(bundle, b"\xff")


def test_other_data_with_tags(bundle, tmp_path):
    lines = "".join("".join(f"{w} {t}\n" for w, t in s) + "\n" for s in named(20, seed=1))
    path = tmp_path / "other.conll"
    path.write_text(lines)
    table = recipes.evaluate(bundle, path)
    assert table.part.tolist() == ["whole"] and table.words[0] == lines.count(" ")
    path.write_text(lines.replace("B-place", "B-spot", 1).replace("I-place", "I-spot", 1))
    with pytest.raises(ValueError, match=r"other.conll, line \d+: tag 'B-spot' is none of the mod"):
        recipes.evaluate(bundle, path)
    with pytest.raises(ValueError, match=r"trained on data in memory .*cannot be read again"):
        recipes.evaluate(bundle)
    with pytest.raises(ValueError, match=r"the data have the tags O, B-x; the model knows O, B-p"):
        recipes.evaluate(
            bundle, data.tagged_sentences([[("a", "B-x"), (f"{n}", "O")] for n in range(9)])
        )


def test_parts_that_do_not_belong_together(bundle):
    kept = bundle.preprocessing
    words = {**kept["encoder"], "words": kept["encoder"]["words"][1:]}
    letters = {**kept["encoder"], "characters": kept["encoder"]["characters"][1:]}
    for changed in ({"tags": ["O"]}, {"encoder": words}, {"encoder": letters}):
        other = keraseq.bundle.Bundle(bundle.model, {**kept, **changed}, bundle.card)
        with pytest.raises(BundleError, match="the bundle is no tagger of this recipe, or is dam"):
            recipes.predict(other, "Jo")


@pytest.mark.usefixtures("step_by_step")
def test_vectors_without_letters_or_field(tmp_path):
    """Pretrained vectors: those of the training part learn, further ones stay and are known."""
    path = tmp_path / "vectors.txt"
    path.write_text("to 1 2 3\ngo 2 2 2\nwent 4 5 6\nodd 7 8 9\n")
    plain = {"crf": False, "vectors": str(path), "more_words": 1}
    said = []
    parts = data.tagged_sentences(list(named(40)))
    short = {**TINY, "character_units": 0, "embedding": None, "epochs": 1}
    bundle = recipes.train("tag", parts, report=said.append, **short, **plain)
    assert said[0].startswith("2 of ") and "words have a vector" in said[0]
    assert bundle.preprocessing["encoder"]["more"] == ["go"]
    trained, fixed = bundle.model.get_layer("embedding").get_weights()
    assert fixed.tolist() == [[2, 2, 2]]
    words = bundle.preprocessing["encoder"]["words"]
    moved = trained[2 + words.index("went")]
    assert (moved != [4, 5, 6]).any() and np.abs(moved - [4, 5, 6]).max() < 0.5
    with pytest.raises(BundleError, match="the tagger has no conditional random field"):
        recipes.tag.transitions(bundle)
    assert len(bundle.model.inputs) == 1 and bundle.model.output_shape[-1] == 5
    assert len(recipes.predict(bundle, "go to Oslo")) == 3
    kept = {**short, **plain, "tune_vectors": False, "report": None}
    model = recipes.train("tag", parts, **kept).model
    trained, fixed = model.get_layer("embedding").get_weights()
    assert fixed.tolist() == [[1, 2, 3], [4, 5, 6], [2, 2, 2]]  # to, went, go
    assert len(trained) == len(words)  # padding and unknown, without two that stay
    with pytest.raises(ValueError, match="embedding must be 3, the width of"):
        recipes.train("tag", parts, **{**TINY, **plain, "report": None})
    with pytest.raises(FileNotFoundError, match=r"no file of vectors 'nowhere\.txt'"):
        recipes.train("tag", parts, vectors="nowhere.txt", report=None)


def test_what_it_has_learned(bundle, parts):
    table = recipes.tag.transitions(bundle)
    assert table.shape == (6, 6) and table.index[0] == "start" and table.columns[-1] == "end"
    never = table.isna()
    assert never.loc["start", "I-person"] and never.loc["B-place", "I-person"]
    assert not never.loc["B-person", "I-person"] and never.to_numpy().sum() == 2 * 4 + 1
    start = bundle.model.get_layer("crf").get_weights()[1]
    assert table.loc["start", "O"] == start[0]
    counts = recipes.tag.accuracy_by_count(recipes.tag.predictions(bundle, parts, "test"))
    assert counts.seen[0] == "0" and counts.words.sum() == sum(map(len, parts.test.inputs))
    assert plots.transitions(table).get_xticklabels()[-1].get_text() == "end"
    assert plots.accuracy_by_count(counts).get_ylabel() == "accuracy"
    coloured = recipes.tag.Coloured(recipes.predict(bundle, "Jo7 went to <b> New Bonn."))
    assert "&lt;" in coloured.html() and "New Bonn <sub>place</sub>" in coloured._repr_html_()
    other = pd.DataFrame({"sentence": 0, "token": ["a", "b"], "tag": ["DET", "NOUN"]})
    assert "b <sub>NOUN</sub>" in recipes.tag.Coloured(other).html()


def test_lines_of_a_shell():
    assert shown(["a", "b"], ["DET", "NOUN"], "none") == "a_DET b_NOUN"
    assert shown(["Jo", "Ox", "at"], ["B-p", "I-p", "O"], "iob2") == "[Jo Ox]p at"
    assert "\033[7mJo\033[0m p" in shown(["Jo"], ["B-p"], "iob2", colour=True)


@pytest.mark.usefixtures("step_by_step")
def test_from_the_shell(tmp_path):
    rows = [(n, word, tag) for n, s in enumerate(named(60)) for word, tag in s]
    table = tmp_path / "names.csv"
    pd.DataFrame(rows, columns=["id", "w", "t"]).to_csv(table, index=False)

    def shell(*arguments):
        return CliRunner().invoke(cli.app, [str(one) for one in arguments])

    columns = ["--token", "w", "--tag", "t", "--sentence", "id"]
    quick = ["--units", "4", "--embedding", "4", "--epochs", "1"]
    run = shell("train", "tag", table, *columns, *quick, "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    assert "trigram HMM" in run.output and "5 tags (IOB2)" in run.output
    run = shell("predict", tmp_path / "out", "Jo1 went to New Rome.")
    assert run.exit_code == 0 and "New" in run.output
    run = shell("evaluate", tmp_path / "out")
    assert run.exit_code == 0 and "gazett" not in run.output and "names of the" in run.output
    run = shell("train", "tag", table, "--tag", "tga")
    assert run.exit_code == 2 or run.exit_code == 1
    assert "there is no column 'token' for token" in run.output and run.output.count("\n") == 1
