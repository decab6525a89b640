"""The language model recipe: raw text to a bundle that writes, measured beside n-grams."""

import functools
import json
import math

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import keraseq
from keraseq import cli, data, generation
from keraseq.bundle import load
from keraseq.evaluate import NGram
from keraseq.recipes import write

VERSE = "one two three four five six seven eight nine ten\n"
SMALL = {
    "cell": "gru",
    "units": 16,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "batch_size": 4,
    "length": 16,
    "epochs": 2,
    "learning_rate": 0.02,
    "report": None,
}


train = functools.partial(keraseq.recipes.train, "write")


@pytest.fixture(scope="module")
def verses(tmp_path_factory):
    """A file of one line again and again, with a number here and there."""
    path = tmp_path_factory.mktemp("text") / "verses.txt"
    rng = np.random.default_rng(0)
    path.write_text("".join(VERSE + f"{n}\n" * int(n < 20) for n in rng.integers(0, 99, 120)))
    return path


@pytest.fixture(scope="module")
def trained(verses):
    """A model of it, and what was reported."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        bundle = train(verses, **{**SMALL, "epochs": 6, "report": said.append})
    return bundle, said


def test_a_model_learns_its_text_and_writes_it(trained):
    bundle, _ = trained
    written = keraseq.generate(bundle, "one two three", 60, temperature=0)
    assert "four five six seven eight" in written


def test_after_each_epoch_the_loss_is_reported_with_a_sample(trained):
    _, said = trained
    assert len(said) == 7 and said[-1].endswith(" is kept")
    said = said[:-1]
    assert said[0].startswith("epoch 1/6: train ") and " bits) per character, valid" in said[0]
    first, last = (
        float(one.split("validation ")[1].split(" nats")[0]) for one in (said[0], said[-1])
    )
    assert last < 0.5 * first
    verse = VERSE.strip()
    assert said[-1].count(verse) > said[0].count(verse)


def test_the_table_says_what_the_model_and_the_ngrams_pay(trained, verses):
    bundle, _ = trained
    frame = write.evaluate(bundle, orders=(1, 3), cold=20).set_index(["part", "method"])
    corpus = data.text_corpus(verses)
    for part in ("validation", "test"):
        [tokens] = corpus.tokens(part)
        row = frame.loc[(part, "gru, carried state")]
        assert row.tokens == len(tokens) - 1
        logits = bundle.model.predict(tokens[None, :-1], verbose=0)[0].astype("float64")
        logits -= logits.max(axis=-1, keepdims=True)
        costs = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(
            logits, tokens[1:, None], axis=-1
        ).squeeze(-1)
        assert row.nats_per_character == pytest.approx(costs.mean(), rel=1e-4)
        assert row.bits_per_character == pytest.approx(costs.mean() / math.log(2), rel=1e-4)
        cold = frame.loc[(part, "gru, windows of 20, cold")]
        assert cold.tokens == row.tokens and cold.nats_per_character > row.nats_per_character
        ngram = NGram(3, len(corpus.tokenizer)).fit(corpus.tokens("train")[0])
        wanted = ngram.cost(tokens)[1:].mean()
        found = frame.loc[(part, "3-gram (Witten-Bell)")].nats_per_character
        assert found == pytest.approx(wanted)
        assert found < frame.loc[(part, "1-gram (Witten-Bell)")].nats_per_character


def test_a_bundle_is_evaluated_on_any_text(trained, verses, tmp_path):
    bundle, _ = trained
    own = write.evaluate(bundle, verses, orders=(2,), cold=None)
    assert own.part.tolist() == ["validation"] * 2 + ["test"] * 2  # it knows its own text
    other = tmp_path / "other.txt"
    other.write_text("ten nine eight ß\n" * 4)
    frame = write.evaluate(bundle, other, orders=(2,), cold=None)
    assert frame.part.tolist() == ["whole"] * 2 and frame.tokens.tolist() == [67, 67]
    assert frame.nats_per_character[0] > 2 * own.nats_per_character[0]


def test_ngrams_need_the_training_text(trained, verses, tmp_path):
    bundle, _ = trained
    kept, content = bundle.preprocessing["corpus"], verses.read_text()
    try:
        verses.write_text(content + "more")
        frame = write.evaluate(bundle, verses, cold=None)
        assert frame.method[1] == "n-grams: the training text has changed since"
        assert frame.method[0] == "gru, carried state" and len(frame) == 2
        with pytest.raises(ValueError, match="nothing to score: the training text has changed"):
            write.evaluate(bundle)
    finally:
        verses.write_text(content)
    bundle.preprocessing["corpus"] = {**kept, "source": str(tmp_path / "gone.txt")}
    with pytest.raises(ValueError, match=r"the training text cannot be read: no file.*gone.txt"):
        write.evaluate(bundle)
    bundle.preprocessing["corpus"] = kept


def test_the_bundle_says_what_was_trained_on_what(trained, verses, tmp_path):
    bundle, said = trained
    again = load(bundle.save(tmp_path / "bundle", optimizer=False))
    assert again.card.recipe == "write" and again.card.epochs == 6 and again.card.seeds == (0,)
    assert again.card.data_sha256 == keraseq.bundle.sha256(verses)
    reported = min(float(one.split("validation ")[1].split(" nats")[0]) for one in said[:-1])
    assert again.card.metric.mean == pytest.approx(reported, abs=1e-4)
    assert again.model.input_shape == (None, None)
    assert again.preprocessing["settings"]["units"] == 16
    prompt = ("one ß two", 30)  # a character that training never saw
    options = {"seed": 3}
    assert keraseq.generate(again, *prompt, **options) == keraseq.generate(
        bundle, *prompt, **options
    )
    frames = [write.evaluate(one, orders=(), cold=None) for one in (bundle, again)]
    pd.testing.assert_frame_equal(*frames)


class Kill(keras.callbacks.Callback):
    """A crash in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


class Spoil(keras.callbacks.Callback):
    """An accident to the weights before an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.optimizer.learning_rate.assign(1e-6)
            logits = self.model.get_layer("logits")
            logits.set_weights([-one for one in logits.get_weights()])


@pytest.mark.parametrize("decay", ["cosine", "plateau"])
def test_two_epochs_and_two_more_are_four(verses, tmp_path, decay):
    settings = {
        **SMALL,
        "epochs": 4,
        "dropout": 0.2,
        "recurrent_dropout": 0.2,
        "scheduled_sampling": 0.2,
        "decay": decay,
    }
    whole = train(verses, folder=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        train(verses, folder=tmp_path / "parts", **settings, callbacks=[Kill(2)])
    epochs = []
    seen = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    parts = train(verses, folder=tmp_path / "parts", **settings, callbacks=[seen])
    assert epochs == [2, 3]
    for one, other in zip(whole.model.get_weights(), parts.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    logs = [pd.read_csv(tmp_path / name / "log.csv") for name in ("whole", "parts")]
    pd.testing.assert_frame_equal(*logs)
    assert parts.card.epochs == 4


def test_a_model_is_trained_further(trained, verses, tmp_path):
    """On another text, with the tokens that it knows; it starts with what it has learnt."""
    bundle, _ = trained
    other = tmp_path / "other.txt"
    other.write_text(VERSE * 40 + "ünf\n" * 3)
    settings = {**SMALL, "epochs": 1, "learning_rate": 1e-5, "units": 16}
    bundle.save(tmp_path / "model", optimizer=False)
    for start in (bundle, tmp_path / "model"):
        further = train(other, start=start, **settings)
        assert further.preprocessing["tokenizer"] == bundle.preprocessing["tokenizer"]
        pairs = zip(further.model.get_weights(), bundle.model.get_weights(), strict=True)
        assert all(np.allclose(a, b, atol=1e-3) and not np.array_equal(a, b) for a, b in pairs)
    with pytest.raises(ValueError, match="to start from has units=16; received units=8"):
        train(other, start=bundle, **{**settings, "units": 8})
    with pytest.raises(ValueError, match="has level='character'; received level='word'"):
        train(other, level="word", start=bundle, **settings)
    with pytest.raises(ValueError, match="the corpus has another tokenizer than the bundle"):
        train(data.text_corpus(other), start=bundle, **settings)
    with pytest.raises(ValueError, match="or is damaged: tokenizer is missing"):
        train(
            other,
            start=keraseq.bundle.Bundle(keraseq.models.language_model(4, units=2)),
            **settings,
        )


def test_a_folder_with_another_run_is_refused(verses, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(verses, folder=tmp_path, **SMALL, callbacks=[Kill(1)])
    with pytest.raises(ValueError, match=r"unfinished run with units=16, this one has units=8"):
        train(verses, folder=tmp_path, **{**SMALL, "units": 8})
    done = train(verses, folder=tmp_path, **SMALL, callbacks=[Kill(9)])
    assert done.card.epochs == 2
    new = train(verses, folder=tmp_path, **{**SMALL, "units": 8})  # that one is over
    assert new.preprocessing["settings"]["units"] == 8


def test_the_kept_epoch_is_the_best(verses, tmp_path):
    """An accident in the third epoch: the bundle has the second."""
    settings = {**SMALL, "epochs": 4, "learning_rate": 0.03, "decay": "plateau"}
    bundle = train(verses, folder=tmp_path, **settings, callbacks=[Spoil(2)])
    losses = pd.read_csv(tmp_path / "log.csv")["val_loss"]
    assert losses.idxmin() == 1
    corpus = data.text_corpus(verses)
    rows = data.text.streams(corpus.tokens("validation"), 4, 16)
    tokens = rows.tokens.reshape(-1, 4, 16).swapaxes(0, 1).reshape(4, -1)
    targets = rows.targets.reshape(-1, 4, 16).swapaxes(0, 1).reshape(4, -1)
    valid = rows.weights.reshape(-1, 4, 16).swapaxes(0, 1).reshape(4, -1) > 0
    logits = bundle.model.predict(tokens, verbose=0)
    costs = keraseq.evaluate.negative_log_likelihood(logits, targets)[valid]
    assert costs.mean() == pytest.approx(losses.min(), rel=1e-4)


def test_patience_stops(verses):
    bundle = train(verses, **{**SMALL, "epochs": 30, "learning_rate": 1.0, "patience": 1})
    assert bundle.card.epochs < 30


def test_words_are_measured_by_perplexity(verses, tmp_path):
    settings = {**SMALL, "length": 8, "units": 12}
    bundle = train(verses, level="word", **settings, vocabulary_size=15)
    assert [one.name for one in bundle.model.layers].count("logits") == 1
    assert bundle.model.get_layer("embedding").output_dim == 12  # tied vectors follow the units
    frame = write.evaluate(bundle, orders=(1, 2), cold=None)
    assert list(frame) == ["part", "method", "tokens", "nats_per_word", "perplexity"]
    np.testing.assert_allclose(frame.perplexity, np.exp(frame.nats_per_word))
    assert set(keraseq.generate(bundle, "one two", 20, seed=1).split()) <= {
        *bundle_words(bundle),
        "<unk>",
    }


def bundle_words(bundle):
    return data.tokenizer(bundle.preprocessing["tokenizer"]).words


def test_what_is_kept_is_float32(verses, tmp_path):
    """Trained in bfloat16 it learns as well, and neither the bundle nor the session stays so."""
    settings = {**SMALL, "length": 8, "precision": "mixed_bfloat16"}
    bundle = train(verses, level="word", **settings, vocabulary_size=15)
    assert keras.config.dtype_policy().name == "float32"
    assert {one.compute_dtype for one in bundle.model.layers} == {"float32"}
    exact = train(
        verses,
        level="word",
        **{**settings, "precision": "float32"},
        vocabulary_size=15,
    )
    costs = [write.evaluate(one, orders=(), cold=None).nats_per_word[0] for one in (bundle, exact)]
    assert costs[0] == pytest.approx(costs[1], rel=0.2)
    assert costs[0] != costs[1]


def test_documents_are_separate(tmp_path):
    """Scored as one text each: the state does not go from one to the next."""
    for i in range(30):
        (tmp_path / f"{i:02}.txt").write_text(VERSE)
    bundle = train(tmp_path, **SMALL)
    documents = data.text_corpus(
        tmp_path, tokenizer=data.tokenizer(bundle.preprocessing["tokenizer"])
    ).tokens("test")
    assert len(documents) > 1
    costs = np.concatenate([-generation.score(bundle.model, one) for one in documents])
    frame = write.evaluate(bundle, orders=(), cold=None).set_index("part")
    assert frame.loc["test"].tokens == len(costs)
    assert frame.loc["test"].nats_per_character == pytest.approx(costs.mean())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unit": 3}, "unknown option 'unit'; .*Did you mean 'units'"),
        ({"units": 0}, "units must be a positive integer; received units=0"),
        ({"cell": "lstn"}, "unknown cell 'lstn'.*Did you mean 'lstm'"),
        ({"decay": "cosin"}, "unknown decay 'cosin'.*Did you mean 'cosine'"),
        ({"precision": "bfloat16"}, "unknown precision 'bfloat16'.*Did you mean 'mixed_bfloat16'"),
        ({"scheduled_sampling": 2}, "scheduled_sampling must be a number in"),
        ({"restarts": 1}, r"restarts must be a number in \[0, 1\)"),
        ({"dropout": 1.0}, r"dropout must be a number in \[0, 1\)"),
        ({"recurrent_dropout": -1}, r"recurrent_dropout must be"),
        ({"learning_rate": -1}, "learning_rate must be a positive number"),
        ({"length": 5000}, "the train part of .*verses.txt' has .* tokens: 4 rows need 4 windows"),
        ({"batch_size": 40}, "the validation part of .*: 40 rows need 40 windows of length=16"),
    ],
)
def test_bad_settings(verses, settings, message):
    with pytest.raises(ValueError, match=message):
        train(verses, **{**SMALL, **settings})


def test_a_folder_stays_free_when_the_settings_are_bad(verses, tmp_path):
    with pytest.raises(ValueError, match="restarts"):
        train(verses, folder=tmp_path, **SMALL, restarts=1)
    assert train(verses, folder=tmp_path, **SMALL).card.epochs == 2


def test_no_bundle_of_this_recipe():
    with pytest.raises(ValueError, match="or is damaged: tokenizer is missing"):
        write.evaluate(keraseq.bundle.Bundle(keraseq.models.language_model(4, units=2)))


# The shell.


def shell(*arguments):
    return CliRunner(env={"COLUMNS": "140"}).invoke(cli.app, [str(one) for one in arguments])


def test_train_and_evaluate_from_a_shell(verses, tmp_path):
    out = tmp_path / "model"
    few = "--epochs 2 --batch-size 4 --length 16 --learning-rate 0.02".split()
    run = shell("train", "write", verses, "--out", out, "--cell", "gru", "--units", 8, *few)
    assert run.exit_code == 0, run.output
    assert "epoch 2/2: train" in run.output and "5-gram (Witten-Bell)" in run.output
    assert f"model: {out}" in run.output
    assert len(pd.read_csv(tmp_path / "model.training" / "log.csv")) == 2
    further = shell("train", "write", verses, "--start", out, "--out", tmp_path / "further", *few)
    assert further.exit_code == 0, further.output
    again = shell("evaluate", out, verses, "--json")
    assert again.exit_code == 0, again.output
    records = json.loads(again.output.strip().splitlines()[-1])
    assert records[0]["method"] == "gru, carried state"
    assert f"{records[0]['nats_per_character']:.4f}" in run.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["VERSES", "--start", "nowhere"], 1, "Error: 'nowhere' is no bundle"),
        (["VERSES", "--level", "letter"], 2, "Error: unknown level 'letter'"),
        (["VERSES", "--validation", "1.5"], 2, "Error: validation must be a number"),
        (["VERSES", "--limit", "100"], 2, "Error: the train part of"),
    ],
)
def test_errors_in_a_shell_are_one_line(verses, tmp_path, arguments, code, message):
    arguments = [verses if one == "VERSES" else one for one in arguments]
    run = shell("train", "write", *arguments, "--out", tmp_path / "model")
    assert run.exit_code == code
    [line] = [one for one in run.stderr.splitlines() if one]
    assert line.startswith(message)
    assert not (tmp_path / "model").exists()
