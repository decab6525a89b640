"""The table of public data sets: every row, where files come from, and what is said where not."""

import gzip
import hashlib
import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import images, public, sets
from keraseq.data.public import Public


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No folder of public data, and empty ones where downloads are kept."""
    monkeypatch.delenv("KERASEQ_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path


def test_every_row_is_whole():
    kinds = {
        "text",
        "series",
        "reviews",
        "labelled series",
        "labelled trees",
        "labelled signals",
        "labelled dna",
        "labelled skeletons",
        "labelled frames",
        "tagged",
        "pairs",
        "captions",
        "images",
        "music",
    }
    for name, row in sets.SETS.items():
        assert row.what and row.terms and row.kind in kinds, name
        assert bool(row.files) != bool(row.inside), f"{name}: files, or a package"
        for file in row.files.values():
            made = "/archive/" in file.url  # GitHub packs it anew: another file each time
            assert file.url.startswith("http"), name
            assert made or (len(file.sha256) == 64 and file.size), name
        for function in (row.loader, row.stored):
            assert function is None or callable(sets.resolved(function))
    files = {file for row in sets.SETS.values() for file in row.files.values()}
    assert len({file.path for file in files}) == len(files)


def test_names_and_options_that_are_not_there():
    with pytest.raises(ValueError, match=r"unknown data set 'minst'; .*Did you mean 'mnist'\?"):
        data.load("minst")
    with pytest.raises(ValueError, match=r"unknown data set \['digits'\]; accepted"):
        data.load(["digits"])
    for name, option, nearest in (
        ("digits", "sed", "seed"),
        ("mnist", "seed", None),
        ("etth1", "calender", "calendar"),
        ("python_docs", "levl", "level"),
        ("imdb", "overlp", "overlap"),
    ):
        with pytest.raises(ValueError, match=f"unknown option '{option}' of data set") as caught:
            data.load(name, **{option: 1})
        assert ("Did you mean" in str(caught.value)) == (nearest is not None)
        assert nearest is None or f"mean '{nearest}'?" in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"Did you mean 'python_docs'\?"):
        data.text_corpus("python_doc")


def test_a_set_that_is_nowhere_is_one_line_in_ten_seconds(nowhere, monkeypatch):
    """A host that never answers, whatever its name resolves to."""
    monkeypatch.setattr(public, "PATIENCE", 0.2)
    monkeypatch.setattr(public, "urlopen", lambda *_, **__: time.sleep(5))
    for name, row in sets.SETS.items():
        if row.inside is not None:
            continue
        first = next(iter(row.files.values()))
        start = time.monotonic()
        with pytest.raises(ConnectionError) as caught:
            data.load(name)
        assert time.monotonic() - start < 4  # TFDS takes some time to import
        said = str(caught.value)
        assert first.url in said and first.path in said and "KERASEQ_DATA" in said, name
        assert "no answer within 0.2 seconds" in said and "\n" not in said, name
        with pytest.raises(FileNotFoundError) as caught:
            data.load(name, data_dir=nowhere, **({"stored": False} if name == "imdb" else {}))
        assert first.path in str(caught.value) and first.url in str(caught.value)
    assert not [path for path in nowhere.rglob("*") if path.is_file()]  # nothing half written


def test_a_file_comes_from_the_folder_the_cache_or_its_source(nowhere, monkeypatch, capsys):
    content = b"To be, or not to be.\n" * 10
    source = nowhere / "source.txt"
    source.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = Public("s/t.txt", source.as_uri(), digest, len(content))
    row = sets.PublicSet("a play", "text", "public domain", {"whole": file})
    monkeypatch.setitem(sets.SETS, "play", row)
    assert row.here() == (None, None)
    assert data.load("play").train[0].startswith("To be")  # downloaded
    assert "source.txt (210 bytes) goes to" in capsys.readouterr().err
    assert row.here() == ("cache", str(nowhere / "keras/keraseq/s"))
    source.unlink()
    assert data.load("play", validation=0.5, test=0.0).sha256 == digest  # from the cache
    with pytest.raises(FileNotFoundError, match=r"there is no s/t.txt in .*source\.txt"):
        data.text_corpus("play", data_dir=nowhere)
    (nowhere / "mine" / "s").mkdir(parents=True)
    (nowhere / "mine" / "s" / "t.txt.gz").write_bytes(gzip.compress(content))
    monkeypatch.setenv("KERASEQ_DATA", str(nowhere / "mine"))
    assert row.here() == ("KERASEQ_DATA", str(nowhere / "mine" / "s"))
    assert data.text_corpus("play").sha256 == digest


def test_another_file_than_expected_is_not_kept(nowhere):
    (nowhere / "f").write_bytes(b"<html>Moved</html>")
    with pytest.raises(ValueError, match="another file than expected: its SHA-256 is") as caught:
        public.fetch(Public("a/b.csv", (nowhere / "f").as_uri(), "0" * 64))
    assert "\n" not in str(caught.value)
    assert not (nowhere / "keras/keraseq/a/b.csv").exists()
    with pytest.raises(ConnectionError, match="cannot be reached"):
        public.fetch(Public("a/b.csv", "no address"))


def test_a_series_by_name_can_be_read_in_another_way():
    plain, other = data.load("co2"), data.load("co2", fill="previous", validation=52, test=26)
    assert (plain.source, other.source) == ("co2", None)  # which the name would not find again
    rows = len(plain.frames["series"])
    assert other.borders["series"] == (rows - 78, rows - 26)
    assert plain.season == 52 and data.series("co2", season=4).season == 4
    assert data.load("co2", calendar=["month"]).source == "co2"
    with pytest.raises(ValueError, match="season must be a positive integer"):
        data.load("co2", season=0)


def test_the_shell_lists_the_table(nowhere):
    shell = [sys.executable, "-m", "keraseq", "data", "--json"]
    run = subprocess.run(shell, capture_output=True, text=True, check=True)
    *lines, last = run.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = json.loads(last)["sets"]
    assert [row["name"] for row in rows] == sets.names()
    assert all(any(line.startswith(row["name"]) for line in lines) for row in rows)
    here = {row["name"]: row["here"] for row in rows}
    assert (here["digits"], here["mnist"]) == ("yes", None)
    assert not run.stderr


def test_digits_are_apart_and_have_the_same_mix():
    parts = data.load("digits")
    images = [{image.tobytes() for image in part.inputs} for part in parts]
    assert not images[0] & images[1] and not images[0] & images[2] and not images[1] & images[2]
    assert sum(len(part.targets) for part in parts) == 1797
    for part in parts:
        assert part.inputs.min() == 0 and part.inputs.max() == 1
        share = np.bincount(part.targets, minlength=10) / len(part.targets)
        np.testing.assert_allclose(share, 0.1, atol=0.01)
    again, other = data.load("digits", seed=0).test.inputs, data.load("digits", seed=1).test.inputs
    np.testing.assert_array_equal(parts.test.inputs, again)
    assert not np.array_equal(again, other)


def packed(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes())


def test_mnist(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "VALIDATION", 2)
    rng = np.random.default_rng(0)
    (tmp_path / "mnist").mkdir()
    for part, rows in (("train", 6), ("t10k", 3)):
        for kind, shape in (("images-idx3", (rows, 28, 28)), ("labels-idx1", (rows,))):
            path = tmp_path / "mnist" / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(packed(rng.integers(0, 10, shape).astype("uint8")))
    parts = data.load("mnist", data_dir=tmp_path)
    assert [part.inputs.shape for part in parts] == [(4, 28, 28), (2, 28, 28), (3, 28, 28)]
    assert parts.train.inputs.dtype == "float32" and parts.train.targets.dtype == "int32"
    assert 0 <= parts.train.inputs.min() and parts.train.inputs.max() <= 9 / 255
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    for content in (gzip.decompress(path.read_bytes())[:-5], b"<html>"):
        path.write_bytes(gzip.compress(content))
        with pytest.raises(ValueError, match="t10k-images-idx3 is no whole file of bytes"):
            data.load("mnist", data_dir=tmp_path)


def test_chorales(tmp_path):
    from scipy.io import savemat

    pieces = np.empty((1, 2), object)
    pieces[0, 0], pieces[0, 1] = np.eye(5, 88), np.ones((3, 88))
    (tmp_path / "music").mkdir()
    file = tmp_path / "music" / "JSB_Chorales.mat"
    savemat(file, {"traindata": pieces, "validdata": pieces, "testdata": pieces})
    found = data.load("jsb", data_dir=tmp_path)
    assert [piece.shape for piece in found.test] == [(5, 88), (3, 88)]
    savemat(file, {"traindata": pieces, "validdata": pieces[:, :1]})
    with pytest.raises(ValueError, match="holds no testdata"):
        data.load("jsb", data_dir=tmp_path)
    pieces[0, 1] = np.ones((3, 12))
    savemat(file, {"traindata": pieces, "validdata": pieces, "testdata": pieces})
    with pytest.raises(ValueError, match=r"piece 1 of traindata has shape \(3, 12\)"):
        data.load("jsb", data_dir=tmp_path)


def test_a_row_of_ones_own_is_read_as_any_other(tmp_path, monkeypatch):
    (tmp_path / "sea").mkdir()
    days = pd.date_range("2026-01-01", periods=40, freq="D")
    frame = pd.DataFrame({"date": days, "level": np.arange(40.0), "wind": 1.0})
    frame.drop(index=3).to_csv(tmp_path / "sea" / "tides.csv", index=False)
    files = {"tides": Public("sea/tides.csv", "https://example.org/tides.csv")}
    row = sets.PublicSet("tides", "series", "own", files, options={"fill": "linear", "test": 10})
    monkeypatch.setitem(sets.SETS, "tides", row)
    found = data.load("tides", data_dir=tmp_path, targets="level")
    assert found.past_covariates == ("wind",) and found.source == "tides"
    assert found.frames["tides"]["level"].iloc[3] == 3 and found.borders["tides"] == (24, 30)
    assert data.series("tides", data_dir=tmp_path).targets == ("level", "wind")
    assert "tides" in sets.names("series") and row.size is None
    with pytest.raises(ValueError, match=r"Did you mean 'tides'\?"):
        data.series("tidse")
