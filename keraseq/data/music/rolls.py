"""Pieces of music as piano rolls, in a training, a validation and a test part."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from keraseq.checks import positive_integer, positive_number
from keraseq.data.labelled.batches import groups, padded
from keraseq.data.labelled.parts import open_rate
from keraseq.data.labelled.table import again
from keraseq.data.music.midi import KEYS, LOWEST, checked, read_midi
from keraseq.data.parts import PARTS
from keraseq.data.public import read

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

ENDINGS = (".mid", ".midi")
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
DOWN, UP = 5, 6  # semitones by which a piece is moved at most: all keys there are, once
MULTIPLE = 32  # the lengths of batches are multiples of it: few are compiled
IGNORED = -1  # what targets hold where there is no frame


@dataclass(frozen=True)
class PianoRolls:
    """Pieces of music in three parts: what `piano_rolls` gives.

    Attributes:
        name: Name of the data.
        train, validation, test: Lists of piano rolls `(frames, 88)`, float32, 1 where a key sounds.
        step: Quarter notes in a frame.
        split: How the parts were made, in words.
        sha256: Of all frames.
        options: Arguments with which they are read again; empty if they cannot.

    Example:

    >>> import numpy as np
    >>> print(keraseq.data.piano_rolls([np.eye(9, 88)] * 5))
    pieces: train 3, validation 1, test 1 pieces; 27, 9, 9 frames of 0.5 quarter notes
    """

    name: str
    train: list[np.ndarray]
    validation: list[np.ndarray]
    test: list[np.ndarray]
    step: float = 0.5
    split: str = ""
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def __str__(self):
        pieces = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in PARTS)
        frames = ", ".join(f"{sum(map(len, getattr(self, part))):,}" for part in PARTS)
        return f"{self.name}: {pieces} pieces; {frames} frames of {self.step:g} quarter notes"


def piano_rolls(
    source, *, step: float = 0.5, validation: float = 0.1, test: float = 0.1, seed: int = 0
) -> PianoRolls:
    """Reads MIDI files and cuts them into three parts, whole pieces each.

    Args:
        source: A folder with `.mid` and `.midi` files, also in folders below; a list of files or
            folders; or a list of piano rolls.
        step: Quarter notes in a frame. Defaults to 0.5, an eighth.
        validation: Fraction of what is not test, in (0, 1). Defaults to 0.1.
        test: Fraction to report on. Defaults to 0.1.
        seed: Which pieces go where. Defaults to 0.

    Raises:
        FileNotFoundError: There is no such file or folder, or no MIDI file in it.
        ImportError: mido is not installed, which reads them.
        ValueError: A file cannot be read (the error names it), a piece has but one frame, or there
            are fewer than three.

    Example:

    >>> import numpy as np
    >>> rolls = keraseq.data.piano_rolls([np.eye(9, 88)] * 10, test=0.2)
    >>> len(rolls.train), len(rolls.validation), len(rolls.test)
    (7, 1, 2)
    """
    step = positive_number("step", step)
    pieces, name = pieces_of(source, step)
    order = np.random.default_rng(seed).permutation(len(pieces))
    count = max(1, round(len(pieces) * open_rate("test", test)))
    rest = max(1, round((len(pieces) - count) * open_rate("validation", validation)))
    if count + rest >= len(pieces):
        raise ValueError(
            f"{name}: {len(pieces)} pieces are too few for a training, a validation and a test part"
        )
    cut = np.split(order, [len(pieces) - count - rest, len(pieces) - count])
    train, valid, tested = ([pieces[i] for i in sorted(its)] for its in cut)
    split = f"test {test:.0%}, validation {validation:.0%} of the rest, by piece, seed {seed}"
    options = again(source=source, step=step, validation=validation, test=test, seed=seed)
    sha256 = digest([train, valid, tested])
    return PianoRolls(name, train, valid, tested, step, split, sha256, options)


def pieces_of(source, step: float) -> tuple[list[np.ndarray], str]:
    """The piano rolls of a source, and its name."""
    if isinstance(source, (str, Path)):
        return [roll_of(path, step) for path in midi_files(source)], Path(source).name
    pieces = []
    for one in source:
        if isinstance(one, (str, Path)):
            pieces += [roll_of(path, step) for path in midi_files(one)]
        else:
            pieces.append(long_enough(checked(one).astype("float32"), f"piece {len(pieces)}"))
    return pieces, "pieces"


def midi_files(source: str | Path) -> list[Path]:
    """A file, or all MIDI files of a folder."""
    path = Path(source)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {str(source)!r}")
        return [path]
    found = sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS)
    if not found:
        raise FileNotFoundError(f"there are no {' or '.join(ENDINGS)} files in {str(source)!r}")
    return found


def roll_of(path: Path, step: float) -> np.ndarray:
    """The piano roll of a file, of two frames at least."""
    return long_enough(read_midi(path, step), repr(str(path)))


def long_enough(piece: np.ndarray, name: str) -> np.ndarray:
    """A piece in which there is a frame to foretell."""
    if len(piece) < 2:
        raise ValueError(f"{name} has {len(piece)} frames; a piece has at least 2")
    return piece


def whole(source, step: float) -> list[np.ndarray]:
    """All pieces of a source, or of some data in parts those of the test part."""
    if isinstance(source, PianoRolls):
        return source.test
    return pieces_of(source, step)[0]


def jsb(row: PublicSet, data_dir=None) -> PianoRolls:
    """Bach's chorales in their three parts: 229, 76 and 77 pieces, a frame a quarter note.

    Raises:
        ValueError: The file holds no piano rolls.
    """
    from scipy.io import loadmat

    [file] = row.files.values()
    content = loadmat(io.BytesIO(read(file, data_dir)))
    parts = []
    for name in ("traindata", "validdata", "testdata"):
        if name not in content:
            raise ValueError(f"{file.path} holds no {name}: it is no file of piano rolls")
        pieces = [np.asarray(piece, "float32") for piece in content[name].ravel()]
        for number, piece in enumerate(pieces):
            if piece.ndim != 2 or piece.shape[1] != KEYS:
                raise ValueError(f"{file.path}: piece {number} of {name} has shape {piece.shape}")
        parts.append(pieces)
    return PianoRolls("jsb", *parts, step=1.0, split="the given one", sha256=digest(parts))


def digest(parts) -> str:
    """What tells pieces from others."""
    found = hashlib.sha256()
    for pieces in parts:
        for piece in pieces:
            found.update(repr(piece.shape).encode() + piece.astype("uint8").tobytes())
    return found.hexdigest()


def name_of(key: int) -> str:
    """The name of a key, as MIDI counts them.

    Example:

    >>> keraseq.data.music.name_of(60), keraseq.data.music.name_of(70)
    ('C4', 'Bb4')
    """
    return f"{NAMES[key % 12]}{key // 12 - 1}"


def notes(roll: np.ndarray) -> pd.DataFrame:
    """The notes of a piano roll, a row each: `key` as MIDI counts, `name`, `start`, `frames`.

    Example:

    >>> import numpy as np
    >>> frame = keraseq.data.music.notes(np.ones((3, 1)) * (np.arange(88) == 39))
    >>> frame.to_dict("records")
    [{'key': 60, 'name': 'C4', 'start': 0, 'frames': 3}]
    """
    change = np.diff(np.pad(checked(roll), ((1, 1), (0, 0))), axis=0).T
    key, start = np.nonzero(change == 1)
    end = np.nonzero(change == -1)[1]
    frame = pd.DataFrame({"key": key + LOWEST, "start": start, "frames": end - start})
    frame.insert(1, "name", [name_of(one) for one in frame.key])
    return frame.sort_values(["start", "key"], ignore_index=True)


def roll(notes: pd.DataFrame, length: int | None = None) -> np.ndarray:
    """The piano roll of notes: what `notes` takes apart.

    Args:
        notes: A frame with the columns `key`, `start` and `frames`.
        length: Frames. Default: to the end of the last note.
    """
    ends = notes.start + notes.frames
    found = np.zeros((length or int(ends.max()), KEYS), "float32")
    for key, start, end in zip(notes.key, notes.start, ends, strict=True):
        found[start:end, key - LOWEST] = 1
    return found


def batches(
    pieces: Sequence[np.ndarray],
    batch_size: int = 16,
    *,
    length: int | None = None,
    transpose: bool = False,
    following: bool = True,
    shuffle: bool = False,
):
    """Batches of pieces of like length, and the frames that come, for `fit` on every backend.

    A piece begins after a frame of silence, so that its first frame is foretold as well.

    Args:
        pieces: Piano rolls.
        batch_size: Pieces in a batch. Defaults to 16.
        length: Frames to which longer pieces are cut, into parts that begin anew. Default: none is.
        transpose: Whether a piece is moved each time, by -5 to 6 semitones, as far as the keyboard
            goes. Defaults to `False`.
        following: Whether the model reads the frames that come, too. Defaults to `True`.
        shuffle: Whether each epoch has an order of its own. Defaults to `False`.

    Returns:
        A `keras.utils.PyDataset` of inputs and targets. Inputs are `frames (batch, longest, 88)`,
        and `next`, the same a frame ahead, filled up with silence; targets are `next`, filled up
        with -1.

    Example:

    >>> import numpy as np
    >>> [(inputs, targets)] = keraseq.data.music.batches([np.eye(3, 88)])
    >>> sorted(inputs), targets.shape, float(targets[0, 3, 0])
    (['frames', 'next'], (1, 32, 88), -1.0)
    """
    from keraseq.data.batches import Batches  # which loads Keras

    pieces = [part for one in pieces for part in windows(np.pad(one, ((1, 0), (0, 0))), length)]
    sizes = np.array([len(piece) - 1 for piece in pieces])
    room = np.array([moves(piece) for piece in pieces])
    batch_size = positive_integer("batch_size", batch_size)

    def draw(shuffle):
        found = groups(sizes, batch_size, shuffle, MULTIPLE)
        if not transpose:
            return [its * 12 + DOWN for its in found]
        low, high = room.T
        return [its * 12 + DOWN + np.random.randint(low[its], high[its] + 1) for its in found]  # noqa: NPY002

    def gather(chosen):
        rows = [np.roll(pieces[one // 12], one % 12 - DOWN, axis=1) for one in chosen]
        targets = padded([row[1:] for row in rows], MULTIPLE, IGNORED)
        inputs = padded([row[:-1] for row in rows], MULTIPLE)
        if following:
            inputs = {"frames": inputs, "next": np.maximum(targets, 0)}
        return inputs, targets

    return Batches(draw, gather, shuffle)


def windows(piece: np.ndarray, length: int | None) -> list[np.ndarray]:
    """A piece in parts of like length that foretell at most so many frames each."""
    steps = len(piece) - 1
    count = -(-steps // length) if length else 1
    ends = [steps * i // count for i in range(count + 1)]
    return [piece[a : b + 1] for a, b in pairwise(ends)]


def moves(piece: np.ndarray) -> tuple[int, int]:
    """How far down and up a piece can be moved, in semitones."""
    keys = np.flatnonzero(piece.any(axis=0))
    if not len(keys):
        return 0, 0
    return -min(DOWN, int(keys[0])), min(UP, KEYS - 1 - int(keys[-1]))
