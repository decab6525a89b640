"""Whether the tests would notice: one fault at a time is put into the package, and they must fail.

    python benchmarks/mutants.py                     every fault, on every backend that it concerns
    python benchmarks/mutants.py --backend jax --only loop,mask
    python benchmarks/mutants.py --tests OTHER       the same faults, judged by the tests of OTHER

A row names a file, the text that stands there once, what takes its place, and the tests that ought
to fail. Each fault goes into a copy of the checkout, so that the checkout stays as it is. Exits 1
if a fault survives, and 2 if a row is out of date: its text is not there once, or its tests do not
run.
"""

import argparse
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BACKENDS = ("tensorflow", "jax", "torch")
LEFT_OUT = (".git", ".venv", ".cache", "build", "runs", "*.egg-info", "__pycache__")

CELLS = "tests/conformance/test_equation.py"
GRADIENTS = "tests/conformance/test_gradient.py"
TIME = "tests/conformance/test_time.py"
FLAGS = "tests/conformance/test_flags.py"
DROPOUT = "tests/conformance/test_dropout.py"
SAVING = "tests/conformance/test_saving.py"
LOOPS = "tests/layers/test_loops.py"
CONTEXT = "tests/layers/test_context.py"
STATES = "tests/layers/test_states_and_masks.py"


class Mutant(NamedTuple):
    """A fault: what it is, where it goes, who ought to notice, and on which backends."""

    name: str
    file: str
    old: str
    new: str
    tests: str
    backends: tuple[str, ...] = ("tensorflow",)


MUTANTS = [
    # Equations.
    Mutant(
        "gru: update gate weighs the wrong state",
        "cells/gru.py",
        "z * h + (1 - z) * g",
        "(1 - z) * h + z * g",
        CELLS + " -k gru",
        BACKENDS,
    ),
    Mutant(
        "gru: reset gate left out",
        "cells/gru.py",
        "self.recurrent(r * h,",
        "self.recurrent(h,",
        CELLS + " -k gru",
    ),
    Mutant(
        "gru-after: recurrent bias is the input's",
        "cells/gru.py",
        "d = self.bias[1]",
        "d = self.bias[0]",
        CELLS + " -k gru",
    ),
    Mutant(
        "gru-after: reset gate left out",
        "cells/gru.py",
        "tanh(x_g + r * u_g)",
        "tanh(x_g + u_g)",
        CELLS + " -k gru",
    ),
    Mutant(
        "lstm: blocks swapped",
        "cells/lstm.py",
        "found = dict(zip(self.gates,",
        "found = dict(zip(self.gates[::-1],",
        CELLS + " -k lstm",
    ),
    Mutant(
        "lstm: no peepholes",
        "cells/lstm.py",
        "+ self.peephole_kernel[columns] * c",
        "",
        CELLS + " -k peephole",
        BACKENDS,
    ),
    Mutant(
        "lstm: coupled gates not coupled",
        "cells/lstm.py",
        "i = 1 - f if self.coupled",
        "i = f if self.coupled",
        CELLS + " -k coupled",
    ),
    Mutant(
        "rhn: input enters every layer",
        "cells/rhn.py",
        "projected if n == 1 else self.biases(*blocks, joined=True)",
        "projected",
        CELLS + " -k rhn",
    ),
    Mutant(
        "layer normalisation over the batch",
        "cells/cell.py",
        "ops.mean(vector, axis=-1, keepdims=True)",
        "ops.mean(vector, axis=0, keepdims=True)",
        CELLS + " -k layer_norm",
        BACKENDS,
    ),
    Mutant(
        "a sequence is projected without its bias",
        "cells/cell.py",
        "ones = ops.ones((",
        "ones = ops.zeros((",
        CELLS + " -k lstm",
        BACKENDS,
    ),
    Mutant(
        "learned initial state ignored",
        "cells/cell.py",
        "        if not self.trainable_initial_state:",
        "        if True:",
        CELLS + " -k trainable_initial_state",
        BACKENDS,
    ),
    # What is random.
    Mutant(
        "zoneout keeps the others",
        "cells/randomness.py",
        "ops.where(keep[i], old, new)",
        "ops.where(keep[i], new, old)",
        DROPOUT,
        BACKENDS,
    ),
    Mutant(
        "zoneout at inference the wrong way round",
        "cells/randomness.py",
        "p * old + (1 - p) * new",
        "(1 - p) * old + p * new",
        CELLS + " -k zoneout",
    ),
    Mutant(
        "dropout without its scale",
        "cells/randomness.py",
        "return keras.random.dropout(",
        "return (1 - fraction) * keras.random.dropout(",
        DROPOUT,
        BACKENDS,
    ),
    Mutant(
        "recurrent dropout left out",
        "cells/randomness.py",
        "operand if mask is None else operand * mask",
        "operand",
        DROPOUT,
        BACKENDS,
    ),
    Mutant(
        "zoneout draws with one seed for ever",
        "cells/randomness.py",
        "(*leading, size), seed=self.seed_generator",
        "(*leading, size), seed=1",
        DROPOUT,
    ),
    Mutant(
        "seeded initialisers draw the same for each block",
        "cells/initializers.py",
        'config["seed"] += offset',
        'config["seed"] += 0',
        STATES + " -k seeded",
    ),
    # The layer over time.
    Mutant(
        "given initial state ignored",
        "layers/rnn.py",
        "        if initial_state is None:\n            initial_state = self.states",
        "        if True:\n            initial_state = self.states",
        FLAGS,
        BACKENDS,
    ),
    Mutant(
        "states of a stateful layer ignored",
        "layers/rnn.py",
        "self.states if self.stateful else",
        "self.get_initial_state(batch) if self.stateful else",
        FLAGS,
        BACKENDS,
    ),
    Mutant(
        "mask: states move on",
        "layers/recurrence.py",
        "new = tree.map_structure(lambda n, o: where(valid, n, o), new, old)",
        "pass",
        TIME,
        BACKENDS,
    ),
    Mutant(
        "mask: last output not repeated",
        "layers/recurrence.py",
        'output = where(valid, output, carry["output"])',
        "pass",
        TIME,
        BACKENDS,
    ),
    Mutant(
        "mask: no silence",
        "layers/recurrence.py",
        "silent = ops.zeros_like(output) if layer.zero_output_for_mask else output",
        "silent = output",
        FLAGS,
    ),
    Mutant(
        "mask: outputs after the end, backwards",
        "layers/rnn.py",
        "(steps - stop, steps - first) if self.go_backwards else (first, stop)",
        "(first, stop)",
        LOOPS + " -k right",
    ),
    Mutant(
        "direction not turned",
        "layers/rnn.py",
        "reverse=self.go_backwards",
        "reverse=False",
        FLAGS,
        BACKENDS,
    ),
    Mutant(
        "bidirectional tower: outputs not turned back",
        "layers/bidirectional.py",
        "y_back = ops.flip(y_back, axis=0)",
        "pass",
        "tests/models/test_padding.py tests/layers/test_stateless.py",
    ),
    Mutant(
        "states of an RNN in the compute dtype",
        "layers/rnn.py",
        "return self.cell.variable_dtype",
        "return self.cell.compute_dtype",
        STATES + " -k float32",
    ),
    Mutant(
        "pieces in the wrong order, backwards",
        "layers/rnn.py",
        "for start in reversed(starts) if self.go_backwards else starts:",
        "for start in starts:",
        LOOPS + " -k checkpoints",
        BACKENDS,
    ),
    Mutant(
        "configuration loses checkpoint_every",
        "layers/rnn.py",
        '"checkpoint_every": self.checkpoint_every}',
        "}",
        LOOPS + " -k saved",
    ),
    Mutant(
        "configuration loses an option of the cell",
        "cells/options.py",
        "config[name] = serialised(getattr(self, name))",
        'config[name] = serialised(getattr(self, name)) if name != "zoneout" else 0.0',
        SAVING,
    ),
    Mutant(
        "tower: residual on the first layer alone",
        "layers/stack.py",
        "if self.residual and i:",
        "if self.residual and not i:",
        TIME,
    ),
    Mutant(
        "tower: residual adds the first step",
        "layers/stack.py",
        "last = ops.max(ops.where(valid, steps, -1)",
        "last = ops.min(ops.where(valid, steps, 10_000)",
        STATES + " -k bypass",
    ),
    Mutant(
        "tower: residual adds the last step backwards",
        "layers/stack.py",
        "at(first, backward)",
        "at(last, backward)",
        STATES + " -k bypass",
    ),
    # The loops.
    Mutant(
        "deferred: another row's gradient for a twin",
        "layers/scan/deferred.py",
        "[every[twins[n]] if n in twins",
        "[every[twins[n] - 1] if n in twins",
        GRADIENTS,
        ("tensorflow", "jax"),
    ),
    Mutant(
        "deferred: blocks of the weights' gradient swapped",
        "layers/scan/deferred.py",
        "ops.concatenate(parts, axis=-1)",
        "ops.concatenate(parts[::-1], axis=-1)",
        GRADIENTS,
        ("tensorflow", "jax"),
    ),
    Mutant(
        "deferred: only the last block of the weights' gradient",
        "layers/scan/deferred.py",
        "total = padded if total is None else total + padded",
        "total = padded",
        GRADIENTS,
        ("tensorflow", "jax"),
    ),
    Mutant(
        "tensorflow: last step left out",
        "layers/scan/tensorflow.py",
        "self.count = self.stop - self.first",
        "self.count = self.stop - self.first - 1",
        FLAGS,
    ),
    Mutant(
        "tensorflow: rest after the rounds left out",
        "layers/scan/tensorflow.py",
        "for i in range(done, times.count):",
        "for i in range(done, done):",
        LOOPS + " -k unroll",
    ),
    Mutant(
        "tensorflow: rest left out where the number is not known",
        "layers/scan/tensorflow.py",
        "now = rounds(now, 1)",
        "pass",
        LOOPS + " -k unroll",
    ),
    Mutant(
        "tensorflow: gradient of element-wise weights is the last step's",
        "layers/scan/tensorflow.py",
        "d if d_values[i] is None else d + d_values[i]",
        "d if d_values[i] is None else d_values[i]",
        GRADIENTS,
    ),
    Mutant(
        "tensorflow: no gradient to the projected input",
        "layers/scan/tensorflow.py",
        "d, *[d] * len(addend)",
        "d, *[0 * d] * len(addend)",
        GRADIENTS,
    ),
    Mutant(
        "tensorflow: outputs read at the wrong step, backwards",
        "layers/scan/tensorflow.py",
        "self.steps - 1 - now if self.reverse else now",
        "now",
        FLAGS,
    ),
    Mutant(
        "jax: last step left out under a mask",
        "layers/scan/jax.py",
        "whole = (stop - first) // together",
        "whole = (stop - first - 1) // together",
        LOOPS + " -k right",
        ("jax",),
    ),
    Mutant(
        "jax: gradient of element-wise weights is the last step's",
        "layers/scan/jax.py",
        "{i: d + d_values[i] for",
        "{i: d_values[i] for",
        GRADIENTS,
        ("jax",),
    ),
    Mutant(
        "jax: no gradient to the projected input",
        "layers/scan/jax.py",
        "None if addend is None else g, g)",
        "None if addend is None else 0 * g, g)",
        GRADIENTS,
        ("jax",),
    ),
    Mutant(
        "jax: outputs not turned",
        "layers/scan/jax.py",
        "        outputs = outputs[::-1]\n",
        "        pass\n",
        FLAGS,
        ("jax",),
    ),
    Mutant(
        "torch: last step left out of the weights' gradient",
        "layers/scan/torch.py",
        "zip(*ctx.notes, strict=True)",
        "zip(*ctx.notes[1:], strict=True)",
        GRADIENTS,
        ("torch",),
    ),
    Mutant(
        "torch: padding on the wrong side",
        "layers/scan/torch.py",
        "(first, steps - stop)",
        "(steps - stop, first)",
        FLAGS,
        ("torch",),
    ),
    # What a step reads, threads, memory.
    Mutant(
        "context: its gradient left out",
        "layers/scan/deferred.py",
        "sorted(set(range(count))",
        "sorted(set(range(len(self.variables)))",
        CONTEXT + " -k context_has",
        ("tensorflow", "jax"),
    ),
    Mutant(
        "context: a tensor that nobody handed over is not seen",
        "layers/scan/deferred.py",
        "bool(unseen or strangers)",
        "False",
        CONTEXT + " -k unasked",
        ("tensorflow", "jax"),
    ),
    Mutant(
        "context: a scope hides the scope around it",
        "layers/scan/deferred.py",
        "if found is None and self.around is not None:",
        "if False:",
        CONTEXT + " -k not_the_cells",
        ("jax",),
    ),
    Mutant(
        "mask: what stands under it is multiplied",
        "layers/recurrence.py",
        'if "valid" in reads:  # what stands',
        "if False:  # what stands",
        CONTEXT + " -k nan",
        BACKENDS,
    ),
    Mutant(
        "loops: layers share what was compiled for another activation",
        "cells/options.py",
        "return type(self), self.units, self.dtype_policy.name, tuple(said)",
        "return type(self), self.units, self.dtype_policy.name",
        CONTEXT + " -k alike",
    ),
    Mutant(
        "loops: a gradient keeps its layer",
        "layers/scan/deferred.py",
        "self.recurrence = weakref.ref(recurrence)",
        "self.recurrence = lambda: recurrence",
        CONTEXT + " -k deleted",
    ),
    Mutant(
        "context: threads share what is at work",
        "cells/context.py",
        '_running: ContextVar[Running] = ContextVar("keraseq_running", default=NOTHING)',
        """_running = type("One", (), {
    "now": NOTHING, "get": lambda s: s.now, "reset": lambda s, t: setattr(s, "now", t),
    "set": lambda s, v: (s.now, setattr(s, "now", v))[0],
})()""",
        CONTEXT + " -k threads",
        ("torch",),
    ),
    # Everything else.
    Mutant(
        "budget: as many parameters as allowed are too many",
        "models/budget.py",
        "if count(middle) <= budget else",
        "if count(middle) < budget else",
        "tests/models/test_budget.py",
    ),
    Mutant(
        "bundle: a changed file is loaded",
        "bundle.py",
        "elif sha256(path) != files[file].sha256:",
        "elif False:",
        "tests/test_bundle.py",
    ),
    Mutant(
        "resume: optimizer starts anew",
        "train/resume.py",
        '"optimizer": [] if optimizer is None else optimizer.variables',
        '"optimizer": []',
        "tests/test_train.py -k four",
    ),
    Mutant(
        "metrics: normalised over all rows",
        "evaluate/metrics.py",
        ".sum(axis=-1, keepdims=True)",
        ".sum(keepdims=True)",
        "tests/evaluate/test_metrics.py",
    ),
    Mutant(
        "n-grams: smoothing without its weight",
        "evaluate/ngram.py",
        "n_hc + t_h * lower",
        "n_hc + lower",
        "tests/evaluate/test_metrics.py",
    ),
    Mutant(
        "conformal: rank of n, not of n + 1",
        "evaluate/conformal.py",
        "math.ceil((len(outside) + 1)",
        "math.ceil((len(outside) - 1)",
        "tests/evaluate/test_conformal.py tests/test_docstrings.py",
    ),
    Mutant(
        "pinball: too high costs the wrong share",
        "evaluate/forecasts.py",
        "np.maximum(quantile * over, (quantile - 1) * over)",
        "np.maximum(quantile * over, -quantile * over)",
        "tests/evaluate/test_forecasts.py tests/test_docstrings.py",
    ),
    Mutant(
        "scaler sees what comes after training",
        "recipes/forecast/recipe.py",
        'seen.part("train").values()',
        'seen.part("all").values()',
        "tests/recipes/test_forecast.py -k origin",
    ),
    Mutant(
        "windows: targets of the part before",
        "data/timeseries/windowing.py",
        "first = max(first, self.look_back)",
        "first = max(first - 1, self.look_back)",
        "tests/data/test_windowing.py",
    ),
    Mutant(
        "series: validation reaches into test",
        "data/timeseries/series.py",
        '"validation": (borders.validation, borders.test),',
        '"validation": (borders.validation, borders.test + 1),',
        "tests/data/test_series.py",
    ),
    Mutant(
        "gaussian head: deviation not in the unit of the data",
        "layers/heads.py",
        "mean * scale + center, deviation * scale",
        "mean * scale + center, deviation",
        "tests/models/test_machinery.py -k scale_of_a_window",
    ),
    Mutant(
        "quantile head: quantiles cross",
        "layers/heads.py",
        "middle - below",
        "middle + below",
        "tests/models/test_forecasters.py",
    ),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=BACKENDS, help="default: all")
    parser.add_argument("--only", default="", help="parts of names, with commas")
    parser.add_argument("--tests", type=Path, default=ROOT, help="checkout with the tests to judge")
    options = parser.parse_args()
    parts = options.only.split(",")
    rows = [one for one in MUTANTS if any(part in one.name for part in parts)]
    told = {"killed": 0, "survived": 0, "out of date": 0}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "checkout")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.rmtree(copy / "tests")
        shutil.copytree(options.tests / "tests", copy / "tests")
        for mutant in rows:
            for backend in mutant.backends:
                if options.backend in (None, backend):
                    verdict = judged(mutant, backend, copy)
                    told[verdict] += 1
    print(", ".join(f"{count} {verdict}" for verdict, count in told.items()))
    return 2 if told["out of date"] else int(told["survived"] > 0)


def judged(mutant: Mutant, backend: str, copy: Path) -> str:
    """Puts the fault into the copy, runs its tests, takes it out again, and says what happened."""
    path = copy / "keraseq" / mutant.file
    text = path.read_text()
    before = os.times()
    if text.count(mutant.old) != 1:
        verdict, why = (
            "out of date",
            f"{mutant.file} has {mutant.old!r} {text.count(mutant.old)} times",
        )
    else:
        try:
            put(path, text.replace(mutant.old, mutant.new))
            verdict, why = run(mutant.tests, backend, copy)
        finally:
            put(path, text)
    now = os.times()
    seconds = now.children_user + now.children_system
    seconds -= before.children_user + before.children_system
    print(f"{verdict:11}  {backend:10}  {seconds:5.0f} s  {mutant.name}: {why}", flush=True)
    return verdict


def put(path: Path, text: str) -> None:
    """Writes a module; what Python compiled of it may be of the same size and second."""
    path.write_text(text)
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def run(tests: str, backend: str, copy: Path) -> tuple[str, str]:
    """Runs tests until one fails: the verdict, and the test that failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [*command, *shlex.split(tests)], cwd=copy, env=environment, capture_output=True, text=True
    )
    lines = done.stdout.splitlines() or [done.stderr[-200:]]
    if done.returncode == 1:
        failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        return "killed", failed[0].split(" ")[1].removeprefix("tests/")
    return ("survived" if done.returncode == 0 else "out of date"), lines[-1]


if __name__ == "__main__":
    start = time.perf_counter()
    code = main()
    print(f"{time.perf_counter() - start:.0f} s")
    sys.exit(code)
