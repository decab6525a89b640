"""keraseq on a GPU in a few minutes: JAX and PyTorch side by side, no TensorFlow needed.

    python benchmarks/gpu.py --out benchmarks/results/gpu-h100.jsonl [--seconds 480] [--only PARTS]
    python benchmarks/gpu.py --out runs/tiny.jsonl --tiny          # on a CPU, to see that it works

Parts, by name in `--only` (commas between them): `times` training step and forward pass of every
loop, with 1, 4, 8 and 16 steps a round on JAX, beside Keras' and PyTorch's layers; `kernels` what
XLA launches in a round; `agreement` every cell against its oracle in float64, float32 with TF32 off
and on, and mixed_bfloat16, and the loops against each other; `memory` of a training step of 8,192
steps; `write` Tiny Shakespeare for a minute, and characters a second.

What is worth most comes first, and what no longer fits into `--seconds` is left out and said to be.
A process for each backend runs one job at a time, so that nothing else runs beside what is timed;
agreement and memory, which time nothing, run in many processes at once. Each result is a line of
JSON in `--out`, there as soon as it is known; `results_page.py` makes a page of them. Last comes
the table, each ask beside its figure. What libraries print is in a file beside `--out`, `.log`.
"""

import argparse
import contextlib
import gc
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import timing
from gpu_tables import LARGE, LONG, LSTM, MIDDLE, SMALL, TINY, joined, report, short

HERE = Path(__file__).parent
PARTS = ("times", "kernels", "agreement", "memory", "write")
WARM = 2  # calls more before PyTorch is timed: its loop is recorded when shapes are met again
ROUNDS = ("keraseq unroll=1", "keraseq unroll=4", "keraseq unroll=8", "keraseq unroll=16")


def main() -> None:
    """Measures what the command line asks for, or works for a process that does."""
    options = arguments()
    if options.worker:
        return work(options.worker)
    deadline = time.monotonic() + options.seconds
    options.out.parent.mkdir(parents=True, exist_ok=True)
    lines = []

    def say(line):
        lines.append(line)
        with options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(short(line)), flush=True)

    with options.out.with_suffix(".log").open("a") as log:
        crew = Crew(log, say, deadline, options)
        try:
            for group in plan(options):
                crew.run(group)
        finally:
            crew.end()
    print(report(lines))


def arguments(given=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file that the lines are added to")
    parser.add_argument("--seconds", type=float, default=480, help="all must end within them")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--backends", default="jax,torch")
    parser.add_argument("--cells", default="", help="only these cells are timed")
    parser.add_argument("--data", type=Path, help="folder of public data sets (KERASEQ_DATA)")
    parser.add_argument("--epochs", type=int, default=25, help="of Tiny Shakespeare")
    parser.add_argument("--workers", type=int, default=9, help="processes for what is not timed")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    options.only, options.backends = options.only.split(","), options.backends.split(",")
    options.cells = options.cells.split(",") if options.cells else []
    for name, one, known in (
        ("--only", options.only, PARTS),
        ("--backends", options.backends, ("jax", "torch")),
    ):
        if unknown := set(one) - set(known):
            parser.error(f"{name} knows {', '.join(known)}; received {', '.join(sorted(unknown))}")
    if not options.worker and not options.out:
        parser.error("--out FILE is needed: every result is a line there")
    if options.data:
        os.environ["KERASEQ_DATA"] = str(options.data.resolve())
    return options


# What is done, what is worth most first.


def plan(options) -> list[list[dict]]:
    """Groups of jobs; those of a group run at once."""
    groups = []

    def add(part, seconds, *jobs):
        jobs = [{"part": part, "seconds": seconds, **job} for job in jobs]
        jobs = [job for job in jobs if job["backend"] in options.backends]
        if part in options.only and jobs:
            groups.append(jobs)

    def timed(backend, size, cells, whats, seconds, **more):
        for cell in cells:
            if not options.cells or cell in options.cells:
                found = [*whats, *beside(backend, cell, more.get("variant"))]
                given = {"cell": cell, "size": size_of(size, options), "whats": found, **more}
                job = {"backend": backend, "do": "times", "with": given}
                add("times", seconds, job)

    jax_all = ["keraseq", "keraseq plain", *ROUNDS, SAME]
    slow = ["keraseq deferred", "keraseq plain", SAME]
    graph = ["keraseq compiled"]  # on PyTorch a CUDA graph, joined by its compiler
    five = ["lstm", "mut1", "gru-after", "gru", "elman"]
    timed("jax", MIDDLE, ["lstm"], jax_all, 30, alone=True)
    timed("jax", MIDDLE, ["mut1"], jax_all, 20)
    timed("jax", SMALL, ["lstm", "mut1"], jax_all, 15)
    timed("torch", SMALL, five[:2], ["keraseq", *slow], 14)
    timed("torch", MIDDLE, five, ["keraseq"], 10)
    timed("torch", SMALL, five[2:], ["keraseq"], 6)
    timed("torch", MIDDLE, ["mut1", "lstm"], graph, 25)
    timed("torch", SMALL, ["mut1"], graph, 25)
    kernels = [{"cell": cell, "size": size_of(MIDDLE, options)} for cell in ("lstm", "mut1")]
    add("kernels", 15, *({"backend": "jax", "do": "kernels", "with": one} for one in kernels[:1]))
    timed("jax", MIDDLE, ["gru-after", "gru", "elman"], ["keraseq", ROUNDS[-1], SAME], 12)
    add("kernels", 15, *({"backend": "jax", "do": "kernels", "with": one} for one in kernels[1:]))
    add("agreement", 60, *agreement_jobs(options), *memory_jobs(options))
    if "agreement" not in options.only:
        add("memory", 40, *memory_jobs(options))
    few = ["keraseq", ROUNDS[0], ROUNDS[-1], SAME]
    timed("jax", MIDDLE, ["lstm", "mut1"], few, 12, variant="padded")
    timed("jax", MIDDLE, ["lstm"], few, 15, variant="bidirectional")
    timed("jax", LARGE, ["lstm", "mut1"], ["keraseq", ROUNDS[2], ROUNDS[3], SAME], 15)
    timed("jax", LONG, ["lstm"], ["keraseq", ROUNDS[2], ROUNDS[3], SAME], 15)
    timed("torch", MIDDLE, ["lstm", "mut1"], ["keraseq"], 10, variant="padded")
    timed("torch", MIDDLE, ["lstm"], ["keraseq"], 10, variant="bidirectional")
    timed("torch", LARGE, ["lstm", "mut1"], ["keraseq"], 15)
    timed("torch", LONG, ["lstm"], ["keraseq"], 15)
    writing = {"epochs": 1 if options.tiny else options.epochs, "tiny": options.tiny}
    add("write", 2 * writing["epochs"] + 25, {"backend": "jax", "do": "write", "with": writing})
    add("write", 30, {"backend": "jax", "do": "generation", "with": {"tiny": options.tiny}})
    timed("jax", MIDDLE, ["mut3"], ["keraseq", SAME], 12)
    timed("torch", MIDDLE, ["mut3"], ["keraseq"], 12)
    timed("torch", MIDDLE, ["gru", "gru-after", "elman"], graph, 25)
    return groups


SAME = "keras.layers.RNN"


def size_of(size, options):
    """The size, or a tiny one."""
    return list(TINY[size] if options.tiny else size)


def beside(backend: str, cell: str, variant: str | None = None) -> list[str]:
    """The layers of the libraries for a cell; PyTorch's take no mask."""
    import rnn

    found = list(rnn.KERAS.get(cell, {}))
    if backend == "torch" and cell in rnn.TORCH and variant != "padded":
        found.append(f"torch.nn.{rnn.TORCH[cell][0]}")
    return found


def agreement_jobs(options) -> list[dict]:
    """Every cell against its oracle, spread over processes of their own."""
    count = 1 if options.tiny else options.workers
    shares = [{"backend": "jax", "with": {"share": i, "of": count}} for i in range(count)]
    shares += [
        {"backend": "torch", "with": {"share": i, "of": 2}} for i in range(1 if count == 1 else 2)
    ]
    if options.tiny:
        for one in shares:
            one["with"] |= {"of": 17}
    return [{**one, "do": "agreement", "apart": True} for one in shares]


def memory_jobs(options) -> list[dict]:
    """A long training step, a process for each candidate."""
    if "memory" not in options.only:
        return []
    size = size_of((8192, 16, 64, 256), options)
    whats = {
        "jax": ["keraseq", "keraseq checkpoint_every=128", SAME, LSTM],
        "torch": ["keraseq", "torch.nn.LSTM"],
    }
    found = [(backend, what) for backend, some in whats.items() for what in some]
    if options.tiny:
        found = [found[0], found[-1]]
    return [
        {"backend": backend, "do": "memory", "apart": True, "part": "memory"}
        | {"with": {"cell": "lstm", "size": size, "what": what}}
        for backend, what in found
    ]


# Who does it.


class Crew:
    """A process for each backend that takes one job after the other, and more for jobs `apart`.

    Args:
        log: File for what the processes print.
        say: Gets every line.
        deadline: When all must have ended, in seconds of `time.monotonic`.
        options: The command line.
    """

    def __init__(self, log, say, deadline: float, options):
        self.log, self.say, self.deadline, self.options = log, say, deadline, options
        self.heard: queue.Queue = queue.Queue()
        self.busy, self.idle = [], {one: self.hire(one) for one in options.backends}

    def hire(self, backend: str, untimed: bool = False) -> "Worker":
        """A new process; it reads what it needs while others work."""
        environment = {"OMP_NUM_THREADS": "1"} if self.options.tiny else {}
        if untimed:
            environment["XLA_FLAGS"] = "--xla_gpu_autotune_level=0"
        return Worker(backend, self.log, self.heard, environment)

    def run(self, jobs: list[dict]) -> None:
        """Does the jobs at once, as far as time allows."""
        left = self.deadline - time.monotonic()
        need = max(job["seconds"] for job in jobs)
        if left < need:
            for job in jobs:
                self.say({**about(job), "kind": "skipped", "reason": f"{left:.0f} s left"})
            return
        until = time.monotonic() + min(left - 2, 2 * need + 15)
        if self.options.tiny:
            until = self.deadline - 2
        started = time.monotonic()
        for job in jobs:
            worker = None if job.get("apart") else self.idle.pop(job["backend"], None)
            worker = worker or self.hire(job["backend"], job.get("apart", False))
            worker.take(job)
            self.busy.append(worker)
        while self.busy:
            try:
                worker, line = self.heard.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                for worker in self.busy:
                    self.failed(worker, "took too long")
                    worker.end()
                self.busy = []
                break
            if worker not in self.busy:
                if worker in self.idle.values() and line and line["kind"] == "run":
                    self.say(line)
                continue
            if line is None:
                self.failed(worker, "the process ended; see the log")
                self.busy.remove(worker)
            elif line["kind"] == "done":
                self.busy.remove(worker)
                self.done(worker)
            elif line["kind"] != "run" or not worker.job.get("apart"):
                self.say({**about(worker.job), **line} if line["kind"] != "run" else line)
        took = round(time.monotonic() - started, 1)
        self.say({**about(jobs[0]), "kind": "took", "seconds": took, "jobs": len(jobs)})

    def done(self, worker) -> None:
        """Keeps it for the next job, or lets it go."""
        if worker.job.get("apart"):
            worker.end()
        else:
            self.idle[worker.backend] = worker

    def failed(self, worker, why: str) -> None:
        """Says so."""
        self.say({**about(worker.job), "kind": "failed", "error": why})

    def end(self) -> None:
        """Ends all processes."""
        for worker in [*self.busy, *self.idle.values()]:
            worker.end()


def about(job: dict) -> dict:
    """What a line says of its job."""
    given = job.get("with", {})
    found = {key: given[key] for key in ("cell", "size", "variant", "what") if key in given}
    return {"part": job["part"], "backend": job["backend"], "do": job["do"], **found}


class Worker:
    """A process of this script with one backend: jobs in, lines out."""

    def __init__(self, backend: str, log, heard: queue.Queue, environment: dict[str, str]):
        self.backend, self.job = backend, {}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environment},
        )
        self.listener = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self.listener.start()

    def _listen(self, heard):
        for line in self.process.stdout:
            heard.put((self, json.loads(line)))
        heard.put((self, None))

    def take(self, job: dict) -> None:
        """Gives it a job."""
        self.job = job
        with contextlib.suppress(BrokenPipeError):  # its end is heard of, and said
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        self.listener.join()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


def work(backend: str) -> None:
    """Does the jobs that come in, line by line."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the log
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    sys.modules["tensorflow"] = None  # nothing may need it
    run = f"{time.strftime('%Y%m%dT%H%M%S')}-{backend}-{os.getpid()}"

    def say(line):
        out.write(json.dumps(line) + "\n")
        out.flush()

    import keras  # noqa: F401
    import steps

    import keraseq  # noqa: F401

    timing.SHORTEST, timing.SHARE = 0.03, float("inf")  # other cores' work slows no GPU
    same = {"run": run, "backend": backend, "device": steps.device()}
    command = "benchmarks/gpu.py"
    say({"kind": "run", **same, "command": command, **timing.machine()})
    for line in sys.stdin:
        job = json.loads(line)
        try:
            for row in DOES[job["do"]](**job["with"]):
                say({**same, **row})
        except Exception as error:  # recorded: the rest is still worth measuring
            import traceback

            traceback.print_exc()
            say({**same, "kind": "failed", "error": timing.one_line(error)})
        say({"kind": "done"})


# Times.


def times(cell, size, whats, variant="plain", dtype="float32", alone=False, repeats=None):
    """A row a candidate. `alone`: each compiles by itself, so that its first step can be timed."""
    import keras
    import rnn
    import steps

    backend = keras.backend.backend()
    options = rnn.arguments(["--variant", variant, "--dtype", dtype, "--sizes", joined(size)])
    data, rows, timed = rnn.data_of(size, options), {}, {}

    def first(what):
        row = {}
        try:
            layer = make(what, cell, size, variant)
            calls = steps.calls(layer, data)
            seconds = {"step_first_s": rnn.seconds_of(calls.train)}
            warm = WARM if backend == "torch" else 0
            for _ in range(warm):
                calls.train()
            loop = rnn.loop_of(layer)
            seconds["forward_first_s"] = rnn.seconds_of(calls.forward)
            for _ in range(warm):
                calls.forward()
            row = seconds if alone or backend == "torch" else {}
            return what, row | loop, calls
        except Exception as error:  # recorded: the others are still worth measuring
            return what, {"error": timing.one_line(error)}, None

    many = 1 if alone or backend == "torch" else min(8, timing.cores())
    with ThreadPoolExecutor(many) as pool:
        found = list(pool.map(first, whats))
    for what, row, calls in found:
        rows[what] = row
        if calls:
            timed |= {(what, "forward"): calls.forward, (what, "step"): calls.train}
    repeats = repeats or (5 if backend == "jax" else 3)
    for (what, which), one in timing.interleaved(timed, repeats).items():
        rows[what][f"{which}_ms"] = round(1e3 * one.seconds, 3)
        rows[what][f"{which}_least_ms"] = round(1e3 * one.least, 3)
        rows[what]["repeats"] = one.repeats
    del timed
    gc.collect()
    for what, row in rows.items():
        same = {"cell": cell, "size": size, "variant": variant, "dtype": dtype}
        yield {"kind": "time", **same, "what": what, **row}


def make(what: str, cell: str, size, variant="plain"):
    """The layer that a candidate is."""
    import keras
    import rnn

    import keraseq

    features, units = size[2:]
    both, sequences = variant == "bidirectional", {"return_sequences": True}
    if what.startswith("torch.nn."):
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        module = getattr(torch.nn, what.removeprefix("torch.nn."))
        more = rnn.TORCH[cell][1]
        return module(features, units, batch_first=True, bidirectional=both, **more).to(device)
    if what == SAME:
        layer = keras.layers.RNN(keraseq.cells.get(cell, units=units), **sequences)
    elif what.startswith("keras.layers."):
        kind = what.removeprefix("keras.layers.").split("(")[0]
        layer = getattr(keras.layers, kind)(units, **rnn.KERAS[cell][what], **sequences)
    else:
        layer = keraseq.layers.RNN(keraseq.cells.get(cell, units=units), **ours(what), **sequences)
        return keraseq.layers.Bidirectional(layer) if both else layer
    return keras.layers.Bidirectional(layer) if both else layer


def ours(what: str) -> dict:
    """Options of a candidate of keraseq: `keraseq`, then a loop or an option with its number."""
    found = what.removeprefix("keraseq").strip()
    if not found:
        return {}
    if "=" not in found:
        return {"loop": found}
    name, value = found.split("=")
    options = {name: int(value)}
    return options | {"loop": "deferred"} if name == "unroll" else options


def kernels(cell, size):
    """What XLA launches in a round of each loop of a training step, counted in the program."""
    import jax
    from jax import numpy as jnp

    for what in ("keraseq unroll=1", "keraseq unroll=4"):
        layer = make(what, cell, size)
        layer.build((size[1], size[0], size[2]))
        others = [one.value for one in layer.non_trainable_variables]
        weights = [one.value for one in layer.trainable_variables]
        x = jnp.zeros((size[1], size[0], size[2]))
        y = jnp.zeros((size[1], size[0], size[3]))

        def error(weights, x, y, layer=layer, others=others):
            return jnp.mean((layer.stateless_call(weights, others, x, training=True)[0] - y) ** 2)

        text = jax.jit(jax.value_and_grad(error)).lower(weights, x, y).compile().as_text()
        for name, counts in launches(text).items():
            row = {"kind": "kernels", "cell": cell, "size": size, "what": what, "loop": name}
            yield row | {"counts": counts}
        yield {"kind": "program", "cell": cell, "size": size, "what": what, "text": loops_of(text)}


QUIET = {"parameter", "get-tuple-element", "tuple", "bitcast", "constant", "opt-barrier"}


def launches(text: str) -> dict[str, dict[str, int]]:
    """Operations in the body of each loop of an XLA program, by kind."""
    found = {}
    for name, lines in bodies(text).items():
        counts: dict[str, int] = {}
        for line in lines:
            kind = operation(line)
            if kind and kind not in QUIET:
                counts[kind] = counts.get(kind, 0) + 1
        found[name] = counts
    return found


def operation(line: str) -> str | None:
    """The operation of a line of an XLA program."""
    import re

    found = re.match(r"\s*(?:ROOT )?%?[\w.\-]+ = (?:\(.*?\)|\S+) ([\w\-]+)\(", line)
    return found[1] if found else None


def bodies(text: str) -> dict[str, list[str]]:
    """The lines of each computation that is the body of a loop."""
    import re

    wanted = set(re.findall(r"body=%?([\w.\-]+)", text))
    found, now = {}, None
    for line in text.splitlines():
        if begin := re.match(r"(?:ENTRY )?%?([\w.\-]+) (?:\(.*)?\{?$", line):
            now = begin[1] if line.rstrip().endswith("{") and begin[1] in wanted else None
            if now:
                found[now] = []
        elif now and line.startswith("}"):
            now = None
        elif now:
            found[now].append(line)
    return found


def loops_of(text: str) -> str:
    """The bodies of the loops of an XLA program, without metadata."""
    import re

    cut = [
        re.sub(r", (metadata|backend_config|frontend_attributes)=\{.*", "", line)
        for lines in bodies(text).values()
        for line in ["-----", *lines]
    ]
    return "\n".join(cut)[:60_000]


# Agreement.


def agreement(share, of):
    """Each cell against its oracle in every type, and its loops against each other."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    import keras
    from conformance.cases import ROWS, named_weights, random_inputs
    from keras.src.backend.common import dtypes
    from oracles.time import run

    import keraseq

    backend = keras.backend.backend()
    features, units = 24, 32
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # see tests/conftest.py, float64
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    for case in ROWS[share::of]:
        x, _ = random_inputs(case, features, units, batch=8, steps=10)
        weights, cells = None, {}
        for precision, (policy, context) in precisions(backend).items():
            row = {"kind": "agreement", "cell": case.name, "precision": precision}
            try:
                outputs, gradients = {}, {}
                if policy not in cells:
                    cells[policy] = scaled(case.name, features, units, policy)
                cell = cells[policy]
                if weights is None:
                    weights = named_weights(cell)
                    states = case.initial_states(weights, units, len(x))
                    want, *_ = run(case.step(weights), x, states)
                loops = compared(cell, policy == "float64")
                for loop in loops:
                    layer = keraseq.layers.RNN(cell, return_sequences=True, dtype=policy, loop=loop)
                    layer.build(x.shape)
                    try:
                        with context():
                            outputs[loop], gradients[loop] = differentiated(
                                layer, x, backward=len(loops) > 1
                            )
                    except ValueError as error:
                        row |= {f"{loop} refused": timing.one_line(error)}
                row["error"] = {label: far(one, want) for label, one in outputs.items()}
                row["loops"] = {
                    label: max(map(far, one, gradients["plain"]))
                    for label, one in gradients.items()
                    if label != "plain" and one
                }
            except Exception as error:
                row["failed"] = timing.one_line(error)
            yield row


def scaled(name, features, units, policy):
    """A built cell with random weights, so small that 32 units amplify no more than four do."""
    import keras
    from conformance.cases import randomise

    import keraseq

    # None of its own initial values is used, and on a GPU each would be compiled.
    zeros = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    cell = keraseq.cells.get(name, units=units, dtype=policy, **zeros)
    cell.build((None, features))
    randomise(cell)
    for one in cell.weights:
        if len(one.shape) == 2:
            small = keras.ops.convert_to_numpy(one) * (4 / one.shape[0]) ** 0.5
            one.assign(small.astype("float32"))
    return cell


def compared(cell, thorough: bool) -> list[str]:
    """Loops to run: on JAX, which compiles each, no program twice, and all in float64 alone."""
    import keras
    import steps

    from keraseq.cells import LinearCell

    if keras.backend.backend() == "jax":
        if not thorough:
            return ["auto"]
        return ["plain", "deferred", *["auto"] * isinstance(cell, LinearCell)]
    graph = ["compiled"] * steps.on_gpu()
    return ["plain", "deferred", "auto", *graph] if thorough else ["plain", "auto"]


def precisions(backend: str) -> dict:
    """Name -> dtype policy, and a context in which products have that precision."""
    if backend == "jax":
        import jax

        return {
            "float64": ("float64", contextlib.nullcontext),
            "float32": ("float32", lambda: jax.default_matmul_precision("highest")),
            "float32, TF32": ("float32", contextlib.nullcontext),  # what a GPU does unasked
            "mixed_bfloat16": ("mixed_bfloat16", contextlib.nullcontext),
        }

    @contextlib.contextmanager
    def tf32(allowed):
        import torch

        places = (torch.backends.cuda.matmul, torch.backends.cudnn)
        kept = [one.allow_tf32 for one in places]
        for one in places:
            one.allow_tf32 = allowed
        try:
            yield
        finally:
            for one, before in zip(places, kept, strict=True):
                one.allow_tf32 = before

    return {
        "float64": ("float64", contextlib.nullcontext),
        "float32": ("float32", lambda: tf32(False)),
        "float32, TF32": ("float32", lambda: tf32(True)),
        "mixed_bfloat16": ("mixed_bfloat16", contextlib.nullcontext),
    }


def differentiated(layer, x, backward: bool) -> tuple:
    """The outputs of a layer, and the gradients of the sum of their sines, if they are wanted."""
    import keras
    import numpy as np

    dtype = layer.compute_dtype if layer.compute_dtype == "float64" else "float32"
    if keras.backend.backend() == "jax":
        import jax
        from jax import numpy as jnp

        others = [one.value for one in layer.non_trainable_variables]

        def value(weights, x):
            output = layer.stateless_call(weights, others, x, training=True)[0].astype(dtype)
            return jnp.sum(jnp.sin(output)), output

        both = jax.value_and_grad(value, has_aux=True)
        step = jax.jit(both if backward else lambda *given: (value(*given), []))
        weights = [one.value for one in layer.trainable_variables]
        (_, output), found = step(weights, jnp.asarray(x, dtype))
        return np.asarray(output), [np.asarray(one) for one in found]
    import torch

    weights = [one.value for one in layer.trainable_variables]
    x = torch.as_tensor(x, dtype=getattr(torch, dtype), device=weights[0].device)
    output = layer(x, training=True).to(getattr(torch, dtype))
    found = torch.autograd.grad(torch.sin(output).sum(), weights)
    return output.detach().cpu().numpy(), [one.cpu().numpy() for one in found]


def far(found, want) -> float:
    """The largest difference: absolute below 1, relative to the largest number above."""
    import numpy as np

    return float(f"{np.abs(found - want).max() / max(1.0, np.abs(want).max()):.2e}")


# Memory, writing.


def memory(cell, size, what):
    """MB that a training step holds at most beyond its data."""
    import rnn
    import steps

    options = rnn.arguments(["--sizes", joined(size)])
    data = rnn.data_of(size, options)
    tiny = rnn.data_of([2, 2, *size[2:]], options)
    if "checkpoint" in what:
        tiny = rnn.data_of([256, 2, *size[2:]], options)
    peak = steps.peak_of_a_step(lambda: make(what, cell, size), data, tiny)
    yield {"kind": "memory", "variant": "plain", "dtype": "float32", "peak_mb": peak}


def write(epochs, tiny):
    """Tiny Shakespeare: epochs a minute, characters a second, what validation pays."""
    import keraseq

    with tempfile.TemporaryDirectory() as folder:
        settings = {"epochs": epochs}
        if tiny:
            settings |= {"units": 8, "length": 8, "limit": 20_000}
        start = time.perf_counter()
        bundle = keraseq.recipes.train(
            "write", "tinyshakespeare", folder=f"{folder}/write", report=None, **settings
        )
        seconds = time.perf_counter() - start
        row = {"kind": "write", "epochs": epochs, "seconds": round(seconds, 1)}
        characters = 1_003_854 if not tiny else 18_000
        row["characters_per_s"] = round(characters * epochs / seconds)
        yield row
        found = keraseq.recipes.write.evaluate(bundle, baselines=False)
        yield {**row, "evaluation": json.loads(found.to_json(orient="records"))}


def generation(tiny):
    """Characters a second of `keraseq.generate`, one text and 64."""
    import generate

    if tiny:
        generate.LENGTHS = {1: 20, 64: 5}
    model = generate.model_of("lstm", 256 if not tiny else 8)
    for streams, sampler in itertools.product(generate.LENGTHS, ("greedy", "random", "top_k=10")):
        yield {"kind": "generation", "cell": "lstm"} | generate.measure(model, sampler, streams, 2)


DOES = {
    "times": times,
    "kernels": kernels,
    "agreement": agreement,
    "memory": memory,
    "write": write,
    "generation": generation,
}


if __name__ == "__main__":
    main()
