"""Measuring on a machine that others use too: calm repeats, peak memory, what the machine is.

A repeat counts only if other processes used little of the processors meanwhile: on two cores one
busy neighbour makes some loops twice as slow and leaves others as they are, which no median mends.
"""

import ctypes
import datetime
import gc
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SHARE = 0.1  # of one processor that others may use during a repeat
SHORTEST = 0.1  # seconds of a repeat; a shorter call is made several times
TICK = 0.03  # seconds by which the kernel's counts may be off


def limit_threads(count: int) -> None:
    """Limits TensorFlow's threads; 0 leaves it all processors."""
    if count:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)


class Timing(NamedTuple):
    """Seconds of one call: the median and the smallest of the calm repeats.

    `repeats` were calm and `disturbed` were not; where too few were calm, all count, and `calm` is
    false.
    """

    seconds: float
    least: float
    repeats: int
    disturbed: int
    calm: bool


def interleaved(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Timing]:
    """Times calls in turn, so that the machine's moods meet all alike.

    Args:
        calls: Name -> what to call; it must return when its work is done, and have run before.
        repeats: Calm repeats to take of each. At most twice as many more are tried.
    """
    times = {name: _several(call) for name, call in calls.items()}
    found: dict[str, list[tuple[float, bool]]] = {name: [] for name in calls}

    def wanting(name):
        calm = sum(is_calm for _, is_calm in found[name])
        return calm < repeats and len(found[name]) < 3 * repeats

    while todo := [name for name in calls if wanting(name)]:
        for name in todo:
            found[name].append(_timed(calls[name], times[name]))
    return {name: _timing(repeats, one) for name, one in found.items()}


def _several(call) -> int:
    """How many calls a repeat is made of."""
    start = time.perf_counter()
    call()
    return max(1, round(SHORTEST / (time.perf_counter() - start)))


def _timed(call, times: int) -> tuple[float, bool]:
    """Seconds a call, and whether the machine was calm."""
    others = cpu_of_others()
    start = time.perf_counter()
    for _ in range(times):
        call()
    seconds = time.perf_counter() - start
    return seconds / times, cpu_of_others() - others <= SHARE * seconds + TICK


def _timing(repeats, found) -> Timing:
    calm = [seconds for seconds, is_calm in found if is_calm]
    enough = len(calm) >= (repeats + 1) // 2
    used = calm if enough else [seconds for seconds, _ in found]
    disturbed = len(found) - len(calm)
    return Timing(statistics.median(used), min(used), len(used), disturbed, enough)


def cpu_of_others() -> float:
    """Seconds of processor time that everything but this process has used, where Linux tells."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _, _, *rest = map(int, fields[:8])  # then interrupts and stolen time
    own = resource.getrusage(resource.RUSAGE_SELF)
    ticks = user + nice + system + sum(rest)
    return ticks / os.sysconf("SC_CLK_TCK") - own.ru_utime - own.ru_stime


def resident() -> float:
    """MB of memory that this process holds, what it has freed given back first."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):  # only glibc has it
        pass
    return _status("VmRSS")


def peak(call: Callable[[], object]) -> float:
    """MB of memory that this process holds at most while it makes a call (Linux)."""
    resident()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak until now
    call()
    return _status("VmHWM")


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {field}")


def in_a_process(arguments: list[str]) -> dict:
    """The JSON object that a Python script prints last, or `{"error": why there is none}`."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"error": f"exit status {done.returncode}: {last[:300]}"}


def one_line(error: BaseException) -> str:
    """An error in one line of at most 300 characters."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300]


def machine() -> dict:
    """What a number depends on: date, processor, memory, versions."""
    packages = ("keraseq", "keras", "tensorflow", "jax", "torch", "numpy")
    versions = {"python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "versions": versions,
    }


def cores() -> int:
    """Processors that this process may use."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    facts = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    flags = facts.get("flags", "").split()
    wide = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    return f"{facts.get('model name', 'unknown')} ({', '.join(wide)})"
