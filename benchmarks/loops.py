"""Milliseconds of a training step: the loops of keraseq.layers.RNN beside those of Keras.

    python benchmarks/loops.py [--cells lstm,gru,mut1] [--sizes 256,64,128,256] [--repeats 7]

Prints one JSON object a line, then a table: medians of interleaved repeats, so that the machine's
moods meet all alike. `keras.layers.RNN` holds the same cell. "As fit does it" is Keras' default
`jit_compile`, which compiles nothing on TensorFlow without a GPU.
"""

import argparse
import json
import statistics
import time

import keras
import numpy as np

import keraseq

BUILT_IN = {
    "elman": lambda units: keras.layers.SimpleRNN(units, return_sequences=True),
    "lstm": lambda units: keras.layers.LSTM(units, return_sequences=True),
    "gru": lambda units: keras.layers.GRU(units, return_sequences=True, reset_after=False),
}


def candidates(name: str, units: int) -> dict:
    """What is timed: label -> (layer, whether Keras compiles the step)."""

    def cell():
        return keraseq.cells.get(name, units=units)

    found = {
        f"keraseq {loop}": (keraseq.layers.RNN(cell(), return_sequences=True, loop=loop), False)
        for loop in ("auto", "plain", "deferred")
    }
    found["keraseq, as fit does it"] = (keraseq.layers.RNN(cell(), return_sequences=True), "auto")
    found["keras.layers.RNN"] = (keras.layers.RNN(cell(), return_sequences=True), False)
    found["keras.layers.RNN, as fit does it"] = (
        keras.layers.RNN(cell(), return_sequences=True),
        "auto",
    )
    if name in BUILT_IN:
        found["Keras' own layer"] = (BUILT_IN[name](units), "auto")
    return found


def measure(name: str, size: tuple[int, ...], repeats: int) -> list[dict]:
    """Rows of one cell and size."""
    steps, batch, features, units = size
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, features)).astype("float32")
    y = rng.normal(size=(batch, steps, units)).astype("float32")
    models, rows = {}, {}
    for label, (layer, jit_compile) in candidates(name, units).items():
        inputs = keras.Input((steps, features))
        model = keras.Model(inputs, layer(inputs))
        model.compile("sgd", "mse", jit_compile=jit_compile)
        start = time.perf_counter()
        model.train_on_batch(x, y)
        models[label] = model
        rows[label] = {
            "cell": name,
            "size": list(size),
            "what": label,
            "backend": keras.backend.backend(),
            "first_s": round(time.perf_counter() - start, 2),
        }
    times = {label: [] for label in models}
    for _ in range(repeats):
        for label, model in models.items():
            start = time.perf_counter()
            model.train_on_batch(x, y)
            times[label].append(time.perf_counter() - start)
    for label, row in rows.items():
        row["step_ms"] = round(1e3 * statistics.median(times[label]), 1)
    return list(rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="lstm,gru,mut1")
    parser.add_argument("--sizes", default="256,64,128,256", help="T,B,D,H; several with ;")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rows = []
    for size in options.sizes.split(";"):
        for name in options.cells.split(","):
            for row in measure(name, tuple(map(int, size.split(","))), options.repeats):
                print(json.dumps(row), flush=True)
                rows.append(row)
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame["size"] = frame["size"].astype(str)
    table = frame.pivot(index=["size", "what"], columns="cell", values="step_ms")
    print(table[list(dict.fromkeys(frame["cell"]))].to_string())


if __name__ == "__main__":
    main()
