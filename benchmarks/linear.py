"""Linear recurrences of many steps, each way to run them, beside Keras' LSTM in one process.

    python benchmarks/linear.py [--backend tensorflow|jax|torch] [--sizes time,batch,features,units]
                                [--seconds 600] [--json benchmarks/results/linear-jax-cpu.jsonl]

Prints one JSON object a line, then a table. `keraseq` is `keraseq.layers.RNN(cell)` as it comes,
`keraseq loop=...` a way that is forced; `steps.py` says what a forward pass and a training step
are. What no longer fits into `--seconds` is left out: the sizes come in the order in which they are
given, and in each size Keras' LSTM first. No TensorFlow is needed for JAX and PyTorch.
"""

import argparse
import gc
import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

import timing

SIZES = "8192,8,64,128;2048,8,64,128;512,8,64,128;32768,8,64,128"
BACKENDS = ("tensorflow", "jax", "torch")
LSTM = "keras.layers.LSTM"
LONGEST = 10  # seconds of the repeats of one call


def main() -> None:
    """Measures what the command line asks for."""
    options = arguments()
    os.environ["KERAS_BACKEND"] = options.backend
    if options.threads and options.backend == "tensorflow":
        timing.limit_threads(options.threads)
    if options.threads and options.backend == "torch":
        importlib.import_module("torch").set_num_threads(options.threads)
    import steps

    deadline, lines = time.monotonic() + options.seconds, []

    def say(line):
        lines.append(line)
        print(json.dumps(line), flush=True)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(line) + "\n")

    run = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    about = {"run": run, "backend": options.backend, "device": steps.device()}
    command = " ".join(["benchmarks/linear.py", *sys.argv[1:]])
    say({"kind": "run", **about, "command": command, **timing.machine()})
    for size in options.sizes:
        data = steps.Data.random(tuple(size), size[3], None)
        for cell, what in candidates(options):
            if time.monotonic() > deadline:
                break
            found = measured(cell, what, size, data, options.repeats)
            say({"kind": "linear", **about, "size": size, "cell": cell, "what": what, **found})
    print(table(lines))


def arguments(given=None) -> argparse.Namespace:
    """The command line; sizes as lists of numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    parser.add_argument("--backend", choices=BACKENDS, default=backend)
    parser.add_argument("--sizes", default=SIZES, help="time,batch,features,units; several with ;")
    parser.add_argument("--cells", default="min-gru,min-lstm,lru")
    parser.add_argument("--ways", default="auto,parallel", help="loops, `auto` as it comes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=600, help="nothing is begun after them")
    parser.add_argument("--threads", type=int, default=0, help="default: the backend's choice")
    parser.add_argument("--json", type=Path, help="file that the lines are added to")
    options = parser.parse_args(given)
    options.sizes = [[int(n) for n in size.split(",")] for size in options.sizes.split(";")]
    if any(len(size) != 4 or min(size) < 1 for size in options.sizes):
        parser.error("--sizes needs four positive numbers each: time,batch,features,units")
    return options


def candidates(options) -> list[tuple[str, str]]:
    """Cell and what runs it."""
    names = {"auto": "keraseq"}
    ways = [names.get(way, f"keraseq loop={way}") for way in options.ways.split(",")]
    return [("lstm", LSTM), *((cell, way) for cell in options.cells.split(",") for way in ways)]


def layer_of(cell: str, what: str, units: int):
    """A layer that gives the output of every step."""
    import keras

    import keraseq

    if what == LSTM:
        return keras.layers.LSTM(units, return_sequences=True)
    loop = what.partition("loop=")[2] or "auto"
    cell = keraseq.cells.get(cell, units=units)
    return keraseq.layers.RNN(cell, return_sequences=True, loop=loop)


def measured(cell, what, size, data, repeats) -> dict:
    """Milliseconds of a forward pass and of a training step, and of the first of each."""
    import steps

    found = {}
    try:
        layer = layer_of(cell, what, size[3])
        for name, call in steps.calls(layer, data)._asdict().items():
            name = {"forward": "forward", "train": "step"}[name]
            start = time.perf_counter()
            call()
            found[f"{name}_first_s"] = round(time.perf_counter() - start, 3)
            taken, others = [], timing.cpu_of_others()
            while len(taken) < repeats and (not taken or sum(taken) < LONGEST):
                start = time.perf_counter()
                call()
                taken.append(time.perf_counter() - start)
            found[f"{name}_ms"] = round(1e3 * statistics.median(taken), 3)
            found[f"{name}_least_ms"] = round(1e3 * min(taken), 3)
            found["busy"] = round((timing.cpu_of_others() - others) / sum(taken), 2)
        found["loop"] = getattr(layer, "loop_taken", None)
    except Exception as error:  # recorded: the others are still worth measuring
        found["error"] = timing.one_line(error)
    gc.collect()
    return found


def table(lines: list[dict]) -> str:
    """What was measured, a row a candidate, with its time over that of Keras' LSTM."""
    rows, beside = [], {}
    for line in lines[1:]:
        size = ",".join(map(str, line["size"]))
        if line["what"] == LSTM:
            beside[size] = line
        parts = [f"{size:18} {line['cell']:9} {line['what']:24} {line.get('loop') or '':9}"]
        for name in ("forward_ms", "step_ms"):
            own, other = line.get(name), beside.get(size, {}).get(name)
            parts.append("" if own is None else f"{own:10.1f}")
            parts.append("" if own is None or not other else f"{own / other:6.3f}")
        rows.append(" ".join([*parts, line.get("error", "")]))
    head = f"{'time,batch,in,units':18} cell      what                     loop"
    return "\n".join([f"{head}      forward ms  / LSTM   step ms  / LSTM", *rows])


if __name__ == "__main__":
    main()
