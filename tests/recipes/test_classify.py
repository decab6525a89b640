"""The recipe for labelled texts: raw texts to a bundle that reads raw texts."""

import functools
import json

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, recipes
from keraseq.bundle import Bundle, Card, load
from keraseq.data.labelled import aclimdb
from keraseq.evaluate import (
    calibration_curve,
    calibration_error,
    negative_log_likelihood,
    probabilities,
)
from keraseq.evaluate import temperature as best_temperature
from keraseq.recipes import classify
from keraseq.recipes.classify.baselines import logits_of
from keraseq.recipes.classify.kinds import completed, get
from keraseq.recipes.classify.pretraining import NextWord, pieces
from keraseq.recipes.classify.texts import classifier
from keraseq.recipes.classify.wide import occurrences, one_against_others, shares

SMALL = {
    "units": 8,
    "embedding": 8,
    "pairs": 0,
    "wide": 0,
    "word_dropout": 0.1,
    "length": 16,
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.03,
    "report": None,
}


train = functools.partial(recipes.train, "classify")


def table(rows=240, seed=0):
    """Texts of three moods: one word among many says which."""
    rng = np.random.default_rng(seed)
    moods = {"bad": "awful", "fine": "okay", "good": "lovely"}
    texts, labels = [], []
    for i in range(rows):
        label = list(moods)[i % 3]
        words = [f"w{n}" for n in rng.integers(0, 30, rng.integers(3, 25))]
        words[rng.integers(len(words))] = moods[label]
        texts.append(" ".join(words))
        labels.append(label)
    return pd.DataFrame({"text": texts, "label": labels})


@pytest.fixture(scope="module")
def reviews():
    return data.reviews(table(), validation=0.2, test=0.2)


@pytest.fixture(scope="module")
def trained(reviews):
    """A model of them, and what was reported."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        bundle = train(reviews, **{**SMALL, "report": said.append, "epochs": 8, "wide": 50})
    return bundle, said


def test_a_model_learns_and_reads_raw_texts(trained, tmp_path):
    bundle, said = trained
    assert len(said) == 11 and said[0].startswith("epoch 1/8: train loss")
    assert said[-1].endswith(f"validation accuracy {bundle.card.metric.mean:.4f}")
    texts = ["w1 w2 AWFUL w3", "Lovely!<br />w4", "w3 okay"]
    frame = classify.predict(bundle, texts)
    assert frame.label.tolist() == ["bad", "good", "fine"]
    assert frame.text.tolist() == texts
    chances = frame[["P(bad)", "P(fine)", "P(good)"]].to_numpy()
    np.testing.assert_allclose(chances.sum(1), 1)
    np.testing.assert_allclose(chances.max(1), frame.probability)
    bundle.save(tmp_path / "saved", optimizer=False)
    again = load(tmp_path / "saved")
    assert recipes.of(again).name == "classify"
    np.testing.assert_allclose(
        classify.predict(again, texts).probability, frame.probability, rtol=1e-5
    )


ODD = ["", "one", "lovely " * 10_000, "很好 фильм 🙂", "\ud83d", "\x00", b"lovely"]


def test_odd_texts_get_an_answer_and_the_order_of_texts_does_not_matter(trained):
    bundle, _ = trained
    frame = classify.predict(bundle, ODD)
    assert np.isfinite(frame.probability).all() and len(frame) == len(ODD)
    assert frame.label[6] == "good" and frame.label[2] == "good"
    alone = [classify.predict(bundle, [one]).probability[0] for one in ODD]
    np.testing.assert_allclose(frame.probability, alone, rtol=1e-4)
    assert classify.predict(bundle, []).shape == (0, 6)


def test_what_cannot_be_predicted(trained, reviews):
    bundle, _ = trained
    with pytest.raises(ValueError, match="text 1: the text is not UTF-8"):
        classify.predict(bundle, ["a", b"\xff"])
    with pytest.raises(TypeError, match="text 0: a text must be str or UTF-8 bytes; received None"):
        classify.predict(bundle, [None])
    with pytest.raises(ValueError, match="received one text"):
        classify.predict(bundle, "lovely")
    other = data.TextEncoder.of(["quite another vocabulary"])
    wrong = Bundle(bundle.model, {**bundle.preprocessing, "encoder": other.to_dict()})
    with pytest.raises(ValueError, match="vocabulary has 6 ids and its model 36: they do not"):
        classify.predict(wrong, ["a"])
    with pytest.raises(ValueError, match="names 2 classes and its model has 3"):
        classify.predict(
            Bundle(bundle.model, {**bundle.preprocessing, "classes": ["a", "b"]}), ["a"]
        )
    with pytest.raises(ValueError, match="or is damaged: encoder is missing"):
        classify.predict(Bundle(bundle.model, {}), ["a"])


def test_evaluation_puts_simple_methods_beside_it(trained, reviews):
    bundle, _ = trained
    said = []
    frame = classify.evaluate(bundle, reviews, report=said.append)
    assert frame.columns.tolist() == [
        "part", "method", "accuracy", "low", "high", "examples", "balanced_accuracy", "macro_f1",
        "nats", "calibration_error",
    ]  # fmt: skip
    assert frame.part.tolist() == ["validation"] * 6 + ["test"] * 6
    assert frame.method.tolist()[:6] == [
        "gru, max and mean pooling, and a wide part",
        "the recurrent part alone",
        "the wide part alone",
        "most frequent class",
        "bag of embeddings",
        "logistic regression, TF-IDF bigrams",
    ]
    rows = frame[frame.part == "test"].set_index("method")
    assert (rows.examples == 48).all() and len(said) == 2
    assert rows.accuracy["most frequent class"] == pytest.approx(1 / 3, abs=0.03)
    assert rows.accuracy["logistic regression, TF-IDF bigrams"] > 0.9
    told = classify.predict(bundle, reviews.test.inputs)
    truth = [reviews.classes[i] for i in reviews.test.targets]
    right = (told.label == truth).mean()
    assert rows.accuracy.iloc[0] == pytest.approx(right)
    chance = [told[f"P({one})"][i] for i, one in enumerate(truth)]
    assert rows.nats.iloc[0] == pytest.approx(-np.log(chance).mean(), rel=1e-4)


def test_tables_are_scored_whole_or_by_the_parts_of_training(tmp_path):
    table().to_csv(tmp_path / "mine.csv", index=False)
    table(30, seed=9).to_csv(tmp_path / "other.csv", index=False)
    bundle = train(tmp_path / "mine.csv", **{**SMALL, "epochs": 1})
    mine = classify.evaluate(bundle, baselines=False)
    assert mine.part.tolist() == ["validation", "test"]
    pd.testing.assert_frame_equal(
        mine, classify.evaluate(bundle, tmp_path / "mine.csv", baselines=False)
    )
    other = classify.evaluate(bundle, tmp_path / "other.csv")
    assert other.part.tolist() == ["whole"] and other.examples.tolist() == [30]
    table(30).assign(label="odd").to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(ValueError, match=r"odd\.csv: label 'odd' in row 0 is none of"):
        classify.evaluate(bundle, tmp_path / "odd.csv")
    table(99).to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(ValueError, match=r"'mine.csv' have changed since the model was trained"):
        classify.evaluate(bundle)


def test_the_reviews_are_read_again_as_in_training(tmp_path, monkeypatch):
    monkeypatch.setattr(aclimdb, "PER_CLASS", 30)
    monkeypatch.setattr(aclimdb.store, "keep", lambda *_: None)
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            folder = tmp_path / "aclImdb" / part / kind
            folder.mkdir(parents=True)
            for i in range(30):
                (folder / f"{i}_5.txt").write_text(f"{part} {i} {kind}")
    reviews = data.load("imdb", source=tmp_path / "aclImdb", stored=False, seed=3)
    bundle = train(reviews, **{**SMALL, "epochs": 1})
    told = classify.evaluate(bundle, tmp_path / "aclImdb", baselines=False)
    pd.testing.assert_frame_equal(told, classify.evaluate(bundle, reviews, baselines=False))
    assert told.examples.tolist() == [6, 60]


def test_data_that_cannot_be_read_again(trained):
    bundle, _ = trained
    with pytest.raises(ValueError, match=r"was trained on data in memory .*give the data"):
        classify.evaluate(bundle)
    with pytest.raises(ValueError, match=r"'notes\.doc' must end in one of .csv"):
        classify.evaluate(bundle, "notes.doc")
    two = data.reviews(table().query("label != 'fine'"))
    with pytest.raises(ValueError, match="have the classes bad, good; the model knows bad, fine"):
        classify.evaluate(bundle, two)


# Calibration.


def test_the_temperature_is_the_best_there_is():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1, 1, 1], 4000)
    labels = (chances.cumsum(1) < rng.random((4000, 1))).sum(1)
    logits = 3 * np.log(chances)
    found = best_temperature(logits, labels)
    assert found == pytest.approx(3, rel=0.1)
    costs = [negative_log_likelihood(logits / t, labels).mean() for t in (found, 2.7, 3.3)]
    assert min(costs) == costs[0]
    assert calibration_error(chances, labels) < 0.03
    with pytest.raises(ValueError, match="at least one row"):
        best_temperature(np.zeros((0, 2)), [])


@pytest.mark.parametrize("scale", [1, 100, 1e5])
@pytest.mark.parametrize("classes", [2, 4])
def test_who_was_never_wrong_is_not_certain(scale, classes):
    """The rule of succession: right 8 times of 8 is 9/10, whatever the size of the logits."""
    labels = np.arange(8) % classes
    logits = scale * np.where(labels[:, None] == np.arange(classes), 6.0, 0.0)
    chances = probabilities(logits, best_temperature(logits, labels))
    assert chances.max(-1) == pytest.approx(0.9)


def test_a_calibration_curve_counts_every_text():
    chances = np.array([[0.95, 0.05], [0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])
    curve = calibration_curve(chances, [0, 1, 1, 0], bins=5)
    assert curve["count"].tolist() == [2, 2]
    assert curve.accuracy.tolist() == [1.0, 0.5]
    assert curve.confidence.tolist() == pytest.approx([0.55, 0.925])
    assert calibration_error(chances, [0, 1, 1, 0], 5) == pytest.approx((0.45 + 0.425) / 2)


# Looking inside.


def test_an_explanation_of_a_raw_text(trained):
    bundle, _ = trained
    frame = classify.explain(bundle, "w1 w2 Lovely w3 w5")
    assert frame.word.tolist() == ["w1", "w2", "lovely", "w3", "w5"]
    assert frame.left_out.argmax() == 2
    told = classify.predict(bundle, ["w1 w2 Lovely w3 w5"])
    assert told.label[0] == "good"
    assert frame.probability.iloc[-1] == pytest.approx(told.probability[0], rel=1e-4)
    other = classify.explain(bundle, "w1 w2 Lovely w3 w5", "bad")
    assert other.probability.iloc[-1] == pytest.approx(told["P(bad)"][0], rel=1e-3)
    with pytest.raises(ValueError, match=r"unknown label 'goood'.*Did you mean 'good'"):
        classify.explain(bundle, "a", "goood")


def test_where_it_errs(trained, reviews):
    bundle, _ = trained
    frame = classify.predictions(bundle, reviews, "test")
    assert len(frame) == 48
    assert frame.length.tolist() == [len(text.split()) for text in reviews.test.inputs]
    assert frame.right.tolist() == (frame.truth == frame.label).tolist()
    lengths = classify.accuracy_by_length(frame, bins=3)
    assert lengths["count"].sum() == 48 and lengths.length.is_monotonic_increasing
    assert np.average(lengths.accuracy, weights=lengths["count"]) == pytest.approx(
        frame.right.mean()
    )


# Pretraining.


def test_pretraining_gives_the_classifier_its_weights(reviews, tmp_path):
    said = []
    settings = {**SMALL, "epochs": 1, "pretraining": 2, "bidirectional": True}
    bundle = train(reviews, folder=tmp_path, **{**settings, "report": said.append})
    assert said[0].startswith("next word, epoch 1/2")
    assert classify.evaluate(bundle, reviews, baselines=False).method[0].endswith("pretrained")
    reader = keras.saving.load_model(tmp_path / "pretraining" / "best.keras")
    kept = np.load(tmp_path / "pretraining" / "pretrained.npz")
    np.testing.assert_array_equal(
        kept["embedding/0"], reader.encoder.get_layer("embedding").get_weights()[0]
    )


def test_a_run_goes_on_behind_its_pretraining_and_a_new_one_does_not(reviews, tmp_path):
    said = []
    settings = {**SMALL, "report": said.append, "pretraining": 1}
    with pytest.raises(Killed):
        train(reviews, folder=tmp_path, callbacks=[Kill()], **settings)
    assert any("next word" in line for line in said)
    said.clear()
    train(reviews, folder=tmp_path, callbacks=[keras.callbacks.Callback()], **settings)
    assert said[0].startswith("epoch 3/4")
    said.clear()
    train(reviews, folder=tmp_path, **{**settings, "embedding": 4, "epochs": 1})
    assert said[0].startswith("next word")


def test_the_next_word_is_learned_both_ways():
    """In a text of one line again and again each word tells its neighbours."""
    rows = np.tile(np.arange(1, 9), (32, 3)).astype("int32")
    keras.utils.set_random_seed(0)
    model = NextWord(10, embedding=8, cell="gru", units=8, bidirectional=True, samples=10)
    model.compile(keras.optimizers.Adam(0.05), jit_compile=False)
    losses = model.fit(rows, epochs=40, verbose=0).history["loss"]
    assert losses[0] > 1.0 and losses[-1] < 0.15
    again = NextWord.from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_the_sampled_softmax_is_near_the_whole_one():
    """With many samples the estimate nears the cost under a softmax over all words."""
    keras.utils.set_random_seed(1)
    model = NextWord(30, embedding=4, cell="gru", units=4, samples=20_000)
    rng = np.random.default_rng(0)
    model.vectors.embeddings.assign(rng.normal(size=(30, 4)))
    told = rng.normal(size=(2, 3, 4)).astype("float32")
    targets = rng.integers(1, 30, (2, 3)).astype("int32")
    table_ = keras.ops.convert_to_numpy(model.vectors.embeddings)
    logits = told @ table_[1:].T  # padding is never told
    whole = negative_log_likelihood(logits, targets - 1)
    found = model.costs(keras.ops.array(told), keras.ops.array(targets))
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, whole, atol=0.06)


def test_long_texts_are_read_whole_in_pretraining():
    encoder = data.TextEncoder.of(["a b c d e f g"], length=3)
    rows = pieces(encoder, ["a b c d e f g", "a b", "c"], 3)
    assert [len(row) for row in rows] == [3, 3, 2]
    words = [encoder.token(i) for row in rows for i in row]
    assert "".join(words) == "abcdefab"  # a single word has no next one


# The wide part.


def test_the_wide_part_is_added_to_a_trained_model(reviews):
    settings = {**SMALL, "epochs": 2, "word_dropout": 0.0}
    deep = train(reviews, **settings)
    said = []
    both = train(reviews, **{**settings, "report": said.append, "wide": 20})
    table = both.model.get_layer("wide")
    assert table.size == 20 and sum("vote by themselves: 20;" in line for line in said) == 1
    # Of all runs of words the three that say the mood have the largest weights.
    encoder = data.TextEncoder.from_dict(both.preprocessing["encoder"])
    keys, kernel = map(keras.ops.convert_to_numpy, (table.keys, table.kernel))
    for mood in ("awful", "okay", "lovely"):
        at = np.flatnonzero(keys == encoder.encode(mood)[0]).item()
        assert np.abs(kernel[at]).max() >= np.sort(np.abs(kernel).max(axis=1))[-3] - 1e-6
    # The sum: what the same model says alone, times a share, and the table's votes.
    rows = encoder.rows(reviews.validation.inputs)
    alone, whole = (logits_of(one.model, rows) for one in (deep, both))
    votes = logits_of(keras.Model(both.model.input, table.output), rows)
    share = (
        both.model.get_layer("logits").get_weights()[0]
        / (deep.model.get_layer("logits").get_weights()[0])
    )
    assert share.std() < 1e-3 * share.mean()
    np.testing.assert_allclose(whole, share.mean() * alone + votes, atol=1e-4)
    labels = reviews.validation.targets
    assert cost(whole, labels) <= cost(alone, labels)
    assert classify.predict(both, ["w1 lovely w2"]).label.tolist() == ["good"]


def cost(logits, labels):
    return negative_log_likelihood(logits, labels).mean()


def test_the_shares_are_the_best_there_are():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    deep, votes = (
        scale * (rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[labels]) for scale in (1.0, 4.0)
    )
    found = shares(deep, votes, labels)
    best = cost(np.tensordot(found, [deep, votes], 1), labels)
    for factor in ([1.1, 1], [0.9, 1], [1, 1.1], [1, 0.9]):
        assert best < cost(np.tensordot(found * factor, [deep, votes], 1), labels)


def test_words_that_no_class_prefers_have_no_weight():
    rows = [np.array([2, 3]), np.array([3, 2]), np.array([2, 4]), np.array([4, 2])] * 3
    labels = np.array([0, 0, 1, 1] * 3)
    seen, keys = occurrences(rows, vocabulary=10)
    assert keys.tolist() == [2, 3, 4, 23, 24, 32, 42]
    assert seen.sum(axis=0).tolist() == [[12, 6, 6, 3, 3, 3, 3]]
    for classes in (2, 3):
        kernel, _ = one_against_others(seen, np.append(labels[:-1], classes - 1), classes, 0.1)
        assert abs(kernel[0]).max() < 0.1 < kernel[2, 1]
    again, _ = occurrences([np.array([3, 2, 7])], 10, keys)
    assert again.toarray().tolist() == [[1, 1, 0, 0, 0, 1, 0]]


# Settings and runs.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unit": 3}, "unknown option 'unit'; .*Did you mean 'units'"),
        ({"units": 0}, "units must be a positive integer; received units=0"),
        ({"cell": "lstn"}, "unknown cell 'lstn'.*Did you mean 'lstm'"),
        ({"level": "letter"}, "unknown level 'letter'; accepted: 'word', 'wordpiece'"),
        ({"precision": "bfloat16"}, "unknown precision 'bfloat16'.*Did you mean 'mixed_bfloat16'"),
        ({"vocabulary_size": 50_000, "wide": 9}, "give wide=0, or fewer; received vocabulary_size"),
        ({"wide": -1}, "wide must be a positive integer; received wide=-1"),
        ({"keep": "ends"}, "unknown keep 'ends'.*Did you mean 'end'"),
        ({"pooling": "men"}, "unknown pooling 'men'.*Did you mean 'mean'"),
        ({"word_dropout": 1.0}, r"word_dropout must be a number in \[0, 1\)"),
        ({"weight_decay": -1}, "weight_decay must be a positive number"),
        ({"pretraining": 1, "layers": 2, "bidirectional": True}, "pretraining needs one layer"),
    ],
)
def test_bad_settings(reviews, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        train(reviews, folder=tmp_path / "run", **{**SMALL, **settings})
    assert not (tmp_path / "run").exists()


def test_settings_reach_the_model():
    given = {"cell": "mut1", "units": 6, "layers": 2, "recurrent_dropout": 0.3}
    settings = classify.Settings(**given, pooling="attention")
    settings = completed(settings, get("texts"), None)
    model = classifier(50, 2, settings)
    tower = model.get_layer("recurrent")
    assert [rnn.cell.__class__.__name__ for rnn in tower.rnns] == ["MUT1Cell"] * 2
    assert tower.rnns[0].cell.recurrent_dropout == 0.3
    assert model.get_layer("attention_pooling") and model.get_layer("word_dropout").rate == 0.2


def test_weight_decay_shrinks_what_is_not_a_bias(reviews):
    model = train(reviews, **{**SMALL, "epochs": 1, "weight_decay": 5.0}).model
    plain = train(reviews, **{**SMALL, "epochs": 1}).model

    def size(one):
        return np.abs(one.get_layer("embedding").get_weights()[0]).mean()

    assert size(model) < 0.8 * size(plain)


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise Killed


def test_a_killed_run_ends_as_one_that_never_stopped(reviews, tmp_path):
    settings = {**SMALL, "pairs": 50}
    whole = train(reviews, folder=tmp_path / "whole", **settings)
    with pytest.raises(Killed):
        train(reviews, folder=tmp_path / "killed", callbacks=[Kill()], **settings)
    with pytest.raises(ValueError, match="holds an unfinished run with units=8, this one has"):
        train(reviews, folder=tmp_path / "killed", **{**settings, "units": 9})
    resumed = train(
        reviews, folder=tmp_path / "killed", callbacks=[keras.callbacks.Callback()], **settings
    )
    one, other = (pd.read_csv(tmp_path / run / "log.csv") for run in ("whole", "killed"))
    np.testing.assert_allclose(one.val_loss, other.val_loss, rtol=2e-3)
    assert resumed.card.epochs == whole.card.epochs == 4


def test_a_model_trained_in_bfloat16_is_kept_in_float32(reviews):
    bundle = train(reviews, **{**SMALL, "epochs": 1, "precision": "mixed_bfloat16"})
    assert {layer.compute_dtype for layer in bundle.model.layers} == {"float32"}


def test_pieces_of_words(reviews):
    bundle = train(reviews, **{**SMALL, "epochs": 1, "level": "wordpiece"})
    assert data.TextEncoder.from_dict(bundle.preprocessing["encoder"]).level == "wordpiece"
    assert classify.predict(bundle, ["lovely", ""]).shape == (2, 6)


# The shell.


def shell(*arguments, **options):
    return CliRunner(env={"COLUMNS": "160"}).invoke(
        cli.app, [str(one) for one in arguments], **options
    )


def test_train_evaluate_and_predict_from_a_shell(tmp_path):
    table().rename(columns={"text": "words"}).to_csv(tmp_path / "mine.csv", index=False)
    options = "--text words --units 8 --embedding 8 --epochs 6 --learning-rate 0.03 --batch-size 16"
    out = tmp_path / "model"
    run = shell("train", "classify", tmp_path / "mine.csv", "--out", out, *options.split())
    assert run.exit_code == 0, run.output
    assert "epoch 6/6: train" in run.output and "logistic regression" in run.output
    again = shell("evaluate", out, "--json")
    assert again.exit_code == 0, again.output
    records = json.loads(again.output.strip().splitlines()[-1])
    assert f"{records[0]['accuracy']:.4f}" in run.output
    told = shell("predict", out, "awful", "w1 lovely")
    assert told.exit_code == 0 and [row.split()[0] for row in told.stdout.splitlines()] == [
        "bad", "good"
    ]  # fmt: skip
    piped = shell("predict", out, "--json", input=b"okay\nlovely\n")
    assert [json.loads(row)["label"] for row in piped.stdout.splitlines()] == ["fine", "good"]
    (tmp_path / "some.txt").write_text("okay\nlovely\n")
    of_lines = shell("predict", out, tmp_path / "some.txt")
    assert [row.split()[0] for row in of_lines.stdout.splitlines()] == ["fine", "good"]
    rows = pd.DataFrame({"n": [1, 2], "words": ["okay; yes", "lovely, so lovely"]})
    rows.to_csv(tmp_path / "german.csv", sep=";", index=False, encoding="cp1252")
    of_table = shell("predict", out, tmp_path / "german.csv")
    assert [row.split()[0] for row in of_table.stdout.splitlines()] == ["fine", "good"]
    bad = shell("predict", out, input=b"okay\n\xff\n")
    assert bad.exit_code == 2 and bad.stderr.startswith("Error: text 1: the text is not UTF-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "classify", "nowhere.tar.gz"], 1, "there is no file or folder 'nowhere.tar.gz'"),
        (["train", "classify", "MINE", "--pooling", "max,men"], 2, "unknown pooling 'men'"),
        (
            ["train", "classify", "MINE", "--label", "lable"],
            2,
            "mine.csv: there is no column 'lable'",
        ),
    ],
)
def test_errors_in_a_shell_are_one_line(tmp_path, arguments, code, message):
    table().to_csv(tmp_path / "mine.csv", index=False)
    arguments = [tmp_path / "mine.csv" if one == "MINE" else one for one in arguments]
    more = ["--out", tmp_path / "model"] if arguments[0] == "train" else []
    run = shell(*arguments, *more)
    assert run.exit_code == code
    [line] = [one for one in run.stderr.splitlines() if one]
    assert line.startswith(f"Error: {message}")
    assert not (tmp_path / "model").exists()


def test_other_bundles_are_refused(trained, tmp_path):
    bundle, _ = trained
    for card, message in (
        (
            Card(),
            "the bundle's card names the recipe ''; known recipes: write, compose, classify, tag, ",
        ),
    ):
        Bundle(bundle.model, {}, card).save(tmp_path / "other", optimizer=False)
        run = shell("predict", tmp_path / "other", "a")
        assert run.exit_code == 1 and message in run.stderr
