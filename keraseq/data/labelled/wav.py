"""WAV files -> samples, by the standard library."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

ENDING = ".wav"


class Recording(NamedTuple):
    """Samples between -1 and 1, float32, one channel; how many there are in a second."""

    samples: np.ndarray
    rate: int


def read_wav(source, name: str | None = None) -> Recording:
    """A recording: PCM of 8, 16, 24 or 32 bits; several channels become their mean.

    Args:
        source: A path, or a binary file.
        name: What errors call it. Default: the file's name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: In one line, with the name: it is no such WAV file, or it holds no samples.

    Example:

    >>> import io, wave
    >>> file = io.BytesIO()
    >>> with wave.open(file, "wb") as out:
    ...     out.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     out.writeframes(b"\\x00\\x40" * 4)
    >>> keraseq.data.read_wav(io.BytesIO(file.getvalue()), "tone").samples.tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    if isinstance(source, (str, Path)):
        source = Path(source)
        name = name or source.name
        if not source.is_file():
            raise FileNotFoundError(f"there is no file {str(source)!r}")
        source = str(source)
    name = name or "recording"
    try:
        with wave.open(source, "rb") as file:
            channels, width, rate, count, *_ = file.getparams()
            raw = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{name} is no WAV file of PCM samples: {str(error) or 'it ends too early'}"
        ) from None
    if width not in (1, 2, 3, 4) or rate < 1:
        raise ValueError(
            f"{name} has samples of {8 * width} bits, {rate} a second; accepted are 8, 16, 24 and "
            "32 bits"
        )
    values = np.frombuffer(raw[: len(raw) // (width * channels) * width * channels], "uint8")
    values = values.reshape(-1, width)
    if width == 1:  # the one width that has no sign
        whole = values[:, 0].astype("int64") - 128
    else:
        whole = sum(values[:, i].astype("int64") << 8 * i for i in range(width))
        whole -= (values[:, -1].astype("int64") >> 7) << 8 * width
    samples = (whole / 2.0 ** (8 * width - 1)).reshape(-1, channels).mean(1)
    if not len(samples):
        raise ValueError(f"{name} holds no samples")
    return Recording(samples.astype("float32"), rate)


def resampled(recording: Recording, rate: int) -> np.ndarray:
    """Its samples at another rate: its spectrum, cut off or filled up with zeros."""
    samples, before = recording
    if rate == before:
        return samples
    count = max(1, round(len(samples) * rate / before))
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * count / len(samples)).astype("float32")
