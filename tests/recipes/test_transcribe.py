"""The recipe `transcribe`: recordings of single words to a model that reads several in a row."""

import keras
import numpy as np
import pytest
import tones
from keras import ops
from typer.testing import CliRunner

from keraseq import cli, data, recipes
from keraseq.evaluate import log_softmax
from keraseq.recipes.transcribe import glued, reading
from keraseq.recipes.transcribe.reading import distance, error_rate, read_strings, steps, words_of

TINY = {"cell": "elman", "units": 8, "epochs": 3, "most": 3, "batch_size": 8}
TINY |= {"learning_rate": 0.02, "dropout": 0.0}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    path = tones.listed(tmp_path_factory.mktemp("tones") / "table.csv", 12)
    return data.labelled_signals(path, group="who", held_out="b")


LINES = []


@pytest.fixture(scope="module")
def trained(parts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        return recipes.train("transcribe", parts, **TINY, report=LINES.append)


def test_strings_are_of_one_speaker_and_hold_their_words(parts):
    """The same seed gives the same; a string is as long as its words and the silences."""
    found = glued(parts, "train", 20, most=3, seed=1)
    again = glued(parts, "train", 20, most=3, seed=1)
    assert found.targets == again.targets and set(map(len, found.targets)) == {1, 2, 3}
    assert all((a == b).all() for a, b in zip(found.inputs, again.inputs, strict=True))
    shortest = min(map(len, parts.train.inputs))
    for samples, words in zip(*found, strict=True):
        assert len(samples) > len(words) * (shortest + 0.05 * parts.rate) + 0.2 * parts.rate - 9


def test_words_are_runs_as_keras_decodes_them():
    logits = np.random.default_rng(0).normal(size=(3, 40, 4)).astype("float32") * 2
    [decoded], _ = ops.ctc_decode(ops.array(logits), ops.full((3,), 40, "int32"), mask_index=0)
    for row, keras_s in zip(logits, ops.convert_to_numpy(decoded), strict=True):
        found = words_of(log_softmax(row))
        assert [one.label + 1 for one in found] == [i for i in keras_s.tolist() if i > 0]
        assert all(one.start < one.end and 0 < one.probability <= 1 for one in found)
        at = np.concatenate([np.arange(one.start, one.end) for one in found])
        assert (row.argmax(1)[at] != 0).all() and len(at) == (row.argmax(1) != 0).sum()


def test_edits():
    for one, other, edits in (("abc", "abc", 0), ("", "ab", 2), ("kitten", "sitting", 3)):
        assert distance(one, other) == distance(other, one) == edits
    assert error_rate([[1, 2], [3, 4]], [[1], [4, 3]]) == 0.75


def test_steps_lose_no_frame_and_padding_changes_nothing(trained):
    rows = [np.random.default_rng(0).normal(size=(n, 40)).astype("float32") for n in (7, 31)]
    found = steps(rows)
    assert [one.shape for one in found] == [(4, 80), (16, 80)]
    np.testing.assert_array_equal(found[1].reshape(-1, 40)[:31], rows[1])
    both = read_strings(trained.model, found)
    assert [len(both), reading.padded(found).shape] == [2, (2, 16, 80)]


def test_a_model_is_measured_beside_pieces_and_their_nearest_words(trained, parts):
    """Tones with silence between them: pieces are found, and mostly right."""
    assert isinstance(trained.model.layers[-1], keras.layers.Dense)
    table = recipes.evaluate(trained, parts)
    assert table.method.tolist() == ["bidirectional elman, CTC", "cut at pauses, nearest word"] * 2
    assert table.error_rate[1] < 0.35 and table.strings.tolist() == [200] * 4
    found = recipes.predict(trained, [tones.tone("fall"), (tones.tone("rise"), tones.RATE)])
    assert found.columns.tolist() == ["recording", "label", "start", "end", "probability"]
    assert found.attrs["recordings"] == ["0", "1"]
    other = data.Labelled("x", ("a", "b"), parts.train, parts.train, parts.train)
    with pytest.raises(ValueError, match="the data have the classes a, b; the model knows fall, r"):
        recipes.evaluate(trained, data.LabelledSignals(**vars(other), rate=tones.RATE))


def test_training_lowers_the_cost(trained):
    losses = [float(one.split("train loss ")[1].split(",")[0]) for one in LINES[:3]]
    assert losses[2] < losses[0] / 2 and "error rate" in LINES[0]


def test_the_shell(trained, tmp_path, monkeypatch):
    """A line a recording; a file that is none is one line."""
    monkeypatch.chdir(tmp_path)
    trained.save(tmp_path / "words", optimizer=False)
    tones.write(tmp_path / "new.wav", tones.tone("fall"))
    (tmp_path / "text.wav").write_text("none")
    run = CliRunner().invoke(cli.app, ["predict", "words", "new.wav"])
    assert run.exit_code == 0 and run.stdout.startswith("new.wav: "), run.output
    run = CliRunner().invoke(cli.app, ["predict", "words", "text.wav"])
    assert run.exit_code == 2 and run.stderr.startswith("Error: text.wav is no WAV file")
