"""Spoken digits (FSDD): each speaker left out in turn, and the official split beside it.

    python benchmarks/speech.py [--speakers george,jackson,lucas,nicolas,theo,yweweler,official]
    python benchmarks/speech.py --baselines
    python benchmarks/speech.py --strings [--speakers yweweler]
    python benchmarks/speech.py --figure speech-confusions.png

Data: the folder named by `KERASEQ_DATA`, else a download. Trained on the other five speakers; the
epoch is the best one by the loss on a tenth of their recordings, never on the speaker who is left
out. `--strings` trains the recipe `transcribe`: digits glued together, read by CTC.

Every run prints its lines and adds one to `--csv`; runs that are in the file are not repeated.
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
RESULTS = Path(__file__).parent / "results"
SPEAKERS = "george,jackson,lucas,nicolas,theo,yweweler,official"
OPTIONS = {"cell": str, "units": int, "layers": int, "epochs": int, "dropout": float}


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speakers", default=SPEAKERS)
    parser.add_argument("--baselines", action="store_true", help="Simple methods alone.")
    parser.add_argument("--strings", action="store_true", help="Several digits in a row.")
    parser.add_argument("--figure", type=Path, help="Draw the confusions of what was measured.")
    parser.add_argument("--plain", action="store_true", help="Every epoch hears the same.")
    for name, kind in OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--save", type=Path, help="Folder for the bundle of the last run.")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    if given.figure:
        return confusions(given.csv or RESULTS / "speech.csv", given.figure)
    for seed in map(int, given.seeds.split(",")):
        for speaker in given.speakers.split(","):
            run(given, speaker, seed)


def run(given, speaker: str, seed: int) -> None:
    """Trains on the others, measures on one, and writes a line; nothing if it is there."""
    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    recipe = "transcribe" if given.strings else "classify"
    asked = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    asked |= {"varied": False} if given.plain else {}
    chosen = {**preset(recipe, "fsdd"), **asked}
    key = {"held_out": speaker, "seed": seed, "varied": not given.plain, **chosen}
    path = given.csv or RESULTS / f"speech{'-strings' * given.strings}.csv"
    if given.baselines:
        key, path = {"held_out": speaker}, given.csv or RESULTS / "speech-floors.csv"
    if lines.there(path, key):
        return
    parts = data.load("fsdd", held_out=speaker)
    if given.baselines:
        return floors(parts, key, path)
    begin, processor = time.monotonic(), time.process_time()
    bundle = recipes.train(recipe, parts, seed=seed, **chosen)
    seconds = {
        "seconds": round(time.monotonic() - begin),
        "processor_seconds": round(time.process_time() - processor),
    }
    if given.save:
        bundle.save(given.save, optimizer=False)
    table = recipes.evaluate(bundle, parts, baselines=given.strings)
    line = {**key, "parameters": bundle.model.count_params()}
    numbers = table.columns.difference(["part", "method"], sort=False)
    own = table.groupby("part", sort=False).first()
    for part, prefix in (("test", ""), ("validation", "validation_")):
        line |= {prefix + name: round(float(own.loc[part, name]), 5) for name in numbers}
    other = table[(table.part == "test") & (table.method != own.loc["test", "method"])].iloc[0]
    if given.strings:
        line["floor_error_rate"] = round(float(other.error_rate), 5)
    else:
        line["one_voice"] = round(float(other.accuracy), 5)
        found = recipes.classify.predictions(bundle, parts, "test")
        counts = found.groupby(["truth", "label"]).size()
        line["confusions"] = " ".join(f"{a}{b}:{n}" for (a, b), n in counts.items())
    lines.add(path, line | seconds)
    print(json.dumps(line), flush=True)


def floors(parts, key: dict, path: Path) -> None:
    """The accuracy of the simple methods."""
    from keraseq.evaluate import accuracy
    from keraseq.recipes.classify.kinds import get

    kind, line = get("signals"), dict(key)
    encoder = kind.encoder(parts, None)
    for name, chances_of in kind.baselines(parts, encoder, print, print):
        line[name] = round(accuracy(chances_of(parts.test.inputs), parts.test.targets), 5)
    lines.add(path, line)
    print(json.dumps(line), flush=True)


def confusions(path: Path, figure: Path) -> None:
    """Draws which digit is taken for which, of all speakers who were left out."""
    import matplotlib

    from keraseq import plots

    matplotlib.use("agg")
    pairs = []
    for line in lines.read(path):
        if line["held_out"] != "official":
            found = (one.split(":") for one in line["confusions"].split())
            pairs += [pair for pair, count in found for _ in range(int(count))]
    ax = plots.confusion_matrix([one[0] for one in pairs], [one[1] for one in pairs])
    ax.figure.savefig(figure, dpi=80)


if __name__ == "__main__":
    main()
