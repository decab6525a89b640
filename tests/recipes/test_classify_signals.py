"""The same recipe for recordings: WAV files to a bundle that reads WAV files."""

import functools
import json

import numpy as np
import pandas as pd
import pytest
import tones
from typer.testing import CliRunner

from keraseq import cli, data, models, recipes
from keraseq.bundle import Bundle
from keraseq.recipes.classify import kinds
from keraseq.recipes.classify.signals import averages, nearest, squares

TINY = {"cell": "elman", "units": 6, "epochs": 12, "batch_size": 8, "learning_rate": 0.02}
TINY |= {"dropout": 0.0, "report": None}
train = functools.partial(recipes.train, "classify")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tones.listed(tmp_path_factory.mktemp("tones") / "table.csv", 12).parent


@pytest.fixture(scope="module")
def trained(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        return train(str(folder / "words"), **TINY)


def test_a_model_learns_and_reads_recordings(trained, folder, tmp_path):
    """Files, folders, tables, samples, stereo and other rates: the same answer."""
    tones.write(tmp_path / "new.wav", tones.tone("fall", seed=99))
    found = recipes.predict(trained, [str(tmp_path / "new.wav"), folder / "words" / "rise"])
    assert found.label.tolist() == ["fall", *["rise"] * 12]
    assert found.recording.tolist()[:2] == [str(tmp_path / "new.wav"), "0.wav"]
    by_table = recipes.predict(trained, folder / "table.csv")
    assert by_table.label.tolist() == ["fall"] * 12 + ["rise"] * 12
    samples = tones.tone("fall", seed=99)
    twice = np.repeat(samples, 2)
    tones.write(tmp_path / "stereo.wav", np.stack([samples, samples], 1))
    others = [samples, (twice, 2 * tones.RATE), (samples, tones.RATE)]
    found = recipes.predict(trained, [*others, tmp_path / "stereo.wav"])
    assert found.label.tolist() == ["fall"] * 4
    assert recipes.predict(trained, [np.zeros(7)]).probability.between(0, 1).all()
    assert len(recipes.predict(trained, [])) == 0


def test_it_is_measured_beside_spectra_without_order(trained, folder):
    table = recipes.evaluate(trained)
    assert table.method.tolist()[1:6] == [
        "bidirectional elman, max and mean pooling, in one voice",
        "most frequent class",
        "average log-mel spectrum, nearest neighbour",
        "average log-mel spectrum, logistic regression",
        "spectrogram of 20 frames, nearest neighbour",
    ]
    assert table.accuracy[0] == 1 and table.accuracy[5] == 1
    own = recipes.evaluate(trained, folder / "table.csv")
    assert set(own.part) == {"whole"} and own.examples[0] == 24


def test_a_speaker_is_held_out(folder):
    """It is read again as it was."""
    recipe = recipes.get("classify")
    given = recipe.Settings(group="who", held_out="b")
    parts = recipe.read(str(folder / "table.csv"), given)
    assert {name: len(parts.part(name).inputs) for name in ("train", "test")} == {
        "train": 10,
        "test": 12,
    }
    assert data.labelled_signals(**parts.options).sha256 == parts.sha256
    with pytest.raises(ValueError, match="varied=True is an option of signals; these data are"):
        train(pd.DataFrame({"x": [1.0] * 9, "label": [0, 1, 0] * 3}), varied=True)


def test_kinds_by_their_looks(folder, tmp_path):
    settings = recipes.get("classify").Settings()
    looks = lambda source, **given: kinds.kind_of(source, recipes.classify.Settings(**given)).name  # noqa: E731
    assert looks(folder / "words") == looks(folder / "table.csv") == "signals"
    assert looks("a.wav") == looks("x.csv", held_out="b") == "signals"
    assert kinds.kind_of("fsdd", settings).name == "signals"
    (tmp_path / "a.fa").write_text(">a\nA\n")
    assert looks(tmp_path) == looks("b.fasta.gz") == looks(["a.fa", "b.fa"]) == "dna"
    assert looks(pd.DataFrame({"sequence": ["A"], "label": [0]})) == "dna"


def test_a_model_of_another_width_is_refused(trained):
    kept = trained.preprocessing
    wrong = {**kept, "encoder": {**kept["encoder"], "deviation": [1.0] * 39}}
    with pytest.raises(ValueError, match=r"its encoder gives 39 values a step: they do not belong"):
        recipes.predict(Bundle(trained.model, wrong, trained.card), [np.ones(9)])


def test_simple_methods():
    rows = [np.eye(4)[:3], np.eye(4)]
    assert squares(rows).shape == (2, 80)
    points, labels = np.array([[0.0], [5.0]]), np.array([1, 0])
    np.testing.assert_allclose(
        nearest(np.array([[4.0], [1.0]]), points, labels, "ab"), [[0.9, 0.1], [0.1, 0.9]]
    )
    encoder = data.SignalEncoder(2000, [1.0] * 8)
    hum, hiss = (np.sin(2 * np.pi * hertz * np.arange(200) / 2000) for hertz in (60, 900))
    assert averages([hum, hiss], encoder).argmax(1).tolist() == [0, 7]


def test_the_shell(trained, folder, tmp_path, monkeypatch):
    """Evaluates and predicts; a file that is none is one line."""
    monkeypatch.chdir(tmp_path)
    shell = lambda *words: CliRunner().invoke(cli.app, [str(one) for one in words])  # noqa: E731
    trained.save(tmp_path / "words", optimizer=False)
    run = shell("predict", "words", folder / "words" / "fall" / "0.wav", "--json")
    assert set(json.loads(run.stdout)) == {
        "recording",
        "label",
        "probability",
        "P(fall)",
        "P(rise)",
    }
    assert shell("evaluate", "words", folder / "table.csv").exit_code == 0
    (tmp_path / "text.wav").write_text("none")
    tones.write(tmp_path / "empty.wav", [])
    for name, message in (
        ("text.wav", "text.wav is no WAV file of PCM samples"),
        ("empty.wav", "empty.wav holds no samples"),
    ):
        run = shell("predict", "words", name)
        assert run.exit_code == 2 and run.stderr.startswith(f"Error: {message}"), run.output
        assert run.stderr.count("\n") == 1


def test_the_preset_is_a_small_bidirectional_gru():
    settings = recipes.classify.Settings(kind="signals")
    whole = kinds.completed(settings, kinds.get("signals"), None)
    model = models.sequence_classifier(10, features=40, masked=True, **whole.tower())
    assert model.count_params() < 50_000 and whole.varied
