"""BLEU of the recipe `translate`: attention, direction, order of the source, scheduled sampling.

    python benchmarks/translate.py [preset no-attention ...] [--source multi30k] [--seeds 0,1,2]

Trains each row of `ROWS` with the preset of the source where neither a row nor an option says
otherwise, translates the test part with a beam search of 5 and greedily, and adds lines to
`results/translate.csv`: BLEU with its interval and chrF of sacreBLEU (cased, detokenised), best
BLEU of the greedily translated validation sentences, epochs, seconds. The test part is translated
once for each finished model. `--vocabulary` takes the word pieces of a saved model, where there is
no TensorFlow to learn them or all rows are to share them. A training that was killed goes on when
the command is repeated (`--folder`), a row whose line is there is not repeated.
"""

import argparse
import json
from pathlib import Path

import keras
import lines

from keraseq import data, recipes

RESULTS = Path(__file__).parent / "results" / "translate.csv"
ONE_WAY = {"bidirectional": False}  # of an encoder that reads both ways the order matters little
BACKWARDS, WITHOUT = {**ONE_WAY, "read_backwards": True}, {"attention": "none"}
ROWS = {
    "preset": {},
    "reverse": {"reverse": True},
    "no-attention": WITHOUT,
    "additive": {"attention": "additive"},
    "dot": {"attention": "dot", "encoder_units": 140},
    "no-feeding": {"input_feeding": False},
    "forwards": ONE_WAY,
    "backwards": BACKWARDS,
    "forwards-no-attention": {**ONE_WAY, **WITHOUT},
    "backwards-no-attention": {**BACKWARDS, **WITHOUT},
    "linear": {**ONE_WAY, "scheduled_sampling": 0.25},  # beside "forwards": teacher forcing
    "inverse-sigmoid": {
        **ONE_WAY,
        "scheduled_sampling": 0.25,
        "sampling_decay": "inverse_sigmoid",
    },
}
SIZES = {
    "units": int,
    "encoder_units": int,
    "embedding": int,
    "epochs": int,
    "learning_rate": float,
    "level": str,
}


def measured(name: str, given: argparse.Namespace, seed: int) -> None:
    """Trains a row and adds its lines; nothing if they are there."""
    options = {one: getattr(given, one) for one in SIZES if getattr(given, one) is not None}
    sizes = ", ".join(f"{one} {value}" for one, value in options.items())
    key = {"source": given.source, "row": name, "seed": seed, "sizes": sizes}
    if lines.there(given.results, key):
        return
    folder = given.folder / "-".join([given.source, name, str(seed), *map(str, options.values())])
    bundle = recipes.train(
        "translate",
        given.source,
        folder=folder,
        report=lambda line: print(line, flush=True),
        seed=seed,
        **{**options, **ROWS[name]},
    )
    bundle.save(folder / "bundle", optimizer=False)
    pairs = data.load(given.source, **bundle.preprocessing["data"]["options"])
    table = recipes.evaluate(bundle, pairs, baselines=False).query("part == 'test'")
    for found in table.itertuples():
        line = {
            **key,
            "method": found.method,
            **{name: round(getattr(found, name), 2) for name in ("bleu", "low", "high", "chrf")},
            "validation": round(bundle.card.metric.mean, 2),
            "epochs": bundle.card.epochs,
            "parameters": bundle.model.count_params(),
            "seconds": round(bundle.card.wall_time),
            "backend": keras.backend.backend(),
        }
        lines.add(given.results, line)
        print(json.dumps(line), flush=True)


def main():
    """Trains what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", default=["preset"], choices=list(ROWS))
    parser.add_argument("--source", default="multi30k")
    parser.add_argument("--seeds", default="0")
    for name, kind in SIZES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--vocabulary", type=Path, help="Folder of a saved translator.")
    parser.add_argument("--folder", type=Path, default=Path("runs/translate"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.vocabulary:
        stored = json.loads((given.vocabulary / "preprocessing.json").read_text())
        known = data.SentenceEncoder.from_dict(stored["encoder"])
        data.SentenceEncoder.of = classmethod(lambda cls, *_: known)
    for seed in map(int, given.seeds.split(",")):
        for name in given.rows:
            measured(name, given, seed)


if __name__ == "__main__":
    main()
