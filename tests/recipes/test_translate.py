"""The recipe `translate`: raw pairs to a model that translates raw sentences."""

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, recipes
from keraseq.bundle import BundleError, load
from keraseq.recipes.translate import Settings, bleu_by_length, look, translations
from keraseq.recipes.translate.evaluation import bleu, chrf, measured

TINY = {"level": "character", "length": 12, "units": 8, "embedding": 6, "epochs": 1}
TINY |= {"batch_size": 32, "measured_sentences": 5, "report": None}
TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="as on every backend, and slow there"
)


@pytest.fixture(autouse=True)
def eager(request):
    """Without compiling, where little is learned."""
    if "learns" not in request.node.name:
        request.getfixturevalue("step_by_step")


def reversal(count=900, longest=6, blanks=False):
    """Words, and the same words from their ends."""
    rng = np.random.default_rng(0)
    signs = list("abcdef " if blanks else "abcdef")
    words = ["".join(rng.choice(signs, rng.integers(3, longest + 1))) for _ in range(count)]
    words = [" ".join(word.split()) for word in words if word.strip()]
    return data.sentence_pairs([(word, word[::-1]) for word in dict.fromkeys(words)])


@pytest.fixture(scope="module")
def pairs():
    return reversal(120, blanks=True)


@pytest.fixture(scope="module")
def trained(pairs):
    return []


@pytest.fixture
def bundle(pairs, trained):
    if not trained:  # not before `eager`
        trained.append(recipes.train("translate", pairs, **TINY))
    return trained[0]


@TENSORFLOW
def test_it_learns_to_reverse_and_looks_where_it_must(pairs):
    """Step t of n reads letter n - t: the anti-diagonal."""
    pairs = reversal()
    options = {"units": 48, "embedding": 32, "epochs": 10, "learning_rate": 5e-3, "dropout": 0.0}
    options |= {"attention": "additive", "measured_sentences": 40, "label_smoothing": 0.0}
    found = recipes.train("translate", pairs, **{**TINY, **options})
    said = translations(found, pairs, sampler="greedy")
    assert (said.translation == said.reference).mean() > 0.9
    assert found.card.metric.mean > 95 and found.card.metric.name.startswith("chrf of the first 40")
    right = []
    for word in pairs.test.inputs[:20]:
        shares = look(found, word, word[::-1])
        assert shares.columns.tolist() == [*word, "<end>"]
        assert shares.index.tolist() == [*word[::-1], "<end>"]
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-4)
        looked = shares.to_numpy()[:-1].argmax(axis=1)
        right += (looked == np.arange(len(word))[::-1]).tolist()
    assert np.mean(right) > 0.9


def test_predict(bundle):
    found = recipes.predict(bundle, ["abc", "", b"fa b", "x" * 20, "\u00e9\u6f22"])
    assert found.source.tolist() == ["abc", "", "fa b", "x" * 20, "\u00e9\u6f22"]
    assert found.cut.tolist() == [False, False, False, True, False]
    assert found.translation[1] == "" and found.score[1] == 0 and found.ended[1]
    assert (found.score[[0, 2, 3, 4]] < 0).all()
    assert all(isinstance(one, str) and len(one) <= 13 for one in found.translation)
    one = recipes.predict(bundle, "abc").iloc[0]
    assert one.translation == found.translation[0] and one.score == pytest.approx(found.score[0])
    assert len(recipes.predict(bundle, [])) == 0
    for raw, error, message in (
        (["a", b"\xe9"], ValueError, "sentence 1 is no UTF-8"),
        (["a", 3], TypeError, "sentence 1 must be a text; received int"),
    ):
        with pytest.raises(error, match=message):
            recipes.predict(bundle, raw)
    with pytest.raises(ValueError, match=r"unknown sampler 'beem'.*Did you mean 'beam'"):
        recipes.predict(bundle, ["a"], sampler="beem")


def test_evaluate(bundle, pairs, tmp_path):
    table = recipes.evaluate(bundle, pairs)
    assert table.attrs["signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|")
    assert set(table.part) == {"validation", "test"} and len(table) == 10
    assert (table.low <= table.high).all() and table.bleu.between(0, 100).all()
    copied = table.query("part == 'test' and method == 'source copied'").iloc[0]
    assert copied.bleu == bleu(pairs.test.inputs, pairs.test.targets)
    assert copied.chrf == chrf(pairs.test.inputs, pairs.test.targets)
    with pytest.raises(ValueError, match=r"was trained on data in memory .* give the data"):
        recipes.evaluate(bundle)
    for name, rows in (("a.x", ["ab", "cd"]), ("a.y", ["ba", "dc"])):
        (tmp_path / name).write_text("\n".join(rows))
    table = recipes.evaluate(bundle, [tmp_path / "a.x", tmp_path / "a.y"])
    assert table.part.tolist() == ["whole"] * 2 and table.sentences.tolist() == [2, 2]
    assert bleu(["a b c d"], ["a b c d"]) == pytest.approx(100)
    assert bleu(["A b c d e"], ["a b c d e"]) < 100  # with its case
    nothing = measured("test", "nothing", ["z"], ["a b c d"])  # which has no interval
    assert [nothing[name] for name in ("bleu", "low", "high")] == [0, 0, 0]


def test_looking_back_needs_attention(pairs):
    bundle = recipes.train("translate", pairs, attention="none", **TINY)
    assert "no attention" in recipes.evaluate(bundle, pairs, baselines=False).method[0]
    with pytest.raises(ValueError, match="has no attention: it looks nowhere"):
        look(bundle, "abc", "cba")
    with pytest.raises(ValueError, match="there is no alignment of an empty sentence"):
        look(bundle, " ")


def test_a_source_that_is_read_backwards(pairs):
    bundle = recipes.train("translate", pairs, read_backwards=True, **TINY)
    shares = look(bundle, "abcd", "dc")
    assert shares.columns.tolist() == [*"abcd", "<end>"]
    rows = recipes.get("translate").prepare(pairs, Settings(**settings(read_backwards=True))).rows
    forth = recipes.get("translate").prepare(pairs, Settings(**settings())).rows
    for one, other in zip(rows["train"][0], forth["train"][0], strict=True):
        assert one[:-1].tolist() == other[-2::-1].tolist() and one[-1] == other[-1]


def settings(**more):
    known = {k: v for k, v in TINY.items() if k != "report"}
    return {**known, "measure": "chrf", **more}


def test_long_pairs_are_left_out_of_training_and_that_is_said(pairs):
    lines = []
    long = [("a" * n, "b" * n) for n in range(13, 43)]
    some = list(zip(*pairs.train, strict=True))
    report = {**TINY, "report": lines.append}
    recipes.train("translate", data.sentence_pairs([*some, *long]), **report)
    assert any("pairs of more than 12 tokens are left out" in line for line in lines)
    with pytest.raises(ValueError, match=r"no (train|validation) pair has at most length=1 tokens"):
        recipes.train("translate", pairs, **{**TINY, "length": 1})


def test_scheduled_sampling(pairs):
    options = {**TINY, "scheduled_sampling": 0.5, "sampling_decay": "inverse_sigmoid"}
    bundle = recipes.train("translate", pairs, **options)
    assert type(bundle.model).__name__ == "SequenceModel"  # what writes knows nothing of it
    assert np.isfinite(recipes.predict(bundle, ["abc"]).score[0])


def test_bleu_by_length():
    words = ["a b c d", "e f g h", "a b c d e f g h", "h g f e d c b a"]
    frame = pd.DataFrame({"source": words, "translation": words, "reference": words})
    frame.loc[3, "translation"] = "something else"
    found = bleu_by_length(frame, 2)
    assert found.sentences.tolist() == [2, 2] and found.length.tolist() == [4, 8]
    assert found.bleu[0] == pytest.approx(100) and found.bleu[1] < 100


def test_options_that_do_not_go_together(pairs, tmp_path):
    for options, message in (
        ({"vocabulary_size": 9}, "level='character' takes all characters there are; received"),
        ({"attention": "aditive"}, r"unknown attention 'aditive'; .*Did you mean 'additive'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be a number in"),
        ({"reverse": True}, "reverse=True says how data are read, and these are read already"),
        ({"attention": "additive", "input_feeding": True}, "input_feeding is for attention="),
    ):
        with pytest.raises(ValueError, match=message):
            recipes.train("translate", pairs, folder=tmp_path / "run", **{**TINY, **options})


def test_a_bundle_whose_parts_do_not_belong_together(bundle, tmp_path):
    bundle.save(tmp_path / "saved", optimizer=False)
    again = load(tmp_path / "saved")
    assert recipes.predict(again, ["abc"]).equals(recipes.predict(bundle, ["abc"]))
    other = data.SentenceEncoder.of(["xyz"], "character")
    again.preprocessing["encoder"] = other.to_dict()
    with pytest.raises(BundleError, match=r"its vocabulary has .* do not belong together"):
        recipes.predict(again, ["abc"])
    again.preprocessing["encoder"] = {"tokenizer": "{}", "length": 3}
    with pytest.raises(BundleError, match="the bundle is no translator of this recipe"):
        recipes.predict(again, ["abc"])


def test_through_the_shell(tmp_path, monkeypatch):
    """Two files in, a saved model, its table, a translation a line."""
    monkeypatch.chdir(tmp_path)
    pairs = [
        pair for part in data.parts.PARTS for pair in zip(*reversal(60).part(part), strict=True)
    ]
    for name, rows in zip(("a.x", "a.y"), zip(*pairs, strict=True), strict=True):
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    tiny = "--level character --units 4 --embedding 4 --epochs 1 --length 8".split()
    shell = lambda *arguments, **more: CliRunner().invoke(cli.app, list(arguments), **more)  # noqa: E731
    run = shell("train", "translate", "a.x", "a.y", *tiny, "--out", "out")
    assert run.exit_code == 0, run.output
    assert "a.x: train 48, validation 6, test 6 pairs, x to y" in run.output
    assert "sacreBLEU, nrefs:1|case:mixed|eff:no|tok:13a" in " ".join(run.output.split())
    run = shell("predict", "out", "abc", "")
    assert run.exit_code == 0 and len(run.stdout.split("\n")) == 3, run.output
    run = shell("evaluate", "out", "--no-baselines")
    assert run.exit_code == 0 and "beam 5" in run.output, run.output
    run = shell("train", "translate", "a.x", "--out", "other")
    assert run.exit_code and len(run.stderr.splitlines()) == 1, run.output
    run = shell("train", "translate", "a.x", "a.y", "a.x", "--out", "other")
    assert run.stderr.startswith("Error: parallel files are two"), run.output
