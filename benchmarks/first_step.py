"""The first step of `fit`, and batches of many lengths: keraseq beside Keras on TensorFlow.

    python benchmarks/first_step.py [--cells lstm,gru] [--repeats 3] [--json FILE]

Prints one JSON object a line: seconds of the clock and of the processor, which a busy machine
disturbs less, the median of the repeats. A repeat is a process of its own, in which a small layer
of each kind has been trained before. `plain`, `bidirectional` and `masked` are the first
`train_on_batch` at 64 steps, 64 features, 64 units and about 32 rows (each another number, so that
none finds what XLA compiled for another). `lengths` is `fit` on 50 batches with about 40 lengths,
as reviews have them, the first step included; `again` the same a second time.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import timing

STEPS, ROWS, FEATURES, UNITS, BATCHES = 64, 32, 64, 64, 50
VARIANTS = ("plain", "bidirectional", "masked", "lengths")
KERAS = {"lstm": ("LSTM", {}), "gru": ("GRU", {"reset_after": False}), "gru-after": ("GRU", {})}


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="lstm,gru")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file that the lines are added to")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cells, variants = options.cells.split(","), options.variants.split(",")
    if options.child:
        print(json.dumps(measured(cells[0], variants)))
        return

    def say(line):
        print(json.dumps(line), flush=True)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(line) + "\n")

    run = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    command = " ".join(["benchmarks/first_step.py", *sys.argv[1:]])
    say({"kind": "run", "run": run, "command": command, "device": "cpu", **timing.machine()})
    for cell in cells:
        child = [__file__, "--child", "--cells", cell, "--variants", options.variants]
        runs = [timing.in_a_process(child) for _ in range(options.repeats)]
        for what in runs[0]:
            line = {"kind": "first", "cell": cell, "what": what, "repeats": len(runs)}
            if what != "error":
                line |= middle([one[what] for one in runs if what in one])
            line |= {"error": runs[0]["error"]} if what == "error" else {}
            say({"run": run, **line})


def middle(runs: list[dict]) -> dict:
    """Medians, and keraseq's over Keras'."""
    found = {"loop": runs[0]["keraseq"]["loop"]}
    for clock in ("seconds", "processor"):
        both = {who: statistics.median(one[who][clock] for one in runs) for who in runs[0]}
        found |= {f"{who}_{clock}": round(one, 3) for who, one in both.items()}
        found[f"ratio_{clock}"] = round(both["keraseq"] / both["keras"], 2)
    return found


def measured(cell: str, variants: list[str]) -> dict:
    """Seconds of each variant in this process, for both."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np

    for who in ("keras", "keraseq"):
        tiny = model_of(who, cell, "plain", 2, 2, 2)
        tiny.fit(np.ones((4, 2, 2)), np.ones((4, 1)), batch_size=2, verbose=0)
    found = {}
    for number, variant in enumerate(variants):
        many, rows = variant == "lengths", ROWS + number
        batches = of_lengths(rows, BATCHES if many else 1, many, variant == "masked")
        for who in ("keras", "keraseq"):
            model = model_of(who, cell, variant, None if many else STEPS, FEATURES, UNITS)
            for name in (variant, "again") if many else (variant,):
                began, used = time.perf_counter(), time.process_time()
                if many:
                    model.fit((one for one in batches), steps_per_epoch=len(batches), verbose=0)
                else:
                    model.train_on_batch(*batches[0])
                line = {"seconds": time.perf_counter() - began}
                line["processor"] = time.process_time() - used
                layer = model.layers[-2]
                layer = getattr(layer, "forward_layer", layer)
                line["loop"] = getattr(layer, "loop_taken", None)
                found.setdefault(name, {})[who] = line
    return found


def model_of(who, cell, variant, steps, features, units):
    """A compiled model of one recurrent layer of Keras or keraseq."""
    import keras

    import keraseq

    if who == "keras":
        kind, more = KERAS[cell]
        layer, both = getattr(keras.layers, kind)(units, **more), keras.layers.Bidirectional
    else:
        layer = keraseq.layers.RNN(keraseq.cells.get(cell, units=units))
        both = keraseq.layers.Bidirectional
    parts = [keras.Input((steps, features))]
    parts += [keras.layers.Masking()] * (variant in ("masked", "lengths"))
    parts += [both(layer) if variant == "bidirectional" else layer, keras.layers.Dense(1)]
    model = keras.Sequential(parts)
    model.compile("adam", "mse")
    return model


def of_lengths(rows, count, many, masked) -> list:
    """Batches: rows of equal length, or padded; with `many` each batch as long as it needs."""
    import numpy as np

    rng = np.random.default_rng(0)
    lengths = np.full((count, rows), STEPS)
    if masked:
        lengths = rng.integers(STEPS // 2, STEPS, lengths.shape)
    if many:  # as of reviews: half of them have 175 words or more, cut at 400
        lengths = np.exp(rng.normal(np.log(175), 0.6, lengths.shape)).clip(10, 400).astype(int)
        lengths = np.sort(lengths, axis=None).reshape(count, rows)[rng.permutation(count)]
    batches = []
    for each in lengths:
        x = rng.normal(size=(rows, each.max() if many else STEPS, FEATURES)).astype("float32")
        x[np.arange(x.shape[1])[None] >= each[:, None]] = 0.0
        batches.append((x, np.ones((rows, 1), "float32")))
    return batches


if __name__ == "__main__":
    main()
