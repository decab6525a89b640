"""A bundle that somebody damaged works or is refused in one line, whatever was done to it.

Every field of every JSON file of every recipe's bundle is replaced by what does not belong there,
is removed, or gets a neighbour; bytes of the other files are changed. The manifest always fits.
"""

import io
import itertools
import json
import shutil
import time
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import seen
import tones
from typer.testing import CliRunner

import keraseq
from keraseq import cli, data, recipes
from keraseq.bundle import Bundle, BundleError, check, described, load, manifest, write_json
from keraseq.generation import rolls
from keraseq.recipes.caption.evaluation import captioned

WORDS = "a good film and a bad book of one day".split()
TABLE = pd.DataFrame(
    {
        "text": [" ".join(np.roll(WORDS, i)) for i in range(40)],
        "label": ["bad", "good"] * 20,
    }
)
SERIES = pd.DataFrame(
    {
        "date": pd.date_range("2026-01-01", periods=140, freq="D"),
        "y": np.sin(np.arange(140)) + 5.0,
    }
)
DEEP = []
for _ in range(300):
    DEEP = [DEEP]
WRONG = (
    *(None, True, -1, 0, 0.5, 10**18, 10**400, 1e300, -1e300, float("nan"), float("inf")),
    *("text", "NaN", "", "../../x", "\0", [], [1], [None], ["text"], {}, {"a": 1}),
    *({"__array__": "nowhere"}, {"__array__": []}, DEEP),
)


class Case:
    """A tiny bundle of a recipe, and what users do with one."""

    def __init__(self, recipe: str, folder: Path):
        self.folder = folder / recipe
        getattr(self, f"train_{recipe}")(folder).save(self.folder, optimizer=False)
        self.bundle, self.use = load(self.folder), getattr(self, f"use_{recipe}")
        self.seen = set()

    def train_write(self, folder):
        path = folder / "verses.txt"
        path.write_text("one two three four\n" * 60)
        small = {"units": 4, "length": 8, "batch_size": 2, "epochs": 1, "report": None}
        return recipes.train("write", path, **small)

    def use_write(self, bundle):
        recipes.get("write", start=bundle).inherited({})
        if self.new(bundle, "tokenizer"):
            assert len(keraseq.generate(bundle, "one", 3, seed=1)) <= 3

    def train_classify(self, folder):
        small = {"units": 4, "embedding": 4, "pairs": 0, "wide": 0, "epochs": 1, "length": 8}
        return recipes.train("classify", data.reviews(TABLE), **small, report=None)

    def use_classify(self, bundle):
        parts = recipes.classify.parts_of(bundle)
        assert parts.kind.called(parts.settings)
        if self.new(bundle, "encoder", "classes", "temperature"):
            assert recipes.predict(bundle, ["a good day", ""]).probability.between(0, 1).all()

    def train_classify_series(self, folder):
        waves = np.random.default_rng(0).normal(size=(40, 6))
        waves[:, 0] = np.where(np.arange(40) % 3, waves[:, 0], np.nan)
        parts = data.labelled_series(waves, ["bad", "good"] * 20)
        return recipes.train("classify", parts, units=4, epochs=1, report=None)

    def use_classify_series(self, bundle):
        parts = recipes.classify.parts_of(bundle)
        assert parts.kind.called(parts.settings)
        if self.new(bundle, "encoder", "classes", "temperature"):
            assert recipes.predict(bundle, np.ones((2, 6))).probability.between(0, 1).all()

    def train_classify_trees(self, folder):
        parts = data.labelled_trees([f"({n % 5} (2 a{n % 7}) (3 b))" for n in range(60)])
        small = {"units": 3, "embedding": 3, "epochs": 1, "report": None}
        return recipes.train("classify", parts, **small)

    def use_classify_trees(self, bundle):
        parts = recipes.classify.parts_of(bundle)
        assert parts.kind.called(parts.settings)
        if self.new(bundle, "encoder", "classes", "temperature"):
            found = recipes.predict(bundle, ["(1 (2 a1) (3 b))", "(2 c)"])
            assert found.probability.between(0, 1).all()

    def train_tag(self, folder):
        rows = [[("Jo", "B-person"), (f"came{n}", "O")] for n in range(20)]
        small = {"units": 4, "character_units": 2, "embedding": 3, "epochs": 1}
        return recipes.train("tag", data.tagged_sentences(rows), **small, report=None)

    def use_tag(self, bundle):
        stored, _ = recipes.tag.parts_of(bundle)
        assert recipes.tag.evaluation.method_of(stored.settings)
        if self.new(bundle, "encoder", "tags"):
            assert recipes.predict(bundle, ["Jo came.", ""]).probability.between(0, 1).all()

    def train_translate(self, folder):
        pairs = data.sentence_pairs([(f"ab{n}", f"ba{n}") for n in range(30)])
        small = {"units": 4, "embedding": 3, "epochs": 1, "length": 8, "measured_sentences": 2}
        return recipes.train("translate", pairs, level="character", **small, report=None)

    def use_translate(self, bundle):
        stored = recipes.translate.evaluation.parts_of(bundle)
        assert recipes.translate.evaluation.method_of(stored.settings)
        if self.new(bundle, "encoder"):
            assert len(recipes.predict(bundle, ["ab1", ""], sampler="greedy")) == 2

    def train_caption(self, folder):
        seen.captioned(folder)
        small = {"units": 3, "embedding": 3, "attention_units": 2, "epochs": 1, "minimum": 1}
        small |= {"encoder": str(folder / "eye.keras"), "cache": str(folder / "eye.h5")}
        small |= {"length": 9, "measured_pictures": 2, "report": None}
        return recipes.train("caption", folder / "said.csv", **small)

    def use_caption(self, bundle):
        parts = recipes.caption.evaluation.parts_of(bundle)
        if self.new(bundle, "encoder"):
            looked = np.ones((2, 4, 3)), "greedy"
            assert len(captioned(bundle.model, parts.encoder, parts.settings, *looked)) == 2

    def train_compose(self, folder):
        rolls = data.piano_rolls([np.eye(5, data.music.KEYS, 40 + n) for n in range(6)])
        small = {"units": 3, "head_units": 3, "length": 4, "epochs": 1, "report": None}
        return recipes.train("compose", rolls, **small)

    def use_compose(self, bundle):
        recipes.compose.evaluation.parts_of(bundle)
        if self.new(bundle):
            assert recipes.predict(bundle, None, length=2).attrs["length"] == 2

    def train_transcribe(self, folder):
        parts = data.labelled_signals(tones.folders(folder / "tones"))
        small = {"units": 3, "epochs": 1, "most": 2, "report": None}
        return recipes.train("transcribe", parts, **small)

    def use_transcribe(self, bundle):
        recipes.transcribe.parts_of(bundle)
        if self.new(bundle, "encoder", "classes"):
            assert recipes.predict(bundle, [tones.tone("fall")]).probability.between(0, 1).all()

    def train_forecast(self, folder):
        series = data.series(SERIES, calendar=["weekday"])
        small = {"horizon": 3, "look_back": 6, "units": 4, "epochs": 1, "segment": 3}
        return recipes.train("forecast", series, **small, report=None)

    def use_forecast(self, bundle):
        series = recipes.forecast.series_of(bundle, SERIES)
        forecaster = recipes.forecast.Forecaster.of(bundle)
        if self.new(bundle, *set(bundle.preprocessing) - {"source"}):
            found = forecaster.forecast(series)
            assert np.isfinite(found.iloc[:, 2:].to_numpy("float64")).all()

    def new(self, bundle, *names):
        """Whether these parts are others than before: what was used once need not be used again."""
        used = repr([bundle.preprocessing.get(name) for name in names])
        return used not in self.seen and not self.seen.add(used)


@pytest.fixture(autouse=True)
def eager(step_by_step):
    """What loads is used once."""


@pytest.fixture(scope="module", params=[*recipes.RECIPES, "classify_series", "classify_trees"])
def case(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", "plain")  # which needs no compiling
        patch.setattr(rolls, "FRAMES", 2)  # of music that are drawn at least, key by key
        yield Case(request.param, tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def damaged(case, tmp_path):
    """A copy to damage."""
    return shutil.copytree(case.folder, tmp_path / "damaged")


def refit(folder):
    """Makes the manifest fit what is there, as somebody would who wants it to be read."""
    (folder / "manifest.json").unlink()
    write_json(folder / "manifest.json", manifest(folder))


def mutations(value, put, share=1, fields=None):
    """Every field of a value: `(what was done, the whole after it)`; `put` makes the whole.

    A field gets all that is wrong, or a `share`-th of it, another one than the field before.
    """
    fields = fields or itertools.count()
    for wrong in WRONG[next(fields) % share :: share]:
        yield f"{wrong!r:.40}", put(wrong)
    if isinstance(value, dict):
        for key, one in value.items():
            rest = {name: other for name, other in value.items() if name != key}
            yield f"{key} removed", put(rest)
            changed = mutations(one, lambda new, key=key: put({**value, key: new}), share, fields)
            for what, whole in changed:
                yield f"{key}.{what}", whole
        yield "one more", put({**value, "one more": 1})
    elif isinstance(value, list) and value:
        for what, whole in mutations(value[0], lambda new: put([new, *value[1:]]), share, fields):
            yield f"0.{what}", whole
        yield "one less", put(value[1:])
        yield "twice", put(value * 2)
    elif isinstance(value, str) and value.startswith("{"):  # JSON in JSON
        inside = json.loads(value)
        for what, whole in mutations(inside, lambda new: put(json.dumps(new)), share, fields):
            yield f"({what})", whole


def attempt(action, problems, what):
    """Does it: any end but a good one and a `BundleError` of one line is a problem."""
    try:
        action()
    except BundleError as error:
        if "\n" in str(error) or not 20 < len(str(error)) < 700:
            problems.append(f"{what}: {error}")
        return True
    except Exception as error:
        problems.append(f"{what}: {type(error).__name__}: {error}")
    return False


@pytest.mark.parametrize("name", ["manifest.json", "card.json", "preprocessing.json"])
def test_every_field_of_every_json_file(case, damaged, name):
    def action():
        check(damaged)
        bundle = Bundle(case.bundle.model, *described(damaged))
        assert str(bundle.card)
        assert recipes.of(bundle)
        case.use(bundle)

    action()
    before = json.loads((damaged / name).read_text())
    problems, refused, count = [], 0, 0
    for what, whole in mutations(before, lambda new: new, share=3):
        (damaged / name).write_text(json.dumps(whole))
        if name != "manifest.json":
            refit(damaged)
        refused += attempt(action, problems, what)
        count += 1
    for text in ("", "{", "null", "[" * 10**5, json.dumps(before)[:-9], "\ufeff{}", "{}" * 2):
        (damaged / name).write_text(text)
        if name != "manifest.json":
            refit(damaged)
        assert attempt(action, problems, text[:40])
    assert not problems, f"{len(problems)} of {count}:\n" + "\n".join(problems[:40])
    assert refused > count / 3


def repacked(path, **changes):
    """Writes an archive again with other contents of some members, checksums and all."""
    with zipfile.ZipFile(path) as archive:
        content = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, one in {**content, **changes}.items():
            archive.writestr(name, one)


def flipped(content: bytes, rng, count=3) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(0, len(content), count):
        changed[at] ^= int(rng.integers(1, 256))
    return bytes(changed)


def binary_damage(path, rng):
    """`(what, content)` of a damaged archive: cut off, with other bytes, and with other members."""
    whole, end = path.read_bytes(), 400
    for size in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        yield f"{size} bytes", whole[:size]
    yield "twice", whole * 2
    for i in range(15):
        yield f"flip {i}", flipped(whole, rng)
        yield f"flip at the end {i}", whole[:-end] + flipped(whole[-end:], rng)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            weights = archive.read("model.weights.h5")
        for i in range(12):
            repacked(path, **{"model.weights.h5": flipped(weights, rng, 1)})
            yield f"weights {i}", path.read_bytes()
            path.write_bytes(whole)


def test_other_bytes_in_every_binary_file(case, damaged):
    rng, problems, refused, count = np.random.default_rng(7), [], 0, 0
    for path in (damaged / "model.keras", damaged / "arrays.npz"):
        whole = path.read_bytes() if path.is_file() else b""
        for what, content in binary_damage(path, rng) if whole else ():
            path.write_bytes(content)
            refit(damaged)
            refused += attempt(lambda: case.use(load(damaged)), problems, f"{path.name}: {what}")
            count += 1
            path.write_bytes(whole)
    assert not problems, f"{len(problems)} of {count}:\n" + "\n".join(problems[:40])
    assert refused > count / 2


def test_the_layers_of_a_model_are_what_its_file_holds(case, damaged):
    """A few of the fields of its config, and every size in it, which would take all memory."""
    path, problems, slowest = damaged / "model.keras", [], 0
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    changed = list(mutations(config, lambda new: new))
    rng = np.random.default_rng(8)
    chosen = [changed[i] for i in rng.choice(len(changed), 40, replace=False)]
    names = ("units", "input_dim", "output_dim", "layers", "depth", "segment", "horizon", "width")
    huge = [(w, c) for w, c in changed if w.endswith(f".{10**18}") and w.split(".")[-2] in names]
    for what, other in chosen + huge[:20]:
        repacked(path, **{"config.json": json.dumps(other)})
        refit(damaged)
        begin = time.perf_counter()
        attempt(lambda: load(damaged), problems, what)
        slowest = max(slowest, time.perf_counter() - begin)
        path.write_bytes(whole)
    assert huge
    assert not problems, "\n".join(problems[:40])
    assert slowest < 10


UNITS = (10**6, 10**12)


@pytest.mark.parametrize(
    "layer",
    [
        *(lambda n=n: keras.layers.Dense(n) for n in UNITS),
        *(lambda n=n: keraseq.layers.RNN(keraseq.cells.GRUCell(n)) for n in UNITS),
        *(lambda n=n: keras.layers.LSTM(n) for n in UNITS),
        lambda: keraseq.layers.Stack("gru", [1] * 1_000),
    ],
)
def test_one_layer_of_very_many_units(layer, tmp_path):
    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, keras.layers.GlobalMaxPooling1D()(keras.layers.Dense(4)(inputs)))
    Bundle(model).save(tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a" / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    made = keras.saving.serialize_keras_object(layer())
    for one in config["config"]["layers"]:
        if one["class_name"] == "Dense":
            one |= {name: made[name] for name in ("module", "class_name", "registered_name")}
            one["config"] = made["config"] | {"name": "dense"}
    repacked(tmp_path / "a" / "model.keras", **{"config.json": json.dumps(config)})
    refit(tmp_path / "a")
    begin = time.perf_counter()
    with pytest.raises(BundleError, match="layers ask for far more weights than it holds"):
        load(tmp_path / "a")
    assert time.perf_counter() - begin < 10
    assert "__init__" not in vars(keras.Variable)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="dense")])
    return Bundle(model, {"a": np.ones(3)}).save(tmp_path_factory.mktemp("small") / "small")


def a_link(folder, name, outside):
    path = folder / name
    path.rename(outside)
    path.symlink_to(outside)


def members(folder, **changes):
    repacked(folder / "model.keras", **changes)


def compressed(folder, name="model.keras"):
    with zipfile.ZipFile(folder / name) as archive:
        content = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, text in content.items():
            archive.writestr(one, text)


def arrays(folder, header=None, **changes):
    np.savez(folder / "arrays.npz", **changes)
    if header is not None:
        content = io.BytesIO()
        np.lib.format.write_array_header_1_0(content, header)
        repacked(folder / "arrays.npz", **{"a.npy": content.getvalue()})


def reading_layer(folder, secret, module="keras.layers", name="StringLookup"):
    """A layer that reads its vocabulary from any file."""
    with zipfile.ZipFile(folder / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    dense = config["config"]["layers"][1]
    dense |= {"module": module, "class_name": name, "registered_name": None}
    lookup = keras.layers.StringLookup(vocabulary=["a"], name="dense")
    dense["config"] = lookup.get_config() | {"vocabulary": str(secret)}
    members(folder, **{"config.json": json.dumps(config)})


def elsewhere(folder, secret):
    """Weights that lie in another file, as HDF5 can have it."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", (2, 2), "f4", external=[(str(secret), 0, 16)])
        group["1"] = np.zeros(2, "f4")
    members(folder, **{"model.weights.h5": content.getvalue()})


def linked(folder, secret):
    with h5py.File(secret, "w") as file:
        file["0"], file["1"] = np.zeros((2, 2), "f4"), np.zeros(2, "f4")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars"] = h5py.ExternalLink(str(secret), "/")
    members(folder, **{"model.weights.h5": content.getvalue()})


def shape_bomb(folder, _):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/dense/vars/0", (2**16, 2**16), "f4", chunks=(2**10, 2**10))
    members(folder, **{"model.weights.h5": content.getvalue()})


OUTSIDE = {
    **{
        f"{name} is a link": lambda folder, secret, name=name: a_link(folder, name, secret)
        for name in ("model.keras", "arrays.npz", "preprocessing.json", "card.json", "card.md")
    },
    "a member above": lambda folder, secret: members(folder, **{"../../x": b"1"}),
    "an absolute member": lambda folder, secret: members(folder, **{"/x": b"1"}),
    "a layer that reads a file": reading_layer,
    "one of KerasHub": lambda folder, secret: reading_layer(
        folder, secret, "keras_hub.tokenizers", "WordPieceTokenizer"
    ),
    "weights elsewhere": elsewhere,
    "weights behind a link": linked,
    "weights of nothing": shape_bomb,
    "a compressed model": lambda folder, secret: compressed(folder),
    "a bomb": lambda folder, secret: (
        members(folder, **{"assets/a": bytes(10**7)}),
        compressed(folder),
    ),
    "compressed arrays": lambda folder, secret: compressed(folder, "arrays.npz"),
    "pickled arrays": lambda folder, secret: arrays(folder, a=np.array([{}], object)),
    "other arrays": lambda folder, secret: arrays(folder, b=np.ones(3)),
    "arrays of nothing": lambda folder, secret: arrays(
        folder, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}, a=np.ones(3)
    ),
    "arrays of less": lambda folder, secret: arrays(
        folder, {"descr": "<f8", "fortran_order": False, "shape": (10**6,)}, a=np.ones(3)
    ),
}


@pytest.mark.parametrize("damage", OUTSIDE)
def test_nothing_outside_and_nothing_larger_than_its_file(small, tmp_path, damage):
    folder, secret = shutil.copytree(small, tmp_path / "small"), tmp_path / "secret"
    secret.write_text("secret\nwords\n")
    OUTSIDE[damage](folder, secret)
    refit(folder)
    begin, problems = time.perf_counter(), []
    assert attempt(lambda: load(folder), problems, damage)
    assert not problems
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(
    "value",
    [
        np.ones((3, 2)),
        np.ones(3),
        np.array([["a"]] * 3),
        np.full((3, 1), np.nan),
        np.ones((3, 1), "?"),
    ],
)
def test_arrays_of_another_shape_or_kind(case, value):
    """The margins of a forecaster must fit it."""
    if case.folder.name != "forecast":
        return
    changed = {**case.bundle.preprocessing, "margins": {"0.8": value}}
    with pytest.raises(BundleError, match="the bundle is no forecaster of this recipe, or is dam"):
        case.use(Bundle(case.bundle.model, changed, case.bundle.card))


def test_the_shell_says_it_in_one_line(case, damaged):
    kept = json.loads((damaged / "preprocessing.json").read_text())
    commands = {
        "write": (["generate", damaged], ["evaluate", damaged]),
        "classify": (["predict", damaged, "a good day"], ["evaluate", damaged]),
        "classify_trees": (["predict", damaged, "(2 a)"], ["evaluate", damaged]),
        "classify_series": (["predict", damaged, "x.ts"], ["evaluate", damaged]),
        "tag": (["predict", damaged, "Jo came."], ["evaluate", damaged]),
        "translate": (["predict", damaged, "ab1"], ["evaluate", damaged]),
        "caption": (["predict", damaged, "0.png"], ["evaluate", damaged]),
        "compose": (["predict", damaged, "x.mid"], ["evaluate", damaged]),
        "transcribe": (["predict", damaged, "x.wav"], ["evaluate", damaged]),
        "forecast": (["predict", damaged, "co2"], ["evaluate", damaged]),
    }[case.folder.name]
    wrong = dict.fromkeys(("tokenizer", "encoder", "targets", "data"), 1)
    for changed in ({**kept, **wrong}, [], None):
        (damaged / "preprocessing.json").write_text("{" if changed is None else json.dumps(changed))
        refit(damaged)
        for command in commands:
            run = CliRunner().invoke(cli.app, list(map(str, command)))
            assert run.exit_code == 1, run.output
            assert run.stderr.startswith("Error: ")
            assert run.stderr.count("\n") == 1
