"""Runs that are killed at any of their file operations end as if they had never stopped.

So do callbacks alone, and a recipe behind its pretraining. The other recipes, which
`keraseq.recipes.run` trains in the same way, are killed after an epoch and at the very end: their
own is only what they make of their data again.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import seen

from keraseq import data, models, recipes, train
from keraseq.recipes.run import finish

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="files are the same on every backend"
)
WATCHED = []  # folders whose states are kept; the hook below cannot be taken away again
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


class States:
    """All states of a folder that a kill can leave: the folder before each file operation.

    Of a file that is being written there are two more, empty and with half of something in it.
    """

    def __init__(self, folder: Path, torn: bool):
        self.folder, self.torn, self.busy = str(folder), torn, False
        self.kept: dict[bytes, Path] = {}

    def before(self, event: str, args: tuple) -> None:
        path = os.fspath(args[0]) if isinstance(args[0], (str, os.PathLike)) else ""
        writes = event == "open" and (args[2] or 0) & WRITING
        if self.busy or not path.startswith(self.folder) or not (writes or event in CHANGES):
            return
        self.busy = True
        self.keep(event)
        if writes and self.torn:
            self.keep("torn", Path(path).relative_to(self.folder))
        self.busy = False

    def keep(self, event: str, torn: Path | None = None) -> None:
        state = Path(f"{self.folder}-state-{len(self.kept)}")
        shutil.copytree(self.folder, state)
        if torn is not None:
            (state / torn).parent.mkdir(parents=True, exist_ok=True)
            with (state / torn).open("ab") as file:
                file.write(b"PK\3\4,")
        files = sorted(path for path in state.rglob("*") if path.is_file())
        content = repr([(path.name.split(".")[-2:], path.read_bytes()) for path in files]).encode()
        if content in self.kept:
            shutil.rmtree(state)
        else:
            self.kept[content] = state


def hook(event, args):
    for states in WATCHED:
        states.before(event, args)


@pytest.fixture(scope="module", autouse=True)
def watching():
    sys.addaudithook(hook)


@pytest.fixture(autouse=True)
def eager(plain_loop, step_by_step):
    """A hundred models are trained here, for a few steps each."""


def end_of(run, folder: Path, monkeypatch):
    """What a run ends with: arrays, numbers, log, files; and the epochs that it trained."""
    trained = []
    begin = train.Resume.on_epoch_begin

    def seen(self, epoch, logs=None):
        if self.path.parent == folder / "run":
            trained.append(epoch)
        begin(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(train.Resume, "on_epoch_begin", seen)
        weights, numbers = run(folder)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    return weights, (numbers, (folder / "run" / "log.csv").read_text(), files), trained


def check(run, tmp_path, monkeypatch, torn=False, everywhere=True):
    """What each state of a run comes to; or the first and the last with an epoch behind it."""
    states = States(tmp_path / "whole", torn)
    (tmp_path / "whole").mkdir()
    WATCHED.append(states)
    try:
        weights, rest, epochs = end_of(run, tmp_path / "whole", monkeypatch)
    finally:
        WATCHED.remove(states)
    assert len(states.kept) > 6 * len(epochs)
    chosen = list(states.kept.values())
    if not everywhere:
        chosen = [one for one in chosen if (one / "run" / "resume.npz").exists()]
        chosen = [chosen[0], chosen[-1]]
    for state in chosen:
        resumed = state / "run" / "resume.npz"
        left = epochs
        if resumed.exists():
            known = json.loads(str(np.load(resumed)["state"]))
            left = [] if known["stopped"] else epochs[known["epoch"] :]
        again, others, trained = end_of(run, state, monkeypatch)
        assert others == rest, state.name
        assert trained == left, state.name
        for one, other in zip(weights, again, strict=True):
            np.testing.assert_array_equal(one, other)
        shutil.rmtree(state)


def ended(bundle, folder):
    """The end of a recipe, as its command does it."""
    bundle.save(folder / "model", optimizer=False)
    finish(folder / "run")
    card = bundle.card
    assert card.wall_time > 0
    return bundle.model.get_weights(), (card.epochs, card.metric)


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 3, 2)).astype("float32"), RNG.integers(0, 2, 16)


class Score(keras.callbacks.Callback):
    """The second epoch is the best, and with patience 1 the third is the last."""

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = [2.0, 1.0, 3.0][epoch]


def test_callbacks_of_a_run_that_stops_early(tmp_path, monkeypatch):
    def run(folder):
        train.seed_everything(3)
        model = models.sequence_classifier(2, features=2, cell="elman", units=2, dropout=0.5)
        careful = train.callbacks(folder / "run", monitor="score", mode="min", patience=1)
        train.compile(model, metrics=[])
        model.fit(X, Y, batch_size=8, epochs=9, verbose=0, callbacks=[Score(), *careful])
        return model.get_weights(), careful[2].best

    check(run, tmp_path, monkeypatch, torn=True)


def test_write(tmp_path, monkeypatch):
    (tmp_path / "verses.txt").write_text("the rose is red, the violet's blue\n" * 6)
    corpus = data.text_corpus(tmp_path / "verses.txt", validation=0.2)
    tiny = {"cell": "elman", "units": 4, "length": 8, "batch_size": 3, "report": None}
    tiny |= {"epochs": 2}

    def run(folder):
        return ended(
            recipes.train("write", corpus, folder=folder / "run", hold=True, **tiny), folder
        )

    check(run, tmp_path, monkeypatch, everywhere=False)


def test_classify_behind_its_pretraining(tmp_path, monkeypatch):
    texts = [f"{'good' if i % 2 else 'bad'} w{i % 5} w{i % 3}" for i in range(40)]
    reviews = data.reviews(pd.DataFrame({"text": texts, "label": [0, 1] * 20}))
    tiny = {"cell": "elman", "units": 3, "embedding": 3, "pairs": 0, "wide": 5}
    tiny |= {"epochs": 1, "pretraining": 1}

    def run(folder):
        kept = {"folder": folder / "run", "hold": True, "report": None}
        return ended(recipes.train("classify", reviews, **tiny, **kept), folder)

    check(run, tmp_path, monkeypatch)


def test_classify_trees(tmp_path, monkeypatch):
    trees = data.labelled_trees([f"({i % 5} (2 a{i}) (2 b))" for i in range(50)])
    tiny = {"cell": "tree-elman", "units": 3, "embedding": 3, "batch_size": 20, "epochs": 2}

    def run(folder):
        kept = {"folder": folder / "run", "hold": True, "report": None}
        return ended(recipes.train("classify", trees, **tiny, **kept), folder)

    check(run, tmp_path, monkeypatch, everywhere=False)


def test_tag(tmp_path, monkeypatch):
    rows = [[("a", "A"), (f"b{n % 15}", "X"), ("c", "O")][: 1 + n % 3] for n in range(30)]
    tiny = {"cell": "elman", "units": 3, "embedding": 3, "character_units": 2}
    tiny |= {"crf": False, "batch_size": 16, "epochs": 2, "report": None}

    def run(folder):
        kept = {"folder": folder / "run", "hold": True}
        parts = data.tagged_sentences(rows)
        return ended(recipes.train("tag", parts, **tiny, **kept), folder)

    check(run, tmp_path, monkeypatch, everywhere=False)


def test_translate(tmp_path, monkeypatch):
    words = ["abcdef"[i % 4 :] + str(i) for i in range(40)]
    pairs = data.sentence_pairs([(word, word[::-1]) for word in words])
    tiny = {"cell": "elman", "units": 3, "embedding": 3, "batch_size": 16, "epochs": 2}
    tiny |= {"level": "character", "length": 8, "measured_sentences": 2, "attention": "dot"}
    tiny |= {"bidirectional": False, "input_feeding": False, "report": None}

    def run(folder):
        kept = {"folder": folder / "run", "hold": True}
        return ended(recipes.train("translate", pairs, **tiny, **kept), folder)

    check(run, tmp_path, monkeypatch, everywhere=False)


def test_caption(tmp_path, monkeypatch):
    (tmp_path / "seen").mkdir()
    place = seen.captioned(tmp_path / "seen")
    tiny = {"cell": "elman", "units": 3, "embedding": 3, "attention_units": 2, "batch_size": 32}
    tiny |= {"epochs": 2, "minimum": 1, "length": 9, "measured_pictures": 2, "report": None}
    tiny |= {"encoder": str(place / "eye.keras")}

    def run(folder):
        kept = {"folder": folder / "run", "hold": True, "cache": str(tmp_path / "cache.h5")}
        return ended(recipes.train("caption", place / "said.csv", **tiny, **kept), folder)

    check(run, tmp_path, monkeypatch, everywhere=False)


def test_forecast(tmp_path, monkeypatch):
    y = np.sin(np.arange(60) * 2 * np.pi / 7) + 0.1 * RNG.normal(size=60)
    series = data.series(pd.DataFrame({"y": y}, index=pd.date_range("2026-01-01", periods=60)))
    tiny = {"cell": "elman", "units": 3, "batch_size": 16, "epochs": 2, "report": None}
    tiny |= {"horizon": 3, "look_back": 7}

    def run(folder):
        kept = {"folder": folder / "run", "hold": True}
        return ended(recipes.train("forecast", series, **tiny, **kept), folder)

    check(run, tmp_path, monkeypatch, everywhere=False)
