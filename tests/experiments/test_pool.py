"""Worker processes end with the process that started them, at whatever moment it is killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keraseq.experiments.engine import pool

# The pool by itself: the package would import Keras, which takes seconds.
PARENT = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("pool", {pool!r})
pool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pool)
sys.path.insert(0, {folder!r})
workers = pool.Pool(2, pathlib.Path({folder!r}), {{}})
for key in "ab":
    workers.submit({{"key": key, "kind": "baselines", "task": "digits"}})
workers.event(seconds=600)
workers.event(seconds=600)
workers.event(seconds=600)
"""
# In place of Keras: an import that stands still, with or without Python's lock.
IMPORT = """
import ctypes, os, pathlib, time
pathlib.Path(__file__).with_name(f"importing-{{os.getpid()}}").touch()
{stand_still}
"""
LOCKED, FREE = "ctypes.PyDLL(None).sleep(600)", "time.sleep(600)"


def gone(pid):
    """Whether a process has ended, though nobody may have asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def until(condition, seconds=60):
    """What the condition gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(one) for one in found.stdout.split()]


@pytest.mark.parametrize("moment", ["at once", "in an import"])
def test_workers_end_when_their_parent_is_killed(tmp_path, moment):
    (tmp_path / "keras.py").write_text(IMPORT.format(stand_still=LOCKED))
    code = PARENT.format(pool=pool.__file__, folder=str(tmp_path))
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        workers = until(lambda: len(found := children(parent.pid)) == 2 and found)
        if moment == "in an import":
            until(lambda: len(list(tmp_path.glob("importing-*"))) == 2)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: all(map(gone, workers)), seconds=10)


def test_a_worker_ends_with_its_input_too(tmp_path):
    """What remains where the system does not end it."""
    (tmp_path / "keras.py").write_text(IMPORT.format(stand_still=FREE))
    run = subprocess.Popen(
        [sys.executable, "-P", pool.WORKER, str(os.getpid())],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    until(lambda: list(tmp_path.glob("importing-*")))
    run.stdin.close()
    assert run.wait(timeout=10) == 0


def test_a_worker_whose_parent_had_ended_before_does_nothing(tmp_path):
    run = [sys.executable, "-P", pool.WORKER, str(os.getpid() + 1)]
    assert subprocess.run(run, stdin=subprocess.PIPE, timeout=60, check=False).returncode == 0
