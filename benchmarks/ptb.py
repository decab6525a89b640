"""A language model of words on the Penn Treebank (Mikolov's files), beside n-grams.

    python benchmarks/ptb.py [SETTING=VALUE ...] [--start BUNDLE] [--threads 1] [--only-table]

The settings are the recipe's (`keraseq.recipes.write.Settings`), `dropout=0.2` for example. The
model is chosen by its validation loss and reads each part as a whole with one state, ends of lines
counted as words. A run that stands in `--csv` is not repeated, and one that was killed goes on from
its last epoch. The model stays in the folder of the runs: the text is licensed for research alone.
Data: the folder named by `KERASEQ_DATA`, else a download.
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
RESULTS = Path(__file__).parent / "results" / "ptb-words.csv"
PROMPT, WORDS = "the company said", 2000


def main() -> None:
    """Trains what is missing, and prints all that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", metavar="SETTING=VALUE")
    parser.add_argument("--start", type=Path, help="a bundle to train further")
    parser.add_argument("--limit", type=int, help="only so many characters of each part")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path, default=RESULTS)
    parser.add_argument("--runs", type=Path, default=Path("runs/ptb"))
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    if not given.only_table:
        run(given, " ".join(sorted(given.settings)))
    import pandas as pd

    print(pd.read_csv(given.csv).to_string(index=False))


def run(given, settings: str) -> None:
    """One run; nothing if it is there."""
    name = settings.replace(" ", ",") or "defaults"
    started = given.start.name if given.start else ""
    key = {"settings": settings, "start": started, "limit": given.limit}
    if lines.there(given.csv, key):
        return
    from keraseq import recipes

    busy, begin = time.process_time(), time.monotonic()
    bundle = recipes.train(
        "write",
        "ptb",
        level="word",
        folder=given.runs / f"{name}.training",
        start=given.start,
        limit=given.limit,
        report=lambda text: print(text, flush=True),
        **dict(setting(one) for one in given.settings),
    )
    busy, wall = time.process_time() - busy, time.monotonic() - begin
    bundle.save(given.runs / name, optimizer=False)
    costs = recipes.write.evaluate(bundle)
    print(costs.to_string(index=False), flush=True)
    ours = costs[costs.method.str.endswith("carried state")].set_index("part").perplexity
    ngrams = costs[costs.method.str.contains("gram")].set_index(["method", "part"]).perplexity
    ngrams = ngrams.unstack("part")
    best = ngrams.validation.idxmin()
    found = {
        "parameters": bundle.model.count_params(),
        "epochs": bundle.card.epochs,
        "validation": round(ours.validation, 2),
        "test": round(ours.test, 2),
        "ngram": best,
        "ngram_test": round(ngrams.test[best], 2),
        "words_a_second": round(words_a_second(bundle)),
        "processor_minutes": round(busy / 60, 1),
        "wall_minutes": round(wall / 60, 1),
    }
    lines.add(given.csv, {**key, **found})


def setting(text: str):
    """Name and value of `name=value`; numbers are numbers."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def words_a_second(bundle) -> float:
    """How fast the model writes one text from its 40 likeliest words at each step."""
    import keraseq

    for length in (8, WORDS):  # the first compiles
        begin = time.monotonic()
        keraseq.generate(bundle, PROMPT, length, top_k=40, seed=0)
    return WORDS / (time.monotonic() - begin)


if __name__ == "__main__":
    main()
