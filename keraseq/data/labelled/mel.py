"""Recordings as rows of log-mel frames: what a model hears of them, in training and prediction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from keraseq.checks import boolean, positive_integer, positive_number

WINDOW, HOP = 0.030, 0.015  # seconds
QUIETEST = 1e-5  # beside the loudest band: 50 dB
BANDS = 40
# Of single words, which begin and end where they are within 20 dB of their loudest frame.
OF_WORDS, SILENT, LEAST = (20, 1e-4), 1e-2, 0.1
# What `varied` draws from.
SPEED, THROAT = (0.75, 1.35), (0.85, 1.2)
SHIFT, NOISE, MASKS = 16, 0.2, 2  # of the frames a sixteenth at either end; bands a sixth
LONGER = 1.7  # than a row at most: 1.35 * (1 + 2 / 16), rounded


class SignalEncoder:
    """What turns recordings into the frames that a model reads, and is kept with the model.

        x = log(mel / max(mel) + quietest)           frames of 30 ms, one every 15 ms
        y = (x - mean of the recording) / deviation  band by band, as measured on the training part

    The loudness of a recording and the colour of its microphone are gone. Of single words what is
    quiet at both ends is left out, and x is divided by the recording's own deviation over all
    bands, so that rooms that are more or less quiet sound alike.

    Args:
        rate: Samples a second.
        deviation: Of each band.
        words: Whether recordings are of single words. Defaults to `False`.

    Raises:
        ValueError: The rate is no positive integer, or a deviation no positive number.

    Example:

    >>> import numpy as np
    >>> tone = np.sin(np.arange(2000) / 3).astype("float32")
    >>> encoder = keraseq.data.SignalEncoder.of([tone], rate=8000)
    >>> encoder.rows([tone])[0].shape
    (15, 40)
    """

    def __init__(self, rate: int, deviation: Sequence[float], words: bool = False):
        self.rate = positive_integer("rate", rate)
        self.deviation = tuple(positive_number("deviation", one) for one in deviation)
        self.words = boolean("words", words)
        self.hop, self.width = (max(1, round(one * self.rate)) for one in (HOP, WINDOW))
        self.points = 2 ** int(np.ceil(np.log2(self.width)))
        self.window = np.hanning(self.width + 2)[1:-1]
        self.filters = mel_filters(self.rate, self.points, len(self.deviation))

    @classmethod
    def of(cls, recordings: Iterable[np.ndarray], rate: int, words: bool = False) -> SignalEncoder:
        """The encoder of a training part; give it nothing else.

        Args:
            recordings: Samples of each.
            rate: Samples a second.
            words: Whether they are of single words, which are read in 20 bands instead of 40.
                Defaults to `False`.
        """
        plain = cls(rate, [1.0] * (OF_WORDS[0] if words else BANDS), words)
        deviation = np.concatenate(plain.rows(recordings)).std(0)
        return cls(rate, [float(one) if one > 1e-3 else 1.0 for one in deviation], words)

    def __len__(self) -> int:
        """Number of bands."""
        return len(self.deviation)

    def spectrogram(self, samples: np.ndarray) -> np.ndarray:
        """The log-mel frames `(frames, bands)` of a recording, before its mean is taken away."""
        samples = np.asarray(samples, "float64")
        if samples.ndim != 1 or not len(samples):
            raise ValueError(
                f"a recording must have shape (samples,), one at least; received {samples.shape}"
            )
        if len(samples) < self.width:
            samples = np.pad(samples, (0, self.width - len(samples)))
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.width)[:: self.hop]
        power = np.abs(np.fft.rfft(frames * self.window, self.points)) ** 2
        mel = power @ self.filters
        if self.words:
            loud = np.flatnonzero(mel.sum(1) >= SILENT * mel.sum(1).max())
            mel = mel[loud[0] : loud[-1] + 1]
        return np.log(mel / max(mel.max(), 1e-12) + (OF_WORDS[1] if self.words else QUIETEST))

    def rows(self, recordings: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Each recording as float32 `(frames, len(self))`."""
        scale, found = np.array(self.deviation), []
        for one in recordings:
            x = self.spectrogram(one)
            x = x - x.mean(0)
            own = x.std() + LEAST if self.words else 1.0
            found.append((x / own / scale).astype("float32"))
        return found

    def lengths(self, recordings: Iterable[np.ndarray]) -> np.ndarray:
        """How many frames each recording has, with what is quiet at its ends."""
        return np.array([max(0, len(one) - self.width) // self.hop + 1 for one in recordings])

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing` and `from_dict`."""
        return {"rate": self.rate, "deviation": list(self.deviation), "words": self.words}

    @classmethod
    def from_dict(cls, values: dict) -> SignalEncoder:
        """The encoder that `to_dict` described."""
        return cls(**values)


def mel_filters(rate: int, points: int, bands: int) -> np.ndarray:
    """Triangles `(points // 2 + 1, bands)` whose centres lie evenly on the mel scale.

    mel(f) = 2595 log10(1 + f / 700), from 0 to half the rate; each is as high as makes it sum to 1.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    at = np.linspace(0, rate / 2, points // 2 + 1)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.maximum(
        0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle))
    )
    near = np.abs(at - middle).argmin(0)  # a band between two points hears the nearest
    empty = triangles.sum(0) == 0
    triangles[near[empty], np.flatnonzero(empty)] = 1.0
    return triangles / triangles.sum(0)


def varied(row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The frames of a recording as another voice might have said it, for training alone.

    Faster or slower, with a shorter or longer throat (bands are stretched), begun or cut a little
    earlier or later, with noise, and without some bands.
    """
    steps, bands = row.shape
    count = max(1, round(steps * rng.uniform(*SPEED)))
    row = squeezed(row, np.linspace(0, steps - 1, count))
    row = stretched(row, rng.uniform(*THROAT), rng.uniform(-1, 1))
    early, late = rng.integers(-(count // SHIFT), count // SHIFT + 1, 2)
    row = row[max(0, -early) : count - max(0, -late)]
    row = np.pad(row, ((max(0, early), max(0, late)), (0, 0)), "edge")
    row = row + rng.uniform(0, NOISE) * rng.standard_normal(row.shape)
    for _ in range(MASKS):
        width = rng.integers(0, bands // 6 + 1)
        start = rng.integers(0, bands - width + 1)
        row[:, start : start + width] = 0.0
    return row.astype("float32")


def stretched(row: np.ndarray, factor: float, shift: float = 0.0) -> np.ndarray:
    """The frames of a recording as of a shorter or longer throat: their bands stretched."""
    bands = row.shape[1]
    places = np.clip(np.arange(bands) * factor + shift, 0, bands - 1)
    return squeezed(row.T, places).T.astype("float32")


def squeezed(row: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The steps of a row at places between them, on straight lines."""
    low = np.floor(at).astype(int)
    high, part = np.minimum(low + 1, len(row) - 1), (at - low)[:, None]
    return row[low] * (1 - part) + row[high] * part
