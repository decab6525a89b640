"""Sentences with tags: every layout gives the same, what is wrong is one line, words become ids."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import tagged

PAIRS = [[("Jo", "B-person"), ("Ox", "I-person"), (f"came{n}", "O"), ("#1", "O")] for n in range(9)]
NAMED = ("O", "B-person", "I-person")


def lines(join, pairs=PAIRS):
    """Sentences as lines with a blank one after each."""
    return "\n".join("\n".join(join(i, *pair) for i, pair in enumerate(s, 1)) + "\n" for s in pairs)


def conllu(at, word, tag):
    """A word's line, and a range and an empty node that are none."""
    line = f"{at}\t{word}\t_\t{tag}\t_\t_\t0\troot\t_\t_"
    range_ = f"{at}-{at + 1}\tGone\t_\t_\t_\t_\t_\t_\t_\t_\n" if at == 1 else ""
    return f"{range_}{line}\n{at}.1\tgone\t_\tX\t_\t_\t_\t_\t_\t_"


TABLE = pd.DataFrame(
    [(n, word, tag) for n, s in enumerate(PAIRS) for word, tag in s],
    columns=["sentence", "token", "tag"],
)


def files(folder):
    """The same sentences in every layout: path, options."""
    texts = {
        "a.conllu": "# text = Jo\n" + lines(conllu),
        "b.conll": lines(lambda at, word, tag: f"{word} NN {tag}"),
        "c.txt": "-DOCSTART- -X- O\n\n" + lines(lambda at, word, tag: f"{tag}\tNN\t{word}\r"),
        "d.csv": TABLE.to_csv(index=False),
        "e.tsv": "token\ttag\n" + lines(lambda at, word, tag: f"{word}\t{tag}"),
        "f.csv": "w,t\n" + lines(lambda at, word, tag: f"{word},{tag}").replace("\n\n", "\n,\n"),
        "g.dat": lines(lambda at, word, tag: f"{word}|x\t{tag}"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "h.conllu.gz").write_bytes(gzip.compress(texts["a.conllu"].encode()))
    part = TABLE.copy()
    part.loc[part.sentence.duplicated(), "sentence"] = np.nan  # as one well-known table has it
    part.rename(columns={"sentence": "Sentence #"}).to_parquet(folder / "i.parquet")
    yield "a.conllu", {}
    yield "b.conll", {}
    yield "c.txt", {"token": "3", "tag": "1"}
    yield "d.csv", {}
    yield "e.tsv", {}
    yield "f.csv", {"token": "w", "tag": "t"}
    yield "h.conllu.gz", {"tag": "UPOS"}
    yield "i.parquet", {"sentence": "Sentence #"}


def test_every_layout_gives_the_same_sentences(tmp_path):
    expected = data.tagged_sentences(PAIRS)
    assert expected.tags == NAMED and expected.scheme == "iob2" and expected.options == {}
    assert [len(expected.part(part).inputs) for part in ("train", "validation", "test")] == [
        7,
        1,
        1,
    ]
    together = [words for p in ("train", "validation", "test") for words in expected.part(p).inputs]
    assert sorted(together) == sorted([word for word, _ in s] for s in PAIRS)
    for name, options in files(tmp_path):
        found = data.tagged_sentences(tmp_path / name, **options)
        assert found.sha256 == expected.sha256, name
        again = data.tagged_sentences(**found.options)
        assert again.sha256 == found.sha256 and again.split == found.split
    assert data.tagged_sentences(TABLE).sha256 == expected.sha256


def test_iob1_becomes_iob2():
    old = [[("I-person" if tag[0] == "B" else tag) for _, tag in s] for s in PAIRS]
    pairs = [
        [(w, t) for (w, _), t in zip(s, its, strict=True)]
        for s, its in zip(PAIRS, old, strict=True)
    ]
    assert data.tagged_sentences(pairs, scheme="iob1").sha256 == data.tagged_sentences(PAIRS).sha256
    both = tagged.schemes.as_iob2(["I-a", "B-a", "I-a", "I-b", "O", "B-b"])
    assert both == ["B-a", "B-a", "I-a", "B-b", "O", "B-b"]
    labels = data.tagged_sentences(pairs, scheme="none")
    assert labels.scheme == "none" and labels.tags == ("O", "I-person")


def test_parts_share_no_sentence_and_sources_of_their_own_stay(tmp_path):
    pairs = [[(str(n % 20), "NUM")] for n in range(200)]
    found = data.tagged_sentences(pairs, validation=0.2, test=0.3)
    words = [{tuple(one) for one in found.part(p).inputs} for p in ("train", "validation", "test")]
    assert sum(map(len, words)) == 20 and len(set.union(*words)) == 20
    assert sum(len(found.part(p).inputs) for p in ("train", "validation", "test")) == 200
    other = data.tagged_sentences(pairs, test=pairs[:3], validation=pairs[:2])
    assert len(other.train.inputs) == 200 and len(other.test.inputs) == 3
    assert other.split == "validation as given; test as given"


@pytest.mark.parametrize(
    ("text", "name", "options", "message"),
    [
        ("a O\nb I-x\n", "x.conll", {}, r"x.conll, line 2: 'I-x' after 'O' begins an entity.*iob1"),
        ("a B-y\nb I-x\n\nc O", "x.conll", {}, "line 2: 'I-x' after 'B-y' begins"),
        ("a I-x\nb O\n", "x.conll", {}, "line 1: 'I-x' after 'O' begins an entity"),
        ("a B-x\nb O\n\nc PERS\n", "x.conll", {}, "line 4: tag 'PERS' is outside the scheme"),
        ("a B-x\nb X\n", "x.conll", {"scheme": "iob2"}, "line 2: tag 'X' is outside the scheme"),
        ("a O\nb O O\n", "x.conll", {}, "line 2 has 3 cells, line 1 has 2"),
        ("a\nb\n", "x.conll", {}, "line 1 has one cell; accepted: a token and a tag"),
        ("a O\n", "x.conll", {"tag": "3"}, "no column '3' for tag; accepted: numbers from 1 to 2"),
        ("1\ta\tO\n", "x.conllu", {}, "x.conllu, line 1 has 3 cells, CoNLL-U has 10 with tabs"),
        (lines(conllu), "x.conllu", {"tag": "upso"}, "no column 'upso' for tag.*mean 'upos'?"),
        ("token,tga\na,O\n", "x.csv", {}, "x.csv: there is no column 'tag' for tag.*mean 'tga'?"),
        ("token,tag\na,O\n", "x.csv", {"sentence": "id"}, "no column 'id' for sentence; columns:"),
        ("token,tag\na,O\n,O\n", "x.csv", {}, "x.csv, line 3: the word is missing"),
        ("token,tag\na,O\nb,\n", "x.csv", {}, "x.csv, line 3: the tag is missing"),
        ("\n\n", "x.conll", {}, "x.conll' cannot be read: there is nothing in it"),
        ("# a\n", "x.conllu", {}, "x.conllu: there is no sentence in it"),
        ("a O\n" * 5001, "x.conll", {}, "line 5001: a sentence of more than 5,000 words"),
        ("a O\n", "x.conll", {}, "x.conll: too few sentences for the train part"),
        ("a O\n", "x.conll", {"layout": "conl"}, "unknown layout 'conl'; .*mean 'conllu'?"),
        ("a O\n", "x.conll", {"scheme": "bio"}, "unknown scheme 'bio'; accepted: 'iob2'"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, name, options, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        data.tagged_sentences(tmp_path / name, **options)
    assert "\n" not in str(caught.value)


def test_more_that_cannot_be(tmp_path):
    (tmp_path / "latin.conll").write_bytes("é O\n".encode("latin-1"))
    (tmp_path / "cut.conllu.gz").write_bytes(gzip.compress(b"1" * 999)[:20])
    with pytest.raises(ValueError, match=r"latin\.conll' cannot be read: line 1 is not utf-8"):
        data.tagged_sentences(tmp_path / "latin.conll")
    with pytest.raises(ValueError, match=r"cut\.conllu\.gz' cannot be read"):
        data.tagged_sentences(tmp_path / "cut.conllu.gz")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        data.tagged_sentences(tmp_path / "none.conll")
    with pytest.raises(ValueError, match="sentence 1, word 0 must be a pair of token and tag"):
        data.tagged_sentences([[("a", "X")], ["ab"]])
    with pytest.raises(TypeError, match="a list of lists of"):
        data.tagged_sentences(3)
    with pytest.raises(ValueError, match="tags of sentences look like iob2, others do not"):
        data.tagged_sentences(PAIRS, test=[[("a", "X")]])
    with pytest.raises(ValueError, match=r"sentence 0, word 1: tag 'B-x' is none of the model's"):
        tagged.whole([[("a", "O"), ("b", "B-x")]], NAMED, "iob2")


def test_words_and_characters():
    sentences = [["The", "Oslo", "oslo", "in", "1990"], ["the", "odd", "in"]]
    encoder = data.WordEncoder.of(sentences, ["the", "paris", "odd"], word_length=4)
    assert encoder.words == ["in", "oslo", "0000", "the", "odd"]  # those with a vector last
    assert encoder.more == ["paris"] and len(encoder) == 8
    rows = encoder.encode(["THE", "1234", "Paris", "Xin", ""])
    assert rows.shape == (5, 5) and rows[:, 0].tolist() == [5, 4, 7, 1, 1]
    assert encoder.encode(["The"])[0, 1:].tolist() != encoder.encode(["the"])[0, 1:].tolist()
    long = encoder.encode(["theodd"])[0, 1:].tolist()  # its beginning and its end
    assert long == encoder.encode(["thdd"])[0, 1:].tolist()
    assert encoder.knows("OSLO") and not encoder.knows("Paris") and not encoder.knows("Bonn")
    often = data.WordEncoder.of(sentences, ["odd"], least=2)
    assert often.words == ["in", "oslo", "the", "odd"] and not often.knows("1990")
    again = data.WordEncoder(**encoder.to_dict())
    assert (again.encode(sentences[0]) == encoder.encode(sentences[0])).all()
    with pytest.raises(TypeError, match="a word must be str; received int 3"):
        encoder.encode([3])
    with pytest.raises(ValueError, match="word_length must be at most 100; received word_length=9"):
        data.WordEncoder.of([["a"]], word_length=999)
    with pytest.raises(ValueError, match="has each word once"):
        data.WordEncoder(["a", "a"], "a")


def test_batches_hold_sentences_of_like_length():
    encoder = data.WordEncoder.of([["a"]], word_length=2)
    rows = [encoder.encode(["a"] * n) for n in (5, 1, 3, 2)]
    tags = [np.arange(n) for n in (5, 1, 3, 2)]
    [first, second] = tagged.batches(rows, tags, 2, multiple=4)
    assert first[0]["tokens"].shape == (2, 4) and first[0]["characters"].shape == (2, 4, 2)
    assert first[1].tolist() == [[0, 0, 0, 0], [0, 1, 0, 0]]
    assert second[0]["tokens"].shape == (2, 8)
    [alone] = tagged.batches(rows[:1], characters=False)
    assert alone.shape == (1, 5)
    with pytest.raises(ValueError, match="there are no sentences"):
        tagged.batches([])


def test_vectors(tmp_path, monkeypatch):
    path = tmp_path / "some.txt"
    path.write_text("3 2\nthe 1 2\nof 3 4\ncow 5 6\n")
    assert list(tagged.read_vectors(path, ["cow"], more=1)) == ["the", "cow"]
    (tmp_path / "some.txt.gz").write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setenv("KERASEQ_DATA", str(tmp_path))
    assert tagged.read_vectors("some.txt.gz", ["of"])["of"].tolist() == [3, 4]
    with pytest.raises(FileNotFoundError, match=r"no file of vectors 'none\.txt'.*--vectors none"):
        tagged.read_vectors("none.txt")
    for text, message in (
        ("a 1 2\nb 1\n", "some.txt, line 2 has 1 numbers, the first has 2"),
        ("a 1 x\n", "some.txt, line 1 holds what is no number"),
        ("", "some.txt: there are no vectors in it"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            tagged.read_vectors(path, more=9)


def test_tokens_of_raw_text():
    for text, expected in (
        ("Don't stop!", "Do n't stop !"),
        ("the dog's U.S. visa...", "the dog 's U.S. visa ..."),
        ("@ann: see http://a.b/c?d, #now :)", "@ann : see http://a.b/c?d, #now : )"),
        ("Mr. Ox paid $1,000.50 (in 3/4)", "Mr. Ox paid $ 1,000.50 ( in 3/4 )"),
        ("al-Ani\nnaïve e\u0301t\u00e9", "al - Ani naïve été"),
        (" \n", ""),
    ):
        assert " ".join(tagged.tokens(text)) == expected


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_public_sets_are_those_that_were_published():
    for name, sentences, words, tags in (
        ("ewt", (12_544, 2_001, 2_077), (204_577, 25_147, 25_094), 17),
        ("wnut17", (3_394, 1_009, 1_287), (62_730, 15_733, 23_394), 13),
    ):
        found = data.load(name)
        parts = [found.part(part).inputs for part in ("train", "validation", "test")]
        assert tuple(map(len, parts)) == sentences and len(found.tags) == tags
        assert tuple(sum(map(len, part)) for part in parts) == words
