"""What a worker process does: reads jobs from its input, a line each, and answers with lines.

    {"key": ..., "kind": "trial", "trial": {...}}      ->  {"event": "look", "done" or "failed"}
    {"key": ..., "kind": "baselines", "task": ...}     ->  {"event": "done" or "failed"}

After each look at the validation part a trial that may be pruned waits for `{"stop": ...}`.

Nothing goes on without the process that keeps the results: the worker ends with it at any moment,
in the middle of a step or of an import too. It is therefore run as a file, not as a module: its
first lines are executed before those of the package, which import Keras and take seconds.

    python -P worker.py PARENT          the number of the process that starts it
"""

import ctypes
import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any

PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal to get when the parent ends


def end_with(parent: int) -> None:
    """Has the system end this process when that one, its parent, ends; on Linux only.

    Elsewhere, and until this call, the end of the input tells it (see `main`).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before
        os._exit(0)


def main() -> None:
    """Runs jobs until the input or the parent ends."""
    end_with(int(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not among the answers
    asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen():
        for line in sys.stdin:
            asked.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()

    def answer(**message):
        answers.write(json.dumps(message) + "\n")

    from keraseq.experiments.engine import trials  # Keras and its backend: seconds

    answer(event="ready")
    while True:
        job = asked.get()
        key, prunable = job["key"], job.get("prunable", False)

        def on_look(step, value, key=key, prunable=prunable) -> bool:
            answer(event="look", key=key, step=step, value=value)
            return bool(prunable and asked.get()["stop"])

        try:
            if job["kind"] == "trial":
                record = trials.run(trials.Trial(**job["trial"]), on_look=on_look)
            else:
                record = describe(job["task"])
            answer(event="done", key=key, record=record)
        except BrokenPipeError:
            return
        except Exception as error:  # the reason goes into the results, the traceback into the log
            traceback.print_exc()
            answer(event="failed", key=key, reason=one_line(error))


def describe(name: str) -> dict[str, Any]:
    """What a report says of a task itself: its names, its facts, its baselines."""
    from keraseq.experiments import tasks

    task = tasks.get(name)
    return {
        "task": name,
        "title": task.title,
        "metric": task.metric,
        "metric_label": task.metric_label,
        "direction": task.direction,
        "digits": task.digits,
        "facts": task.facts(),
        "baselines": task.baselines(),
        "floor": task.floor,
        "validation_floor": task.validation_floor(),
        "solved": task.solved,
        "data_sha256": task.fingerprint(),
    }


def one_line(error: BaseException) -> str:
    """An error in one line of at most 300 characters."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


if __name__ == "__main__":
    main()
