"""Captions on Flickr8k: rows without training, ways to bring the picture in, cells.

    python benchmarks/caption.py rows      [--cache features.h5] [--constant "a man in ..."]
    python benchmarks/caption.py attention [--rows attention,merge,...] [--seeds 0]
    python benchmarks/caption.py cells     [--rows elman,...] [--budget 1000000] [--seeds 0,1,2]

Official lists. `rows` scores captions that need no training. `attention` trains the preset with
attention, and with the pooled features as first state, first input, at every input, or merged after
the network (Tanti et al. 2017). `cells` trains a small model of each cell, all of as many
parameters, which reads the pooled features at every step. The epoch is the best one on validation;
the test part is captioned greedily and by beam search, without length penalty and with that of the
recipe.

Every run prints its lines and adds them to `results/captions.csv` (`captions-cells.csv`); runs that
are in the file are not repeated, a training that was killed goes on (`--folder`).
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
WRITERS = {  # the last is that of `cells`
    "greedy": {"sampler": "greedy"},
    "beam 3": {"sampler": "beam", "length_penalty": 0.0},
    "beam 3, length penalty": {"sampler": "beam"},
}
SIZES = {
    **{"units": int, "embedding": int, "epochs": int, "batch_size": int, "patience": int},
    **{"learning_rate": float, "dropout": float, "even_attention": float, "encoder": str},
}


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("rows", "attention", "cells"))
    parser.add_argument("--rows", help="Some of them alone, with commas.")
    parser.add_argument("--source", default="flickr8k")
    parser.add_argument("--cache", type=Path, help="File of the pictures' features.")
    parser.add_argument("--constant", default=MAN, help="One more caption for all pictures.")
    parser.add_argument("--budget", type=int, default=1_000_000, help="Parameters of `cells`.")
    for name, kind in SIZES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--cell", help="Of `attention`. Default: the preset's.")
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
        part: data.pictures.features(found.part(part).pictures, cache=given.cache, kind="pooled")
        for part in data.parts.PARTS
    }
    captions = {part: found.part(part).captions for part in pooled}
    best = evaluate.constant_caption(captions["train"], captions["validation"])
    for part in ("validation", "test"):
        frame = evaluate.caption_baselines(
            captions["train"], pooled["train"], captions[part], pooled[part], constant=best
        )
        frame.loc[0, "method"] = f"one caption for all: {best}"
        said = [given.constant] * len(captions[part])
        scores = evaluate.caption_scores(said, captions[part])
        other = {"method": f"one caption for all: {given.constant}", **scores}
        for line in [other, *frame.to_dict("records")]:
            key = {"source": given.source, "part": part, "without_training": line.pop("method")}
            if not lines.there(given.results, key):
                add(given.results, {**key, **rounded(line)})


def trained(given: argparse.Namespace, name: str, seed: int) -> None:
    """Trains a row and adds a line for each way of writing; nothing if they are there."""
    from keraseq import data, recipes

    cells = given.what == "cells"
    asked = {one: getattr(given, one) for one in SIZES if getattr(given, one) is not None}
    if given.cell and not cells:
        asked["cell"] = given.cell
    options = {**SMALL, **asked} if cells else asked
    sizes = ", ".join(f"{one} {value}" for one, value in options.items())
    key = {"source": given.source, "cell" if cells else "image": name, "seed": seed, "sizes": sizes}
    path = given.results.with_stem(f"{given.results.stem}-cells") if cells else given.results
    if lines.there(path, key):
        return
    options |= {"cell" if cells else "image": name, "cache": given.cache and str(given.cache)}
    if cells and "units" not in asked:
        options["units"] = units_of(given.source, given.budget, options)
    folder = given.folder / "-".join([given.source, name, str(seed), *map(str, asked.values())])
    begin = time.process_time()
    bundle = recipes.train(
        "caption",
        given.source,
        folder=folder,
        report=lambda line: print(line, flush=True),
        seed=seed,
        **options,
    )
    processor = round(time.process_time() - begin)
    bundle.save(folder / "bundle", optimizer=False)
    for line in scored(bundle, data.load(given.source), [*WRITERS][-1 if cells else 0 :]):
        add(path, {**key, **line, "processor_seconds": processor})


def scored(bundle, found, writers: list[str]) -> list[dict]:
    """What a model's captions of the test part are worth, for each way of writing."""
    import keras

    from keraseq import evaluate
    from keraseq.recipes.caption import evaluation

    parts, rows = evaluation.parts_of(bundle), []
    kept, of = evaluation.cache_of(parts.settings), ("validation", "test")
    seen = {part: parts.features(found.part(part).pictures, cache=kept) for part in of}
    for method in writers:
        scores = {}
        for part, its in seen.items():
            how = (parts.encoder, parts.settings, its)
            said = evaluation.captioned(bundle.model, *how, **WRITERS[method])
            scores[part] = evaluate.caption_scores(said.caption.tolist(), found.part(part).captions)
        line = {"part": "test", "method": method, **rounded(scores["test"])}
        line["validation_cider"] = round(scores["validation"]["cider"], 2)
        line |= {"units": parts.settings.units, "epochs": bundle.card.epochs}
        line |= {"parameters": bundle.model.count_params(), "backend": keras.backend.backend()}
        rows.append(line)
    return rows


def units_of(source: str, budget: int, options: dict) -> int:
    """The units with which a model of a cell has at most so many parameters."""
    from keraseq import data, models, recipes
    from keraseq.recipes.presets import preset

    recipe = recipes.get("caption")
    settings = recipe.Settings.of({**preset("caption", source), **options})
    prepared = recipe.prepare(data.load(source), settings)
    return models.match_parameters(
        models.image_captioner,
        budget,
        cell=settings.cell,
        vocabulary=len(prepared.encoder),
        features=prepared.seen["train"].shape[1:],
        embedding=settings.embedding,
        image=settings.image,
    )


def rounded(scores: dict) -> dict:
    """The columns of a line."""
    return {name: round(float(scores[name]), 2) for name in SCORES}


def add(path: Path, line: dict) -> None:
    """Adds a line to a file and prints it."""
    lines.add(path, line)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
