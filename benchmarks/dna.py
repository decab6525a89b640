"""DNA: splice junctions in 10 folds, promoters in 5, beside naive Bayes.

    python benchmarks/dna.py splice [--folds 0,1,2,3,4,5,6,7,8,9]
    python benchmarks/dna.py promoters-ecoli [--folds 0,1,2,3,4]

Data: the folder named by `KERASEQ_DATA`, else a download. Folds are of different sequences (each of
the repeats stands once), stratified; the epoch is the best one by the loss on a tenth of the other
folds, which the simple methods do not learn from either. Settings were chosen on that tenth of the
first fold.

Every fold prints its lines, one for each method, and adds them to `--csv`; folds that are in the
file are not repeated.
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
OPTIONS = {"cell": str, "units": int, "layers": int, "epochs": int, "word_dropout": float}
SCORES = ("accuracy", "sensitivity", "specificity", "mcc", "nats")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", help="splice, promoters-ecoli, promoters-arabidopsis, ...")
    parser.add_argument("--folds", help="Default: all.")
    for name, kind in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--save", type=Path, help="Folder for the bundle of the last fold.")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    path = given.csv or Path(__file__).parent / "results" / "dna.csv"
    count = 10 if given.what == "splice" else 5
    for fold in map(int, given.folds.split(",") if given.folds else range(count)):
        run(given, fold, path)


def run(given, fold: int, path: Path) -> None:
    """Trains, measures on the fold, and writes a line for each method; nothing if it is there."""
    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    asked = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    chosen = {**preset("classify", given.what), **asked}
    key = {"data": given.what, "fold": fold, "seed": given.seed, **chosen}
    if lines.there(path, key):
        return
    parts = data.load(given.what, fold=fold)
    begin, processor = time.monotonic(), time.process_time()
    bundle = recipes.train("classify", parts, seed=given.seed, **chosen)
    seconds = {
        "seconds": round(time.monotonic() - begin),
        "processor_seconds": round(time.process_time() - processor),
    }
    if given.save:
        bundle.save(given.save, optimizer=False)
    table = recipes.evaluate(bundle, parts)
    own = table.method[0]
    for row in table[table.part == "test"].to_dict("records"):
        line = {**key, "method": row["method"], "examples": row["examples"]}
        line |= {name: round(row[name], 5) for name in SCORES if name in row}
        if row["method"] == own:
            line |= {"parameters": bundle.model.count_params(), **seconds}
        lines.add(path, line)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
