"""Every recipe where TensorFlow cannot be imported, on the other backends, each in a process."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import seen
import tones

from keraseq.data import music
from keraseq.recipes import RECIPES

BLOCKED = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_text"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refused())
sys.modules["tensorflow"] = None
"""
# Of each recipe and kind of input: settings, from which file it learns, what it predicts, how many
# if that is known.
USES = {
    "write": ("units=8, batch_size=4, length=8", "'text.txt'", "'one two '", 300),
    "compose": ("units=4, head_units=4", "'songs'", "None", None),
    "classify": ("units=4, embedding=4, length=16, wide=50", "'texts.csv'", "['a good w1']", 1),
    "classify series": ("units=4", "'waves.csv'", "'waves.csv'", 40),
    "classify trees": (
        "units=4, embedding=4",
        "'films.trees'",
        "['(2 a1)', '(4 (2 a1) (2 b))']",
        2,
    ),
    "tag": ("units=4, character_units=3", "'names.conll'", "['Jo came', ['Jo']]", 3),
    "translate": (
        "level='character', units=4, embedding=4, length=30, measured_sentences=4",
        "['text.x', 'text.y']",
        "['one']",
        1,
    ),
    "caption": (
        "units=4, embedding=4, minimum=1, encoder='eye.keras', cache='eye.h5', length=9",
        "'said.csv'",
        "['0.png']",
        1,
    ),
    "classify signals": ("units=4", "'words.csv'", "'words.csv'", 16),
    "transcribe": ("units=4", "'words.csv'", "[]", 0),
    "forecast": ("horizon=4, look_back=8, units=4", "'series.csv'", "'series.csv'", 4),
}
RECIPE = """
import keraseq
from keraseq import recipes

trained = recipes.train({recipe!r}, {source}, epochs=1, report=None, {settings})
trained.save({name!r})
bundle = keraseq.bundle.load({name!r})
for one, other in zip(trained.model.get_weights(), bundle.model.get_weights(), strict=True):
    assert (one == other).all()
assert len(recipes.evaluate(bundle, {source})) > 2  # the model and baselines
assert {count} in (None, len(recipes.predict(bundle, {raw})))
"""
DATA = """
from keraseq import data

size = lambda row: sum(file.size or 0 for file in row.files.values())
here = [(name, row) for name, row in data.sets.SETS.items() if row.here()[0]]
small = {row.loader: name for name, row in sorted(here, key=lambda it: -size(it[1]))}
for name in small.values():  # of what each loader reads, the least
    data.load(name)
try:
    data.TextEncoder.of(["one two"], "wordpiece")
except ModuleNotFoundError as error:
    assert "level='wordpiece' learns its pieces with TensorFlow" in str(error)
else:
    raise AssertionError("no error")
pieces = data.WordPieceVocabulary(["[UNK]", "[EOL]", "play", "##ing"])
assert pieces.encode("playing\\n").tolist() == [2, 3, 1]
"""


def run(code: str, backend: str, folder) -> None:
    """Runs code where TensorFlow cannot be imported."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "KERASEQ_LOOP": "plain"}
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + code],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_recipe(backend, tmp_path):
    assert {name.split()[0] for name in USES} == set(RECIPES)
    rng = np.random.default_rng(0)
    words = [[f"w{n}" for n in rng.integers(0, 9, rng.integers(3, 12))] for _ in range(60)]
    texts = [" ".join([*some, ("bad", "good")[i % 2]]) for i, some in enumerate(words)]
    (tmp_path / "text.txt").write_text("one two three four five\n" * 60)
    pd.DataFrame({"text": texts, "label": ["no", "yes"] * 30}).to_csv(tmp_path / "texts.csv")
    for name, some in (("text.x", texts), ("text.y", texts[::-1])):
        (tmp_path / name).write_text("\n".join(f"{at}{one[:9]}" for at, one in enumerate(some)))
    times = pd.date_range("2024-01-01", periods=120, freq="h")
    pd.DataFrame({"time": times, "y": rng.normal(size=120)}).to_csv(
        tmp_path / "series.csv", index=False
    )
    (tmp_path / "names.conll").write_text(
        "".join(f"Jo B-person\nOx I-person\ncame{n} O\n\n" for n in range(40))
    )
    (tmp_path / "films.trees").write_text("".join(f"({n % 5} (2 a{n}) (2 b))\n" for n in range(60)))
    (tmp_path / "songs").mkdir()
    for n in range(6):
        music.write_midi(np.eye(5, music.KEYS, 40 + n), tmp_path / "songs" / f"{n}.mid")
    tones.listed(tmp_path / "words.csv")
    seen.captioned(tmp_path)
    waves = pd.DataFrame(rng.normal(size=(40, 12)), columns=map(str, range(12)))
    waves.assign(label=["up", "down"] * 20).to_csv(tmp_path / "waves.csv", index=False)
    code = [
        RECIPE.format(
            recipe=name.split()[0],
            name=name,
            settings=settings,
            source=source,
            raw=raw,
            count=count,
        )
        for name, (settings, source, raw, count) in USES.items()
    ]
    run("".join(code), backend, tmp_path)


def test_data(tmp_path):
    run(DATA, "torch", tmp_path)
