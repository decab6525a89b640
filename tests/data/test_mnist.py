import gzip

import numpy as np
import pytest

from keraseq.data import chorales, mnist


def packed(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "VALIDATION", 2)
    rng = np.random.default_rng(0)
    (tmp_path / "mnist").mkdir()
    for part, rows in (("train", 6), ("t10k", 3)):
        for kind, shape in (("images-idx3", (rows, 28, 28)), ("labels-idx1", (rows,))):
            content = packed(rng.integers(0, 10, shape).astype("uint8"))
            path = tmp_path / "mnist" / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(content))
    return tmp_path


def test_parts(folder):
    parts = mnist.load(folder)
    assert [part.inputs.shape for part in parts] == [(4, 28, 28), (2, 28, 28), (3, 28, 28)]
    assert parts.train.inputs.dtype == "float32" and parts.train.targets.dtype == "int32"
    assert 0 <= parts.train.inputs.min() and parts.train.inputs.max() <= 9 / 255


def test_a_file_that_was_cut_off_is_named(folder):
    path = folder / "mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5]))
    with pytest.raises(ValueError, match="t10k-images-idx3 is no whole file of bytes"):
        mnist.load(folder)
    path.write_bytes(gzip.compress(b"<html>"))
    with pytest.raises(ValueError, match="t10k-images-idx3 is no whole file of bytes"):
        mnist.load(folder)


def test_missing_files_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="mnist/train-images-idx3"):
        mnist.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"music/JSB_Chorales\.mat"):
        chorales.load(tmp_path)


def test_chorales(tmp_path):
    from scipy.io import savemat

    pieces = np.empty((1, 2), object)
    pieces[0, 0], pieces[0, 1] = np.eye(5, 88), np.ones((3, 88))
    (tmp_path / "music").mkdir()
    file = tmp_path / "music" / "JSB_Chorales.mat"
    savemat(file, {"traindata": pieces, "validdata": pieces, "testdata": pieces})
    found = chorales.load(tmp_path)
    assert [piece.shape for piece in found.test] == [(5, 88), (3, 88)]
    savemat(file, {"traindata": pieces, "validdata": pieces[:, :1]})
    with pytest.raises(ValueError, match="holds no testdata"):
        chorales.load(tmp_path)
    pieces[0, 1] = np.ones((3, 12))
    savemat(file, {"traindata": pieces, "validdata": pieces, "testdata": pieces})
    with pytest.raises(ValueError, match=r"piece 1 of traindata has shape \(3, 12\)"):
        chorales.load(tmp_path)
