"""Actions by their skeletons, drawn as frames, and digits whose motion is asked: with and without
recurrence.

    python benchmarks/frames.py skeletons [--learn all|train] [--seeds 0,1,2,3,4]
    python benchmarks/frames.py drawn     [--rows none,last,average]
    python benchmarks/frames.py direction [--rows none,last,average] [--examples 2000]
    python benchmarks/frames.py faster
    python benchmarks/frames.py floor
    python benchmarks/frames.py figures   [--bundle saved_models/action]

Data: the folder named by `KERASEQ_DATA`, else a download. MSR Action3D, 20 classes: subjects of odd
numbers learn, those of even ones tell. `--learn train` holds subject 9 back, to choose the epoch
by; `--learn all` learns from 9 too, with the settings and for the epochs that were found so, as
the published protocol has it (`validation=0`): the best epoch on 9 is then simply a late one.

Rows of frames: `none` averages what single frames say, `last` is told by the last state, `average`
averages the predictions of all steps. `floor` is the nearest neighbour on 20 frames.

Every run prints its line and adds it to `--csv`; runs that are in the file are not repeated.
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROWS = {
    "none": {"cell": "none", "pooling": "average", "layers": 1},
    "last": {"pooling": "last"},
    "average": {"pooling": "average"},
}
SETS = {"skeletons": "msraction3d", "drawn": "msraction3d-drawn"}
OTHERS = ("floor", "figures")
ROOT = Path(__file__).parents[1]
SHOWN = "side kick"
SCORES = ("accuracy", "low", "high", "nats")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("what", choices=("skeletons", "drawn", "direction", "faster", *OTHERS))
    parser.add_argument("--rows", default="none,last,average")
    parser.add_argument("--learn", choices=("train", "all"), default="all")
    parser.add_argument("--examples", type=int, default=2000, help="Of moving digits.")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--bundle", type=Path, default=ROOT / "saved_models" / "action")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    if given.what == "figures":
        return figures(given.bundle)
    what = "skeletons" if given.what == "floor" else given.what
    path = given.csv or ROOT / "benchmarks" / "results" / f"frames-{what}.csv"
    if given.what == "floor":
        return floor(path)
    rows = ["skeletons"] if given.what == "skeletons" else given.rows.split(",")
    for row in rows:
        for seed in map(int, given.seeds.split(",")):
            run(given, row, seed, path)
    return None


def run(given, row: str, seed: int, path: Path) -> None:
    """Trains, measures on validation and test, and writes a line; nothing if it is there."""
    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    name = SETS.get(given.what, "moving-mnist")
    moving = {"question": given.what, "examples": given.examples} if given.what not in SETS else {}
    learn = given.learn if given.what in SETS else "train"
    chosen = {**preset("classify", name), **ROWS.get(row, {}), "seed": seed}
    if given.epochs:
        chosen["epochs"] = given.epochs
    key = {"what": given.what, "row": row, "learn": learn, "seed": seed}
    key |= {"epochs": chosen.get("epochs"), "examples": moving.get("examples")}
    if lines.there(path, key):
        return
    parts = data.load(name, **moving, **({"validation": 0} if learn == "all" else {}))
    begin, processor = time.monotonic(), time.process_time()
    bundle = recipes.train("classify", parts, **chosen)
    seconds = round(time.monotonic() - begin), round(time.process_time() - processor)
    table = recipes.evaluate(bundle, parts, baselines=False).set_index("part")
    line = {**key, "parameters": bundle.model.count_params()}
    for part, prefix in (("test", ""), ("validation", "validation_")):
        for score in SCORES:
            line[prefix + score] = round(float(table.loc[part, score]), 5)
    if learn == "all":
        line = {k: None if k.startswith("validation_") else v for k, v in line.items()}
    line |= {"seconds": seconds[0], "processor_seconds": seconds[1]}
    lines.add(path, line)
    print(json.dumps(line), flush=True)


def floor(path: Path) -> None:
    """The nearest neighbour of all skeletons of odd subjects."""
    import numpy as np

    from keraseq import data
    from keraseq.evaluate import accuracy_interval
    from keraseq.recipes.classify.moving import flat

    key = {"what": "skeletons", "row": "nearest neighbour", "learn": "all", "seed": None}
    if lines.there(path, key):
        return
    parts = data.load("msraction3d")
    known = flat([*parts.train.inputs, *parts.validation.inputs])
    labels = np.concatenate([parts.train.targets, parts.validation.targets])
    far = ((flat(parts.test.inputs)[:, None] - known) ** 2).sum(-1)
    right = float((labels[far.argmin(1)] == parts.test.targets).mean())
    low, high = accuracy_interval(right, len(far))
    line = {**key, "accuracy": round(right, 5), "low": round(low, 5), "high": round(high, 5)}
    lines.add(path, line)
    print(json.dumps(line), flush=True)


def figures(folder: Path) -> None:
    """Which actions are confused, and what is said of one as it goes on: of the test part."""
    import matplotlib

    matplotlib.use("agg")
    import numpy as np

    from keraseq import bundle, data, plots, recipes

    trained, parts = bundle.load(folder), data.load("msraction3d")
    found = recipes.classify.predictions(trained, parts, "test")
    first = np.flatnonzero(parts.test.targets == parts.classes.index(SHOWN))[0]
    example = parts.test.inputs[first]
    drawn = {
        "action-confusions": plots.confusion_matrix(found.truth, found.label),
        "action-over-time": plots.motion(example, recipes.classify.over_time(trained, example)),
    }
    for name, ax in drawn.items():
        path = ROOT / "benchmarks" / "figures" / f"{name}.png"
        ax.figure.savefig(path, dpi=90, bbox_inches="tight")
        print(path)


if __name__ == "__main__":
    main()
