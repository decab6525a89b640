"""Nats a frame of Bach's chorales: keys that know each other, and keys that do not.

    python benchmarks/music.py [--heads ordered,independent] [--seeds 0,1,2]
    python benchmarks/music.py --without transpose --seeds 0
    python benchmarks/music.py floors
    python benchmarks/music.py figure     what saved_models/chorales draws, beside the corpus

Data: JSB Chorales in the folder named by `KERASEQ_DATA`, else a download; the given split. Pieces
are scored from start to end, the first frame of each is given, the mean is over frames. The epoch
is the best one on validation, and settings were chosen on validation. `--epochs` and `--cell` are
those of the recipe `compose`.

Every run prints its lines and adds one to `--csv`; runs that are in the file are not repeated.
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
DRAWN, LENGTH = 20, 64  # pieces of the figure, and their frames


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("models", "floors", "figure"), nargs="?", default="models")
    parser.add_argument("--heads", default="ordered,independent")
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--without", choices=("nothing", "transpose"), default="nothing")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    path = given.csv or Path(__file__).parent / "results" / "music.csv"
    if given.what == "floors":
        return floors(path)
    if given.what == "figure":
        return figure(path)
    for seed in map(int, given.seeds.split(",")):
        for head in given.heads.split(","):
            run(given, head, seed, path)


def floors(path: Path) -> None:
    """What keys cost that are counted, each by itself."""
    from keraseq import data
    from keraseq.evaluate import KeyFrequencies
    from keraseq.recipes.compose import evaluation

    parts = data.load("jsb")
    for head, itself in evaluation.BASELINES.items():
        key = {"head": head, "cell": "", "without": "nothing", "seed": 0}
        if not lines.there(path, key):
            count = KeyFrequencies(parts.train, itself)
            add(path, key, lambda pieces, count=count: [count(piece) for piece in pieces], parts)


def figure(path: Path) -> None:
    """Draws a piece beside one of Bach's, counts the notes of both, and writes the shares."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import pandas as pd

    from keraseq import bundle, data, plots, recipes
    from keraseq.data import music
    from keraseq.evaluate import note_statistics

    test = data.load("jsb").test
    saved = bundle.load(Path(__file__).parents[1] / "saved_models" / "chorales")
    drawn = []
    for seed in range(DRAWN):
        notes = recipes.predict(saved, None, length=LENGTH, seed=seed)
        drawn.append(music.roll(notes, LENGTH))
    counts = pd.concat(
        note_statistics(pieces).assign(source=source)
        for source, pieces in (("Bach (test part)", test), (f"{DRAWN} drawn pieces", drawn))
    )
    plain, panels = plt.subplot_mosaic("aa;bb;cd", figsize=(10, 9), layout="constrained")
    plots.piano_roll(drawn[0], ax=panels["a"]).set_title("drawn, seed 0", loc="left")
    of_bach = f"Bach, the first {LENGTH} frames of a test piece"
    plots.piano_roll(test[1][:LENGTH], ax=panels["b"]).set_title(of_bach, loc="left")
    for panel, (_, own) in zip("cd", counts.groupby("what", sort=False), strict=True):
        plots.note_statistics(own, ax=panels[panel])
    plain.savefig(path.parents[1] / "figures" / "music.png", dpi=100)
    shares = counts.pivot(index=["what", "number"], columns="source", values="share")
    shares.round(4).reset_index().to_csv(path.with_name("music-notes.csv"), index=False)
    print(shares.round(3))


def run(given, head: str, seed: int, path: Path) -> None:
    """Trains, measures on validation and test, and writes a line; nothing if it is there."""
    from keraseq import data, recipes

    key = {"head": head, "cell": given.cell, "without": given.without, "seed": seed}
    if lines.there(path, key):
        return
    parts = data.load("jsb")
    chosen = {"head": head, "cell": given.cell, "seed": seed}
    chosen |= {"epochs": given.epochs} if given.epochs else {}
    chosen |= {"transpose": False} if given.without == "transpose" else {}
    begin, processor = time.monotonic(), time.process_time()
    bundle = recipes.train("compose", parts, **chosen)
    seconds = {
        "seconds": round(time.monotonic() - begin),
        "processor_seconds": round(time.process_time() - processor),
    }
    settings = bundle.preprocessing["settings"]
    size = {name: settings[name] for name in ("units", "epochs")}
    size["parameters"] = bundle.model.count_params()
    cost = lambda pieces: recipes.compose.costs_of(bundle.model, pieces)  # noqa: E731
    add(path, key, cost, parts, **size, **seconds)


def add(path: Path, key: dict, method, parts, **others) -> None:
    """Measures a method, and writes its line."""
    from keraseq.recipes.compose.evaluation import measured

    line = dict(key)
    for part, prefix in (("test", ""), ("validation", "validation_")):
        found = measured(method(getattr(parts, part)))
        for name in ("nats_per_frame", "low", "high"):
            line[prefix + name] = round(float(found[name]), 4)
    lines.add(path, {**line, **others})
    print(json.dumps({**line, **others}), flush=True)


if __name__ == "__main__":
    main()
