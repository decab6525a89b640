"""Taggers on public data: parts of speech on EWT, names on WNUT-17, cells beside each other.

    python benchmarks/tag.py ewt   [--epochs 10] [--units 150] [--without softmax|characters]
    python benchmarks/tag.py wnut17 [--seeds 0,1,2] [--without crf|characters|vectors|words]
    python benchmarks/tag.py cells [--cells elman,lstm,gru,mut1,mut2,mut3] [--budget 300000]

Data: the folder named by `KERASEQ_DATA`, else a download; `--vectors` is a file in GloVe's text
format. The given split; words as they are in the files; the epoch is the best one on validation by
accuracy or F1; settings were chosen on validation, though for WNUT test scores of four had been
seen by then (see NOTES.md). Entities are counted strictly (seqeval's strict mode).
`--without words` leaves out word dropout; parts of speech have a softmax, `--without softmax` gives
them a random field.

Every run prints its lines and adds one to `--csv`; runs that are in the file are not repeated.
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
CELLS = "elman,lstm,gru,mut1,mut2,mut3"
VECTORS = "glove/glove.6B.100d.slice.txt.gz"
WITHOUT = {
    "nothing": {},
    "crf": {"crf": False},
    "softmax": {"crf": True},
    "characters": {"character_units": 0},
    "vectors": {"vectors": "none"},
    "words": {"word_dropout": 0.0},
}
SCORES = ("accuracy", "low", "high", "unseen", "unseen_low", "unseen_high", "sentences")
OF_ENTITIES = ("precision", "recall", "f1", "f1_low", "f1_high")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("ewt", "wnut17", "cells"))
    parser.add_argument("--vectors", default=VECTORS)
    parser.add_argument("--more-words", type=int)
    parser.add_argument("--cell", default="lstm")
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--units", type=int)
    parser.add_argument("--character-units", type=int)
    parser.add_argument("--budget", type=int, default=300_000, help="Parameters beside vectors.")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--word-dropout", type=float)
    parser.add_argument("--without", choices=WITHOUT, default="nothing")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--limit", type=int, help="The first sentences of the training part alone.")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--save", type=Path, help="Folder for the bundle.")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    folder = Path(__file__).parent / "results"
    path = given.csv or folder / f"tag-{given.what}.csv"
    cells = given.cells.split(",") if given.what == "cells" else [given.cell]
    for seed in map(int, given.seeds.split(",")):
        for cell in cells:
            run(given, cell, seed, path)


def run(given, cell: str, seed: int, path: Path) -> None:
    """Trains, measures on validation and test, and writes a line; nothing if it is there."""
    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    source = "ewt" if given.what == "cells" else given.what
    asked = {
        name: value
        for name in ("vectors", "more_words", "units", "character_units", "epochs", "word_dropout")
        if (value := getattr(given, name)) is not None
    }
    chosen = {**preset("tag", source), **asked, **WITHOUT[given.without]}
    key = {
        "data": source,
        "cell": cell,
        "without": given.without,
        "seed": seed,
        "limit": given.limit,
    }
    parts = data.load(source)
    if given.limit:
        train = data.Part(*(one[: given.limit] for one in parts.train))
        parts = type(parts)(**{**vars(parts), "train": train})
    if given.what == "cells":
        chosen["units"] = units_of(parts, cell, given.budget, chosen)
    key |= {k: v for k, v in chosen.items() if k not in ("vectors", "crf")}
    if lines.there(path, key):
        return
    begin, processor = time.monotonic(), time.process_time()
    bundle = recipes.train("tag", parts, cell=cell, seed=seed, **chosen)
    seconds = {
        "seconds": round(time.monotonic() - begin),
        "processor_seconds": round(time.process_time() - processor),
    }
    if given.save:
        bundle.save(given.save, optimizer=False)
    table = recipes.evaluate(bundle, parts, baselines=False).set_index("part")
    line = {**key, "parameters": bundle.model.count_params()}
    line["trained"] = sum(prod(one.shape) for one in bundle.model.trainable_weights)
    for part, prefix in (("test", ""), ("validation", "validation_")):
        for name in (*SCORES, *OF_ENTITIES):
            if name in table:
                line[prefix + name] = round(float(table.loc[part, name]), 5)
    line |= seconds
    lines.add(path, line)
    print(json.dumps(line), flush=True)


def units_of(parts, cell: str, budget: int, chosen: dict) -> int:
    """The units with which all but the words' vectors has at most so many parameters."""
    from keraseq import models

    return models.match_parameters(
        models.sequence_tagger,
        budget,
        cell=cell,
        classes=len(parts.tags),
        vocabulary=2,
        embedding=100,
        characters=len(
            {letter for words in parts.train.inputs for word in words for letter in word}
        )
        + 2,
        character_units=chosen.get("character_units", 25),
        bidirectional=True,
    )


if __name__ == "__main__":
    main()
