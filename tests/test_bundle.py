"""Bundles: a whole, unchanged folder comes back the same; anything else is refused in one line."""

import json
import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import keraseq
from keraseq import models, train
from keraseq.bundle import Bundle, BundleError, Card, Score, load, sha256

X = np.array([[1, 2, 3, 0], [2, 2, 1, 1]])
PREPROCESSING = {
    "words": ["", "gut", "schlecht", "日本語"],
    "mean": np.array([1.5, -2.25], "float32"),
    "scalers": [{"sd": np.array([[0.1]])}, {"sd": np.arange(3)}],
    "names": np.array(["a", "bcd"]),
    "lower": True,
    "length": np.int64(4),
    "level": 0.1 + 0.2,
    "nothing": None,
}
CARD = Card(
    title="Reviews",
    data="two reviews",
    data_sha256="ab" * 32,
    split="last 10 % by date",
    seeds=(0, 1, 2),
    epochs=7,
    wall_time=12.34,
    metric=Score("test accuracy", 0.8741, sd=0.0032, runs=3),
    baseline=Score("majority class accuracy", 0.5),
    notes="English only",
)


@pytest.fixture(scope="module")
def trained():
    model = models.sequence_classifier(2, vocabulary=4, embedding=3, units=4)
    train.compile(model, jit_compile=keras.backend.backend() == "jax")
    model.fit(X, np.array([0, 1]), verbose=0)
    return model


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    """One bundle for all tests that only read it."""
    return Bundle(trained, PREPROCESSING, CARD).save(tmp_path_factory.mktemp("saved") / "reviews")


@pytest.fixture
def copy(saved, tmp_path):
    """A bundle to damage."""
    return shutil.copytree(saved, tmp_path / "reviews")


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and type(a) is type(b)


def test_round_trip(trained, saved):
    bundle = load(saved)
    np.testing.assert_array_equal(bundle.model.predict(X, verbose=0), trained.predict(X, verbose=0))
    assert same(bundle.preprocessing, {**PREPROCESSING, "length": 4})
    assert bundle.card.metric == CARD.metric
    assert bundle.card.seeds == (0, 1, 2)
    bundle.model.fit(X, np.array([0, 1]), verbose=0)  # still compiled
    assert {path.name for path in saved.iterdir()} == {
        "model.keras",
        "preprocessing.json",
        "arrays.npz",
        "card.json",
        "card.md",
        "manifest.json",
    }


def test_card(trained, saved):
    card = load(saved).card
    assert card.parameters == trained.count_params()
    backend = keras.backend.backend()
    assert card.versions["keraseq"] == keraseq.__version__
    assert card.versions["keras"] == keras.__version__
    assert backend in card.versions
    assert card.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", card.created)
    assert "cpu" in card.device.lower() or "gpu" in card.device.lower()
    text = (saved / "card.md").read_text()
    assert text == str(card)
    assert text.startswith("# Reviews\n")
    for row in (
        "| data sha256 | " + "ab" * 32 + " |",
        "| seeds | 0, 1, 2 |",
        "| wall time | 12.3 s |",
        "| metric | test accuracy 0.8741 ± 0.0032 (3 runs) |",
        "| baseline | majority class accuracy 0.5 (1 run) |",
        "| split | last 10 % by date |",
    ):
        assert row in text.split("\n")
    assert "| data | not recorded |" in str(Card())


FRESH = """
import sys
import numpy as np
import keraseq
bundle = keraseq.bundle.load(sys.argv[1])
expected = np.load(sys.argv[2], allow_pickle=False)
difference = np.abs(bundle.model.predict(expected["x"], verbose=0) - expected["y"]).max()
assert difference <= float(sys.argv[3]), difference
assert bundle.preprocessing["mean"].tolist() == [1.5, -2.25]
assert bundle.preprocessing["words"][3] == "日本語"
"""


@pytest.mark.parametrize("other", [False, True], ids=["same backend", "other backend"])
def test_loads_in_a_fresh_process(trained, saved, tmp_path, other):
    here = keras.backend.backend()
    there = {"tensorflow": "torch", "torch": "jax", "jax": "torch"}[here] if other else here
    np.savez(tmp_path / "expected.npz", x=X, y=trained.predict(X, verbose=0))
    run = [sys.executable, "-c", FRESH, str(saved), str(tmp_path / "expected.npz")]
    done = subprocess.run(
        [*run, "1e-6" if other else "0"],
        env={**os.environ, "KERAS_BACKEND": there},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_without_optimizer(trained, tmp_path):
    full = Bundle(trained).save(tmp_path / "full")
    small = Bundle(trained).save(tmp_path / "small", optimizer=False)
    assert (small / "model.keras").stat().st_size < (full / "model.keras").stat().st_size
    model = load(small).model
    assert not model.compiled
    assert trained.compiled
    np.testing.assert_array_equal(model.predict(X, verbose=0), trained.predict(X, verbose=0))


def test_a_truncated_file(copy):
    path = copy / "model.keras"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BundleError) as caught:
        load(copy)
    assert str(caught.value) == (
        f"bundle '{copy}' is damaged: model.keras has {size - 10} bytes, its manifest says {size}"
    )


@pytest.mark.parametrize(
    "name", ["model.keras", "preprocessing.json", "arrays.npz", "card.json", "card.md"]
)
def test_one_changed_byte(copy, name):
    path = copy / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError) as caught:
        load(copy)
    assert str(caught.value) == (
        f"bundle '{copy}' was changed after it was saved: the SHA-256 of {name} is not the one in "
        "its manifest"
    )


def edit(copy, **changes):
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def without(copy, name):
    files = json.loads((copy / "manifest.json").read_text())["files"]
    edit(copy, files={key: value for key, value in files.items() if key != name})


DAMAGE = {
    "a lost model": (
        lambda c: (c / "model.keras").unlink(),
        "bundle {} is damaged: model.keras is missing",
    ),
    "lost arrays": (
        lambda c: (c / "arrays.npz").unlink(),
        "bundle {} is damaged: arrays.npz is missing",
    ),
    "a lost manifest": (
        lambda c: (c / "manifest.json").unlink(),
        "{} is no bundle: it has no manifest.json",
    ),
    "half a manifest": (
        lambda c: (c / "manifest.json").write_text((c / "manifest.json").read_text()[:80]),
        "bundle {} is damaged: manifest.json cannot be read: EOF while parsing an object at line 5 "
        "column 19",
    ),
    "a list as manifest": (
        lambda c: (c / "manifest.json").write_text("[]"),
        "bundle {} is damaged: manifest.json cannot be read: its top: Input should be an object; "
        "received []",
    ),
    "a file in no manifest": (
        lambda c: without(c, "arrays.npz"),
        "bundle {} is damaged: its manifest does not name arrays.npz",
    ),
    "a manifest without the model": (
        lambda c: without(c, "model.keras"),
        "bundle {} is damaged: its manifest does not name model.keras",
    ),
    "a later version": (
        lambda c: edit(c, version=2),
        "bundle {} has format version 2; this keraseq reads version 1",
    ),
    "another format": (
        lambda c: edit(c, format="recipe"),
        "{} is no bundle: its manifest says 'recipe', not 'keraseq bundle'",
    ),
    "no folder": (shutil.rmtree, "{} is no bundle: there is no folder of that name"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage(copy, damage):
    break_it, message = DAMAGE[damage]
    break_it(copy)
    with pytest.raises(BundleError) as caught:
        load(copy)
    assert str(caught.value) == message.format(repr(str(copy)))


def test_paths_that_are_no_bundle(tmp_path):
    file = tmp_path / "model.keras"
    file.write_text("hello")
    for path in (file, tmp_path / "nowhere"):
        with pytest.raises(BundleError, match="is no bundle: there is no folder of that name"):
            load(path)
    with pytest.raises(BundleError, match=r"is no bundle: it has no manifest\.json"):
        load(tmp_path)


def test_never_unpickles(copy):
    """A pickled array with a manifest that fits it is refused, and its code does not run."""

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(copy / "exploded"),))

    np.savez(copy / "arrays.npz", mean=np.array([Bomb()], dtype=object))
    files = json.loads((copy / "manifest.json").read_text())["files"]
    path = copy / "arrays.npz"
    files["arrays.npz"] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    edit(copy, files=files)
    with pytest.raises(BundleError, match=r"cannot be loaded: arrays\.npz: Object arrays"):
        load(copy)
    assert not (copy / "exploded").exists()


def test_code_in_a_model_is_refused(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1, output_shape=(3,))(inputs))
    Bundle(model).save(tmp_path / "lambda")
    with pytest.raises(BundleError, match=r"cannot be loaded: .*lambda") as caught:
        load(tmp_path / "lambda")
    assert "\n" not in str(caught.value)


def test_replaces_a_bundle_as_a_whole(trained, tmp_path):
    folder = tmp_path / "mine"
    Bundle(trained, {"version": 1, "big": np.ones(3)}).save(folder)
    Bundle(trained, {"version": 2}).save(folder)
    assert load(folder).preprocessing == {"version": 2}
    assert not (folder / "arrays.npz").exists()  # nothing of the first is left
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_failed_save_leaves_the_earlier_bundle_and_no_rubbish(trained, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    Bundle(trained, {"version": 1}).save(folder)
    with pytest.raises(TypeError):
        Bundle(trained, {"version": {1, 2}}).save(folder)

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    for room, broken in (("bundle", "write_json"), ("files", "swap"), ("files", "flush")):
        with monkeypatch.context() as patch:
            patch.setattr(f"keraseq.{room}.{broken}", full)
            with pytest.raises(OSError, match="no space"):
                Bundle(trained, {"version": 2}).save(folder)
        assert load(folder).preprocessing == {"version": 1}
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_rename_that_fails_brings_the_earlier_bundle_back(trained, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    Bundle(trained, {"version": 1}).save(folder)
    rename = type(folder).rename

    def fails(path, target):
        if path.name.startswith(".partial"):
            raise OSError("no")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(folder), "rename", fails)
        with pytest.raises(OSError, match="no"):
            Bundle(trained, {"version": 2}).save(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert load(folder).preprocessing == {"version": 1}


def test_a_kill_between_the_two_renames_loses_nothing(trained, tmp_path):
    folder = tmp_path / "mine"
    Bundle(trained, {"version": 1}).save(folder)
    folder.rename(tmp_path / ".mine.previous")  # where such a kill leaves it
    assert load(folder).preprocessing == {"version": 1}
    Bundle(trained, {"version": 2}).save(folder)
    assert load(folder).preprocessing == {"version": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_does_not_replace_what_is_no_bundle(trained, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match="exists and is no bundle: it is not replaced"):
        Bundle(trained).save(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {2, 3}]}, "preprocessing.a.1 must be None, .*; received set '{2, 3}'"),
        ({"a": float("nan")}, "preprocessing.a must be .* finite float, .*; received float 'nan'"),
        ({"a": np.array([None])}, "preprocessing.a must be .*; received ndarray"),
        ({1: "a"}, "preprocessing must be .* dict with str keys; received dict"),
        ({"a": print}, "preprocessing.a must be .*; received builtin_function_or_method"),
    ],
)
def test_what_preprocessing_cannot_hold(trained, tmp_path, value, message):
    with pytest.raises(TypeError, match=message):
        Bundle(trained, value).save(tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_two_arrays_whose_names_collide(trained, tmp_path):
    value = {"a": {"b": np.zeros(1)}, "a.b": np.ones(2)}
    assert same(load(Bundle(trained, value).save(tmp_path / "mine")).preprocessing, value)


def test_a_bundle_that_comes_with_keraseq_is_loaded_by_its_name(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("keraseq.bundle.MODELS", saved.parent)
    monkeypatch.chdir(tmp_path)
    assert load("reviews").card.title == "Reviews"
    with pytest.raises(BundleError, match=r"no folder of that name\. Did you mean 'reviews'\?$"):
        load("reveiws")
