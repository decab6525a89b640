"""The recipe `caption`: pictures with captions to a model that captions raw pictures."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import seen
from PIL import Image
from typer.testing import CliRunner

from keraseq import cli, data, plots, recipes
from keraseq.bundle import BundleError, load
from keraseq.recipes.caption import look
from keraseq.recipes.caption.evaluation import cache_of

TINY = {"units": 6, "embedding": 5, "attention_units": 4, "epochs": 1, "batch_size": 16}
TINY |= {"measured_pictures": 2, "minimum": 1, "length": 6, "report": None}
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="test_without_tensorflow uses it on the others"
)


@pytest.fixture(autouse=True)
def eager(request):
    """Without compiling, where little is learned."""
    if "learns" not in request.node.name:
        request.getfixturevalue("step_by_step")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return seen.captioned(tmp_path_factory.mktemp("seen"))


@pytest.fixture(scope="module")
def options(folder):
    """A network that needs no download, and a cache of what it saw."""
    return {**TINY, "encoder": str(folder / "eye.keras"), "cache": str(folder / "cache.h5")}


@pytest.fixture(scope="module")
def trained():
    return []


@pytest.fixture
def bundle(folder, options, trained):
    if not trained:  # not before `eager`
        trained.append(recipes.train("caption", folder / "said.csv", **options))
    return trained[0]


def test_it_learns_what_is_there(folder, options):
    """One corner of four has a colour."""
    more = {"units": 24, "embedding": 16, "epochs": 10, "learning_rate": 0.02, "dropout": 0.0}
    more |= {"measured_pictures": 20, "label_smoothing": 0.0, "patience": 0}
    captions = data.captioned(folder, folder / "said.csv", validation=0.2, test=0.2)
    found = recipes.train("caption", captions, **{**options, **more})
    table = recipes.evaluate(found, captions)
    own = table.query("part == 'test'").set_index("method").cider
    assert own["gru, attention, beam 3"] > 400 > own["one caption for all"]
    assert found.card.metric.mean > 400 and "Apache" not in found.card.notes


def test_predict(bundle, folder):
    paths = [folder / "0.png", str(folder / "1.png")]
    found = recipes.predict(bundle, paths)
    assert found.picture.tolist() == list(map(str, paths)) and (found.score < 0).all()
    assert all("unk" not in one and len(one.split()) <= 7 for one in found.caption)
    assert recipes.predict(bundle, paths[1]).caption[0] == found.caption[1]
    assert len(recipes.predict(bundle, [])) == 0
    (folder / "none.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"none.png' cannot be read as a picture"):
        recipes.predict(bundle, [folder / "none.png"])
    (folder / "none.png").unlink()
    with pytest.raises(FileNotFoundError, match="there is no picture"):
        recipes.predict(bundle, ["nowhere.png"])


def test_look(bundle, folder):
    words, maps = look(bundle, folder / "0.png", "A red, corner!")
    assert words == ["a", "red", "corner", "<end>"] and maps.shape == (4, 2, 2)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, rtol=1e-4)
    axes = plots.looks(folder / "0.png", (words, maps), columns=3)
    assert [ax.get_title() for ax in axes] == ["", *words]
    assert axes[1].images[0].get_array().shape == (8, 8, 3)


def test_a_picture_as_one_vector(folder, options):
    """And long captions are left out of the training, which is said."""
    lines, more = [], {**options, "image": "merge", "length": 4}
    bundle = recipes.train("caption", folder / "said.csv", **{**more, "report": lines.append})
    assert any("captions of more than 4 words, or none, are left out" in line for line in lines)
    assert recipes.evaluate(bundle, baselines=False).method[0] == "gru, merge, beam 3"
    with pytest.raises(ValueError, match="has no attention: it looks nowhere"):
        look(bundle, folder / "0.png", "a red corner")
    with pytest.raises(ValueError, match=r"no train caption has at most length=1 words"):
        recipes.train("caption", folder / "said.csv", **{**options, "length": 1})


def test_evaluate(bundle, folder):
    table = recipes.evaluate(bundle)
    assert table.groupby("part").method.count().to_dict() == {"test": 7, "validation": 7}
    assert (table.low <= table.high).all() and table.bleu4.between(0, 100).all()
    other = pd.read_csv(folder / "said.csv")[:30]
    other.to_csv(folder / "other.csv", index=False)
    table = recipes.evaluate(bundle, folder / "other.csv")
    assert table.part.tolist() == ["whole"] * 2 and table.pictures.tolist() == [15, 15]


def test_a_bundle_whose_parts_do_not_belong_together(bundle, folder, tmp_path):
    bundle.save(tmp_path / "saved", optimizer=False)
    again = load(tmp_path / "saved")
    pictures = [folder / "0.png"]
    assert recipes.predict(again, pictures).equals(recipes.predict(bundle, pictures))
    again.preprocessing["network"]["sha256"] = "0" * 64
    with pytest.raises(ValueError, match=r"has other weights than in the training: SHA-256 "):
        recipes.predict(again, pictures)
    again.preprocessing["network"]["name"] = "eye"
    with pytest.raises(ValueError, match=r"encoder must be 'efficientnet-lite0' or a .keras file"):
        recipes.predict(again, pictures)
    words = data.WordVocabulary(["a"])
    again.preprocessing["encoder"] = data.SentenceEncoder(words).to_dict()
    with pytest.raises(BundleError, match=r"its vocabulary has .* do not belong together"):
        recipes.predict(again, pictures)


def test_through_the_shell(folder, tmp_path, monkeypatch, bundle):
    monkeypatch.chdir(folder)
    tiny = (
        f"--units 4 --embedding 4 --epochs 1 --minimum 1 --encoder eye.keras --cache {tmp_path}/c"
    )
    shell = lambda *arguments: CliRunner().invoke(cli.app, list(arguments))  # noqa: E731
    out = str(tmp_path / "out")
    run = shell("train", "caption", "said.csv", *f"{tiny}.h5".split(), "--out", out)
    assert run.exit_code == 0 and "one caption for all" in run.output, run.output
    run = shell("predict", out, "0.png", "1.png")
    assert run.exit_code == 0 and len(run.stdout.splitlines()) == 2, run.output
    run = shell("evaluate", out, "--no-baselines")
    assert run.exit_code == 0 and "greedy" in run.output, run.output


def test_features_of_a_training_are_kept_and_no_others(bundle, options, tmp_path):
    cache = Path(options["cache"])
    before = cache.stat().st_mtime_ns
    Image.new("RGB", (9, 9), "orange").save(tmp_path / "new.png")
    assert len(recipes.predict(bundle, tmp_path / "new.png")) == 1
    assert cache.stat().st_mtime_ns == before
    settings = recipes.caption.Settings.of({"cache": str(tmp_path / "gone" / "cache.h5")})
    assert cache_of(settings) != Path(settings.cache)  # on another computer
    assert not (tmp_path / "gone").exists()
