"""Worker processes: each job in a process of its own, whose crash ends that job alone."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("worker.py")  # run as a file: it says why
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


class Pool:
    """Processes that do jobs, each started when there is one for it; what they print is in `logs`.

    Events are `{"event": "start" | "look" | "done" | "failed", "key": ...}`, with `step` and
    `value`, `record`, or `reason`. Each job is started, and then done or failed, once.
    """

    def __init__(self, workers: int, logs: Path, environment: dict[str, str]):
        self.workers, self.logs, self.environment = workers, logs, environment
        self.jobs: queue.SimpleQueue = queue.SimpleQueue()
        self.events: queue.SimpleQueue = queue.SimpleQueue()
        self.processes: list[subprocess.Popen] = []
        self.at_work: dict[str, subprocess.Popen] = {}
        self.threads: list[threading.Thread] = []
        self.lock = threading.Lock()
        self.closed = False
        self.unfinished = 0
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @property
    def free(self) -> int:
        """Number of jobs that could start at once."""
        return self.workers - self.unfinished

    def submit(self, job: dict[str, Any]) -> None:
        """Hands a job, a message for `worker.py`, to the next free process."""
        self.unfinished += 1
        self.jobs.put(job)
        if len(self.threads) < min(self.workers, self.unfinished):
            number = len(self.threads) + 1
            self.threads.append(threading.Thread(target=self._serve, args=(number,), daemon=True))
            self.threads[-1].start()

    def event(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next event, or None within so many seconds; raises if a worker cannot start."""
        try:
            event = self.events.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(event, BaseException):
            raise event
        self.unfinished -= event["event"] in ("done", "failed")
        return event

    def reply(self, key: str, message: dict[str, Any]) -> None:
        """Answers the process that does a job; one that died meanwhile hears nothing."""
        worker = self.at_work.get(key)
        if worker is not None:
            with contextlib.suppress(OSError, ValueError):  # its pipe is broken, or closed
                worker.stdin.write(json.dumps(message) + "\n")
                worker.stdin.flush()

    def close(self) -> None:
        """Ends every worker at once."""
        with self.lock:
            self.closed = True
            processes = list(self.processes)
        for _ in self.threads:
            self.jobs.put(None)
        for process in processes:
            process.kill()
        for thread in self.threads:
            thread.join()

    def _serve(self, number: int) -> None:
        """Feeds jobs to one process after the other, until the pool is closed."""
        worker = None
        log = self.logs / f"worker-{number}.log"
        try:
            while (job := self.jobs.get()) is not None and not self.closed:
                if worker is None:
                    worker = self._start(log)
                self.at_work[job["key"]] = worker
                self.events.put({"event": "start", "key": job["key"]})
                lived = self._do(worker, job)
                del self.at_work[job["key"]]
                if not lived:
                    reason = ending(ended(worker), log)
                    self.events.put({"event": "failed", "key": job["key"], "reason": reason})
                    worker = None
        except Exception as error:
            self.events.put(error)
        finally:
            if worker is not None:
                ended(worker)

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
                    [sys.executable, "-P", WORKER, str(os.getpid())],
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
            ends = event["event"] in ("done", "failed")
            self.events.put(event)
            if ends:
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
