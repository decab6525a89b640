"""Captions on Flickr8k: rows without training, ways to bring the picture in, cells beside each other.

    python benchmarks/caption.py rows      [--cache features.h5] [--constant "a man in ..."]
    python benchmarks/caption.py attention [--rows attention,initial_state,...] [--seeds 0]
    python benchmarks/caption.py cells     [--rows elman,lstm,...] [--budget 1000000] [--seeds 0,1,2]

Official lists. `rows` scores captions that need no training. `attention` trains the preset with
attention, and with the pooled features as first state, first input, at every input, or merged after
the network (Tanti et al. 2017). `cells` trains a small model of each cell, all of as many parameters,
which reads the pooled features at every step. The epoch is the best one on validation; the test part
is captioned greedily and by beam search, with the length penalty and without.

Every run prints its lines and adds them to `results/captions.csv`; runs that are in the file are not
repeated, a training that was killed goes on (`--folder`).
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
RESULTS = Path(__file__).parent / "results" / "captions.csv"
WAYS = ("attention", "initial_state", "first_input", "every_input", "merge")
CELLS = ("elman", "lstm", "gru", "mut1", "mut2", "mut3")
SMALL = {"image": "every_input", "embedding": 128, "epochs": 6}
MAN = "a man in a blue shirt is standing on the street"
SCORES = ("cider", "low", "high", "bleu1", "bleu2", "bleu3", "bleu4")
SIZES = {"units": int, "embedding": int, "epochs": int, "learning_rate": float, "dropout": float}


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("rows", "attention", "cells"))
    parser.add_argument("--rows", help="Some of them alone, with commas.")
    parser.add_argument("--source", default="flickr8k")
    parser.add_argument("--cache", type=Path, help="File of the pictures' features.")
    parser.add_argument("--constant", default=MAN, help="One more caption for all pictures.")
    parser.add_argument("--budget", type=int, default=1_000_000, help="Parameters of `cells`.")
    parser.add_argument("--image", choices=WAYS[1:], help="How `cells` bring the picture in.")
    for name, kind in SIZES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--folder", type=Path, default=Path("runs/caption"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    if given.what == "rows":
        return without_training(given)
    known = CELLS if given.what == "cells" else WAYS
    for seed in map(int, given.seeds.split(",")):
        for name in given.rows.split(",") if given.rows else known:
            trained(given, name, seed)


def without_training(given: argparse.Namespace) -> None:
    """The rows beside which models stand."""
    from keraseq import data, evaluate

    found = data.load(given.source)
    pooled = {
        part: data.pictures.features(getattr(found, part).pictures, cache=given.cache, kind="pooled")
        for part in ("train", "validation", "test")
    }
    best = evaluate.constant_caption(found.train.captions, found.validation.captions)
    for part in ("validation", "test"):
        references = getattr(found, part).captions
        begin = time.monotonic()
        frame = evaluate.caption_baselines(
            found.train.captions, pooled["train"], references, pooled[part], constant=best
        )
        print(f"{time.monotonic() - begin:.0f} seconds for {part}", flush=True)
        rows = {f"{one.pop('method')}": one for one in frame.to_dict("records")}
        rows[f"{next(iter(rows))}: {best}"] = rows.pop(next(iter(rows)))
        said = [given.constant] * len(references)
        rows[f"one caption for all: {given.constant}"] = evaluate.caption_scores(said, references)
        for method, scores in rows.items():
            key = {"what": "rows", "source": given.source, "part": part, "method": method}
            written(given.results, key, scores)


def written(path: Path, key: dict, scores: dict, more: dict | None = None) -> None:
    """Adds a line and prints it, unless it is there."""
    if not lines.there(path, key):
        line = {**key, **{name: round(float(scores[name]), 2) for name in SCORES}, **(more or {})}
        lines.add(path, line)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
