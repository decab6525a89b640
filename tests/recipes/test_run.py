"""What all recipes share: whose a folder is, and what comes of a training that diverges."""

import json
import os
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import seen
from typer.testing import CliRunner

from keraseq import cli, data, recipes, train
from keraseq.data.labelled import encoder
from keraseq.data.labelled.parts import in_parts
from keraseq.layers import attention, heads
from keraseq.recipes import run as running
from keraseq.recipes.forecast.recipe import MODELS
from keraseq.recipes.presets import PRESETS
from keraseq.recipes.recipe import DERIVED
from keraseq.recipes.recipe import options as options_of
from keraseq.recipes.translate.evaluation import MEASURES
from keraseq.train.run import DECAYS

pytestmark = pytest.mark.usefixtures("step_by_step")
TINY = {"cell": "elman", "units": 3, "epochs": 2}
LETTERS = "the rose is red, the violet's blue\n" * 10
WAVES = np.sin(np.arange(60) * 2 * np.pi / 7)


def write(folder, letters=LETTERS, **options):
    source = folder.parent / "verses.txt"
    source.write_text(letters)
    tiny = {"length": 8, "batch_size": 3, "report": None}
    corpus = data.text_corpus(source, validation=0.2)
    return recipes.train("write", corpus, folder=folder, **{**TINY, **tiny, **options})


def classify(folder, word="good", **options):
    texts = [f"{word if i % 2 else 'bad'} w{i % 5} w{i % 3}" for i in range(40)]
    reviews = data.reviews(pd.DataFrame({"text": texts, "label": [0, 1] * 20}))
    tiny = {"embedding": 3, "pairs": 0, "wide": 0, "batch_size": 8, "report": None}
    return recipes.train("classify", reviews, folder=folder, **{**TINY, **tiny, **options})


def classify_trees(folder, word="good", **options):
    trees = [f"({i % 5} (2 {word}) (3 (2 w{i}) (2 b)))" for i in range(60)]
    tiny = {"embedding": 3, "batch_size": 16, "report": None, "cell": "tree-elman"}
    tiny = {**TINY, **tiny, **options}
    return recipes.train("classify", data.labelled_trees(trees), folder=folder, **tiny)


def tag(folder, tag="X", **options):
    rows = [[("a", "A"), (f"b{n}", tag), ("c", "O")] for n in range(30)]
    tiny = {"embedding": 3, "character_units": 2, "batch_size": 8, "report": None}
    parts = data.tagged_sentences(rows)
    return recipes.train("tag", parts, folder=folder, **{**TINY, **tiny, **options})


def translate(folder, letters="abcdef", **options):
    words = [letters[i % 5 :] + letters[: i % 4] + str(i) for i in range(60)]
    pairs = data.sentence_pairs([(word, word[::-1]) for word in words])
    tiny = {"level": "character", "length": 12, "embedding": 3, "batch_size": 16, "report": None}
    tiny |= {"attention": "none", "bidirectional": False, "measured_sentences": 2}
    return recipes.train("translate", pairs, folder=folder, **{**TINY, **tiny, **options})


def caption(folder, captions="said", **options):
    place = folder.parent / "seen"
    if not place.exists():
        place.mkdir()
        seen.captioned(place)
    tiny = {"embedding": 3, "attention_units": 2, "batch_size": 32, "minimum": 1, "report": None}
    tiny |= {"encoder": str(place / "eye.keras"), "cache": str(place / "cache.h5"), "length": 9}
    tiny |= {"measured_pictures": 2, **TINY, **options}
    parts = data.captioned(place, place / f"{captions}.csv")
    return recipes.train("caption", parts, folder=folder, **tiny)


def transcribe(folder, loud=1.0, **options):
    rng = np.random.default_rng(0)
    inputs = [loud * rng.uniform(-1, 1, 50).astype("float32") for _ in range(20)]
    parts = in_parts(
        data.LabelledSignals, "x", (inputs, [0, 1] * 10), None,
        validation=0.2, test=0.2, seed=0, rate=500,
    )  # fmt: skip
    tiny = {**TINY, "batch_size": 4, "most": 2, "report": None}
    return recipes.train("transcribe", parts, folder=folder, **{**tiny, **options})


def forecast(folder, y=WAVES, **options):
    frame = pd.DataFrame({"y": y}, index=pd.date_range("2026-01-01", periods=len(y)))
    tiny = {**TINY, "horizon": 3, "look_back": 7, "report": None}
    return recipes.train("forecast", data.series(frame), folder=folder, **{**tiny, **options})


# Each recipe, and other data for it.
RECIPES = {
    write: {"letters": LETTERS.upper()},
    classify: {"word": "fine"},
    classify_trees: {"word": "fine"},
    tag: {"tag": "Y"},
    translate: {"letters": "uvwxyz"},
    caption: {"captions": "others"},
    transcribe: {"loud": 0.5},
    forecast: {"y": WAVES**2},
}


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
        (recipe, RECIPES[recipe], "unfinished run of other data;"),
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


@pytest.mark.parametrize("recipe", RECIPES)
def test_options_that_no_recipe_takes(recipe, tmp_path):
    """Each in one line, before anything is trained or any folder made."""
    for options, message in (
        ({"unitz": 3}, r"unknown option 'unitz'; accepted: .*Did you mean 'units'\?"),
        ({"cell": "lstn"}, r"unknown cell 'lstn'; .*Did you mean 'lstm'\?"),
        ({"cell": 3}, "cell must be a name; received cell=3"),
        ({"decay": "cosin"}, r"unknown decay 'cosin'.*Did you mean 'cosine'\?"),
        ({"precision": "float16"}, "unknown precision 'float16'; accepted: 'float32'"),
        ({"dropout": 1.0}, r"dropout must be a number in \[0, 1\); received dropout=1.0"),
        ({"dropout": "0.5"}, "dropout must be a number"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive number"),
        ({"clipnorm": None}, "clipnorm must be a positive number"),
        ({"batch_size": 0}, "batch_size must be a positive integer; received batch_size=0"),
        ({"patience": -1}, "patience must be a positive integer; received patience=-1"),
        ({"patience": False}, "patience must be a positive integer; received patience=False"),
        ({"weight_decay": -1}, "weight_decay must be a positive number"),
        ({"seed": 1.5}, "seed must be a positive integer"),
        ({"validation": 0.3}, "validation=0.3 says how data are read, and these are read already"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            recipe(tmp_path / "run", **options)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_options_of_another_recipe_and_recipes_that_are_none():
    with pytest.raises(ValueError, match="unknown recipe 'imbd'; accepted: 'write', 'compose', "):
        recipes.train("imbd")
    with pytest.raises(ValueError, match="'horizon' is no option of this recipe, but of forecast"):
        recipes.train("write", "any", horizon=3)
    with pytest.raises(ValueError, match="forecast trains no saved model further; only write does"):
        recipes.get("forecast", start=object())


def test_presets_are_settings_of_their_recipe_for_a_data_set():
    for name, rows in PRESETS.items():
        for source, one in rows.items():
            assert source in data.sets.SETS and one.gives
            assert recipes.get(name).Settings.of(dict(one.settings))
            assert f"keraseq train {name} {source}" in shell("recipes").output
            assert source in shell("train", name, "--help").output


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_a_preset_holds_where_nothing_else_is_given(tmp_path):
    recipe = recipes.get("forecast")
    series, chosen = running.read(recipe, "etth1", {"units": 3})
    assert (chosen.horizon, chosen.look_back, chosen.units) == (96, 96, 3)
    with pytest.raises(ValueError, match="give horizon"):  # data that were read have no name
        running.read(recipe, series, {})
    tiny = ["--epochs", "1", "--units", "1", "--stride", "999", "--no-baselines"]
    run = shell("train", "forecast", "etth1", *tiny, "--out", tmp_path / "out")
    assert run.output.startswith("preset etth1: --horizon 96 --look-back 96\n"), run.output


def shell(*arguments, **options):
    return CliRunner().invoke(cli.app, [str(one) for one in arguments], **options)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_option_is_one_field_and_stands_in_the_help(name):
    known = options_of(recipes.get(name).Settings)
    said = " ".join(shell("train", name, "--help").output.split())
    assert said.index("Most used:") < said.index("Model:") < said.index("Training:")
    for one in known.values():
        assert one.help.endswith(".") and (one.group == DERIVED) != (f"{one.flag} " in said)
    [line] = [one for one in shell("recipes").output.splitlines() if one.startswith(f"{name}:")]
    assert recipes.RECIPES[name].title in line


def test_choices_are_those_of_the_rooms_that_know_them():
    """Settings are read without importing these rooms, so that the help is quick."""
    for (name, option), known in {
        ("write", "level"): data.text.LEVELS,
        ("classify", "level"): encoder.LEVELS,
        ("classify", "keep"): encoder.KEEPS,
        ("translate", "level"): data.pairs.LEVELS,
        ("translate", "attention"): ("none", *attention.SCORES),
        ("translate", "measure"): MEASURES,
        ("translate", "sampling_decay"): DECAYS,
        ("forecast", "head"): heads.HEADS,
        ("forecast", "normalize"): (*heads.NORMALIZATIONS, "none"),
        ("forecast", "model"): MODELS,
    }.items():
        kind = options_of(recipes.get(name).Settings)[option].kind
        assert sorted(get_args(kind)) == sorted(known), (name, option)


def test_a_shell_says_it_in_one_line(tmp_path):
    pd.DataFrame({"date": pd.date_range("2026-01-01", periods=60), "y": WAVES}).to_csv(
        tmp_path / "waves.csv", index=False
    )
    (tmp_path / "a.txt").write_text(LETTERS)
    forecast = ["forecast", tmp_path / "waves.csv", "--look-back", "7", "--units", "3", "--cell"]
    forecast += ["elman", "--horizon", "3"]
    for arguments, code, message in (
        (
            ["wirte"],
            2,
            "unknown recipe 'wirte'; accepted: 'write', 'compose', 'classify', 'tag', 'tra",
        ),
        (["classify", "a", "b"], 2, "classify reads one source; received a, b"),
        (
            ["classify", tmp_path, "--text", "words"],
            2,
            "unknown option 'text' of data set 'imdb'; acc",
        ),
        (["forecast", tmp_path / "waves.csv"], 2, "give horizon (in a shell --horizon): rows to"),
        ([*forecast, "--quantiles", "0.1,a"], 2, "--quantiles takes numbers with commas, such as"),
        ([*forecast, "--epochs", "0"], 2, "epochs must be a positive integer; received epochs=0"),
        ([*forecast, "--epochs", "1", "--learning-rate", "1e6"], 2, "the training has diverged"),
    ):
        run = shell("train", *arguments, "--out", tmp_path / "out")
        assert run.exit_code == code, run.output
        [line] = run.stderr.splitlines()
        assert line.startswith(f"Error: {message}")
        assert not (tmp_path / "out").exists()


def test_a_folder_with_a_run_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "resume.npz").write_bytes(b"theirs")
    with pytest.raises(ValueError, match="holds an unfinished run that no recipe began; remove it"):
        running.claim(tmp_path, {"units": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["resume.npz"]


def test_a_claim_by_a_run_that_kept_nothing_is_none(tmp_path):
    running.claim(tmp_path, {"units": 3, "pooling": ("max",), "size": np.int64(4)})
    running.claim(tmp_path, {"units": 4})
    assert json.loads((tmp_path / "settings.json").read_text()) == {"units": 4}
