"""Sequences a second that a model learns from: one core, two, two devices, two processes.

    python benchmarks/devices.py [--backend tensorflow|jax] [--cells lstm,gru]
                                 [--csv benchmarks/results/devices.csv]

`one core` and `two cores` are one process as it comes, held to so many processors; `two devices` is
`keraseq.train.devices(2)`, the CPU counted as two; `two processes` is TensorFlow's
`MultiWorkerMirroredStrategy` with a loop by hand, each held to a core. A batch has `--rows` rows in
all cases. What stands in the file is not measured again.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import lines

RESULTS = Path(__file__).parent / "results" / "devices.csv"
WAYS = {
    "tensorflow": ("one core", "two cores", "two devices", "two processes"),
    "jax": ("one core", "two cores", "two devices"),
}
FEATURES = 64


def main() -> None:
    """Measures what is missing, each in processes of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=WAYS, default="tensorflow")
    parser.add_argument("--cells", default="lstm,gru,min-gru")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20, help="of a repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", type=Path, default=RESULTS)
    parser.add_argument("--way", help="measure in this process")
    parser.add_argument("--core", type=int, help="with --way: the processor that it is held to")
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measured(given)))
        return
    for cell in given.cells.split(","):
        for way in WAYS[given.backend]:
            key = {name: getattr(given, name) for name in ("backend", "rows", "length", "units")}
            key |= {"cell": cell, "way": way}
            if not lines.there(given.csv, key):
                found = in_processes(given, cell, way)
                lines.add(given.csv, {**key, **found, "load": round(os.getloadavg()[0], 1)})
                print(f"{key} {found}", flush=True)


def in_processes(given, cell: str, way: str) -> dict:
    """What one process measures, or the slower of two that share the batches."""
    options = ["backend", "rows", "length", "units", "steps", "repeats"]
    command = [sys.executable, __file__, "--way", way, "--cells", cell]
    command += [text for one in options for text in (f"--{one}", str(getattr(given, one)))]
    count = 2 if way == "two processes" else 1
    cores = range(count) if way in ("one core", "two processes") else [None] * count
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("localhost", 0))
        addresses = [f"localhost:{free.getsockname()[1]}" for free in (one, two)]
    running = []
    for index, core in zip(range(count), cores, strict=True):
        environment = dict(os.environ)
        if count > 1:
            task = {"type": "worker", "index": index}
            environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        held = [] if core is None else ["--core", str(core)]
        running.append(
            subprocess.Popen([*command, *held], env=environment, stdout=subprocess.PIPE, text=True)
        )
    said = [one.communicate()[0] for one in running]
    if any(one.returncode for one in running):
        raise SystemExit(f"{cell}, {way}: a process failed")
    found = [json.loads(one.splitlines()[-1]) for one in said]
    return min(found, key=lambda one: one["sequences_a_second"])


def measured(given) -> dict:
    """Sequences a second of a model that trains in this process."""
    os.environ |= {"KERAS_BACKEND": given.backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    if given.way == "two devices" and given.backend == "jax":
        os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    if given.backend == "tensorflow":
        import tensorflow as tf

        if given.way == "two devices":
            [cpu] = tf.config.list_physical_devices("CPU")
            parts = [tf.config.LogicalDeviceConfiguration()] * 2
            tf.config.set_logical_device_configuration(cpu, parts)
        if given.way == "two processes":
            return trained(given, tf.distribute.MultiWorkerMirroredStrategy())
    import keraseq

    with keraseq.train.devices(2) if given.way == "two devices" else contextlib.nullcontext():
        return trained(given)


def trained(given, strategy=None) -> dict:
    """The rate of training by `fit`, or by hand with a strategy; the first steps aside."""
    import keras
    import numpy as np

    import keraseq
    from keraseq.keras_inside import layers_inside

    rng = np.random.default_rng(0)
    rows = given.rows * given.steps
    x = rng.normal(size=(rows, given.length, FEATURES)).astype("float32")
    y = rng.integers(0, 2, rows)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = keraseq.models.sequence_classifier(
            2, features=FEATURES, length=given.length, cell=given.cells, units=given.units
        )
        keraseq.train.compile(model)
        model.optimizer.build(model.trainable_variables)
    if strategy:
        epoch = by_hand(model, x, y, given.rows, strategy)
    else:
        epoch = partial(model.fit, x, y, batch_size=given.rows, shuffle=False, verbose=0)
    taken = []
    for _ in range(1 + given.repeats):
        start = time.perf_counter()
        epoch()
        taken.append(time.perf_counter() - start)
    [rnn] = [one for one in layers_inside(model) if isinstance(one, keras.layers.RNN)]
    rate = rows / statistics.median(taken[1:])
    return {"sequences_a_second": round(rate, 1), "loop": rnn.loop_taken}


def by_hand(model, x, y, rows: int, strategy):
    """An epoch of training by several processes, for which Keras 3.15 has no `fit`."""
    import tensorflow as tf

    loss = model.fitting_loss()

    def share(x, y):
        with tf.GradientTape() as tape:
            cost = loss(y, model(x, training=True))
        found = tape.gradient(cost, model.trainable_variables)
        model.optimizer.apply(found, model.trainable_variables)
        return cost

    @tf.function
    def step(batch):
        return strategy.reduce("SUM", strategy.run(share, batch), axis=None)

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(rows, drop_remainder=True)
    batches = strategy.experimental_distribute_dataset(batches)
    return lambda: [step(batch) for batch in batches]


if __name__ == "__main__":
    main()
