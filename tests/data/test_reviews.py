"""Texts with labels: where they come from, how they are parted, encoded and batched."""

import gzip
import io
import os
import tarfile
import unicodedata

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import labelled, public
from keraseq.data.labelled import aclimdb, films, store

needs_data = pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs KERASEQ_DATA")
FEW = 20  # reviews of each class in each half


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(aclimdb, "PER_CLASS", FEW)
    monkeypatch.delenv("KERASEQ_DATA", raising=False)


def entries(unlabelled=0):
    """Names and texts as in aclImdb: one training review stands in test too, one stands twice."""
    found = {}
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            for i in range(FEW):
                text = f"{part} {kind} number {i}<br /><br />fin."
                found[f"aclImdb/{part}/{kind}/{i}_{9 if kind == 'pos' else 2}.txt"] = text
    found["aclImdb/train/pos/3_9.txt"] = found["aclImdb/test/pos/7_9.txt"]
    found["aclImdb/train/neg/5_2.txt"] = found["aclImdb/train/neg/6_2.txt"]
    for i in range(unlabelled):
        found[f"aclImdb/train/unsup/{i}_0.txt"] = f"nobody knows {i}"
    return {name: text.encode() for name, text in found.items()}


def packed(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def archive(tmp_path):
    return packed(tmp_path / "aclImdb_v1.tar.gz", entries())


@pytest.mark.parametrize(
    "text",
    [
        "यह फिल्म बहुत अच्छी थी",
        "فِيلمٌ جَيِّدٌ",
        "cafe\u0301 tre\u0300s anime\u0301",
        "İstanbul GÜZEL",
        "می\u200cخواهم",  # noqa: RUF001
        "don't l\u2019été 3½",
    ],
)
def test_words_of_every_script_are_whole(text):
    encoder = data.TextEncoder.of([text], "word", length=100)
    assert len(encoder.encode(text)) == len(text.split())
    for form in ("NFC", "NFD"):
        again = encoder.encode(unicodedata.normalize(form, text))
        assert again.tolist() == encoder.encode(text).tolist()
    assert encoder.tokens(f"{text}, {text}!")[-1] == "<unk>"


def test_the_archive_and_the_folder_give_the_same_parts(archive, tmp_path):
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "folder", filter="data")
    one = data.load("imdb", source=archive, stored=False)
    other = data.load("imdb", source=tmp_path / "folder" / "aclImdb", stored=False)
    assert one.sha256 == other.sha256
    for part in ("train", "validation", "test"):
        assert one.part(part).inputs == other.part(part).inputs
        np.testing.assert_array_equal(one.part(part).targets, other.part(part).targets)
    assert len(one.test.inputs) == 2 * FEW
    assert one.dropped == 2  # the one in test, and the second of the twins
    assert "train 34, validation 4, test 40" in str(one)
    assert "number 0  fin." in " ".join(one.test.inputs)
    assert not any("<br" in text for text in one.train.inputs)


def test_no_text_is_in_two_parts_and_labels_stay_with_their_texts(archive):
    parts = data.load("imdb", source=archive, stored=False)
    names = ("train", "validation", "test")
    texts = [text for name in names for text in parts.part(name).inputs]
    assert len(texts) == len(set(texts))
    for name in names:
        for text, label in zip(*parts.part(name), strict=True):
            assert text.split()[1] == parts.classes[label]
    assert np.bincount(parts.validation.targets).tolist() == [2, 2]
    other = data.load("imdb", source=archive, stored=False, seed=1)
    assert other.validation.inputs != parts.validation.inputs
    kept = data.load("imdb", source=archive, stored=False, overlap="keep")
    assert kept.dropped == 0
    assert len(kept.train.inputs) + len(kept.validation.inputs) == 2 * FEW


def test_films_of_training_are_not_in_validation(archive, tmp_path, monkeypatch):
    by_id = {
        label: [
            labelled.clean(content)
            for name, content in entries().items()
            if f"/train/{kind}/" in name
        ]
        for label, kind in enumerate(("neg", "pos"))
    }
    monkeypatch.setattr(films, "known", lambda: {i: films.hashes(t) for i, t in by_id.items()})
    monkeypatch.setattr(films, "RUN", 5)
    # Negative reviews 0 to 9 are of the films of all positive ones.
    monkeypatch.setattr(films, "MEETINGS", ((0, 0), (10, 20)))
    parts = data.load("imdb", source=archive, validation=0.25, stored=tmp_path / "tfds")

    def runs(part):
        for text, label in zip(*part, strict=True):
            i = by_id[label].index(text)
            yield (i if label else 2 * i) // 5

    ends = set(runs(parts.validation)) & set(runs(parts.train))
    assert len(ends) <= 1  # the last run is taken as far as it is wanted
    assert np.bincount(parts.validation.targets).tolist() == [5, 5]
    again = data.load("imdb", validation=0.25, stored=tmp_path / "tfds")  # where the ids are lost
    assert again.validation.inputs == parts.validation.inputs
    assert data.load(
        "imdb", source=archive, validation=0.25, stored=False, seed=1
    ).validation.inputs != (parts.validation.inputs)


def test_texts_that_are_not_known_are_parted_at_random():
    part = data.Part([f"text {i}" for i in range(40)], np.arange(40, dtype="int32") % 2)
    assert (films.places(part) == -1).all()
    train, check = films.carved_by_film(part, 0.1, seed=0)
    assert np.bincount(train.targets).tolist() == [18, 18]
    assert np.bincount(check.targets).tolist() == [2, 2]


def test_what_was_read_is_stored_for_tfds(archive, tmp_path, capfd):
    first = data.load("imdb", source=archive, stored=tmp_path / "tfds")
    archive.unlink()
    again = data.load("imdb", stored=tmp_path / "tfds")
    assert again.sha256 == first.sha256
    assert again.train.inputs == first.train.inputs
    import tensorflow_datasets as tfds

    rows = tfds.load("imdb_reviews_labelled", split="test", data_dir=tmp_path / "tfds")
    assert len(rows) == 2 * FEW
    assert capfd.readouterr().out == ""


def test_unlabelled_reviews_come_along(tmp_path, monkeypatch):
    monkeypatch.setattr(aclimdb, "UNLABELLED", 6)
    whole = packed(tmp_path / "whole.tar", entries(unlabelled=6), "w")
    parts = data.load("imdb", source=whole, stored=tmp_path / "tfds")
    assert sorted(parts.unlabelled) == [f"nobody knows {i}" for i in range(6)]
    again = data.load("imdb", stored=tmp_path / "tfds")
    assert sorted(again.unlabelled) == sorted(parts.unlabelled)
    assert store.stored(tmp_path / "tfds").keys() == {"train", "test", "unsup"}


def test_a_folder_of_public_data(archive, tmp_path, monkeypatch):
    (tmp_path / "public" / "imdb").mkdir(parents=True)
    archive.rename(tmp_path / "public" / "imdb" / "aclImdb_v1_labelled.tar.gz")
    given = data.load("imdb", data_dir=tmp_path / "public", stored=False)
    monkeypatch.setenv("KERASEQ_DATA", str(tmp_path / "public"))
    assert data.load("imdb", stored=False).sha256 == given.sha256
    with pytest.raises(FileNotFoundError, match=r"no imdb/aclImdb_v1\.tar\.gz \(nor .*Imdb\) in"):
        data.load("imdb", data_dir=tmp_path, stored=False)


def test_nothing_is_written_where_an_archive_says(archive, tmp_path):
    files = {**entries(), "../../escaped/train/pos/1_9.txt": b"gotcha", "/escaped/evil.txt": b"x"}
    escaping = packed(tmp_path / "bad.tar.gz", files)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="train/pos has 21 of 20"):
        data.load("imdb", source=escaping, stored=tmp_path / "tfds")
    assert set(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent / "escaped").exists()


def test_a_link_is_no_review(archive, tmp_path):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as opened:
        for name, content in entries().items():
            info = tarfile.TarInfo(name)
            if name.endswith("test/neg/0_2.txt"):
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                opened.addfile(info)
                continue
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    with pytest.raises(ValueError, match="test/neg has 19 of 20"):
        data.load("imdb", source=path, stored=False)


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.7, 0.99])
def test_an_archive_that_is_cut_off(archive, tmp_path, kept):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ValueError, match=r"is no whole tar archive: .") as caught:
        data.load("imdb", source=archive, stored=tmp_path / "tfds")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tfds").exists()


def test_other_damage(archive, tmp_path):
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"is no whole (tar archive|copy)"):
        data.load("imdb", source=archive, stored=False)
    archive.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(ValueError, match="is no whole"):
        data.load("imdb", source=archive, stored=False)
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        data.load("imdb", source=tmp_path / "nowhere.tar.gz", stored=False)
    with pytest.raises(ValueError, match="train/neg has 0 of 20"):
        data.load("imdb", source=tmp_path, stored=False)


def test_reviews_that_are_no_text(tmp_path, monkeypatch):
    files = entries()
    files["aclImdb/test/pos/3_9.txt"] = "Größe".encode("latin-1")
    bad = packed(tmp_path / "latin.tar.gz", files)
    with pytest.raises(ValueError, match=r"test/pos/3_9.txt': the text is not UTF-8 \(byte 0xf6"):
        data.load("imdb", source=bad, stored=False)
    monkeypatch.setattr(aclimdb, "LARGEST", 10)
    with pytest.raises(ValueError, match="a review has at most 10"):
        data.load("imdb", source=bad, stored=False)


def test_a_download_that_fails_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def urlopen(*_, **__):
        raise OSError("no route to host\nand much more")

    monkeypatch.setattr(public, "urlopen", urlopen)
    with pytest.raises(ConnectionError, match=r"aclImdb_v1\.tar\.gz cannot be reached") as caught:
        data.load("imdb", stored=tmp_path)
    assert "\n" not in str(caught.value)


@needs_data
def test_the_public_archive(monkeypatch):
    monkeypatch.undo()
    parts = data.load("imdb", stored=False)
    assert (len(parts.train.inputs), len(parts.validation.inputs)) == (22_302, 2_478)
    assert np.bincount(parts.test.targets).tolist() == [12_500, 12_500]
    assert parts.dropped == 123 + 97
    assert abs(int(np.diff(np.bincount(parts.validation.targets))[0])) < 50
    assert (films.places(parts.train) >= 0).all()
    runs = [set(films.places(part) // films.RUN) for part in (parts.train, parts.validation)]
    assert len(runs[1]) == 10 and len(runs[0] & runs[1]) <= 2  # the last of each kind


# Tables.


def frame(rows=60, classes=("bad", "good", "so so")):
    return pd.DataFrame(
        {
            "text": [f"text {i} {classes[i % len(classes)]}" for i in range(rows)],
            "label": [classes[i % len(classes)] for i in range(rows)],
        }
    )


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".parquet"])
def test_files(tmp_path, ending):
    path = tmp_path / f"mine{ending}"
    if ending == ".parquet":
        frame().to_parquet(path)
    else:
        frame().to_csv(path, sep="\t" if ending == ".tsv" else ",", index=False)
    parts = data.reviews(path)
    assert parts.classes == ("bad", "good", "so so")
    assert [len(parts.part(name).inputs) for name in ("train", "validation", "test")] == [48, 6, 6]
    for text, label in zip(*parts.train, strict=True):
        assert text.endswith(parts.classes[label])


def test_numbers_as_labels_stay_in_order_and_columns_have_any_name():
    table = frame().assign(stars=np.arange(60) % 12, text=[f"row {i}" for i in range(60)])
    parts = data.reviews(table, label="stars")
    assert parts.classes == tuple(map(str, range(12)))
    assert data.reviews(table.rename(columns={"text": "review"}), text="review").classes


def test_a_text_that_stands_twice_is_kept_once():
    table = pd.concat([frame(), frame()])
    parts = data.reviews(table)
    texts = [*parts.train.inputs, *parts.validation.inputs, *parts.test.inputs]
    assert len(texts) == len(set(texts)) == 60 and parts.dropped == 60


def test_every_part_gets_every_class_whatever_the_fractions():
    parts = data.reviews(frame(12), validation=0.99, test=0.01)
    for name in ("train", "validation", "test"):
        assert set(parts.part(name).targets) == {0, 1, 2}


def test_a_test_table_of_its_own(tmp_path):
    test = frame().iloc[:9]
    test.to_csv(tmp_path / "test.csv", index=False)
    parts = data.reviews(frame(), test=tmp_path / "test.csv")
    assert parts.test.inputs == list(test.text) and parts.dropped == 9
    assert not set(parts.train.inputs) & set(parts.test.inputs)
    with pytest.raises(ValueError, match=r"label 'odd' in row 2 is none of the training table's"):
        data.reviews(frame(), test=test.assign(label=["bad", "good", "odd"] * 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rename": {"label": "lable"}}, "no column 'label'.*Did you mean 'lable'"),
        ({"assign": {"label": "good"}}, "all 60 labels are of one class, 'good'"),
        ({"assign": {"label": [None, *["a", "b"] * 29, "a"]}}, "no value in 1 of 60 rows.*row 0"),
        ({"assign": {"text": [*["x", "y"] * 29, None, "z"]}}, "'text' has no value.*row 58"),
        ({"head": 0}, "the table has no rows"),
        ({"head": 4}, "class 'good' has 1 different texts"),
    ],
    ids=lambda one: next(iter(one)) + str(len(str(one))) if isinstance(one, dict) else None,
)
def test_tables_that_cannot_be_used(change, message):
    table = frame()
    if "rename" in change:
        table = table.rename(columns=change["rename"])
    table = table.assign(**change.get("assign", {})).head(change.get("head", 60))
    with pytest.raises(ValueError, match=message):
        data.reviews(table)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("text,label\nGröße,1\n".encode("latin-1"))
    for bad, message in [
        (path, "cannot be read as .csv"),
        (tmp_path / "x.xlsx", "must end in one of .csv"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            data.reviews(bad)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        data.reviews(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="test must be above 0"):
        data.reviews(frame(), test=0.0)


# Tokens.


@pytest.fixture(params=["word", "wordpiece"])
def encoder(request):
    texts = ["A good film, a very good film!", "Don't watch: bad."] * 5
    return data.TextEncoder.of(texts, request.param, 40, length=8)


def test_encoders_come_back_from_their_json(encoder):
    again = data.TextEncoder.from_dict(encoder.to_dict())
    for text in ("a GOOD film!", "unheard of", ""):
        np.testing.assert_array_equal(again.encode(text), encoder.encode(text))
    assert (again.level, len(again)) == (encoder.level, len(encoder))
    assert encoder.encode("Good<br/>film").tolist() == encoder.encode("good FILM\n").tolist()


ODD = [
    "",
    " \n",
    "a",
    "bad " * 10_000,
    "Ω≈ç√ 漢字 عربي",
    "🙂🙂👍🏽",
    "\ud800",
    "\x00\x07",
    b"good",
    "<br />",
]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts_are_tokens_too(encoder, text):
    ids = encoder.encode(text)
    assert 1 <= len(ids) <= 8 and ids.dtype == np.int32
    assert ids.min() >= 1 and ids.max() < len(encoder)
    assert len(encoder.tokens(text)) == len(ids)


def test_what_is_no_text(encoder):
    with pytest.raises(ValueError, match=r"text 1: the text is not UTF-8 \(byte 0xff at 2\)"):
        encoder.rows(["good", b"ab\xff"])
    with pytest.raises(TypeError, match="text 0: a text must be str or UTF-8 bytes; received int"):
        encoder.rows([7])
    with pytest.raises(ValueError, match="received one text"):
        encoder.rows("good")


@pytest.mark.parametrize(
    ("keep", "kept"), [("start", "abcdefgh"), ("end", "mnopqrst"), ("both", "abopqrst")]
)
def test_which_end_is_cut(keep, kept):
    letters = "abcdefghijklmnopqrst"
    encoder = data.TextEncoder(data.WordVocabulary(letters), 8, keep)
    assert "".join(encoder.tokens(" ".join(letters))) == kept
    assert encoder.tokens(" ".join(letters[:8])) == list(letters[:8])


def test_encoders_that_cannot_be():
    with pytest.raises(ValueError, match="unknown keep 'middle'"):
        data.TextEncoder(data.WordVocabulary("ab"), keep="middle")
    with pytest.raises(ValueError, match=r"one of words or word pieces.*CharacterVocabulary"):
        data.TextEncoder(data.CharacterVocabulary("ab"))
    with pytest.raises(ValueError, match="unknown level 'character'"):
        data.TextEncoder.of(["a"], "character")


# Batches.


def rows_of(lengths):
    return [np.full(n, i + 1, "int32") for i, n in enumerate(lengths)]


def test_batches_hold_every_row_once_and_little_padding():
    lengths = np.random.default_rng(0).integers(1, 200, 500)
    rows = rows_of(lengths)
    seen, cells = [], 0
    for tokens, labels in labelled.batches(rows, np.arange(500), 32, shuffle=True):
        cells += tokens.size
        assert tokens.shape[1] == lengths[labels].max()
        for row, label in zip(tokens, labels, strict=True):
            assert row[row > 0].tolist() == rows[label].tolist()
        seen += labels.tolist()
    assert sorted(seen) == list(range(500))
    assert 1 - lengths.sum() / cells < 0.25
    assert labelled.padding(rows, 32) < 0.06


def test_the_order_is_anew_each_epoch_and_follows_numpys_seed():
    dataset = labelled.batches(rows_of(range(1, 101)), np.arange(100), 10, shuffle=True)

    def epoch():
        return np.concatenate([labels for _, labels in dataset]).tolist()

    np.random.seed(1)  # noqa: NPY002
    first, second = epoch(), epoch()
    np.random.seed(1)  # noqa: NPY002
    assert epoch() == first != second


def test_without_shuffling_by_length():
    rows = rows_of([3, 1, 2, 9, 5])
    dataset = labelled.batches(rows, batch_size=2)
    found = np.concatenate([batch[:, 0] for batch in dataset])
    assert found.tolist() == [2, 3, 1, 5, 4] == (dataset.order + 1).tolist()
    assert len(dataset) == 3


def test_batches_that_cannot_be():
    with pytest.raises(ValueError, match="no rows"):
        labelled.batches([])
    with pytest.raises(ValueError, match="one for each of 2 rows"):
        labelled.batches(rows_of([1, 2]), [0])
