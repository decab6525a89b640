"""The first step of `fit`, and batches of many lengths: keraseq beside Keras on TensorFlow.

    python benchmarks/first_step.py [--cells lstm,gru] [--repeats 3] [--json FILE]

Prints one JSON object a line. `first`: seconds of the first `train_on_batch` at 64 steps, 32 rows,
64 features, 64 units, each in a process of its own that has trained a small model before.
`lengths`: 50 batches of 32 rows with about 40 lengths, as reviews have them. Each has seconds of
the clock and of the processor, which a busy machine disturbs less; the median of all repeats.
"""

import argparse
import json
import os
import statistics
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
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(*options.child.split(":"))))
        return
    for cell in options.cells.split(","):
        for variant in options.variants.split(","):
            found = {who: [] for who in ("keras", "keraseq")}
            for _ in range(options.repeats):  # in turn, so that the machine's moods meet both
                for who, lines in found.items():
                    lines.append(
                        timing.in_a_process([__file__, "--child", f"{cell}:{variant}:{who}"])
                    )
            line = {"kind": "first", "cell": cell, "variant": variant, **timing.machine()}
            for who, lines in found.items():
                if errors := [one["error"] for one in lines if "error" in one]:
                    line[f"{who}_error"] = errors[0]
                    continue
                for what in ("seconds", "processor"):
                    line[f"{who}_{what}"] = statistics.median(one[what] for one in lines)
                line |= {"loop": lines[0].get("loop")} if who == "keraseq" else {}
            for what in ("seconds", "processor"):
                ours, theirs = (line.get(f"{who}_{what}") for who in ("keraseq", "keras"))
                line[f"ratio_{what}"] = ours and theirs and round(ours / theirs, 2)
            print(json.dumps(line), flush=True)
            if options.json:
                with options.json.open("a") as file:
                    file.write(json.dumps(line) + "\n")


def measured(cell: str, variant: str, who: str) -> dict:
    """Seconds of a first step, or of an epoch of many lengths, in this process."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np

    import keraseq

    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    small.compile("adam", "mse")
    small.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 1), "float32"))
    masked, many = variant in ("masked", "lengths"), variant == "lengths"
    if who == "keras":
        kind, more = KERAS[cell]
        layer, both = getattr(keras.layers, kind)(UNITS, **more), keras.layers.Bidirectional
    else:
        layer = keraseq.layers.RNN(keraseq.cells.get(cell, units=UNITS))
        both = keraseq.layers.Bidirectional
    parts = [keras.Input((None if many else STEPS, FEATURES))]
    parts += [keras.layers.Masking()] * masked
    parts += [both(layer) if variant == "bidirectional" else layer, keras.layers.Dense(1)]
    model = keras.Sequential(parts)
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    # Lengths of reviews: a median of 175 words, some of many; cut at 400.
    lengths = np.exp(rng.normal(np.log(175), 0.6, size=(BATCHES, ROWS))).clip(10, 400).astype(int)
    if many:
        lengths = np.sort(lengths, axis=None).reshape(BATCHES, ROWS)[rng.permutation(BATCHES)]
    else:
        lengths = np.full((1, ROWS), STEPS) if not masked else rng.integers(8, STEPS, (1, ROWS))
    batches = []
    for each in lengths:
        x = rng.normal(size=(ROWS, each.max() if many else STEPS, FEATURES)).astype("float32")
        x[np.arange(x.shape[1])[None] >= each[:, None]] = 0.0
        batches.append((x, np.ones((ROWS, 1), "float32")))
    began, used = time.perf_counter(), time.process_time()
    for x, y in batches:
        model.train_on_batch(x, y)
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    found = {"seconds": round(seconds, 3), "processor": round(processor, 3)}
    taken = getattr(getattr(layer, "forward_layer", layer), "loop_taken", None)
    return found | {"loop": taken}


if __name__ == "__main__":
    main()
