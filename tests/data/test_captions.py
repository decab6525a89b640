"""Captions: every form of table, parts by picture, and what is refused with file and line."""

import gzip
import json
import os
import unicodedata
import zipfile

import pytest
from PIL import Image

from keraseq import data
from keraseq.data import captioned

NAMES = [f"{i}.jpg" for i in range(20)]
ROWS = [(name, f'A "{word}" dog, running .') for name in NAMES for word in ("big", "sweet")]


@pytest.fixture
def seen(tmp_path):
    """Twenty pictures, stored as other files than the captions say; one more has no captions."""
    folder = tmp_path / "seen"
    folder.mkdir()
    for name in [*NAMES, "more.jpg"]:
        Image.new("L", (1, 1)).save(folder / name.replace(".jpg", ".png"))
    return folder


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "said.token.txt"
    path.write_text("".join(f"{name}#{i % 2}\t{text}\n" for i, (name, text) in enumerate(ROWS)))
    return path


def test_every_table_gives_the_same(seen, tokens, tmp_path):
    quoted = ['{},"{}"'.format(name, text.replace('"', '""')) for name, text in ROWS]
    (tmp_path / "said.csv").write_text("\n".join(["image,caption", *quoted]))
    (tmp_path / "said.txt.gz").write_bytes(gzip.compress(tokens.read_bytes()))
    images = [{"id": i, "file_name": f"train/{name}", "width": 4} for i, name in enumerate(NAMES)]
    said = [{"image_id": NAMES.index(name), "caption": f"{text}\n"} for name, text in ROWS]
    (tmp_path / "said.json").write_text(json.dumps({"images": images, "annotations": said}))
    with zipfile.ZipFile(tmp_path / "seen.zip", "w") as archive:
        for picture in seen.iterdir():
            archive.write(picture, f"below/{picture.name}")
    first = captioned(seen, tokens, seed=3)
    assert str(first) == ("said: train 16, validation 2, test 2 pictures, 40 captions; 1 dropped")
    assert first.test.captions[0] == [text for _, text in ROWS[:2]]
    assert data.pictures.read_picture(first.test.pictures[0], 2).shape == (2, 2, 3)
    assert captioned(**first.options) == first
    for source, table in (
        (seen, "said.csv"),
        (seen, "said.txt.gz"),
        (tmp_path / "seen.zip", "said.json"),
    ):
        found = captioned(source, tmp_path / table, seed=3)
        assert found.sha256 == first.sha256 and found.name == "said"
        assert [one.name for one in found.train.pictures] == [
            one.name for one in first.train.pictures
        ]
    assert captioned(seen, tokens).sha256 != first.sha256


def test_parts_of_ones_own(seen, tokens, tmp_path):
    lists = {}
    for part, names in (("train", "3 1 2"), ("validation", "5"), ("test", "0 7 7")):
        lists[part] = tmp_path / f"{part}.txt"
        lists[part].write_text("".join(f"{name}.jpg\r\n" for name in names.split()))
    found = captioned(seen, tokens, **lists)
    assert [one.stem for one in found.train.pictures] == ["3", "1", "2"]  # in their order
    assert len(found.test.pictures) == 2 and found.dropped == 15 and found.split == "as given"
    rest = captioned(seen, tokens, test=lists["test"], validation=0.5)
    assert not set(rest.train.pictures) & {*rest.test.pictures, *rest.validation.pictures}
    assert len(rest.train.pictures) == len(rest.validation.pictures) == 9
    assert rest.split == "no picture stands in two parts; validation 50%, test as given; seed 0"
    lists["train"].write_text("4.jpg\n\n7.jpg\n")
    with pytest.raises(ValueError, match=r"test\.txt' line 2: '7\.jpg' stands in .*train\.txt' li"):
        captioned(seen, tokens, **lists)
    lists["train"].write_text("4.jpg\nmore.jpg\n")
    with pytest.raises(ValueError, match=r"train\.txt' line 2: 'more\.jpg' has no captions"):
        captioned(seen, tokens, **lists)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0.jpg#0\ta\n1.jpg#0\t \n", r"line 2, caption, is empty; .* '1\.jpg'"),
        ("0.jpg#0\ta\n1.jpg a dog\n", r"line 2 must be the name of a picture, # and .*'1\.jpg a d"),
        ("0.jpg#0\ta\n\n30.jpg#0\ta\n", r"line 3: there is no picture '30\.jpg' in '.*seen'"),
        ("image,caption\n0.jpg,\n", r"line 2, caption, is empty"),
        ("image,caption\n", r"holds no captions|no rows|nothing"),
        ("a,b,c\n0.jpg,1,2\n", r"must have the columns 'image' and 'caption', or two"),
        ('{"images": []}', r"cannot be read: annotations is missing"),
        ('{"images": [], "annotations": [{"image_id": 3, "caption": "a"}]}', "is no image 3"),
        ('{"images": [], "annotations": []}', "holds no captions"),
        ("0.jpg#0\ta\n1.jpg#0\tb\n", "2 pictures leave none for validation: give more"),
    ],
)
def test_what_is_refused(seen, tmp_path, content, said):
    path = tmp_path / ("said.json" if content.startswith("{") else "said.txt")
    path.write_text(content)
    with pytest.raises(ValueError, match=said) as caught:
        captioned(seen, path)
    assert "said" in str(caught.value) and "\n" not in str(caught.value)


def test_names(seen, tokens, tmp_path):
    """Letters are written in several ways; two pictures of a name are one too many."""
    name = "caf\u00e9.png"
    Image.new("L", (1, 1)).save(seen / unicodedata.normalize("NFD", name))
    with tokens.open("a") as file:
        file.write(f"{name}#0\tcoffee")
    found = captioned(seen, tokens)
    assert sum(len(found.part(part).pictures) for part in data.parts.PARTS) == 21
    (seen / "more").mkdir()
    Image.new("L", (1, 1)).save(seen / "more" / "3.png")
    with pytest.raises(ValueError, match=r"holds two pictures '3\.png': .*seen/3\.png and"):
        captioned(seen, tokens)
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*none\.txt'"):
        captioned(seen, tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match="there is no picture, folder or archive of them"):
        captioned(tmp_path / "none", tokens)


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_flickr8k():
    found = data.load("flickr8k")
    sides = [found.part(part) for part in data.parts.PARTS]
    assert [len(part.pictures) for part in sides] == [6_000, 1_000, 1_000]
    assert [sum(map(len, part.captions)) for part in sides] == [30_000, 5_000, 5_000]
    assert found.dropped == 91 and found.split == "as given"
    assert len({one.name for part in sides for one in part.pictures}) == 8_000
    assert found.test.captions[0][0] == "The dogs are in the snow in front of a fence ."
    assert data.pictures.read_picture(found.test.pictures[0]).shape == (224, 224, 3)
