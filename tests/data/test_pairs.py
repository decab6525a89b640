"""Pairs of sentences: what is read, what is refused with file and line, parts without a leak."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data.pairs import batches
from keraseq.data.pairs.encoder import plain

PUBLIC = pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
SOME = [(f"Satz {i}, ja!", f"sentence {i}, yes!") for i in range(40)]


def sides(pairs, part="train"):
    return list(zip(*pairs.part(part), strict=True))


def whole(pairs):
    return sorted(pair for part in data.parts.PARTS for pair in sides(pairs, part))


@pytest.fixture
def files(tmp_path):
    """Two parallel files, one packed, with what Windows puts before and at the ends of lines."""
    sources, targets = zip(*SOME, strict=True)
    (tmp_path / "a.de").write_text("\ufeff" + "\r\n".join(sources), encoding="utf-8")
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(("\n".join(targets) + "\n").encode()))
    return [tmp_path / "a.de", tmp_path / "a.en.gz"]


def test_every_source_gives_the_same_pairs(files, tmp_path):
    pd.DataFrame(SOME, columns=["de", "en"]).to_csv(tmp_path / "a.csv", index=False)
    frame = pd.DataFrame(SOME, columns=["x", "y"]).assign(number=range(40))
    columns = {"source_column": "x", "target_column": "y"}
    found = [
        data.sentence_pairs(files),
        data.sentence_pairs(",".join(map(str, files))),
        data.sentence_pairs(tmp_path / "a.csv"),
        data.sentence_pairs(frame, **columns),
        data.sentence_pairs([list(pair) for pair in SOME]),
    ]
    for one in found:
        assert whole(one) == sorted(SOME) and one.sha256 == found[0].sha256 and not one.dropped
    assert [one.languages for one in found] == [
        ("de", "en"),
        ("de", "en"),
        ("de", "en"),
        ("x", "y"),
        ("source", "target"),
    ]
    for one in found[:3]:
        assert data.sentence_pairs(**one.options).sha256 == one.sha256
    assert found[3].options == found[4].options == {}
    turned = data.sentence_pairs(files, reverse=True)
    assert turned.languages == ("en", "de") and turned.sha256 != found[0].sha256
    assert sides(turned) == [pair[::-1] for pair in sides(found[0])]


def test_no_sentence_stands_in_two_parts():
    """Pairs that share one on either side stay together; what stands there twice is kept once."""
    rng = np.random.default_rng(0)
    pairs = [(f"s{rng.integers(300)}", f"t{rng.integers(300)}") for _ in range(200)]
    found = data.sentence_pairs([*pairs, *pairs[:20]], validation=0.2, test=0.2)
    different = len(set(pairs))
    assert found.dropped == 220 - different and len(whole(found)) == different
    assert 0.1 * different < len(found.test.inputs) <= 0.2 * different
    parts = [found.part(part) for part in data.parts.PARTS]
    for side in (0, 1):
        assert sum(len(set(part[side])) for part in parts) == len({pair[side] for pair in pairs})
    assert data.sentence_pairs(pairs, seed=1).test != data.sentence_pairs(pairs, seed=0).test


def test_parts_of_ones_own(files, tmp_path):
    """They stay as they are, and what shares a sentence with them is not trained on."""
    (tmp_path / "b.de").write_text("Satz 3, ja!\nneu\n")
    (tmp_path / "b.en").write_text("other\nsentence 4, yes!\n")
    found = data.sentence_pairs(files, test=f"{tmp_path / 'b.de'},{tmp_path / 'b.en'}")
    assert sides(found, "test") == [("Satz 3, ja!", "other"), ("neu", "sentence 4, yes!")]
    assert found.dropped == 2 and not {SOME[3], SOME[4]} & set(whole(found))
    assert data.sentence_pairs(**found.options).sha256 == found.sha256


def test_what_is_refused_says_file_and_line(files, tmp_path):
    a, b = map(str, files)
    for name, text in (("short.en", "one\ntwo\n"), ("gap.en", "x\n" * 6 + " \t\n" + "x\n" * 33)):
        (tmp_path / name).write_text(text)
    (tmp_path / "bad.en").write_bytes(b"fine\ncaf\xe9\n")
    (tmp_path / "bad.gz").write_bytes(b"no gzip")
    (tmp_path / "t.csv").write_text("de,en,id\nja,yes,1\nnein,,2\n")
    for source, message in (
        ([a, tmp_path / "short.en"], r"'.*a.de' has 40 lines and '.*short.en' 2: line by line"),
        (
            [a, tmp_path / "gap.en"],
            r"'.*gap.en' line 7 is empty; the other side says 'Satz 6, ja!'",
        ),
        ([a, tmp_path / "bad.en"], r"'.*bad.en': line 2 is not utf-8: give its encoding"),
        ([a, tmp_path / "bad.gz"], r"'.*bad.gz' cannot be unpacked: Not a gzipped file"),
        ([a], "parallel files are two, of one language each; received .*a.de"),
        ([a, b, b], "parallel files are two"),
        ([], "there are no pairs"),
        ([("a", "b"), ("c",)], r"pair 1 must be two texts; received \('c',\)"),
        ([("a", "b"), ("c", 3)], r"pair 1 must be two texts; received \('c', 3\)"),
        ([("a", "b"), ("c", " ")], "pair 1 is empty; the other side says 'c'"),
        (SOME[:2], "2 pairs leave none for "),
        (
            tmp_path / "t.csv",
            r"t: give source_column \(in a shell --source-column\); columns: 'de'",
        ),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            data.sentence_pairs(source)
        assert "\n" not in str(caught.value)
    columns = {"source_column": "de", "target_column": "en"}
    with pytest.raises(ValueError, match=r"t line 3, column 'en', is empty; .* 'nein'"):
        data.sentence_pairs(tmp_path / "t.csv", **columns)
    with pytest.raises(ValueError, match=r"there is no column 'den'; .*Did you mean 'en'"):
        data.sentence_pairs(tmp_path / "t.csv", source_column="den", target_column="en")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'nowhere.de'"):
        data.sentence_pairs(["nowhere.de", a])
    with pytest.raises(TypeError, match=r"sentences come from two files, .*; received int"):
        data.sentence_pairs(3)
    for options in ({"test": 0}, {"validation": 1.0}, {"test": True}, {"reverse": "yes"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            data.sentence_pairs(SOME, **options)


ODD = [
    'Plain words, and (some) signs: don\'t - "quoted" 3.50 $!',
    "  two  blanks\tand\u00a0others ",
    "cafe\u0301 \u200bzero\u00adwidth",
    "##x [UNK] [EOL] _ \u2581 #",
    "\u6f22\u5b57 und \u0633\u0644\u0627\u0645, na\u00efve \U0001f600",
    "x" * 200,
    "...",
]


@pytest.mark.parametrize("level", ["wordpiece", "character"])
def test_decoding_is_the_inverse_of_encoding(level):
    encoder = data.SentenceEncoder.of([*ODD, "words word sword"], level, *[300][: level[0] == "w"])
    again = data.SentenceEncoder.from_dict(encoder.to_dict())
    for text in [*ODD, ""]:
        ids = encoder.encode(text)
        assert encoder.decode(ids) == plain(text)
        assert (again.encode(text) == ids).all() and len(again) == len(encoder)
        assert ids.dtype == "int32" and (len(ids) == 0 or ids.min() > 1)
    for row, text in zip(encoder.rows(ODD), ODD, strict=True):
        assert row[:-1].tolist() == encoder.encode(text).tolist() and row[-1] == encoder.end
    assert plain(ODD[1]) == "two blanks and others" and plain(ODD[2]) == "caf\u00e9 zerowidth"
    assert "\ufffd" not in "".join(map(encoder.decode, map(encoder.encode, ODD)))


def test_unknown_characters_and_long_sentences():
    encoder = data.SentenceEncoder.of(["good food", "no"], "wordpiece", 40, length=3)
    assert encoder.decode(encoder.encode("good q\u00fcd no")) == "good \ufffd\ufffdd no"
    letters = data.SentenceEncoder.of(["good food", "no"], "character", length=3)
    assert letters.decode(letters.encode("gold")) == "go\ufffdd"
    [whole_, short], cut = letters.read(["god", "good"])
    assert cut == [False, True]
    assert letters.decode(whole_[:-1]) == "god" and letters.decode(short[:-1]) == "goo"
    assert short[-1] == letters.end
    for ids in ([0], [1], [letters.end], [len(letters)]):
        with pytest.raises(ValueError, match=f"a sentence holds no id {ids[0]}"):
            letters.decode(ids)
    with pytest.raises(TypeError, match="a sentence is a text; received int"):
        letters.encode(3)
    with pytest.raises(ValueError, match="unknown level 'word'"):
        data.SentenceEncoder.of(["a"], "word")


def test_words_of_tokens():
    encoder = data.SentenceEncoder.of(["a sword, the words"], "wordpiece", 60)
    row = encoder.rows(["the swords, a"])[0]
    words, numbers = encoder.words(row)
    assert words == ["the", "swords", ",", "a", "<end>"]
    assert len(numbers) == len(row) and (np.diff(numbers) >= 0).all() and numbers[-1] == 4


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches(shuffle):
    rng = np.random.default_rng(0)
    sources, targets = (
        [np.append(rng.integers(3, 9, n), 2) for n in rng.integers(1, 30, 50)] for _ in range(2)
    )
    sets = batches(sources, targets, 8, start=1, shuffle=shuffle, multiple=4)
    sets.on_epoch_begin()
    seen = []
    for at, (inputs, labels) in enumerate(sets[i] for i in range(len(sets))):
        rows = sets.groups[at]
        seen += rows.tolist()
        assert {one.dtype for one in (labels, *inputs.values())} == {np.dtype("int32")}
        assert labels.shape == inputs["target"].shape
        for table in (labels, *inputs.values()):
            assert table.shape[0] == len(rows) and table.shape[1] % 4 == 0
        for row, source, target, label in zip(
            rows, inputs["source"], inputs["target"], labels, strict=True
        ):
            assert source[source > 0].tolist() == sources[row].tolist()
            assert label[label > 0].tolist() == targets[row].tolist()
            assert target[0] == 1 and target[1:].tolist() == (label[:-1] * (label[1:] > 0)).tolist()
    assert sorted(seen) == list(range(50))
    first, second = sets[0][0], sets[1][0]
    assert all(first[name].shape[1] != second[name].shape[1] for name in first)
    with pytest.raises(ValueError, match="as many sources as targets, and some; received 1 and 0"):
        batches(sources[:1], [], start=1)


@PUBLIC
def test_multi30k():
    pairs = data.load("multi30k")
    assert str(pairs) == "multi30k: train 29,000, validation 1,014, test 1,000 pairs, de to en"
    assert sides(pairs, "test")[0] == (
        "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
        "A man in an orange hat starring at something.",
    )
    turned = data.load("multi30k", reverse=True)
    assert turned.languages == ("en", "de") and turned.test.inputs == pairs.test.targets


@PUBLIC
@pytest.mark.parametrize("name", ["tatoeba-spa", "tatoeba-fra"])
def test_tatoeba_has_no_sentence_in_two_parts(name):
    pairs = data.load(name)
    assert pairs.languages == (name[-3:], "eng") and not pairs.dropped
    assert len(whole(pairs)) == {"tatoeba-spa": 118_964, "tatoeba-fra": 167_130}[name]
    train, check, test = (pairs.part(part) for part in data.parts.PARTS)
    for side in (0, 1):
        assert not set(train[side]) & set(check[side]) and not set(train[side]) & set(test[side])
        assert not set(check[side]) & set(test[side])
    assert 0.045 < len(test.inputs) / 118_964 < 0.075
