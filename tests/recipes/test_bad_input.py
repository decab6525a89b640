"""Bad input of every recipe: one line that names what helps, before anything is trained or kept."""

import re
import socket
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import seen
import tones
from typer.testing import CliRunner

from keraseq import cli, recipes
from keraseq.bundle import Bundle, Card
from keraseq.data import music
from keraseq.recipes import run as running

WORDS = "the rose is red, the violet's blue\n" * 10


def table(path, **columns):
    pd.DataFrame(columns).to_csv(path, index=False)


def chorales(path):
    path.mkdir()
    for key in (40, 41, 42):
        song = np.zeros((9, music.KEYS))
        song[:, key] = 1
        music.write_midi(song, path / f"{key}.mid")


def pictures(path):
    (seen.captioned(path.parent) / "said.csv").rename(path)


# Of each recipe and kind of input: how files end, what must be given besides, what writes a good
# one, a public data set, what is said of a folder in the place of a file, and of a bundle that is
# not its own.
ROWS = {
    "write": (
        *(".txt", [], lambda path: path.write_text(WORDS), "ptb"),
        *((2, "there is no text in 'folder.txt'"), "the bundle is no language model"),
    ),
    "compose": (
        ".mid",
        [],
        chorales,
        "jsb",
        (1, "there are no .mid or .midi files in 'folder.mid'"),
        "the bundle is no model of music",
    ),
    "classify": (
        ".csv",
        [],
        lambda path: table(path, text=[f"a {i}" for i in range(60)], label=[0, 1] * 30),
        "basicmotions",
        (1, "'folder.csv' is a folder, and no file"),
        "the bundle is no classifier of this recipe",
    ),
    "classify trees": (
        ".trees",
        [],
        lambda path: path.write_text("".join(f"({i % 5} (2 a{i}) (2 b))\n" for i in range(60))),
        "sst",
        (1, "'folder.trees' is a folder, and no file"),
        "the bundle is no classifier of this recipe",
    ),
    "tag": (
        ".conll",
        [],
        lambda path: path.write_text("".join(f"Jo B-x\ncame{i} O\n\n" for i in range(40))),
        "ewt",
        (1, "'folder.conll' is a folder, and no file"),
        "the bundle is no tagger of this recipe",
    ),
    "translate": (
        ".csv",
        [],
        lambda path: table(path, a=[f"a {i}" for i in range(40)], b=[f"b {i}" for i in range(40)]),
        "multi30k",
        (1, "'folder.csv' is a folder, and no file"),
        "the bundle is no translator of this recipe",
    ),
    "caption": (
        ".csv",
        "--encoder eye.keras --cache cache.h5 --minimum 1".split(),
        pictures,
        "flickr8k",
        (1, "there is no file 'folder.csv'"),
        "the bundle is no captioner of this recipe",
    ),
    "transcribe": (
        ".csv",
        [],
        tones.listed,
        "fsdd",
        (2, "'folder.csv' holds no .wav files, nor do the folders in it"),
        "the bundle is no reader of strings of this recipe",
    ),
    "forecast": (
        ".csv",
        ["--horizon", "2"],
        lambda path: table(path, y=np.arange(90.0) ** 0.5),
        "etth1",
        (1, "'folder.csv' is a folder, and no file"),
        "the bundle is no forecaster of this recipe",
    ),
}
OPTIONS = {  # what is wrong with any recipe's options: what is said of it
    ("--unitz", "3"): "unknown option '--unitz'; .* Did you mean '--units'",
    ("--units", "0"): "units must be a positive integer; received units=0",
    ("--units", "many"): "Invalid value for '--units'",
    ("--dropout", "1"): r"dropout must be a number in \[0, 1\); received dropout=1.0",
    ("--seed", "-1"): "seed must be .* received seed=-1",
    ("--learning-rate", "0"): "learning_rate must be a positive number",
    ("--cell", "lstn"): "unknown cell 'lstn'; .* Did you mean 'lstm'",
    ("--decay", "cosin"): "unknown decay 'cosin'; .* Did you mean 'cosine'",
}


def check(message: str, code: int, *arguments) -> None:
    """A command fails with this code and one line."""
    run = CliRunner().invoke(cli.app, [str(one) for one in arguments])
    assert run.exit_code == code, run.output
    [line] = run.stderr.splitlines()
    assert re.match(f"Error: {message}", line), line
    assert not Path("runs").exists()


def test_every_recipe_is_here():
    assert list(dict.fromkeys(name.split()[0] for name in ROWS)) == list(recipes.RECIPES)


@pytest.fixture(params=ROWS)
def recipe(request, tmp_path, monkeypatch):
    """The start of a command, what must be given besides, and the rest of a row."""
    monkeypatch.chdir(tmp_path)
    ending, given, good, *rest = ROWS[request.param]
    good(tmp_path / f"good{ending}")
    return request.param.split()[0], ending, given, *rest


def test_files(recipe, tmp_path):
    name, ending, given, _, (fails, folder), _ = recipe
    (tmp_path / f"empty{ending}").touch()
    (tmp_path / f"binary{ending}").write_bytes(bytes(range(256)) * 9)
    (tmp_path / f"folder{ending}").mkdir()
    for one, code, message in (
        ("nowhere", 1, f"(there is )?no file.* 'nowhere{ending}'"),
        ("empty", 2, f"'empty{ending}' .*(empty|there is nothing in it)$"),
        ("binary", 2, f"'binary{ending}' .*(zero byte|damaged)"),
        ("folder", fails, folder),
    ):
        check(message, code, "train", name, f"{one}{ending}", *given)


def test_a_data_set_that_is_not_here(recipe, tmp_path, monkeypatch):
    name, _, given, public, *_ = recipe
    monkeypatch.setenv("KERASEQ_DATA", str(tmp_path))
    check("there is no .*KERASEQ_DATA", 1, "train", name, public, *given)
    monkeypatch.delenv("KERASEQ_DATA")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def nobody(*address, **options):
        raise socket.gaierror("no network")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    message = ".* cannot be reached .*put what it names at .* KERASEQ_DATA"
    check(message, 1, "train", name, public, *given)


def test_options(recipe):
    name, ending, given, *_ = recipe
    for option, message in OPTIONS.items():
        check(message, 2, "train", name, f"good{ending}", *given, *option)
    if name != "forecast":
        check("'--horizon' is no option of this recipe", 2, "train", name, "good", "--horizon", "3")


def test_a_bundle_that_is_not_of_the_recipe_it_names(recipe, tmp_path):
    name, ending, *_, message = recipe
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    Bundle(model, {}, Card(recipe=name)).save(tmp_path / "other", optimizer=False)
    for command in ("predict", "evaluate"):
        check(message, 1, command, "other", f"good{ending}")
    check("'nowhere' is no bundle", 1, "predict", "nowhere", f"good{ending}")


def test_a_folder_with_another_run(recipe, tmp_path):
    name, ending, given, *_ = recipe
    folder = tmp_path / "mine.training"
    folder.mkdir()
    running.claim(folder, {"recipe": "another"})
    (folder / running.KEPT).touch()
    small = ["--batch-size", "1", *(["--length", "8"] if name == "write" else [])]
    arguments = ["train", name, f"good{ending}", *given, *small, "--out", "mine"]
    check("'mine.training' holds an unfinished run with recipe='another'", 2, *arguments)
