"""Labelled recordings: WAV files in folders, or named in a table -> samples in parts."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from keraseq.checks import few, one_of, positive_integer
from keraseq.data.labelled.parts import Labelled, content, in_parts, labels_of
from keraseq.data.labelled.table import OF_FILES, again, table, valued
from keraseq.data.labelled.wav import ENDING, Recording, read_wav, resampled
from keraseq.data.parts import PARTS
from keraseq.data.public import fetch

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
OFFICIAL = "official"  # the split of FSDD in which all speakers are in both parts


@dataclass(frozen=True)
class LabelledSignals(Labelled):
    """Recordings with a label in three parts, see `Labelled`: what `labelled_signals` gives.

    An example is an array `(samples,)`, float32, between -1 and 1.

    Attributes:
        rate: Samples a second, of all of them.
        groups: Who or what a recording is of, by its `content`; empty where nobody said.
    """

    what: ClassVar[str] = "recordings"
    rate: int = 1
    groups: Mapping[str, str] = field(default_factory=dict)

    def more(self) -> str:
        """The length of all, the rate and the classes."""
        total = sum(len(one) for part in PARTS for one in self.part(part).inputs)
        return f", {total / self.rate / 60:.1f} minutes, {self.rate:,} samples/s{super().more()}"


@dataclass(frozen=True)
class Heard:
    """Recordings as they were read: labels if there are any, groups if they are asked for."""

    unlabelled: ClassVar[str] = "the recordings have no labels"
    name: str
    recordings: list[Recording]
    labels: list | None
    ids: list[str]
    groups: list[str] | None = None

    def at(self, rate: int) -> list[np.ndarray]:
        """The samples of all at one rate."""
        return [resampled(one, rate) for one in self.recordings]


def labelled_signals(
    source,
    *,
    path: str = "path",
    label: str = "label",
    group: str | None = None,
    held_out: str | None = None,
    rate: int | None = None,
    validation: float = 0.2,
    test=0.2,
    seed: int = 0,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> LabelledSignals:
    """Reads recordings with a label each, and cuts them into three parts.

    Files are WAV of PCM samples, see `keraseq.data.read_wav`; several channels become their mean,
    and those of another rate are resampled. A recording that stands there twice is kept once.

    Args:
        source: A folder with a folder for each class, in which the WAV files lie; or a table (a
            file, or a frame) with their paths, relative to the table's folder.
        path: The column of the paths. Defaults to `"path"`.
        label: The column of the labels. Defaults to `"label"`.
        group: The column that says who or what a recording is of, such as its speaker.
        held_out: The group that is the test part, whole: what a model is worth on a speaker whom
            it has never heard. Default: `test`.
        rate: Samples a second. Default: the lowest of all files.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1).
            Defaults to 0.2.
        test: Fraction to report on, in (0, 1), or a folder or table of its own. Defaults to 0.2.
        seed: Which recordings go where. Defaults to 0.
        sep, header, encoding: How a table is read, see `keraseq.data.tables.read`.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: In one line, with the name: a file is no WAV file or holds no samples, a column
            or group is missing, there is one class only, or too few recordings of one.
    """
    reading = {"path": path, "label": label, "sep": sep, "header": header, "encoding": encoding}
    found, tested = heard(source, group=group, **reading), None
    if held_out is not None and group is None:
        raise ValueError(f"held_out={held_out!r} is a group: give group, the column of groups")
    if group is not None and held_out is None:
        raise ValueError(
            f"group={group!r} needs held_out, the group that is the test part; groups: "
            f"{few(dict.fromkeys(found.groups))}"
        )
    if rate is None:
        rate = min(one.rate for one in found.recordings)
    rate = positive_integer("rate", rate)
    if held_out is None and not isinstance(test, (int, float)):
        other = heard(test, **reading)
        tested = (other.at(rate), labels_of(other), other.name)
    options = again(
        source=source, **reading, group=group, held_out=held_out, rate=rate,
        validation=validation, test=None if held_out else test, seed=seed,
    )  # fmt: skip
    return parts_of(
        found, held_out, rate, tested, validation=validation, test=test, seed=seed, options=options
    )


def parts_of(found: Heard, held_out, rate: int, tested, *, test, **more) -> LabelledSignals:
    """Recordings in parts; the group that is held out is the test part."""
    inputs, labels = found.at(rate), labels_of(found)
    groups = dict(zip(map(content, inputs), found.groups or (), strict=False))
    if held_out is not None:
        one_of("held_out", held_out, dict.fromkeys(found.groups))
        own = [one == held_out for one in found.groups]
        tested = ([x for x, is_own in zip(inputs, own, strict=True) if is_own],
                  [y for y, is_own in zip(labels, own, strict=True) if is_own],
                  f"{found.name}, {held_out}")  # fmt: skip
        inputs = [x for x, is_own in zip(inputs, own, strict=True) if not is_own]
        labels = [y for y, is_own in zip(labels, own, strict=True) if not is_own]
    return in_parts(
        LabelledSignals,
        found.name,
        (inputs, labels),
        tested,
        test=None if tested else test,
        rate=rate,
        groups=groups,
        **more,
    )


def heard(source, *, path="path", label="label", group=None, **reading) -> Heard:
    """The recordings of a WAV file, of a folder, or of a table; labels may be missing."""
    if isinstance(source, (str, Path)) and Path(source).is_dir():
        if group is not None:
            raise ValueError(f"group={group!r} is a column of a table; received a folder")
        return of_folder(Path(source))
    if is_recording(source):
        return Heard(Path(source).name, [read_wav(source)], None, [str(source)])
    found = table(source, **reading)
    frame = valued(found.frame, found.name, [path, *([group] if group else [])])
    at = Path(source).parent if isinstance(source, (str, Path)) else Path()
    files = [at / str(one) for one in frame[path]]
    labels = None
    if label in frame:
        labels = valued(frame, found.name, [label])[label].tolist()
    groups = None if group is None else [str(one) for one in frame[group]]
    recordings = [read_wav(one, str(name)) for one, name in zip(files, frame[path], strict=True)]
    return Heard(found.name, recordings, labels, [str(one) for one in frame[path]], groups)


def samples_of(given, rate: int, reading: dict) -> tuple[list[np.ndarray], list[str]]:
    """Samples at a rate, and the names of the recordings, of whatever names or holds them.

    Args:
        given: Paths of WAV files, folders and tables, or a frame, one or several; or arrays of
            samples at that rate, or pairs of samples and their rate.
        rate: Samples a second.
        reading: How a table is read; other options are left out.
    """
    given = [given] if isinstance(given, (str, Path)) or hasattr(given, "columns") else given
    reading = {k: one for k, one in reading.items() if k in ("path", "label", *OF_FILES)}
    samples, names = [], []
    for one in given:
        one = one.decode() if isinstance(one, bytes) else one
        if isinstance(one, (str, Path)) or hasattr(one, "columns"):
            found = heard(one, **reading)
            samples, names = samples + found.at(rate), names + found.ids
            continue
        own, its_rate = one if isinstance(one, tuple) else (one, rate)
        own = np.asarray(own, "float32")
        if own.ndim != 1 or not len(own):
            raise ValueError(
                f"recording {len(names)} must have shape (samples,), one at least; received "
                f"{own.shape}"
            )
        samples.append(resampled(Recording(own, its_rate), rate))
        names.append(str(len(names)))
    return samples, names


def is_recording(source) -> bool:
    """Whether a source is the path of a WAV file, by its ending."""
    return isinstance(source, (str, Path)) and str(source).lower().endswith(ENDING)


def of_folder(folder: Path) -> Heard:
    """Those of a folder with a folder for each class; or of one that holds the files itself."""
    files = sorted(one for one in folder.glob("*/*") if is_recording(one))
    labels = [one.parent.name for one in files]
    if not files:
        files, labels = sorted(one for one in folder.glob("*") if is_recording(one)), None
    if not files:
        raise ValueError(f"{str(folder)!r} holds no {ENDING} files, nor do the folders in it")
    ids = [str(one.relative_to(folder)) for one in files]
    recordings = [read_wav(one, name) for one, name in zip(files, ids, strict=True)]
    return Heard(folder.name, recordings, labels, ids)


def fsdd(
    row: PublicSet,
    data_dir=None,
    *,
    held_out: str = "yweweler",
    validation: float = 0.1,
    seed: int = 0,
) -> LabelledSignals:
    """The Free Spoken Digit Dataset, one speaker the test part, or in its official split.

    Args:
        row: Of the table.
        data_dir: As for `keraseq.data.load`.
        held_out: The speaker who is the test part, 500 recordings; `"official"` is the split of the
            data set (the first five recordings of each speaker and digit), in which the same
            people speak in both parts. Defaults to `"yweweler"`.
        validation: Fraction of the other recordings. Defaults to 0.1.
        seed: Which. Defaults to 0.
    """
    one_of("held_out", held_out, (*SPEAKERS, OFFICIAL))
    [file] = row.files.values()
    recordings, labels, groups, names = [], [], [], []
    with tarfile.open(fetch(file, data_dir)) as archive:
        for member in archive:
            place = Path(member.name)
            if not (
                member.isfile() and place.suffix == ENDING and place.parent.name == "recordings"
            ):
                continue
            name = place.name
            digit, speaker, index = name.removesuffix(ENDING).split("_")
            content = archive.extractfile(member).read()
            recordings.append(read_wav(io.BytesIO(content), name))
            labels.append(int(digit))
            groups.append(OFFICIAL if held_out == OFFICIAL and int(index) < 5 else speaker)
            names.append(name)
    found = Heard("fsdd", recordings, labels, names, groups)
    options = {"held_out": held_out, "validation": validation, "seed": seed}
    return parts_of(
        found, held_out, recordings[0].rate, None, validation=validation, test=None, seed=seed,
        options=options,
    )  # fmt: skip
