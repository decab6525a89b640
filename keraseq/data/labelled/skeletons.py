"""Labelled skeletons: joints of a body, frame by frame, in files of their own, as MSR Action3D."""

from __future__ import annotations

import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from keraseq.data.labelled.parts import (
    LabelledSkeletons,
    fingerprint,
    in_parts,
    labels_of,
    numbered,
    open_rate,
    taken,
)
from keraseq.data.labelled.table import again
from keraseq.data.public import fetch

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

JOINTS = (
    *("left shoulder", "right shoulder", "neck", "spine", "left hip", "right hip", "hip"),
    *("left elbow", "right elbow", "left wrist", "right wrist", "left hand", "right hand"),
    *("left knee", "right knee", "left ankle", "right ankle", "left foot", "right foot", "head"),
)
HIP, NECK = JOINTS.index("hip"), JOINTS.index("neck")
BONES = (
    *((19, 2), (2, 0), (2, 1), (0, 7), (1, 8), (7, 9), (8, 10), (9, 11), (10, 12)),
    *((2, 3), (3, 6), (6, 4), (6, 5), (4, 13), (5, 14), (13, 15), (14, 16), (15, 17), (16, 18)),
)
ACTIONS = (
    *("high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch"),
    *("high throw", "draw x", "draw tick", "draw circle", "hand clap", "two hand wave"),
    *("side boxing", "bend", "forward kick", "side kick", "jogging", "tennis swing"),
    *("tennis serve", "golf swing", "pickup and throw"),
)
NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)_skeleton3D\.txt$")
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".zip")
ENDING = ".txt"
DAMAGED = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error)
EMPTY = ("a13_s09_e02_skeleton3D.txt",)  # all its frames are zero


@dataclass(frozen=True)
class Bodies:
    """Skeletons as they were read, with what the names of the files say."""

    unlabelled: ClassVar[str] = (
        "the skeletons have no labels; name the files as a01_s01_e01_skeleton3D.txt, or put those "
        "of a class in a folder of its name"
    )
    name: str
    inputs: list[np.ndarray]
    names: list[str]
    labels: list | None = None
    subjects: list[int] | None = None


def parsed(content: bytes, name: str) -> np.ndarray:
    """The frames of a file `(frames, 20, 3)`, without those that are all zero.

    A line a joint, 20 lines a frame: `x y z`, or `x y z confidence`, whose last is not read.

    Raises:
        ValueError: In one line, with the file's name: it is no such file, a value is no number, it
            ends within a frame, or there is no body in it.
    """
    try:
        lines = [line.split() for line in content.decode("ascii").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise ValueError(f"{name} is no file of skeletons: it is no text") from None
    for number, line in enumerate(lines, 1):
        if len(line) not in (3, 4):
            raise ValueError(
                f"{name}: line {number} must be a joint, x y z and a confidence; received "
                f"{len(line)} values"
            )
    if not lines or len(lines) % len(JOINTS):
        raise ValueError(
            f"{name} must have {len(JOINTS)} lines a frame, one a joint; it has {len(lines):,}"
        )
    try:
        values = np.array([line[:3] for line in lines], "float64")
    except ValueError as error:
        raise ValueError(f"{name} holds a value that is no number: {error}") from None
    return cleaned(values.reshape(-1, len(JOINTS), 3), name)


def cleaned(values: np.ndarray, name: str) -> np.ndarray:
    """Frames of joints without those that are all zero, where nobody was seen."""
    try:
        values = np.asarray(values, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from None
    if values.ndim != 3 or values.shape[1:] != (len(JOINTS), 3):
        raise ValueError(
            f"{name} must have shape (frames, {len(JOINTS)}, 3); received {values.shape}"
        )
    if not np.isfinite(values).all():
        frame, joint, _ = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"{name}: frame {frame} has no place of the {JOINTS[joint]}")
    values = values[values.any(axis=(1, 2))]
    if not len(values):
        raise ValueError(f"{name} holds no body: every joint of every frame is zero")
    return values


def files(source: str | Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each text file of a folder or an archive, or of one file."""
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {str(path)!r}")
    if path.is_dir():
        for one in sorted(path.rglob(f"*{ENDING}")):
            yield str(one.relative_to(path)), one.read_bytes()
    elif not str(path).lower().endswith(ARCHIVES):
        yield path.name, path.read_bytes()
    else:
        try:
            yield from packed(path)
        except DAMAGED as error:
            raise ValueError(f"{str(path)!r} cannot be read as an archive: {error}") from None


def packed(path: Path) -> Iterator[tuple[str, bytes]]:
    """Those of an archive."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for one in sorted(archive.namelist()):
                if one.endswith(ENDING):
                    yield one, archive.read(one)
        return
    with tarfile.open(path) as archive:
        for one in archive:
            if one.isfile() and one.name.endswith(ENDING):
                yield one.name, archive.extractfile(one).read()


def read(source, labels: Sequence | None = None) -> Bodies:
    """The skeletons of a source, see `labelled_skeletons`; labels may be missing."""
    if isinstance(source, (list, tuple, np.ndarray)):
        inputs = [cleaned(one, f"arrays: example {i}") for i, one in enumerate(source)]
        if labels is not None and len(labels) != len(inputs):
            raise ValueError(
                f"labels must be one for each of {len(inputs)} skeletons; received {len(labels)}"
            )
        names = [*map(str, range(len(inputs)))]
        return Bodies("arrays", inputs, names, None if labels is None else [*labels])
    if labels is not None:
        raise ValueError("labels are of arrays; of files the names or folders say them")
    every = [(name, parsed(content, name)) for name, content in files(source)]
    return named(Path(source).name, every)


def named(source: str, every: list[tuple[str, np.ndarray]]) -> Bodies:
    """Labels and subjects by the names of files, or labels by their folders."""
    if not every:
        raise ValueError(f"{source!r} holds no files of skeletons ({ENDING})")
    names, inputs = [name for name, _ in every], [one for _, one in every]
    found = [NAME.search(name) for name in names]
    if all(found):
        numbers = [[int(one) for one in match.groups()] for match in found]
        for name, (action, *_) in zip(names, numbers, strict=True):
            if not 1 <= action <= len(ACTIONS):
                raise ValueError(f"{name}: there are {len(ACTIONS)} actions, no number {action}")
        labels = [ACTIONS[action - 1] for action, *_ in numbers]
        return Bodies(source, inputs, names, labels, [subject for _, subject, _ in numbers])
    folders = [Path(name).parent.name for name in names]
    return Bodies(source, inputs, names, folders if all(folders) else None)


def labelled_skeletons(
    source,
    labels: Sequence | None = None,
    *,
    validation: float = 0.2,
    test: float | None = None,
    seed: int = 0,
) -> LabelledSkeletons:
    """Reads skeletons with a label each, and cuts them into three parts.

    Files that are called as MSR Action3D's say who moved: the subjects of even numbers are the test
    part, and the last of the others validation, so that nobody stands in two parts. Frames without
    anybody, all zero, are left out.

    Args:
        source: A folder, or an archive of one (`.zip`, `.tar.gz`, `.tar.xz`), of files with a line
            a joint (`x y z confidence`) and 20 lines a frame, called `aAA_sSS_eEE_skeleton3D.txt`
            by action, subject and trial, or in a folder for each class; or a list of arrays
            `(frames, 20, 3)` with `labels`. Joints are ordered as
            `keraseq.data.labelled.skeletons.JOINTS`.
        labels: One for each array.
        validation: Fraction of what is not test, of subjects where they are known, in (0, 1). Where
            they are, 0 holds nobody back: the last of them is validation, and is learned from too.
            Defaults to 0.2.
        test: Fraction to report on, in (0, 1). Default: subjects of even numbers, or 0.2 where none
            are known.
        seed: Which examples go where, if no subjects are known. Defaults to 0.

    Returns:
        Parts of arrays `(frames, 20, 3)`, float64.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: In one line, with the file's name: a file is broken or holds nobody, labels are
            missing, or there are too few examples or subjects.

    Example:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bodies = [rng.normal(size=(8, 20, 3)) for _ in range(20)]
    >>> print(keraseq.data.labelled_skeletons(bodies, ["wave", "kick"] * 10))
    arrays: train 12, validation 4, test 4 skeletons of 8 frames; classes kick, wave
    """
    found = read(source, labels)
    options = again(source=source, validation=validation, test=test, seed=seed)
    labels_of(found)
    if found.subjects is not None and test is None:
        return by_subject(found, validation, options=options)
    return in_parts(
        LabelledSkeletons,
        found.name,
        (found.inputs, found.labels),
        None,
        validation=validation,
        test=0.2 if test is None else test,
        seed=seed,
        options=options,
    )


def by_subject(found: Bodies, validation: float, **more) -> LabelledSkeletons:
    """Even subjects are test, the last of the odd ones validation; with 0 these learn as well."""
    classes = [one for one in ACTIONS if one in found.labels]
    whole, subjects = numbered(found.inputs, found.labels, classes), np.array(found.subjects)
    odd = sorted({one for one in found.subjects if one % 2})
    count = max(1, round((validation and open_rate("validation", validation)) * len(odd)))
    check = odd[len(odd) - count :]
    held = np.flatnonzero(np.isin(subjects, check))
    others = np.flatnonzero((subjects % 2 == 1) & ~np.isin(subjects, check))
    chosen = {
        "train": others if validation else [*others, *held],
        "validation": held,
        "test": np.flatnonzero(subjects % 2 == 0),
    }
    parts = {name: taken(whole, rows) for name, rows in chosen.items()}
    for name, part in parts.items():
        if not len(part.inputs):
            raise ValueError(
                f"{found.name}: no subject is left for {name}: of odd numbers there are "
                f"{len(odd)}, of even ones {len(set(found.subjects)) - len(odd)}"
            )
    said = ", ".join(map(str, check))
    return LabelledSkeletons(
        found.name,
        tuple(classes),
        **parts,
        split=f"subjects of even numbers test; of the odd ones {said} validation"
        + (", learned from as well" if not validation else ""),
        sha256=fingerprint(parts),
        **more,
    )


def public(row: PublicSet, data_dir=None, *, validation: float = 0.2) -> LabelledSkeletons:
    """MSR Action3D: subjects 2, 4, 6, 8, 10 are test, 9 is validation.

    a13_s09_e02, which holds nobody, is left out.
    """
    every = [
        (Path(name).name, parsed(content, name))
        for name, content in sorted(files(fetch(row.files["skeletons"], data_dir)))
        if NAME.search(name) and Path(name).name not in EMPTY
    ]
    found = named("msraction3d", every)
    return by_subject(found, validation, options={"validation": validation}, dropped=len(EMPTY))
