"""Labelled sequences of frames: folders of pictures, or arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from keraseq.checks import positive_integer
from keraseq.data.labelled.parts import LabelledFrames, in_parts, labels_of
from keraseq.data.labelled.table import again
from keraseq.data.pictures import PICTURES, opened

ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class Sequences:
    """Sequences of frames as they were read."""

    unlabelled: ClassVar[str] = "the sequences have no labels"
    name: str
    inputs: list[np.ndarray]
    names: list[str]
    labels: list | None


def as_frames(values, name: str) -> np.ndarray:
    """Frames `(frames, height, width, channels)`, uint8; grey ones need no axis of channels.

    Numbers that are no integers must be between 0 and 1, integers between 0 and 255.
    """
    try:
        values = np.asarray(values)
        whole = values.dtype.kind in "bui"
        values = values if whole else values.astype("float32")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from None
    shape = values.shape
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or not values.size:
        raise ValueError(
            f"{name} must have shape (frames, height, width, channels), or (frames, height, "
            f"width); received {shape}"
        )
    top = 255 if whole else 1
    if values.dtype == bool:
        return values.astype("uint8") * 255
    if not (values.min() >= 0 and values.max() <= top):  # nor NaN
        kind = "integers from 0 to 255" if whole else "numbers from 0 to 1"
        raise ValueError(f"{name} must hold {kind}; received {values.min():g} to {values.max():g}")
    return values.astype("uint8") if whole else np.round(values * 255).astype("uint8")


def picture(path: Path) -> np.ndarray:
    """A picture `(height, width, channels)`: grey, or red, green and blue."""
    with opened(path) as image:
        grey = image.mode in ("1", "L", "I", "I;16", "LA")
        values = np.asarray(image.convert("L" if grey else "RGB"))
    return values[..., None] if grey else values


def sequence(path: Path) -> np.ndarray:
    """The frames of a folder of pictures, in the order of their names, or of a file of arrays."""
    if path.is_dir():
        pictures = [picture(one) for one in pictures_of(path)]
        shapes = {one.shape for one in pictures}
        if len(shapes) != 1:
            raise ValueError(
                f"{str(path)!r} holds no pictures"
                if not shapes
                else f"{str(path)!r} holds frames of several sizes: {sorted(shapes)}"
            )
        return np.stack(pictures)
    try:
        found = np.load(path, allow_pickle=False)
        if path.suffix == ".npz":
            with found as archive:
                if len(archive.files) != 1:
                    raise ValueError(f"it must hold one array; it holds {archive.files}")
                found = archive[archive.files[0]]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{str(path)!r} cannot be read as an array: {error}") from None
    return as_frames(found, repr(str(path)))


def pictures_of(folder: Path) -> list[Path]:
    """The pictures in a folder, by name."""
    return sorted(one for one in folder.iterdir() if one.suffix.lower() in PICTURES)


def is_sequence(path: Path) -> bool:
    """Whether a path is a folder of pictures or a file of arrays."""
    if path.is_dir():
        return bool(pictures_of(path))
    return path.suffix.lower() in ARRAYS and path.is_file()


def read(source, labels: Sequence | None = None) -> Sequences:
    """The sequences of a source, see `labelled_frames`; labels may be missing."""
    if isinstance(source, (str, Path)):
        if labels is not None:
            raise ValueError("labels are of arrays; of files their folders say them")
        path = Path(source)
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {str(path)!r}")
        if is_sequence(path):
            places, classes = [path], None
        else:
            places = sorted(one for one in path.glob("*/*") if is_sequence(one))
            classes = [one.parent.name for one in places]
        if not places:
            raise ValueError(
                f"{str(path)!r} holds no sequences of frames: put those of a class in a folder of "
                f"its name, each a folder of pictures ({', '.join(PICTURES)}) or an array "
                f"({', '.join(ARRAYS)})"
            )
        inputs, names = [sequence(one) for one in places], [*map(str, places)]
        name = path.name
    else:
        inputs = [as_frames(one, f"arrays: example {i}") for i, one in enumerate(source)]
        names, name = [f"example {i}" for i in range(len(inputs))], "arrays"
        classes = None if labels is None else np.asarray(labels).tolist()
        if classes is not None and len(classes) != len(inputs):
            raise ValueError(
                f"labels must be one for each of {len(inputs)} sequences; received {len(classes)}"
            )
        if not inputs:
            raise ValueError("arrays: there are no sequences")
    for one, where in zip(inputs, names, strict=True):
        if one.shape[1:] != inputs[0].shape[1:]:
            raise ValueError(
                f"{where} has frames of shape {one.shape[1:]}, {names[0]} of {inputs[0].shape[1:]}"
            )
    return Sequences(name, inputs, names, classes)


def labelled_frames(
    source,
    labels: Sequence | None = None,
    *,
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
) -> LabelledFrames:
    """Reads sequences of frames with a label each, and cuts them into three parts.

    Args:
        source: A folder with a folder for each class, in which an example is a folder of pictures
            (`.png`, `.jpg`), one a frame, in the order of their names, or an array (`.npy`, `.npz`)
            `(frames, height, width, channels)`; or a list of such arrays, with `labels`. Grey
            frames need no axis of channels. All frames have one size; sequences may be of any
            length.
        labels: One for each array.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1).
            Defaults to 0.2.
        test: Fraction to report on, in (0, 1). Defaults to 0.2.
        seed: Which examples go where. Defaults to 0.

    Returns:
        Parts of arrays `(frames, height, width, channels)`, uint8.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: In one line, with the file's name: a picture or array cannot be read, sizes
            differ, labels are missing, or there are too few examples.

    Example:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> films = [rng.random((6, 8, 8)) for _ in range(20)]
    >>> print(keraseq.data.labelled_frames(films, ["left", "right"] * 10))
    arrays: train 12, validation 4, test 4 sequences of 6 frames of 8 x 8 x 1; classes left, right
    """
    found = read(source, labels)
    return in_parts(
        LabelledFrames,
        found.name,
        (found.inputs, labels_of(found)),
        None,
        validation=validation,
        test=test,
        seed=seed,
        options=again(source=source, validation=validation, test=test, seed=seed),
    )


class FrameEncoder:
    """What checks sequences of frames before a model reads them, and is kept with it.

    Args:
        height, width, channels: Size of a frame.
        length: The most frames that are read of a sequence: a longer one is read at so many evenly
            spaced moments. Defaults to 64.

    Example:

    >>> import numpy as np
    >>> rows = keraseq.data.FrameEncoder(8, 8, 1, length=4).rows([np.ones((9, 8, 8, 1))])
    >>> rows[0].shape
    (4, 8, 8, 1)
    """

    def __init__(self, height: int, width: int, channels: int, length: int = 64):
        sizes = {"height": height, "width": width, "channels": channels, "length": length}
        for name, size in sizes.items():
            setattr(self, name, positive_integer(name, size))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a frame."""
        return self.height, self.width, self.channels

    def __len__(self) -> int:
        """Values of a frame."""
        return self.height * self.width * self.channels

    def rows(self, sequences: Iterable[np.ndarray], names: Sequence[str] = ()) -> list[np.ndarray]:
        """Each sequence as uint8; an error says its name, or its position."""
        found = []
        for i, one in enumerate(sequences):
            where = names[i] if names else f"sequence {i}"
            frames = as_frames(one, where)
            if frames.shape[1:] != self.shape:
                raise ValueError(
                    f"{where} must have frames of shape {self.shape}; received {frames.shape[1:]}"
                )
            if len(frames) > self.length:
                chosen = np.linspace(0, len(frames) - 1, self.length).round().astype(int)
                frames = frames[chosen]
            found.append(frames)
        return found

    def lengths(self, sequences: Iterable[np.ndarray]) -> np.ndarray:
        """How many frames each sequence has, also where fewer are read."""
        return np.array([len(one) for one in sequences])

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing`."""
        return dict(vars(self))
