"""Worker processes: each job in a process of its own kind, whose crash ends that job alone."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# One thread a worker: the same order of additions, and so the same numbers, whatever else runs.
THREADS = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
# Several workers share one GPU, so none may take all of its memory at once.
MEMORY = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
JAX_ON_CPU = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def run(
    jobs: Sequence[dict[str, Any]], *, workers: int, logs: Path, environment: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Has workers do jobs, and yields what they answer, in the order in which it comes.

    Args:
        jobs: Messages for `keraseq.experiments.worker`, each with its own `key`.
        workers: Number of processes, a positive integer.
        logs: Folder for what the workers print.
        environment: Variables that the workers get beside this process's own.

    Yields:
        Events: `{"event": "start" | "step" | "done" | "failed", "key": ...}`, with `step`, `record`
        or `reason`. Each job is started, and then done or failed, once.

    Raises:
        RuntimeError: A worker could not even start.
    """
    pool = Pool(jobs, logs, environment)
    pool.start(min(workers, len(jobs)))
    left = len(jobs)
    try:
        while left:
            event = pool.events.get()
            if isinstance(event, BaseException):
                raise event
            left -= event["event"] in ("done", "failed")
            yield event
    finally:
        pool.close()


class Pool:
    """The processes at work; used through `run`."""

    def __init__(self, jobs, logs: Path, environment: dict[str, str]):
        self.jobs: queue.SimpleQueue = queue.SimpleQueue()
        for job in jobs:
            self.jobs.put(job)
        self.events: queue.SimpleQueue = queue.SimpleQueue()
        self.logs = logs
        self.environment = environment
        self.processes: list[subprocess.Popen] = []
        self.lock = threading.Lock()
        self.closed = False
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, workers: int) -> None:
        """Starts a thread for each worker, which starts its process."""
        self.threads = [
            threading.Thread(target=self.serve, args=(number,), daemon=True)
            for number in range(1, workers + 1)
        ]
        for thread in self.threads:
            thread.start()

    def serve(self, number: int) -> None:
        """Feeds jobs to one worker after the other, until there are none."""
        worker = None
        log = self.logs / f"worker-{number}.log"
        try:
            while not self.closed:
                try:
                    job = self.jobs.get_nowait()
                except queue.Empty:
                    break
                if worker is None:
                    worker = self._start(log)
                self.events.put({"event": "start", "key": job["key"]})
                if not self._do(worker, job):
                    reason = ending(ended(worker), log)
                    self.events.put({"event": "failed", "key": job["key"], "reason": reason})
                    worker = None
        except Exception as error:
            self.events.put(error)
        finally:
            if worker is not None:
                ended(worker)

    def close(self) -> None:
        """Ends every worker at once."""
        with self.lock:
            self.closed = True
            processes = list(self.processes)
        for process in processes:
            process.kill()
        for thread in self.threads:
            thread.join()

    def _start(self, log: Path) -> subprocess.Popen:
        jax = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {JAX_ON_CPU}".strip()}
        environment = {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **THREADS,
            **MEMORY,
            **(jax if self.environment.get("KERAS_BACKEND") == "jax" else {}),
            "PYTHONPATH": os.pathsep.join(sys.path),
            **self.environment,
        }
        with self.lock:
            if self.closed:
                raise RuntimeError("the comparison has ended")
            with log.open("ab") as errors:
                worker = subprocess.Popen(
                    [sys.executable, "-m", "keraseq.experiments.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=environment,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,  # Ctrl-C is for the process that keeps the results
                )
            self.processes.append(worker)
        if not worker.stdout.readline():
            raise RuntimeError(f"a worker could not start: {ending(ended(worker), log)}")
        return worker

    def _do(self, worker: subprocess.Popen, job: dict[str, Any]) -> bool:
        """Whether the worker lived to the end of the job."""
        try:
            worker.stdin.write(json.dumps(job) + "\n")
            worker.stdin.flush()
        except BrokenPipeError:
            return False
        for line in worker.stdout:
            event = json.loads(line)
            self.events.put(event)
            if event["event"] in ("done", "failed"):
                return True
        return False


def ended(worker: subprocess.Popen) -> int:
    """Closes the pipes of a worker, at which it ends, and returns its code."""
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.close()
    worker.stdout.close()
    return worker.wait()


def ending(code: int, log: Path) -> str:
    """Why a worker ended, as far as its code and its log say."""
    if code < 0:
        reason = f"the worker was killed by {signal.Signals(-code).name}"
        if -code == signal.SIGKILL:
            reason += " (perhaps for lack of memory)"
    else:
        reason = f"the worker ended with code {code}"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if "Error" in line), None)
    return f"{reason}; see {log.name}" + (f": {last[:200]}" if last and code > 0 else "")
