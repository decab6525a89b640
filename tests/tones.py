"""WAV files of tones that rise or fall, for tests of recordings."""

import wave

import numpy as np

RATE = 2000
WORDS = {"fall": (700.0, 150.0), "rise": (150.0, 700.0)}  # from and to, in Hz


def tone(word, seconds=0.1, seed=0, rate=RATE):
    """A word said a little differently each time, float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate * rng.uniform(0.8, 1.2))) / rate
    pitch = np.linspace(*WORDS[word], len(time)) * rng.uniform(0.9, 1.1)
    wave = 0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / rate)
    return (wave + 0.01 * rng.normal(size=len(time))).astype("float32")


def write(path, samples, rate=RATE, width=2):
    """A WAV file of samples `(n,)` or `(n, channels)` between -1 and 1."""
    whole = np.round(np.asarray(samples, "float64") * (2 ** (8 * width - 1) - 1)).astype("int64")
    if width == 1:
        whole = whole + 128
    raw = whole.reshape(-1, 1).view("uint8").reshape(-1, 8)[:, :width].tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if whole.ndim == 1 else whole.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)


def folders(folder, count=8):
    """A folder of so many recordings of each word, in a folder for each."""
    for word in WORDS:
        for i in range(count):
            write(folder / word / f"{i}.wav", tone(word, seed=i))
    return folder


def listed(path, count=8):
    """A table of such recordings, which lie beside it; half of them are of each of two speakers."""
    folders(path.parent / "words", count)
    rows = [f"words/{word}/{i}.wav,{word},{'ab'[i % 2]}" for word in WORDS for i in range(count)]
    path.write_text("\n".join(["path,label,who", *rows]))
    return path
