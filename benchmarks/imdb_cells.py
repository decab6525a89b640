"""Cells beside each other as classifiers of the IMDB reviews, at equal parameters.

    python benchmarks/imdb_cells.py [--cells elman,...] [--seeds 0,1] [--budget 4270000]
                                    [--epochs 3] [--length 400] [--threads 1] [--only-table]

Each model is one layer of as many units as the budget pays for, with the settings of the recipe
(`keraseq.recipes.classify.Settings`) for every cell. The epoch is chosen on the validation part,
the test part is scored once for each run. Runs that stand in `--csv` are not repeated, and one that
was killed goes on from its last epoch.
"""

import argparse
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CELLS = "elman,lstm,gru,mut1,mut2,mut3"
RESULTS = Path(__file__).parent / "results" / "imdb-cells.csv"


def main() -> None:
    """Trains what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--budget", type=int, default=4_270_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--length", type=int, default=400, help="words that are read of a review")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path, default=RESULTS)
    parser.add_argument("--runs", type=Path, default=Path("runs/imdb-cells"))
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    for seed in [] if given.only_table else map(int, given.seeds.split(",")):
        for cell in given.cells.split(","):
            run(given, cell, seed)
    print(table(given.csv).to_string())


def run(given, cell: str, seed: int) -> None:
    """One cell with one seed; nothing if it is there."""
    key = {"cell": cell, "seed": seed, "budget": given.budget}
    key |= {"epochs": given.epochs, "length": given.length}
    if lines.there(given.csv, key):
        return
    from keraseq import data, recipes

    reviews = data.load("imdb")
    units = units_of(given.budget, cell)
    busy = time.process_time()
    bundle = recipes.train(
        "classify",
        reviews,
        folder=given.runs / "-".join(map(str, key.values())),
        cell=cell,
        units=units,
        wide=0,
        epochs=given.epochs,
        length=given.length,
        seed=seed,
        report=lambda line: print(f"{cell} {seed}: {line}", flush=True),
    )
    busy = time.process_time() - busy
    scores = recipes.classify.evaluate(bundle, reviews, baselines=False).set_index("part")
    found = {
        "units": units,
        "parameters": bundle.model.count_params(),
        "validation_accuracy": round(scores.accuracy["validation"], 4),
        "test_accuracy": round(scores.accuracy["test"], 4),
        "test_nats": round(scores.nats["test"], 4),
        "processor_seconds_an_epoch": round(busy / given.epochs, 1),
    }
    lines.add(given.csv, {**key, **found})


def units_of(budget: int, cell: str) -> int:
    """What the budget pays for, the words' vectors included."""
    from keraseq import models
    from keraseq.recipes.classify.kinds import KINDS

    usual = KINDS["texts"].defaults
    return models.match_parameters(
        models.sequence_classifier,
        budget,
        cell=cell,
        classes=2,
        vocabulary=20_001,
        embedding=usual["embedding"],
        pairs=usual["pairs"],
        pooling=usual["pooling"],
        bidirectional=usual["bidirectional"],
    )


def table(path: Path):
    """Mean and spread of each cell over its seeds."""
    import pandas as pd

    grouped = pd.read_csv(path).groupby("cell", sort=False)
    accuracy = grouped["test_accuracy"]
    return pd.DataFrame(
        {
            "seeds": grouped.size(),
            "units": grouped["units"].first(),
            "parameters": grouped["parameters"].first(),
            "test accuracy": accuracy.mean().round(4),
            "half range": ((accuracy.max() - accuracy.min()) / 2).round(4),
            "nats": grouped["test_nats"].mean().round(4),
            "processor seconds an epoch": grouped["processor_seconds_an_epoch"].min(),
        }
    ).sort_values("test accuracy", ascending=False)


if __name__ == "__main__":
    main()
