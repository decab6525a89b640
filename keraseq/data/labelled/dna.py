"""Labelled DNA: FASTA files, one for each class, or a table -> sequences of letters in parts."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from keraseq.checks import positive_integer
from keraseq.data.labelled.parts import (
    Labelled,
    first_of_each,
    in_parts,
    labels_of,
    numbered,
    order,
    taken,
)
from keraseq.data.labelled.table import again, table, valued
from keraseq.data.parts import PARTS
from keraseq.data.public import fetch

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

ENDINGS = (".fa", ".fasta", ".fna")
FASTA = tuple(ending + packed for ending in ENDINGS for packed in ("", ".gz"))
BASES = "ACGT"
# IUPAC's codes: which bases a letter may stand for, each as likely.
CODES = {
    **{one: one for one in BASES},
    **{"U": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"},
    **{"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"},
}
COMPLEMENT = str.maketrans("ACGTURYSWKMBDHVN", "TGCAAYRSWMKVHDBN")
LETTERS = np.zeros((128, len(BASES)), "float32")
for letter, bases in CODES.items():
    LETTERS[ord(letter)] = [base in bases for base in BASES]
LETTERS /= np.maximum(LETTERS.sum(1, keepdims=True), 1)
POSITIONS = 64  # at most so many places along a sequence are told apart


@dataclass(frozen=True)
class LabelledDna(Labelled):
    """Sequences of letters with a label in three parts, see `Labelled`: what `labelled_dna` gives.

    An example is a text of capital letters: A, C, G, T, and IUPAC's codes for several of them.
    """

    what: ClassVar[str] = "sequences"

    def more(self) -> str:
        """How long they are, and the classes."""
        lengths = {len(one) for part in PARTS for one in self.part(part).inputs}
        letters = " to ".join(f"{n:,}" for n in sorted({min(lengths), max(lengths)}))
        return f" of {letters} letters{super().more()}"


@dataclass(frozen=True)
class Sequences:
    """Sequences as they were read, labels if there are any, and their names."""

    unlabelled: ClassVar[str] = "the sequences have no labels"
    name: str
    inputs: list[str]
    labels: list | None
    ids: list[str]


def labelled_dna(
    source,
    *,
    sequence: str = "sequence",
    label: str = "label",
    validation: float = 0.1,
    test=0.1,
    seed: int = 0,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> LabelledDna:
    """Reads DNA with a label each, and cuts it into three parts.

    Each part gets the same mix of classes; a sequence that stands there several times is kept once.
    Small letters are read as capital ones, U as T.

    Args:
        source: FASTA files (`.fa`, `.fasta`, `.fna`, also packed as `.gz`), one for each class,
            which is called like the file: a folder of them, or a list; or a table (a file, or a
            frame) with a row a sequence.
        sequence: The column of the sequences. Defaults to `"sequence"`.
        label: The column of the labels. Defaults to `"label"`.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1).
            Defaults to 0.1.
        test: Fraction to report on, in (0, 1), or a source of its own. Defaults to 0.1.
        seed: Which sequences go where. Defaults to 0.
        sep, header, encoding: How a table is read, see `keraseq.data.tables.read`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: In one line, with the name: a file is no FASTA, a letter stands for no base, a
            column is missing, there is one class only, or too few sequences of one.

    Example:

    >>> import keraseq, pandas as pd
    >>> ways = [f"{n:06b}".translate({48: "AC", 49: "GT"}) for n in range(40)]
    >>> frame = pd.DataFrame({"sequence": ways, "label": ["x", "y"] * 20})
    >>> print(keraseq.data.labelled_dna(frame))
    table: train 32, validation 4, test 4 sequences of 12 letters; classes x, y
    """
    reading = {"sequence": sequence, "label": label, "sep": sep}
    reading |= {"header": header, "encoding": encoding}
    found, tested = sequences(source, **reading), None
    if not isinstance(test, (int, float)):
        other = sequences(test, **reading)
        tested = (other.inputs, labels_of(other), other.name)
    listed = [str(one) for one in source] if isinstance(source, (list, tuple)) else source
    options = again(source=listed, **reading, validation=validation, test=test, seed=seed)
    return in_parts(
        LabelledDna,
        found.name,
        (found.inputs, labels_of(found)),
        tested,
        validation=validation,
        test=None if tested else test,
        seed=seed,
        options=options,
    )


def sequences(source, *, sequence="sequence", label="label", **reading) -> Sequences:
    """The sequences of FASTA files or of a table; those of one file have no labels."""
    if is_fasta(source):
        ids, inputs = read_fasta(source)
        return Sequences(Path(source).name, inputs, None, ids)
    if isinstance(source, (str, Path)) and Path(source).is_dir():
        files = sorted(one for one in Path(source).iterdir() if is_fasta(one))
        if not files:
            raise ValueError(f"{str(source)!r} holds no FASTA files ({', '.join(ENDINGS)})")
        return of_files(files, Path(source).name)
    if isinstance(source, (list, tuple)):
        return of_files(list(map(Path, source)), ", ".join(Path(one).name for one in source))
    found = table(source, **reading)
    frame = valued(found.frame, found.name, [sequence])
    inputs = [
        checked(str(one), f"{found.name}: row {row}") for row, one in enumerate(frame[sequence])
    ]
    labels = None
    if label in frame:
        labels = valued(frame, found.name, [label])[label].tolist()
    return Sequences(found.name, inputs, labels, [*map(str, range(len(frame)))])


def of_files(files: Sequence[Path], name: str) -> Sequences:
    """Those of several FASTA files, each a class."""
    inputs, labels, ids = [], [], []
    for path in files:
        own_ids, own = read_fasta(path)
        inputs, ids = inputs + own, ids + own_ids
        labels += [path.name[: path.name.lower().rindex(".f")]] * len(own)
    return Sequences(name, inputs, labels, ids)


def is_fasta(source) -> bool:
    """Whether a source is the path of a FASTA file, by its ending."""
    return isinstance(source, (str, Path)) and str(source).lower().endswith(FASTA)


def read_fasta(path: str | Path) -> tuple[list[str], list[str]]:
    """The names and the sequences of a FASTA file, plain or packed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: In one line, with the file's name: it is no FASTA file, it holds no sequence, or
            a letter stands for no base.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "one.fa")
    >>> _ = path.write_text(">first of all\\nACGT\\nacgn\\n")
    >>> keraseq.data.read_fasta(path)
    (['first of all'], ['ACGTACGN'])
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        packed = path.name.lower().endswith(".gz")
        raw = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        lines = raw.decode("utf-8", "replace").splitlines()
    except (OSError, EOFError) as error:
        raise ValueError(f"{path.name} cannot be unpacked: {error}") from None
    names, found = [], []
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if line.startswith(">"):
            names.append(line[1:].strip())
            found.append([])
        elif line and not found:
            raise ValueError(
                f"{path.name} is no FASTA file: line {number} comes before any line that begins "
                "with '>'"
            )
        elif line:
            found[-1].append(line)
    if not names:
        raise ValueError(f"{path.name} holds no sequence: no line begins with '>'")
    places = (f"{path.name}: sequence {name[:40]!r}" for name in names)
    return names, [checked("".join(one), at) for one, at in zip(found, places, strict=True)]


def checked(letters: str, where: str) -> str:
    """The letters, capital ones, or an error if there are none, or one that stands for no base."""
    letters = letters.strip().upper()
    if not letters:
        raise ValueError(f"{where} is empty")
    for unknown in [one for one in letters if one not in CODES][:1]:
        raise ValueError(
            f"{where} has {unknown!r} at letter {letters.index(unknown) + 1}; accepted are "
            f"{', '.join(CODES)}"
        )
    return letters.replace("U", "T")


def reverse_complement(letters: str) -> str:
    """The other strand, as it is read.

    Example:

    >>> keraseq.data.reverse_complement("AACGN")
    'NCGTT'
    """
    return letters.translate(COMPLEMENT)[::-1]


class DnaEncoder:
    """What turns DNA into the steps that a model reads, and is kept with the model.

    A step is the fractions of A, C, G and T that its letter may stand for, and where it stands: a
    recurrent layer does not know, and what a letter means depends on it. `positions` places lie
    evenly along a sequence; a letter counts to the two next to it, on straight lines.

    Args:
        positions: Number of places; 1 is none.

    Example:

    >>> keraseq.data.DnaEncoder(2).rows(["AN"])[0].tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.25, 0.25, 0.25, 0.25, 0.0, 1.0]]
    """

    def __init__(self, positions: int):
        self.positions = positive_integer("positions", positions)

    @classmethod
    def of(cls, found: Iterable[str]) -> DnaEncoder:
        """The encoder of a training part: a place for each letter, 64 at most."""
        return cls(min(max(map(len, found)), POSITIONS))

    def __len__(self) -> int:
        """Width of a step."""
        return len(BASES) + self.positions * (self.positions > 1)

    def rows(self, found: Iterable[str]) -> list[np.ndarray]:
        """Each sequence as float32 `(letters, len(self))`."""
        return [np.concatenate([letters(one), self.places(len(one))], axis=1) for one in found]

    def places(self, count: int) -> np.ndarray:
        """Where each of so many letters stands, `(count, positions)`."""
        if self.positions == 1:
            return np.zeros((count, 0), "float32")
        at = np.arange(count) * (self.positions - 1) / max(count - 1, 1)
        near = 1 - np.abs(at[:, None] - np.arange(self.positions))
        return np.maximum(near, 0).astype("float32")

    def lengths(self, found: Iterable[str]) -> np.ndarray:
        """How many letters each sequence has."""
        return np.array([len(one) for one in found])

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing`."""
        return {"positions": self.positions}


def letters(found: str) -> np.ndarray:
    """The fractions of A, C, G and T of each letter, `(letters, 4)`."""
    return LETTERS[np.frombuffer(found.encode("ascii"), "uint8")]


def splice(
    row: PublicSet,
    data_dir=None,
    *,
    fold: int = 0,
    folds: int = 10,
    validation: float = 0.1,
    seed: int = 0,
) -> LabelledDna:
    """Splice junctions of primates: where an exon ends (EI), begins (IE), or neither (N).

    Args:
        row: Of the table.
        data_dir: As for `keraseq.data.load`.
        fold, folds, validation, seed: See `fold_of`.
    """
    [file] = row.files.values()
    found = sequences(fetch(file, data_dir))
    labels = [one.strip() for one in found.labels]
    how = {"fold": fold, "folds": folds, "validation": validation, "seed": seed}
    return fold_of("splice", found.inputs, labels, **how)


def promoters(
    row: PublicSet,
    data_dir=None,
    *,
    fold: int = 0,
    folds: int = 5,
    validation: float = 0.1,
    seed: int = 0,
) -> LabelledDna:
    """Promoters of one species, and other pieces of its DNA.

    Args:
        row: Of the table, whose files are called after the classes.
        data_dir: As for `keraseq.data.load`.
        fold, folds, validation, seed: See `fold_of`.
    """
    inputs, labels = [], []
    for name, file in row.files.items():
        own = read_fasta(fetch(file, data_dir))[1]
        inputs, labels = inputs + own, labels + [name] * len(own)
    name = f"promoters-{Path(file.path).name.split('_')[0].lower()}"
    how = {"fold": fold, "folds": folds, "validation": validation, "seed": seed}
    return fold_of(name, inputs, labels, **how)


def fold_of(
    name: str,
    inputs: Sequence[str],
    labels: Sequence,
    *,
    fold: int,
    folds: int,
    validation: float,
    seed: int,
) -> LabelledDna:
    """Sequences of which one of several folds is the test part; each stands in one fold.

    Args:
        name: Of the data.
        inputs, labels: All of them; of repeats the first is kept.
        fold: The number of the test part, from 0.
        folds: How many there are, of the same mix of classes.
        validation: Fraction of the others.
        seed: Which sequence is in which.
    """
    folds = positive_integer("folds", folds)
    if not isinstance(fold, int) or not 0 <= fold < folds:
        raise ValueError(f"fold must be a number from 0 to {folds - 1}; received fold={fold!r}")
    classes = sorted(set(labels), key=order)
    part = first_of_each(numbered(inputs, labels, classes))
    rng, at = np.random.default_rng(seed), np.empty(len(part.inputs), int)
    for label in np.unique(part.targets):
        rows = rng.permutation(np.flatnonzero(part.targets == label))
        at[rows] = np.arange(len(rows)) % folds
    learned, tested = (taken(part, np.flatnonzero(one)) for one in (at != fold, at == fold))
    named = [[classes[i] for i in one.targets] for one in (learned, tested)]
    options = {"fold": fold, "folds": folds, "validation": validation, "seed": seed}
    found = in_parts(
        LabelledDna,
        name,
        (learned.inputs, named[0]),
        (tested.inputs, named[1], name),
        validation=validation,
        test=None,
        seed=seed,
        options=options,
    )
    split = f"fold {fold} of {folds}, stratified with seed {seed}; validation {validation:.0%}"
    return replace(found, split=split, dropped=len(inputs) - len(part.inputs))
