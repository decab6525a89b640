"""Cells beside each other as character models of Tiny Shakespeare, at equal parameters.

    python benchmarks/text_cells.py [--cells elman,...] [--seeds 0,1] [--budget 1000000]
                                    [--epochs 4] [--threads 1] [--only-table]

Each model is one layer of as many units as the budget pays for, with the settings of the recipe
(`keraseq.recipes.write.Settings`) for every cell; validation is the last tenth of the text, read as
a whole with one state. Runs that stand in `--csv` are not repeated, and one that was killed goes on
from its last epoch. Data: the folder named by `KERASEQ_DATA`, else a download.
"""

import argparse
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CELLS = "elman,lstm,gru,mut1,mut2,mut3"
RESULTS = Path(__file__).parent / "results" / "text-cells.csv"
SAMPLE, PROMPT, TEMPERATURE = 200, "ROMEO:\n", 0.8


def main() -> None:
    """Trains what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--budget", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path, default=RESULTS)
    parser.add_argument("--runs", type=Path, default=Path("runs/text-cells"))
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    for seed in [] if given.only_table else map(int, given.seeds.split(",")):
        for cell in given.cells.split(","):
            run(given, cell, seed)
    print(table(given.csv).to_string())


def run(given, cell: str, seed: int) -> None:
    """One cell with one seed; nothing if it is there."""
    key = {
        "cell": cell,
        "seed": seed,
        "budget": given.budget,
        "epochs": given.epochs,
        "learning_rate": given.learning_rate,
    }
    if lines.there(given.csv, key):
        return
    import keraseq
    from keraseq import data, models, recipes

    corpus = data.text_corpus("tinyshakespeare")
    units = models.match_parameters(
        models.language_model, given.budget, cell=cell, vocabulary=len(corpus.tokenizer)
    )
    busy = time.process_time()
    bundle = recipes.train(
        "write",
        corpus,
        folder=given.runs / "-".join(map(str, key.values())),
        cell=cell,
        units=units,
        epochs=given.epochs,
        learning_rate=given.learning_rate,
        seed=seed,
        report=lambda text: print(f"{cell} {seed}: {text.splitlines()[0]}", flush=True),
    )
    busy = time.process_time() - busy
    costs = recipes.write.evaluate(bundle, orders=())
    carried, cold = costs["nats_per_character"]
    written = keraseq.generate(bundle, PROMPT, SAMPLE, temperature=TEMPERATURE, seed=0)
    found = {
        "units": units,
        "parameters": bundle.model.count_params(),
        "nats": round(carried, 4),
        "nats_cold": round(cold, 4),
        "processor_seconds_an_epoch": round(busy / given.epochs, 1),
        "sample": written,
    }
    lines.add(given.csv, {**key, **found})


def table(path: Path):
    """Mean and spread of each cell over its seeds."""
    import pandas as pd

    grouped = pd.read_csv(path).groupby("cell", sort=False)
    return pd.DataFrame(
        {
            "seeds": grouped.size(),
            "units": grouped["units"].first(),
            "parameters": grouped["parameters"].first(),
            "nats a character": grouped["nats"].mean().round(4),
            "half range": ((grouped["nats"].max() - grouped["nats"].min()) / 2).round(4),
            "from the zero state": grouped["nats_cold"].mean().round(4),
            "processor seconds an epoch": grouped["processor_seconds_an_epoch"].min(),
        }
    ).sort_values("nats a character")


if __name__ == "__main__":
    main()
