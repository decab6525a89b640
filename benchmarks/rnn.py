"""Cells in keraseq's layer beside Keras' and PyTorch's: time, first call, peak memory.

    python benchmarks/rnn.py [--backend tensorflow|jax|torch] [--cells lstm,gru] [--sizes ...]
                             [--repeats 7] [--json benchmarks/results/rnn-tensorflow-cpu.jsonl]

Prints one JSON object a line, then a table, for every registered cell and these candidates:
`keraseq` is `keraseq.layers.RNN(cell)`; `keras.layers.RNN` holds the same cell; Keras' own LSTM,
GRU and SimpleRNN run as their defaults do; PyTorch's run in the same process with as many threads;
`bound` is the time that the matrix products alone would need at the rate of a large product
measured in the same run. `steps.py` says what a training step is, `timing.py` which repeats count.

With `--json` the lines are added to a file, so that a long list can be measured in pieces;
`results_page.py` makes a page of them. A candidate that fails is recorded with its reason.
"""

import argparse
import contextlib
import functools
import gc
import importlib
import json
import math
import os
import sys
import time
from pathlib import Path

import timing

SIZES = "128,32,64,128;256,64,128,256;256,64,128,512;1000,16,64,128"  # time,batch,features,units
GROUPS = ("keraseq", "loops", "rnn", "builtin", "torch", "bound")
BACKENDS = ("tensorflow", "jax", "torch")
VARIANTS = ("plain", "padded", "bidirectional")
LONGEST = 0.5  # of the steps that the longest row of a padded batch reads
# The layers that Keras and PyTorch have for a cell: class, and what it needs besides units.
KERAS = {
    "elman": {"keras.layers.SimpleRNN": {}},
    "irnn": {"keras.layers.SimpleRNN": {"activation": "relu"}},
    "lstm": {"keras.layers.LSTM": {}},
    "lstm-peephole": {"keras.layers.LSTM": {}},
    "lstm-coupled": {"keras.layers.LSTM": {}},
    "gru": {
        "keras.layers.GRU(reset_after=False)": {"reset_after": False},
        "keras.layers.GRU": {},
    },
    "gru-after": {"keras.layers.GRU": {}},
}
TORCH = {
    "elman": ("RNN", {}),
    "irnn": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm-peephole": ("LSTM", {}),
    "lstm-coupled": ("LSTM", {}),
    "gru": ("GRU", {}),
    "gru-after": ("GRU", {}),
}


def main() -> None:
    """Measures what the command line asks for."""
    options = arguments()
    prepare(options)
    if options.child:
        return memory_of_child(options)
    lines = []

    def say(line):
        lines.append(line)
        print(json.dumps(line), flush=True)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(line) + "\n")

    import steps

    run = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    about = {"backend": options.backend, "device": steps.device(), "variant": options.variant}
    about |= {"dtype": options.dtype, "threads": options.threads}
    asked = {"repeats": options.repeats, "command": " ".join(["benchmarks/rnn.py", *sys.argv[1:]])}
    say({"kind": "run", "run": run, **about, **asked, **timing.machine()})
    if options.only != "memory":
        warm_up(options)
    for size in options.sizes:
        for name in options.cells:
            one = {"run": run, "cell": name, "size": size, **about}
            if options.only != "memory":
                for row in times(name, size, options):
                    say({"kind": "time", **one, **row})
            if options.only != "time":
                for row in memory(name, size, options):
                    say({"kind": "memory", **one, **row})
    print(table(lines))


def arguments(given=None) -> argparse.Namespace:
    """The command line; sizes as lists of numbers, cells as names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    parser.add_argument("--backend", choices=BACKENDS, default=backend)
    parser.add_argument("--cells", help="names with commas; default: every registered cell")
    parser.add_argument("--sizes", default=SIZES, help="time,batch,features,units; several with ;")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="file that the lines are added to")
    parser.add_argument("--compare", default=",".join(g for g in GROUPS if g != "loops"))
    parser.add_argument("--loops", action="store_true", help="also each loop of keraseq, forced")
    parser.add_argument("--only", choices=("time", "memory"))
    parser.add_argument("--variant", choices=VARIANTS, default="plain")
    parser.add_argument("--dtype", default="float32", help="a dtype policy: mixed_bfloat16")
    parser.add_argument("--threads", type=int, default=timing.cores())
    parser.add_argument("--child", help=argparse.SUPPRESS)  # measure the memory of this candidate
    options = parser.parse_args(given)
    options.sizes = [[int(n) for n in size.split(",")] for size in options.sizes.split(";")]
    if any(len(size) != 4 or min(size) < 1 for size in options.sizes):
        parser.error("--sizes needs four positive numbers each: time,batch,features,units")
    options.compare = options.compare.split(",") + ["loops"] * options.loops
    if unknown := set(options.compare) - set(GROUPS):
        parser.error(f"--compare knows {', '.join(GROUPS)}; received {', '.join(sorted(unknown))}")
    return options


def prepare(options) -> None:
    """Chooses the backend, gives every library as many threads, and looks the cells up."""
    os.environ["KERAS_BACKEND"] = options.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs some too
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import keras

    import keraseq

    known = keraseq.cells.names()
    options.cells = options.cells.split(",") if options.cells else known
    for name in options.cells:
        keraseq.cells.get(name, units=1)  # an unknown name ends here, in one line
    keras.config.set_dtype_policy(options.dtype)
    if options.backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    if (options.backend == "torch" or "torch" in options.compare) and torch_there():
        import torch

        torch.set_num_threads(options.threads)


def torch_there() -> bool:
    """Whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def candidates(name: str, size, options) -> dict:
    """Label -> a function that makes the layer."""
    import keras

    import keraseq

    _, _, features, units = size
    both, plain = options.variant == "bidirectional", options.dtype == "float32"
    sequences = {"return_sequences": True}

    def ours(loop):
        layer = keraseq.layers.RNN(keraseq.cells.get(name, units=units), loop=loop, **sequences)
        return keraseq.layers.Bidirectional(layer) if both else layer

    def theirs():
        layer = keras.layers.RNN(keraseq.cells.get(name, units=units), **sequences)
        return keras.layers.Bidirectional(layer) if both else layer

    def built_in(kind, more):
        layer = getattr(keras.layers, kind)(units, **more, **sequences)
        return keras.layers.Bidirectional(layer) if both else layer

    def of_torch(kind, more):
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        module = getattr(torch.nn, kind)
        return module(features, units, batch_first=True, bidirectional=both, **more).to(device)

    found, compare = {}, options.compare
    if "keraseq" in compare:
        found["keraseq"] = lambda: ours("auto")
    if "loops" in compare:
        for loop in keraseq.layers.scan.LOOPS[1:]:
            found[f"keraseq loop={loop}"] = functools.partial(ours, loop)
    if "rnn" in compare:
        found["keras.layers.RNN"] = theirs
    for label, more in KERAS.get(name, {}).items() if "builtin" in compare else ():
        kind = label.removeprefix("keras.layers.").split("(")[0]
        found[label] = functools.partial(built_in, kind, more)
    padded = options.variant == "padded"  # PyTorch's modules take no mask
    if "torch" in compare and name in TORCH and torch_there() and plain and not padded:
        kind, more = TORCH[name]
        found[f"torch.nn.{kind}"] = functools.partial(of_torch, kind, more)
    return found


def data_of(size, options):
    """The batch for a size."""
    import steps

    width = size[3] * (2 if options.variant == "bidirectional" else 1)
    longest = LONGEST if options.variant == "padded" else None
    return steps.Data.random(tuple(size), width, longest)


# Time.


def warm_up(options) -> None:
    """One small step of each candidate: what a library does once is no candidate's first call."""
    import steps

    size = [2, 2, 2, 2]
    for make in candidates(options.cells[0], size, options).values():
        with contextlib.suppress(Exception):  # it will fail again, and be recorded, when it counts
            steps.calls(make(), data_of(size, options)).train()


def times(name: str, size, options) -> list[dict]:
    """A row a candidate: milliseconds of a forward pass and of a training step, first calls."""
    import steps

    data, rows, timed = data_of(size, options), {}, {}
    for label, make in candidates(name, size, options).items():
        try:
            layer = make()
            calls = steps.calls(layer, data)
            rows[label] = {
                "forward_first_s": seconds_of(calls.forward),
                "step_first_s": seconds_of(calls.train),
                **loop_of(layer),
            }
        except Exception as error:  # recorded: the others are still worth measuring
            rows[label] = {"error": timing.one_line(error)}
            continue
        timed |= {(label, "forward"): calls.forward, (label, "step"): calls.train}
    product = steps.large_product() if "bound" in options.compare else None
    if product:
        product.call()
        timed[None, "product"] = product.call
    found = timing.interleaved(timed, options.repeats)
    for (label, what), one in found.items():
        if label:
            rows[label][f"{what}_ms"] = round(1e3 * one.seconds, 3)
            rows[label][f"{what}_least_ms"] = round(1e3 * one.least, 3)
            rows[label] |= {"repeats": one.repeats}
            rows[label]["disturbed"] = rows[label].get("disturbed", 0) + one.disturbed
            rows[label]["calm"] = rows[label].get("calm", True) and one.calm
    if product:
        rate = product.flop / found[None, "product"].seconds
        forward, train = operations(name, size, options)
        rows["bound"] = {
            "forward_ms": round(1e3 * forward / rate, 3),
            "step_ms": round(1e3 * train / rate, 3),
            "gflop_per_s": round(rate / 1e9),
        }
    del timed, found
    gc.collect()
    return [{"what": label, **row} for label, row in rows.items()]


def seconds_of(call) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return round(time.perf_counter() - start, 3)


def loop_of(layer) -> dict:
    """Which loop a layer of keraseq took, and why."""
    layer = getattr(layer, "forward_layer", layer)
    found = {
        "loop": getattr(layer, "loop_taken", None),
        "reason": getattr(layer, "loop_reason", None),
    }
    return {key: value for key, value in found.items() if value}


def operations(name: str, size, options) -> tuple[float, float]:
    """Floating-point operations of the matrix products of a forward pass and of a training step.

    A product's gradient is two products of the same size, of which the one for the batch itself,
    which nobody needs, is left out.
    """
    import keras

    import keraseq
    from keraseq.cells import products
    from keraseq.cells.context import during

    steps, batch, features, units = size
    counted = []

    def count(operand, weight, columns, addend):
        result = products.plain(operand, weight, columns, addend)
        counted.append(2.0 * math.prod(operand.shape) * result.shape[-1])
        return result

    cell = keraseq.cells.get(name, units=units)
    cell.build((None, features))
    with during(product=count):
        projected = cell.project(keras.ops.zeros((batch, features), dtype=cell.compute_dtype))
        inputs = sum(counted)
        cell.advance(projected, cell.get_initial_state(batch))
    recurrent = sum(counted) - inputs
    times = steps * (2 if options.variant == "bidirectional" else 1)
    if options.variant == "padded":
        times *= LONGEST
    return times * (inputs + recurrent), times * (2 * inputs + 3 * recurrent)


# Memory.


def memory(name: str, size, options) -> list[dict]:
    """A row a candidate: MB that a training step needs, each measured in a process of its own."""
    rows = []
    for label in candidates(name, size, options):
        command = [__file__, "--child", label, "--cells", name]
        command += ["--sizes", ",".join(map(str, size)), "--backend", options.backend]
        command += ["--variant", options.variant, "--dtype", options.dtype]
        command += ["--threads", str(options.threads), "--compare", ",".join(options.compare)]
        rows.append({"what": label, **timing.in_a_process(command)})
    return rows


def memory_of_child(options) -> None:
    """Prints the peak of one candidate: what a training step holds beyond data and libraries."""
    import steps

    size, [name] = options.sizes[0], options.cells
    try:
        make = candidates(name, size, options)[options.child]
        tiny = data_of([2, 2, *size[2:]], options)
        peak = steps.peak_of_a_step(make, data_of(size, options), tiny)
        print(json.dumps({"peak_mb": peak}))
    except Exception as error:
        print(json.dumps({"error": timing.one_line(error)}))


# The table.


def table(lines: list[dict]) -> str:
    """What was measured, a row a candidate, with each candidate's time over keraseq's."""
    import pandas as pd

    rows = [line for line in lines if line["kind"] in ("time", "memory")]
    if not rows:
        return "nothing measured"
    frame = pd.DataFrame(rows)
    frame["size"] = frame["size"].map(lambda size: ",".join(map(str, size)))
    keys = ["size", "cell", "what"]
    frame = frame.drop(columns=["kind", "run"]).groupby(keys, sort=False).first().reset_index()
    if "step_ms" in frame:
        of_keraseq = frame[frame["what"] == "keraseq"].set_index(["size", "cell"])["step_ms"]
        own = [
            of_keraseq.get(key, math.nan) for key in zip(frame["size"], frame["cell"], strict=True)
        ]
        frame["keraseq / it"] = (pd.Series(own) / frame["step_ms"]).round(2)
    columns = ["forward_ms", "step_ms", "keraseq / it", "forward_first_s", "step_first_s"]
    columns += ["peak_mb", "loop", "disturbed", "error"]
    shown = frame[keys + [c for c in columns if c in frame]]
    return shown.to_string(index=False, na_rep="")


if __name__ == "__main__":
    main()
