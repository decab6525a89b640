import hashlib
import os
from pathlib import Path

import pytest

from keraseq.data import sets, text_corpus
from keraseq.data.text import sources

needs_data = pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs KERASEQ_DATA")


@pytest.fixture
def folder(tmp_path):
    """Texts, and files that are none."""
    files = {
        "a.txt": b"first\r\ntext " * 20,
        "deep/b.txt": b"\xef\xbb\xbf" + "zwölf ".encode() * 20,
        "empty.txt": b" \n",
        "image.png": b"\x89PNG\0\1",
        "latin.txt": "Größe".encode("latin-1"),
        ".hidden": b"secret",
        ".git/config": b"secret",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_a_folder_tells_what_it_skipped_and_why(folder):
    corpus = text_corpus(folder, validation=0, test=0)
    assert corpus.train == ["first\ntext " * 20, "zwölf " * 20]
    assert {Path(name).name: why for name, why in corpus.skipped.items()} == {
        "empty.txt": "empty",
        "image.png": "binary (a zero byte at 4)",
        "latin.txt": "not UTF-8 (byte 0xf6 at 2)",
    }
    shown = str(corpus)
    assert "train 340 characters in 2" in shown and "latin.txt: not UTF-8" in shown


def test_files_and_patterns(folder):
    one = text_corpus(folder / "a.txt", validation=0, test=0)
    assert len(one.train) == 1
    assert one.sha256 == hashlib.sha256((folder / "a.txt").read_bytes()).hexdigest()
    deep = text_corpus(str(folder / "**/*.txt"), validation=0, test=0)
    assert len(deep.train) == 2 and len(deep.skipped) == 2
    both = text_corpus([folder / "deep", folder / "a.txt", folder / "a.txt"], validation=0, test=0)
    assert both.train == ["zwölf " * 20, "first\ntext " * 20]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.txt", "is no text: empty"),
        ("image.png", "is no text: binary"),
        ("latin.txt", "is no text: not UTF-8"),
    ],
)
def test_a_file_that_was_named_must_be_text(folder, name, message):
    with pytest.raises(ValueError, match=message):
        text_corpus(folder / name)


def test_nothing_to_read(tmp_path):
    with pytest.raises(ValueError, match="there is no text in"):
        text_corpus(tmp_path)
    (tmp_path / "x.bin").write_bytes(b"\0")
    with pytest.raises(ValueError, match=r"1 skipped, .*x.bin': binary"):
        text_corpus(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"names: .*Did you mean 'tinyshakespeare'"):
        text_corpus("tinyshakespere")


def test_parts_are_cut_by_position_and_documents_on_the_border_in_two(tmp_path):
    for i, text in enumerate(["abcdef", "ghij", "klmnopqrst"]):
        (tmp_path / f"{i}.txt").write_text(text)
    corpus = text_corpus(tmp_path, validation=0.25, test=0.25)
    assert corpus.train == ["abcdef", "ghij"]
    assert corpus.validation == ["klmno"] and corpus.test == ["pqrst"]
    assert corpus.tokenizer.characters == "abcdefghij"  # learnt on the training part alone
    assert [one.tolist() for one in corpus.tokens("test")] == [[10] * 5]
    corpus = text_corpus(tmp_path, validation=0.25, test=0.0, limit=8)
    assert (corpus.train, corpus.validation, corpus.test) == (["abcdef"], ["gh"], [])


def test_what_a_corpus_remembers_reads_it_again(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("one two three four five six\n" * 9)
    monkeypatch.chdir(tmp_path)
    corpus = text_corpus("a.txt", "word", validation=0.2, limit=200, vocabulary_size=4)
    monkeypatch.chdir("/")
    again = text_corpus(**corpus.options, tokenizer=corpus.tokenizer)
    assert (again.train, again.test, again.sha256) == (corpus.train, corpus.test, corpus.sha256)
    assert again.tokenizer is corpus.tokenizer and len(corpus.tokenizer) == 4


def test_bad_arguments(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abc")
    with pytest.raises(ValueError, match="leave the train part of 3 characters empty"):
        text_corpus(path, validation=0.9, test=0.0)
    with pytest.raises(ValueError, match=r"validation must be a number in \[0, 1\)"):
        text_corpus(path, validation=1.5)
    with pytest.raises(ValueError, match="limit must be a positive integer"):
        text_corpus(path, limit=0)
    with pytest.raises(ValueError, match="unknown part 'valid'"):
        text_corpus(path, validation=0, test=0).tokens("valid")


def test_python_brings_texts_along():
    docs = text_corpus("python_docs")
    assert len(docs.train) > 60 and "generator function" in "".join(docs.train)
    source = text_corpus("python_source", limit=100_000)
    assert sum(map(len, source.train)) == 90_000 and "import" in source.train[0]


def test_the_standard_library_without_tests():
    files = [str(path) for path in sources.standard_library()]
    assert any(path.endswith("/json/decoder.py") for path in files)
    assert not any("/test/" in path or "site-packages" in path for path in files)


@needs_data
def test_tinyshakespeare_has_nanogpts_split():
    corpus = text_corpus("tinyshakespeare")
    assert len(corpus.train[0]) == 1_003_854 and len(corpus.validation[0]) == 111_540
    assert corpus.test == [] and len(corpus.tokenizer.characters) == 65
    assert corpus.sha256 == sets.SETS["tinyshakespeare"].files["whole"].sha256


@needs_data
def test_ptb_has_mikolovs_parts_and_vocabulary():
    corpus = text_corpus("ptb", level="word")
    counts = [sum(map(len, corpus.tokens(part))) for part in ("train", "validation", "test")]
    assert counts == [929_589, 73_760, 82_430]  # words and line ends, as everybody counts
    assert len(corpus.tokenizer) == 10_000
    assert corpus.sha256.split() == [file.sha256 for file in sets.SETS["ptb"].files.values()]
    with pytest.raises(ValueError, match="'ptb' comes with its parts"):
        text_corpus("ptb", validation=0.1)
