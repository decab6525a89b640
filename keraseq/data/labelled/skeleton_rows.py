"""Skeletons as rows of steps: what a model reads of them, and how training varies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from keraseq.checks import positive_integer
from keraseq.data.labelled.skeletons import HIP, JOINTS, NECK, cleaned

PLACES = 3 * len(JOINTS)
SPEED = 10.0  # a joint moves about a tenth of the spine's length in a frame
TURN, TILT, STRETCH, SLOWER, UNEVEN, CUT, SHAKE = 0.3, 0.12, 0.05, 0.3, 0.4, 0.08, 0.01


class SkeletonEncoder:
    """What turns skeletons into the steps that a model reads, and is kept with the model.

        place = (joint - hip) / |neck - hip|              the length of the spine: its median
        speed = 10 (place_t - place_{t-1})                0 in the first frame

    Nothing is fitted. Where somebody stands, and how tall they are, is gone.

    Args:
        length: The most frames that are read of an example: a longer one is read at so many evenly
            spaced moments. Defaults to 256.

    Example:

    >>> import numpy as np
    >>> body = np.random.default_rng(0).normal(size=(9, 20, 3))
    >>> keraseq.data.SkeletonEncoder(4).rows([body])[0].shape
    (4, 120)
    """

    def __init__(self, length: int = 256):
        self.length = positive_integer("length", length)

    def __len__(self) -> int:
        """Width of a step: a place and a speed of each joint, in three directions."""
        return 2 * PLACES

    def rows(self, bodies: Iterable[np.ndarray], names: Sequence[str] = ()) -> list[np.ndarray]:
        """Each example as float32 `(frames, 120)`; an error says its name, or its position."""
        found = []
        for i, one in enumerate(bodies):
            values = centred(cleaned(one, names[i] if names else f"skeleton {i}"))
            if len(values) > self.length:
                values = between(values, np.linspace(0, len(values) - 1, self.length))
            found.append(with_speed(values))
        return found

    def lengths(self, bodies: Iterable[np.ndarray]) -> np.ndarray:
        """How many frames each example has, also where fewer are read."""
        return np.array([len(one) for one in bodies])

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing`."""
        return {"length": self.length}


def centred(values: np.ndarray) -> np.ndarray:
    """Places beside the hip, in lengths of the spine."""
    values = values - values[:, HIP : HIP + 1]
    spine = float(np.median(np.linalg.norm(values[:, NECK], axis=-1)))
    return values / (spine or 1.0)


def with_speed(places: np.ndarray) -> np.ndarray:
    """Places `(frames, 20, 3)` and how they change, as a row of steps."""
    speed = SPEED * np.diff(places, axis=0, prepend=places[:1])
    steps = np.concatenate([places, speed], axis=1)
    return steps.reshape(len(steps), -1).astype("float32")


def between(values: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Values at moments between frames, on straight lines."""
    before = np.clip(moments.astype(int), 0, len(values) - 1)
    after = np.minimum(before + 1, len(values) - 1)
    share = (moments - before).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - share) * values[before] + share * values[after]


def varied(row: np.ndarray, length: int, rng=np.random) -> np.ndarray:
    """A row as somebody else might have moved: turned, stretched, at another pace.

    Args:
        row: What `SkeletonEncoder.rows` gave.
        length: The most frames.
        rng: What draws; by default NumPy's global random numbers.
    """
    places = row[:, :PLACES].reshape(len(row), -1, 3).astype("float64")
    turn, tilt = rng.normal(0, TURN), rng.normal(0, TILT)
    (c, s), (u, v) = (np.cos(turn), np.sin(turn)), (np.cos(tilt), np.sin(tilt))
    turned = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array(
        [[1, 0, 0], [0, u, -v], [0, v, u]]
    )
    places = places @ turned.T * np.exp(rng.normal(0, STRETCH, 3))
    count = round(len(places) * np.exp(rng.normal(0, SLOWER)))
    count = min(max(count, 2), length)
    pace = np.interp(np.arange(count), np.linspace(0, count - 1, 5), rng.normal(0, UNEVEN, 5))
    moments = np.cumsum(np.exp(pace)) - np.exp(pace[0])
    first, last = rng.uniform(0, CUT), rng.uniform(1 - CUT, 1)
    moments = (first + (last - first) * moments / moments[-1]) * (len(places) - 1)
    places = between(places, moments)
    return with_speed(places + rng.normal(0, SHAKE, places.shape))
