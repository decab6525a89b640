"""Frames that are made: digits that move, and skeletons drawn as stick figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of, positive_integer
from keraseq.data.images import mnist
from keraseq.data.labelled import skeletons
from keraseq.data.labelled.parts import LabelledFrames, fingerprint
from keraseq.data.labelled.skeleton_rows import centred
from keraseq.data.parts import PARTS, Part

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet

STEPS = {  # how a digit moves in a frame, in pixels: down and right
    "right": (0, 2),
    "down right": (2, 2),
    "down": (2, 0),
    "down left": (2, -2),
    "left": (0, -2),
    "up left": (-2, -2),
    "up": (-2, 0),
    "up right": (-2, 2),
}
QUESTIONS = ("direction", "faster")
SIZE, THICK = 32, 1.3  # pixels: of a frame, and of a bone
FINE = 3  # times: how much larger it is drawn
REACH = 5.0  # lengths of the spine from side to side of a frame


def moving_digits(
    row: PublicSet,
    data_dir=None,
    *,
    question: str = "direction",
    frames: int = 10,
    examples: int = 3000,
    seed: int = 0,
) -> LabelledFrames:
    """MNIST's digits, at half their size, in motion: what is asked needs time.

    A digit that leaves the frame comes back at the other side, and starts anywhere, so that **a
    single frame is equally likely under every label**: no method that looks at frames one by one
    can do better than chance.

    Args:
        row: The row of the table of data sets.
        data_dir: See `keraseq.data.load`.
        question: `"direction"`: one digit moves in one of eight directions, 2 pixels a frame along
            each axis. `"faster"`: two digits move to the right, one above the other, by 1 to 4
            pixels a frame; which is faster, the `upper` or the `lower`? Defaults to `"direction"`.
        frames: Number of frames. Defaults to 10.
        examples: Of the training part; validation and test have a third of it each. Digits of the
            test part are from MNIST's test part. Defaults to 3,000.
        seed: Which digits move, from where. Defaults to 0.

    Returns:
        Parts of arrays `(frames, 32, 32, 1)`, uint8.
    """
    one_of("question", question, QUESTIONS)
    positive_integer("frames", frames)
    examples, rng = positive_integer("examples", examples), np.random.default_rng(seed)
    classes = tuple(STEPS) if question == "direction" else ("upper", "lower")
    move = one_moves if question == "direction" else two_move
    parts = {}
    for name, digits in zip(PARTS, mnist(row, data_dir), strict=True):
        count = examples if name == "train" else max(1, examples // 3)
        labels = rng.permutation(np.arange(count) % len(classes)).astype("int32")
        made = [move(digits.inputs, classes[label], frames, rng) for label in labels]
        parts[name] = Part(made, labels)
    return LabelledFrames(
        "moving-mnist",
        classes,
        **parts,
        split="digits of MNIST's own test part; validation: the last 5,000 of its training part",
        sha256=fingerprint(parts),
        options={"question": question, "frames": frames, "examples": examples, "seed": seed},
    )


def one_moves(digits: np.ndarray, label: str, frames: int, rng) -> np.ndarray:
    """A digit that moves in a direction."""
    frame = np.zeros((SIZE, SIZE), "float32")
    frame[:14, :14] = some_digit(digits, rng)
    start, step = rng.integers(SIZE, size=2), np.array(STEPS[label])
    return filmed([np.roll(frame, start + i * step, (0, 1)) for i in range(frames)])


def some_digit(digits: np.ndarray, rng) -> np.ndarray:
    """One of them at half its size, `(14, 14)`."""
    return digits[rng.integers(len(digits))].reshape(14, 2, 14, 2).mean((1, 3))


def two_move(digits: np.ndarray, label: str, frames: int, rng) -> np.ndarray:
    """Two digits, of which one is faster."""
    slow, fast = sorted(rng.choice([1, 2, 3, 4], 2, replace=False))
    film = np.zeros((frames, SIZE, SIZE), "float32")
    speeds = (fast, slow) if label == "upper" else (slow, fast)
    for top, speed in zip((1, 17), speeds, strict=True):
        lane = np.zeros((14, SIZE), "float32")
        lane[:, :14] = some_digit(digits, rng)
        start = rng.integers(SIZE)
        for i in range(frames):
            film[i, top : top + 14] = np.roll(lane, start + i * speed, 1)
    return filmed(film)


def filmed(frames) -> np.ndarray:
    """Grey frames from 0 to 1 as uint8 with an axis of channels."""
    return np.round(255 * np.stack(frames)).astype("uint8")[..., None]


def drawn(body: np.ndarray, size: int = SIZE) -> np.ndarray:
    """A skeleton as a stick figure, seen from the front, its hip in the middle.

    Args:
        body: Places of joints `(frames, 20, 3)`.
        size: Height and width of a frame in pixels. Defaults to 32.

    Returns:
        Frames `(frames, size, size, 1)`, uint8.
    """
    from PIL import Image, ImageDraw

    large = FINE * size
    places = centred(body)[..., :2] * [1, -1] * large / REACH + large / 2
    frames = []
    for joints in places.round().astype(int).tolist():
        image = Image.new("L", (large, large))
        pen = ImageDraw.Draw(image)
        for one, other in skeletons.BONES:
            pen.line((*joints[one], *joints[other]), 255, round(THICK * FINE))
        frames.append(np.asarray(image.reduce(FINE)))
    return np.stack(frames)[..., None]


def drawn_actions(
    row: PublicSet, data_dir=None, *, validation: float = 0.2, size: int = SIZE
) -> LabelledFrames:
    """MSR Action3D as stick figures, with the parts of `msraction3d`."""
    bodies = skeletons.public(row, data_dir, validation=validation)
    parts = {}
    for name in PARTS:
        inputs, labels = bodies.part(name)
        parts[name] = Part([drawn(one, size) for one in inputs], labels)
    return LabelledFrames(
        "msraction3d-drawn",
        bodies.classes,
        **parts,
        split=bodies.split,
        dropped=bodies.dropped,
        sha256=bodies.sha256,
        options={"validation": validation, "size": size},
    )
