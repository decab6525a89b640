"""Time and memory of a training step against steps, batch and units, with and without pieces.

    python benchmarks/scaling.py [--backend ...] [--cell gru] [--steps 128,256,...,8192]
                                 [--json benchmarks/results/scaling-tensorflow-cpu.jsonl]

Prints one JSON object a line, then a table and how each grows: the exponent n of `time ~ T^n`
over the longer half of the sequences. Ends with status 1 if a time of keraseq's layer grows faster
than `T^(1 + tolerance)`. `checkpoint_every` runs in pieces that the gradient runs again. Every
point is a process of its own, so that one does not find what another has left.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import timing

BASE = [512, 16, 64, 128]  # time, batch, features, units, where they are not varied
AXES = {"steps": 0, "batch": 1, "units": 3}
BACKENDS = ("tensorflow", "jax", "torch")


def main() -> None:
    """Measures what the command line asks for."""
    options = arguments()
    os.environ["KERAS_BACKEND"] = options.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if options.child:
        print(json.dumps(point(options.cell, **json.loads(options.child))))
        return
    lines = []

    def say(line):
        lines.append(line)
        print(json.dumps(line), flush=True)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(line) + "\n")

    about = {
        "run": f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}",
        "backend": options.backend,
        "cell": options.cell,
    }
    command = " ".join(["benchmarks/scaling.py", *sys.argv[1:]])
    say({"kind": "run", **about, "command": command, **timing.machine()})
    for axis, values in options.axes.items():
        for value in values:
            size = [value if i == AXES[axis] else n for i, n in enumerate(BASE)]
            for what in options.layers[axis]:
                asked = {"size": size, "what": what, "repeats": options.repeats}
                child = [__file__, "--backend", options.backend, "--cell", options.cell]
                row = timing.in_a_process([*child, "--child", json.dumps(asked)])
                say({"kind": "scaling", **about, "axis": axis, "size": size, "what": what, **row})
    for line in growth(lines):
        say({"kind": "growth", **about, **line})
    print(table(lines))
    limit = 1 + options.tolerance
    bad = [x for x in lines if x["kind"] == "growth" and x["axis"] == "steps" and is_ours(x)]
    bad = [x for x in bad if x["measure"] == "step_ms" and x["exponent"] > limit]
    for line in bad:
        print(f"{line['what']}: time grows as T^{line['exponent']}, more than T^{limit}")
    sys.exit(bool(bad))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    parser.add_argument("--backend", choices=BACKENDS, default=backend)
    parser.add_argument("--cell", default="gru", help="a registered name")
    parser.add_argument("--steps", default="128,256,512,1024,2048,4096,8192")
    parser.add_argument("--batch", default="4,16,64,256")
    parser.add_argument("--units", default="32,128,512")
    parser.add_argument("--pieces", default="512", help="values of checkpoint_every")
    parser.add_argument("--beside", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=0.1)
    parser.add_argument("--json", type=Path, help="file that the lines are added to")
    parser.add_argument("--child", help=argparse.SUPPRESS)  # measure this point
    options = parser.parse_args()

    def numbers(text):
        return [int(n) for n in text.split(",") if n]

    options.axes = {axis: numbers(getattr(options, axis)) for axis in AXES}
    pieces = [f"keraseq checkpoint_every={k}" for k in numbers(options.pieces)]
    beside = ["keras.layers.RNN"] if options.beside else []
    options.layers = {axis: ["keraseq", *beside] for axis in AXES}
    options.layers["steps"] = ["keraseq", *pieces, *beside]
    return options


def is_ours(line) -> bool:
    """Whether a line is about a layer of keraseq."""
    return line["what"].startswith("keraseq")


def point(cell: str, size, what: str, repeats: int) -> dict:
    """Time and memory at one size."""
    import keras
    import steps

    import keraseq

    def make():
        one = keraseq.cells.get(cell, units=size[3])
        if what == "keras.layers.RNN":
            return keras.layers.RNN(one)
        every = int(what.split("=")[1]) if "=" in what else None
        return keraseq.layers.RNN(one, checkpoint_every=every)

    try:
        data, tiny = (
            one._replace(targets=one.targets[:, -1])  # the last output: the others would be kept
            for one in (
                steps.Data.random(shape, size[3], None) for shape in (size, (2, 2, *size[2:]))
            )
        )
        peak = steps.peak_of_a_step(make, data, tiny)
        layer = make()
        train = steps.calls(layer, data).train
        start = time.perf_counter()
        train()
        first = round(time.perf_counter() - start, 2)
        [found] = timing.interleaved({what: train}, repeats).values()
    except Exception as error:
        return {"error": timing.one_line(error)}
    return {
        "step_ms": round(1e3 * found.seconds, 2),
        "step_first_s": first,
        "peak_mb": peak,
        "calm": found.calm,
        "loop": getattr(layer, "loop_taken", None),
    }


def growth(lines: list[dict]) -> list[dict]:
    """The exponent n of `measure ~ size^n`, fitted over the larger half of the sizes."""
    import numpy as np

    rows = [line for line in lines if line["kind"] == "scaling" and "step_ms" in line]
    found = []
    for axis, place in AXES.items():
        for what in dict.fromkeys(row["what"] for row in rows):
            mine = [r for r in rows if r["axis"] == axis and r["what"] == what]
            mine.sort(key=lambda r: r["size"][place])
            mine = mine[(len(mine) - 1) // 2 :]
            if len(mine) < 2:
                continue
            for measure in ("step_ms", "peak_mb"):
                x = [math.log(r["size"][place]) for r in mine]
                y = [math.log(max(r[measure], 0.1)) for r in mine]
                exponent = round(float(np.polyfit(x, y, 1)[0]), 3)
                found.append({"axis": axis, "what": what, "measure": measure, "exponent": exponent})
    return found


def table(lines: list[dict]) -> str:
    """What was measured, a row a size."""
    import pandas as pd

    frame = pd.DataFrame([line for line in lines if line["kind"] == "scaling"])
    if frame.empty:
        return "nothing measured"
    frame["size"] = frame["size"].map(lambda size: ",".join(map(str, size)))
    columns = ["axis", "size", "what", "step_ms", "peak_mb", "step_first_s", "loop", "error"]
    shown = frame[[c for c in columns if c in frame]].to_string(index=False, na_rep="")
    grown = pd.DataFrame([line for line in lines if line["kind"] == "growth"])
    if grown.empty:
        return shown
    wide = grown.pivot(index=["axis", "what"], columns="measure", values="exponent")
    return f"{shown}\n\nexponents of growth\n{wide.to_string()}"


if __name__ == "__main__":
    main()
