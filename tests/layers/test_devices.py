"""One model on several devices, and in several processes: the numbers of one device."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import on_devices
import pytest

import keraseq

BACKEND = keras.backend.backend()
SHARED = "2 devices share every batch, so rows and batch_size must be multiples of 2; received "


def started(what, **environment):
    """A process that runs `on_devices.py`: its devices are made at its start."""
    path = Path(on_devices.__file__)
    return subprocess.Popen(
        [sys.executable, path, what],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(*processes):
    """What they print."""
    said = [one.communicate(timeout=900) for one in processes]
    for one, (_, error) in zip(processes, said, strict=True):
        assert one.returncode == 0, error[-3000:]
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


def close(one, other):
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(BACKEND == "torch", reason="Keras divides no batch on PyTorch")
def test_several_devices_give_the_numbers_of_one():
    [found] = answers(started("several"))
    alone, together = found["alone"], found["together"]
    for loop, cell in on_devices.WAYS:
        close(together[loop], alone[cell])
    close(together["stateful"], alone["stateful"])
    kept, fresh = alone["stateful"]["said"]
    assert not np.allclose(kept, fresh)  # there were states to keep
    errors = found["errors"]
    assert errors["count"] == (
        "count must be at most 2, as many devices as there are (cpu:0, cpu:1); received 3"
    )
    accepted = "Accepted: the first {} rows in batches of {}"
    assert errors["size"] == f"{SHARED}14 rows in batches of 7. {accepted.format(14, 6)}"
    assert errors["rows"] == f"{SHARED}13 rows in batches of 4. {accepted.format(12, 4)}"
    if BACKEND == "tensorflow":
        assert errors["stateful"] == (
            "batch_size=8 of the model is what one device gets, and 2 devices share batches of 8. "
            "Accepted: a model built with batch_size=4"
        )


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.distribute")
def test_two_processes_give_the_numbers_of_one():
    with socket.socket() as one, socket.socket() as two:
        ports = []
        for free in (one, two):
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    config = [json.dumps({"cluster": cluster, "task": task}) for task in tasks]
    first, second = answers(*(started("workers", TF_CONFIG=one) for one in config))
    for loop, cell in [*on_devices.WAYS, ("stateful", "gru")]:
        rows = on_devices.BATCH if loop == "stateful" else None
        alone = on_devices.trained("plain", cell, rows)
        close(first[loop], alone)
        close(second[loop], alone)


@pytest.mark.skipif(BACKEND != "torch", reason="the others divide batches")
def test_pytorch_says_what_would_work():
    with pytest.raises(ValueError) as caught, keraseq.train.devices(2):
        pass
    assert str(caught.value) == (
        "several devices need JAX or TensorFlow; received the backend 'torch', for which Keras "
        "divides no batch. Accepted: KERAS_BACKEND=jax, or DistributedDataParallel by hand"
    )
