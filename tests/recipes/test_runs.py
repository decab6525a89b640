"""What all recipes share: whose a folder is, and what comes of a training that diverges."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, recipes, train
from keraseq.recipes import runs

TINY = {"cell": "elman", "units": 3, "epochs": 2}
LETTERS = "the rose is red, the violet's blue\n" * 10
WAVES = np.sin(np.arange(60) * 2 * np.pi / 7)


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    """The loop that needs no compiling; what is tested here is not the loop."""
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


def text(folder, letters=LETTERS, **options):
    source = folder.parent / "verses.txt"
    source.write_text(letters)
    tiny = {"length": 8, "batch_size": 3, "report": None}
    corpus = data.text_corpus(source, validation=0.2)
    return recipes.text.train(corpus, folder=folder, **{**TINY, **tiny, **options})


def imdb(folder, word="good", **options):
    texts = [f"{word if i % 2 else 'bad'} w{i % 5} w{i % 3}" for i in range(40)]
    reviews = data.reviews(pd.DataFrame({"text": texts, "label": [0, 1] * 20}))
    tiny = {"embedding": 3, "pairs": 0, "wide": 0, "batch_size": 8, "report": None}
    return recipes.imdb.train(reviews, folder=folder, **{**TINY, **tiny, **options})


def forecast(folder, y=WAVES, **options):
    frame = pd.DataFrame({"y": y}, index=pd.date_range("2026-01-01", periods=len(y)))
    return recipes.forecast.train(data.series(frame), 3, 7, folder=folder, **{**TINY, **options})


# Each recipe, and other data for it.
RECIPES = {text: {"letters": LETTERS.upper()}, imdb: {"word": "fine"}, forecast: {"y": WAVES**2}}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_folder_is_one_run_s(recipe, tmp_path, monkeypatch):
    """Refused: other settings, other data, another recipe; the same goes on."""
    folder = tmp_path / "run"

    def kill(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train.Resume, "on_epoch_begin", kill)
        with pytest.raises(KeyboardInterrupt):
            recipe(folder)
    [other] = [one for one in RECIPES if one is not recipe][:1]
    for again, options, message in (
        (recipe, {"learning_rate": 0.5}, "unfinished run with learning_rate="),
        (recipe, RECIPES[recipe], "unfinished run with data='"),
        (other, {}, "unfinished run with recipe="),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            again(folder, **options)
        assert "\n" not in str(caught.value)
    assert recipe(folder).card.epochs == 2
    assert not (folder / "settings.json").exists() and not (folder / "resume.npz").exists()


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_training_that_diverges_says_so_and_leaves_nothing(recipe, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(FloatingPointError, match="the training has diverged: the loss is") as error:
        recipe(folder, learning_rate=1e6)
    assert "lower the learning rate (now 1e+06; in a shell --learning-rate)" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("epochs", [0, -1, 1.5, True])
def test_epochs_that_cannot_be(recipe, epochs, tmp_path):
    with pytest.raises(ValueError, match=f"epochs must be a positive integer; .*epochs={epochs}"):
        recipe(tmp_path / "run", epochs=epochs)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("head", ["point", "gaussian"])
def test_noise_is_no_divergence(head):
    """Without anything to learn, and with outliers that a normal distribution does not know."""
    noise = np.random.default_rng(0).standard_t(2, size=60) ** 3
    assert np.isfinite(forecast(None, y=noise, head=head, learning_rate=0.02).card.metric.mean)


def test_a_shell_says_it_in_one_line(tmp_path):
    pd.DataFrame({"date": pd.date_range("2026-01-01", periods=60), "y": WAVES}).to_csv(
        tmp_path / "waves.csv", index=False
    )
    out = ["--out", str(tmp_path / "out"), "--horizon", "3", "--look-back", "7", "--units", "3"]
    command = ["forecast", str(tmp_path / "waves.csv"), *out, "--cell", "elman"]
    run = CliRunner().invoke(cli.app, [*command, "--epochs", "1", "--learning-rate", "1e6"])
    assert run.exit_code == 2 and "--learning-rate" in run.output
    assert len(run.output.splitlines()) == 1
    assert not (tmp_path / "out" / "model").exists()
    run = CliRunner().invoke(cli.app, [*command, "--epochs", "0"])
    assert run.exit_code == 2
    assert run.output == "Error: epochs must be a positive integer; received epochs=0\n"


def test_a_folder_with_a_run_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "resume.npz").write_bytes(b"theirs")
    with pytest.raises(ValueError, match="holds an unfinished run that no recipe began; remove it"):
        runs.claim(tmp_path, {"units": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["resume.npz"]


def test_a_claim_by_a_run_that_kept_nothing_is_none(tmp_path):
    runs.claim(tmp_path, {"units": 3, "pooling": ("max",), "size": np.int64(4)})
    runs.claim(tmp_path, {"units": 4})
    assert json.loads((tmp_path / "settings.json").read_text()) == {"units": 4}
