"""Example files of a bundle, made up from what its preprocessing knows, or of its data set."""

import os
import tempfile
import wave
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from keraseq import data, recipes
from keraseq.bundle import Bundle
from keraseq.data.labelled.skeletons import JOINTS
from keraseq.data.timeseries import dummies
from keraseq.recipes.forecast.forecaster import WAVES, Stored

ROWS = 3_000  # of a public series that are shown
# Where the joints of somebody who stands are, in metres: x, and y from the hip.
STANDING = (
    *((-0.2, 0.5), (0.2, 0.5), (0, 0.5), (0, 0.25), (-0.1, -0.05), (0.1, -0.05), (0, 0)),
    *((-0.3, 0.25), (0.3, 0.25), (-0.32, 0), (0.32, 0), (-0.33, -0.1), (0.33, -0.1)),
    *((-0.12, -0.45), (0.12, -0.45), (-0.13, -0.85), (0.13, -0.85)),
    *((-0.15, -0.92), (0.15, -0.92), (0, 0.72)),
)


def place(name: str) -> Path:
    """A new path for a file of that name; the folder is deleted when the pages end."""
    return Path(tempfile.mkdtemp(dir=os.environ.get("GRADIO_TEMP_DIR"))) / name


def at_hand(bundle: Bundle) -> bool:
    """Whether the data of the training lie here."""
    known = data.sets.SETS.get(bundle.card.data)
    return known is not None and known.here()[0] is not None


def series(bundle: Bundle) -> list:
    """A table of measurements with the columns of the training, and what is known of the future."""
    with bundle.reading(Stored, "forecaster of this recipe") as stored:
        settings, scaler = stored.settings, data.Scaler.from_json(stored.scaler)
    path = place("example.csv")
    if stored.source and at_hand(bundle):
        frame = next(iter(recipes.forecast.series_of(bundle).frames.values())).tail(ROWS)
        frame.loc[:, ~frame.columns.str.endswith(WAVES)].to_csv(path, index_label="date")
        return [str(path), None]
    rng, count = np.random.default_rng(0), 10 * (settings.look_back + settings.horizon)
    steps = np.arange(count + settings.horizon)
    season = max(stored.season, 2)
    raw = {one: name for name, texts in stored.categories.items() for one in dummies(name, texts)}
    columns = {}
    if stored.freq is not None:
        name = stored.time[0] if len(stored.time) == 1 else "date"
        columns[name] = pd.date_range("2026-01-01", periods=len(steps), freq=stored.freq)
    columns |= dict.fromkeys(stored.id, "made up")
    known = list(columns)
    for name, mean, deviation in zip(scaler.columns, scaler.mean, scaler.deviation, strict=True):
        if name.endswith(WAVES):
            continue
        wave = np.sin(2 * np.pi * steps / season) + 0.3 * rng.normal(size=len(steps))
        values = mean + 0.7 * deviation * wave
        if name in stored.targets and settings.transform is not None:
            values = np.exp(values)
        if name in raw:
            values = rng.choice(stored.categories[raw[name]], len(steps))
        columns[raw.get(name, name)] = values
        if name in stored.future_covariates:
            known.append(raw.get(name, name))
    frame = pd.DataFrame(columns)
    frame[:count].to_csv(path, index=False)
    if not {*known} - {*stored.id} - {*list(columns)[:1]}:
        return [str(path), None]
    later = place("known.csv")
    frame.loc[count:, list(dict.fromkeys(known))].to_csv(later, index=False)
    return [str(path), str(later)]


def recording(bundle: Bundle) -> list:
    """Words of the test part where they lie here; else tones."""
    rate = bundle.preprocessing["encoder"]["rate"]
    if at_hand(bundle):
        parts = data.load(bundle.card.data)
        samples = parts.test.inputs[0]
        if bundle.card.recipe == "transcribe":
            samples = max(recipes.transcribe.glued(parts, count=8).inputs, key=len)
        rate = parts.rate
    else:
        time = np.arange(rate) / rate
        samples = 0.3 * np.sin(2 * np.pi * 200 * (1 + np.round(4 * time)) * time)
    path = place("recording.wav")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return [str(path)]


def picture(bundle: Bundle) -> list:
    """The sun above the sea."""
    down, right = np.mgrid[:240, :320]
    pixels = np.where((down < 150)[..., None], (120, 180, 240), (20, 60, 120)).astype("uint8")
    pixels[(down - 60) ** 2 + (right - 230) ** 2 < 900] = (255, 220, 80)
    path = place("picture.png")
    Image.fromarray(pixels).save(path)
    return [str(path)]


def skeleton(bundle: Bundle) -> list:
    """Somebody who waves."""
    bodies = np.repeat(np.pad(np.array(STANDING), ((0, 0), (0, 1)))[None], 40, axis=0)
    swing = np.sin(np.linspace(0, 4 * np.pi, 40))
    bodies[..., 2] += 2.5
    for joint, far in (("right elbow", 0.2), ("right wrist", 0.45), ("right hand", 0.55)):
        bodies[:, JOINTS.index(joint), 0] = 0.3 + 0.4 * far * swing
        bodies[:, JOINTS.index(joint), 1] = 0.4 + far
    path = place("waves_skeleton3D.txt")
    np.savetxt(path, bodies.reshape(-1, 3), fmt="%.4f")
    return [[str(path)]]


def frames(bundle: Bundle) -> list:
    """A bright square on its way through the picture."""
    shape = [bundle.preprocessing["encoder"][name] for name in ("height", "width", "channels")]
    found = np.zeros((20, *shape), "uint8")
    size = max(1, min(shape[:2]) // 4)
    for step, one in enumerate(found):
        left = step * (shape[1] - size) // len(found)
        one[size : 2 * size, left : left + size] = 255
    path = place("frames.npy")
    np.save(path, found)
    return [str(path)]


def labelled_series(bundle: Bundle) -> list:
    """Five series of noise around what the training part has."""
    encoder = data.SeriesEncoder.from_dict(bundle.preprocessing["encoder"])
    rng, path = np.random.default_rng(0), place("example.ts")
    scaler = encoder.scaler
    lines = ["@problemName example\n@classLabel false\n@data"]
    for _ in range(5):
        noise = rng.normal(scaler.mean, scaler.deviation, (50, len(scaler.columns))).T
        lines.append(":".join(",".join(f"{one:.5g}" for one in channel) for channel in noise))
    path.write_text("\n".join(lines) + "\n")
    return [str(path)]
