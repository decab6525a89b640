"""Sentiment of trees (SST): a recursive network, and a bidirectional LSTM of as many parameters.

    python benchmarks/trees.py [--cell tree-lstm] [--seeds 0,1,2]
    python benchmarks/trees.py --cell bilstm

Data: the folder named by `KERASEQ_DATA`, else a download; `--vectors` is a file in GloVe's text
format. The given split; the epoch is the best one on validation by the accuracy of roots; settings
were chosen on validation. One model of five classes gives both numbers: a root that is not neutral
counts as positive if its two positive classes are likelier together. Every run prints its lines and
adds one to `--csv`; runs that are in the file are not repeated, and one that was killed goes on.

`bilstm` reads phrases as sequences: it learns every phrase of the training part, as the recursive
network does, and as many parameters beside the vectors are solved for.
"""

import argparse
import json
import os
import time
from math import prod
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
VECTORS = "glove/glove.6B.100d.slice.txt.gz"
OPTIONS = {
    "units": int,
    "epochs": int,
    "learning_rate": float,
    "dropout": float,
    "embedding_dropout": float,
    "recurrent_dropout": float,
    "word_dropout": float,
    "pace": float,
    "batch_size": int,
    "weight_decay": float,
    "decay": str,
}
SCORES = ("accuracy", "low", "high", "binary", "binary_low", "binary_high", "nats")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", default=VECTORS)
    parser.add_argument("--cell", default="tree-lstm")
    for name, kind in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--folder", type=Path, help="Where runs are kept while they go on.")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    path = given.csv or Path(__file__).parent / "results" / "trees-sst.csv"
    for seed in map(int, given.seeds.split(",")):
        run(given, seed, path)


def run(given, seed: int, path: Path) -> None:
    """Trains, measures on validation and test, and writes a line; nothing if it is there."""
    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    asked = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    chosen = {**preset("classify", "sst"), **asked, "vectors": given.vectors}
    key = {"data": "sst", "cell": given.cell, "seed": seed}
    key |= {name: value for name, value in chosen.items() if name != "vectors"}
    if lines.there(path, key):
        return
    trees = data.load("sst")
    folder = given.folder and given.folder / "-".join(map(str, key.values()))
    begin, processor = time.monotonic(), time.process_time()
    bundle = recipes.train(
        "classify", trees, cell=given.cell, seed=seed, folder=folder, hold=True, **chosen
    )
    line = {**key, "parameters": bundle.model.count_params()}
    line["trained"] = sum(prod(one.shape) for one in bundle.model.trainable_weights)
    line["best_epoch"] = bundle.card.epochs
    table = recipes.evaluate(bundle, trees, baselines=False).set_index("part")
    for part, prefix in (("test", ""), ("validation", "validation_")):
        for name in SCORES:
            line[prefix + name] = round(float(table.loc[part, name]), 5)
    line["seconds"] = round(time.monotonic() - begin)
    line["processor_seconds"] = round(time.process_time() - processor)
    lines.add(path, line)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
