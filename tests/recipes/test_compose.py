"""The composer from MIDI files to a MIDI file, and what it says of bad input."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from typer.testing import CliRunner

import keraseq
from keraseq import cli, data, evaluate, plots, recipes
from keraseq.bundle import BundleError
from keraseq.data import music

matplotlib.use("agg")

TINY = {"cell": "mut1", "units": 8, "head_units": 16, "learning_rate": 0.05, "epochs": 8}
TINY |= {"transpose": False, "dropout": 0.0, "length": 31, "batch_size": 4}
CHORDS = np.zeros((2, music.KEYS), "float32")
CHORDS[0, [39, 43, 46]] = CHORDS[1, [41, 44, 48]] = 1


def songs(count, seed=0):
    """Two chords in an order drawn at random: which it is costs ln 2, whatever was before."""
    rng = np.random.default_rng(seed)
    return [CHORDS[rng.integers(0, 2, 30)] for _ in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for number, song in enumerate(songs(48)):
        music.write_midi(song, folder / f"{number}.mid")
    return folder


@pytest.fixture(scope="module")
def bundle(folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")
        said = []
        trained = recipes.train("compose", str(folder), report=said.append, **TINY)
    assert "nats a frame" in said[0]
    saved = trained.save(tmp_path_factory.mktemp("compose") / "songs", optimizer=False)
    return keraseq.bundle.load(saved)


def test_chords_are_learnt_which_independent_keys_cannot(bundle, folder):
    table = recipes.evaluate(bundle)  # of the files again
    test = table[table.part == "test"].set_index("method").nats_per_frame
    assert list(test.index) == [
        "mut1, ordered keys",
        "each key, given itself before",
        "how often each key sounds",
    ]
    assert np.log(2) - 0.02 < test.iloc[0] < 0.9 and test.iloc[1:].min() > 4
    assert (table.low < table.nats_per_frame).all() and (table.nats_per_frame < table.high).all()
    # By hand: each piece alone, its first frame given.
    parts = data.piano_rolls(str(folder))
    costs = [recipes.compose.costs_of(bundle.model, [one])[0] for one in parts.test]
    assert [len(one) for one in costs] == [29] * len(parts.test)
    assert np.concatenate(costs).mean() == pytest.approx(test.iloc[0], rel=1e-5)
    assert bundle.card.metric.name == "nats a frame, validation"
    assert bundle.card.data == folder.name


def test_what_is_drawn_are_these_chords_and_goes_on_from_a_beginning(bundle, tmp_path):
    beginning = songs(1, seed=9)[0][:5]
    music.write_midi(beginning, tmp_path / "theme.mid")
    found = recipes.predict(bundle, tmp_path / "theme.mid", length=70, seed=3)
    roll = music.roll(found, found.attrs["length"])
    assert roll.shape == (75, music.KEYS) and found.attrs["beginning"] == 5
    np.testing.assert_array_equal(roll[:5], beginning)
    same = [(frame == CHORDS).all(axis=1).any() for frame in roll[5:]]
    assert np.mean(same) > 0.8 and 0.1 < roll[5:, 39].mean() < 0.9
    again = recipes.predict(bundle, beginning, length=70, seed=3)
    assert again.equals(found) and not recipes.predict(bundle, beginning, length=70).equals(found)
    silence = recipes.predict(bundle, np.zeros((2, music.KEYS)), length=3)  # defined
    assert silence.attrs["length"] == 5
    alone = recipes.predict(bundle, None, length=2)
    assert alone.attrs == {"step": 0.5, "beginning": 0, "length": 2}


def test_other_pieces_and_bad_input(bundle, tmp_path):
    music.write_midi(songs(1, seed=8)[0], tmp_path / "a.mid")
    table = recipes.evaluate(bundle, tmp_path / "a.mid")
    assert table.part.tolist() == ["whole"] and table.frames.tolist() == [29]
    assert table.low.isna().all()  # of one piece no spread is known
    silent = recipes.evaluate(bundle, [np.zeros((4, music.KEYS))])
    assert np.isfinite(silent.nats_per_frame).all()
    (tmp_path / "b.mid").write_bytes(b"no music")
    ask = lambda raw, **options: recipes.predict(bundle, raw, **options)  # noqa: E731
    for call in (lambda: recipes.evaluate(bundle, tmp_path), lambda: ask(tmp_path / "b.mid")):
        with pytest.raises(ValueError, match=r"b.mid' is no MIDI file, or a damaged one"):
            call()
    with pytest.raises(FileNotFoundError):
        ask(tmp_path / "nowhere.mid")
    for options, message in (
        ({"length": 0}, "length must be a positive integer"),
        ({"temperature": 0}, "temperature must be at least"),
    ):
        with pytest.raises(ValueError, match=message):
            ask(None, **options)
    with pytest.raises(ValueError, match=r"a piano roll is an array \(frames, 88\)"):
        ask(np.ones((3, 12)))
    with pytest.raises(ValueError, match=r"music is made by a model of keraseq.models.roll_model"):
        keraseq.generation.compose(keraseq.models.sequence_tagger(3, features=2, units=4))
    other = keraseq.bundle.Bundle(bundle.model, {}, bundle.card)
    with pytest.raises(BundleError, match="the bundle is no model of music"):
        recipes.predict(other, None)


def test_in_a_shell(folder, tmp_path, monkeypatch):
    run = lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])  # noqa: E731
    tiny = ["--units", 4, "--cell", "mut1", "--head", "independent", "--epochs", 1]
    out = tmp_path / "model"
    found = run("train", "compose", folder, "--out", out, *tiny)
    assert found.exit_code == 0 and "mut1, independent keys" in found.output
    found = run("evaluate", out, folder / "0.mid")
    assert found.exit_code == 0 and "whole" in found.output
    options = ["--length", 8, "--seed", 1, "--temperature", 0.9, "--out", tmp_path / "piece"]
    found = run("predict", out, folder / "0.mid", *options)
    assert found.exit_code == 0 and found.output.startswith("    0  ")
    names = sorted(path.name for path in (tmp_path / "piece").iterdir())
    assert names == ["compose.csv", "compose.mid", "compose.png"]
    assert len(music.read_midi(tmp_path / "piece" / "compose.mid")) <= 38
    tagger = Path(keraseq.__file__).parents[1] / "saved_models" / "tagger"
    for words, message in (
        (("predict", tagger, "Jo left", "--length", 3), "tag writes nothing: it takes no --length"),
        (("predict", out, "a.mid", "b.mid"), "goes on from one MIDI file; received a.mid, b.mid"),
        (("train", "compose", out), "there are no .mid or .midi files in"),
        (("train", "compose", "jsb", "--step", 1), "unknown option 'step' of data set 'jsb'"),
    ):
        found = run(*words)
        assert found.exit_code and message in found.stderr, found.output
    monkeypatch.setitem(sys.modules, "mido", None)
    found = run("evaluate", out, folder / "0.mid")
    assert found.exit_code and "pip install 'keraseq[music]'" in found.stderr


def test_statistics_and_figures():
    frame = evaluate.note_statistics(songs(3)).assign(source="songs")
    shares = frame.set_index(["what", "number"]).share
    assert shares["keys that sound together", 3] == 1
    assert shares["frames that a note is held"].sum() == pytest.approx(1)
    nothing = evaluate.note_statistics([np.zeros((3, music.KEYS))])
    assert nothing.share.tolist() == [1.0] + [0.0] * (len(nothing) - 1)
    ax = plots.piano_roll(songs(1)[0], beginning=7)
    assert "C4" in [label.get_text() for label in ax.get_yticklabels()]
    assert plots.piano_roll(np.zeros((3, music.KEYS))).get_xlim() == (0, 3)
    held = frame[frame.what == "frames that a note is held"]
    ax = plots.note_statistics(held)
    assert [label.get_text() for label in ax.get_xticklabels()][-1] == "8+"
