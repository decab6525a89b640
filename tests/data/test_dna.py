"""FASTA files, and letters as steps."""

import gzip

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import labelled
from keraseq.data.labelled.dna import CODES, fold_of


def test_files_of_two_classes(tmp_path):
    """Plain and packed, small letters, lines of any length, a list or a folder."""
    (tmp_path / "yes.fa").write_text(
        "".join(f">y{i}\nac\nGT{'ACGT'[i % 4]}{'A' * i}\n" for i in range(9))
    )
    packed = "".join(f">n{i}\nTTU{'N' * i}\n\n" for i in range(9)).encode()
    (tmp_path / "no.fasta.gz").write_bytes(gzip.compress(packed))
    parts = data.labelled_dna(tmp_path)
    assert parts.classes == ("no", "yes") and parts.options["source"] == str(tmp_path)
    assert {"TTT", "TTTN"} <= {one for part in ("train", "validation", "test")
                               for one in parts.part(part).inputs}  # fmt: skip
    again = data.labelled_dna([tmp_path / "no.fasta.gz", tmp_path / "yes.fa"])
    assert again.sha256 == parts.sha256
    assert str(parts).endswith("sequences of 3 to 13 letters; classes no, yes")


def test_files_that_are_none(tmp_path):
    """One line each, with the file's name."""
    for name, content, message in (
        ("text.fa", b"ACGT\n", "text.fa is no FASTA file: line 1 comes before any line that begin"),
        ("empty.fa", b"", "empty.fa holds no sequence: no line begins with '>'"),
        ("short.fa", b">one\n>two\nA\n", "short.fa: sequence 'one' is empty"),
        ("letters.fa", b">one\nACGTX\n", "letters.fa: sequence 'one' has 'X' at letter 5; accept"),
        ("gap.fa", b">one\nA-C\n", "gap.fa: sequence 'one' has '-' at letter 2"),
        ("packed.fa.gz", b">one\nA\n", "packed.fa.gz cannot be unpacked: Not a gzipped file"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message) as caught:
            data.read_fasta(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        data.read_fasta(tmp_path / "lost.fa")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="folder' holds no FASTA files"):
        data.labelled_dna(tmp_path / "folder")
    frame = pd.DataFrame({"sequence": ["AC", "?"], "label": [0, 1]})
    with pytest.raises(ValueError, match=r"table: row 1 has '\?' at letter 1"):
        data.labelled_dna(frame)


def test_codes_are_fractions_and_both_strands_agree():
    """The complement of a code stands for the complements of its bases."""
    one = labelled.dna.letters("".join(CODES))
    np.testing.assert_allclose(one.sum(1), 1)
    np.testing.assert_allclose(labelled.dna.letters("R")[0], [0.5, 0, 0.5, 0])
    other = labelled.dna.letters(data.reverse_complement("".join(CODES)))
    np.testing.assert_allclose(other[::-1, ::-1], one)


def test_places():
    encoder = data.DnaEncoder.of(["ACG", "ACGTA"])
    assert encoder.positions == 5 and len(encoder) == 9
    np.testing.assert_array_equal(encoder.rows(["ACGTA"])[0][:, 4:], np.eye(5))
    np.testing.assert_allclose(encoder.rows(["ACG"])[0][:, 4:], np.eye(5)[[0, 2, 4]])
    assert data.DnaEncoder(1).rows(["AC"])[0].shape == (2, 4)
    assert data.DnaEncoder.of(["A" * 500]).positions == 64


def test_folds_hold_each_sequence_once():
    inputs = [f"{i:07b}".translate({48: "A", 49: "C"}) for i in range(60)]
    found = [
        fold_of("x", inputs + inputs[:5], ["a", "b", "c"] * 20 + ["a", "b", "c", "a", "b"],
                fold=i, folds=4, validation=0.2, seed=0)
        for i in range(4)
    ]  # fmt: skip
    assert sorted(one for parts in found for one in parts.test.inputs) == sorted(inputs)
    assert all(parts.dropped == 5 and len(parts.test.inputs) == 15 for parts in found)
    assert not set(found[0].train.inputs) & set(found[0].test.inputs)
    with pytest.raises(ValueError, match="fold must be a number from 0 to 3; received fold=4"):
        fold_of("x", inputs, ["a", "b"] * 30, fold=4, folds=4, validation=0.2, seed=0)
