"""BLEU of the recipe `translate`: attention, direction, order of the source, scheduled sampling.

    python benchmarks/translate.py [de-en no-attention ...] [--source multi30k] [--seeds 0]

Trains each row of `ROWS` with the preset of the source where a row says nothing else, translates
the test part with a beam search of 5 and greedily, and adds lines to `results/translate.csv`: BLEU
with its interval and chrF of sacreBLEU (cased, detokenised), best BLEU of the greedily translated
validation sentences, epochs, seconds. The test part is translated once for each finished model.
A training that was killed goes on when the command is repeated (`runs/translate/NAME`).
"""

import argparse
import csv
from pathlib import Path

from keraseq import data, recipes

RESULTS = Path(__file__).parent / "results" / "translate.csv"
BACKWARDS = {"read_backwards": True, "bidirectional": False}  # one way, or the order matters little
ROWS = {
    "de-en": {},
    "en-de": {"reverse": True},
    "no-attention": {"attention": "none"},
    "additive": {"attention": "additive"},
    "dot": {"attention": "dot", "encoder_units": 140},
    "no-feeding": {"input_feeding": False},
    "forwards": {"bidirectional": False},
    "backwards": BACKWARDS,
    "forwards-no-attention": {"bidirectional": False, "attention": "none"},
    "backwards-no-attention": {**BACKWARDS, "attention": "none"},
    "linear": {"scheduled_sampling": 0.25},
    "inverse-sigmoid": {"scheduled_sampling": 0.25, "sampling_decay": "inverse_sigmoid"},
}


def measured(name: str, source: str, seed: int, options: dict, folder: Path) -> list[dict]:
    """Trains a row, and its lines."""
    folder = folder / f"{source}-{name}-{seed}"
    options = {**ROWS[name], **options, "seed": seed}
    bundle = recipes.train(
        "translate", source, folder=folder, report=lambda line: print(line, flush=True), **options
    )
    bundle.save(folder / "bundle", optimizer=False)
    pairs = data.load(source, **bundle.preprocessing["data"]["options"])
    table = recipes.evaluate(bundle, pairs, baselines=False).query("part == 'test'")
    return [
        {
            "source": source,
            "row": name,
            "seed": seed,
            "method": line.method,
            "bleu": round(line.bleu, 2),
            "low": round(line.low, 2),
            "high": round(line.high, 2),
            "chrf": round(line.chrf, 2),
            "validation": round(bundle.card.metric.mean, 2),
            "epochs": bundle.card.epochs,
            "parameters": bundle.model.count_params(),
            "seconds": round(bundle.card.wall_time),
        }
        for line in table.itertuples()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=["de-en"], choices=list(ROWS))
    parser.add_argument("--source", default="multi30k")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--units", type=int)
    parser.add_argument("--level")
    parser.add_argument("--folder", type=Path, default=Path("runs/translate"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    names = ("epochs", "units", "level")
    options = {k: getattr(given, k) for k in names if getattr(given, k) is not None}
    for name in given.rows:
        for seed in map(int, given.seeds.split(",")):
            lines = measured(name, given.source, seed, options, given.folder)
            new = not given.results.exists()
            with given.results.open("a", newline="") as file:
                table = csv.DictWriter(file, list(lines[0]))
                if new:
                    table.writeheader()
                table.writerows(lines)
            for line in lines:
                print(line, flush=True)


if __name__ == "__main__":
    main()
