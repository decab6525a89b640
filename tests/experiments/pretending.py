"""Comparisons without worker processes and without training, for tests of what goes on around."""

import json
import queue
import threading
from dataclasses import asdict

import numpy as np

from keraseq.experiments import comparison, report
from keraseq.experiments.engine import trials, worker
from keraseq.experiments.engine.trials import Trial


def pretended(trial, on_look):
    """The record of a trial that nobody trained: each cell has a learning rate it likes best."""
    liked = 0.02 if trial.cell == "elman" else 0.003
    good = 0.9 - 0.1 * abs(np.log(trial.learning_rate / liked)) - 0.02 * trial.seed
    curve, status = [], "finished"
    for step in trials.looks(trial.steps):
        value = good * step / trial.steps
        curve.append({"step": step, "seconds": 0.1 * step, "loss": 1.0, "validation": value})
        if on_look(step, value) and step < trial.steps:
            status = "pruned"
            break
    return {
        **asdict(trial),
        **{"metric": "accuracy", "status": status, "diverged_at": None, "validation": value},
        **{"pruned_at": step if status == "pruned" else None, "best_step": step},
        **{"solved_step": None, "test": value if trial.role == "final" else None},
        **{"parameters": 47, "step_ms": 1.0, "train_seconds": 0.1 * step, "seconds": 1.0},
        **{"compile_seconds": 0.1, "projection": None, "loop": "plain loop", "path": "there"},
        **{"curve": curve, "samples": []},
    }


class Threads:
    """A pool whose jobs run in this process, one after the other."""

    def __init__(self, workers, logs, environment):
        self.events, self.replies, self.unfinished = queue.SimpleQueue(), queue.SimpleQueue(), 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @property
    def free(self):
        return 1 - self.unfinished

    def submit(self, job):
        self.unfinished += 1
        self.events.put({"event": "start", "key": job["key"]})
        threading.Thread(target=self.do, args=(json.loads(json.dumps(job)),), daemon=True).start()

    def do(self, job):
        def on_look(step, value):
            self.events.put({"event": "look", "key": job["key"], "step": step, "value": value})
            return job["prunable"] and self.replies.get()["stop"]

        try:
            if job["kind"] == "trial":
                record = trials.run(Trial(**job["trial"]), on_look)
            else:
                record = worker.describe(job["task"])
            self.events.put({"event": "done", "key": job["key"], "record": record})
        except Exception as error:
            reason = worker.one_line(error)
            self.events.put({"event": "failed", "key": job["key"], "reason": reason})

    def event(self, seconds=None):
        event = self.events.get(timeout=60)
        self.unfinished -= event["event"] in ("done", "failed")
        return event

    def reply(self, key, message):
        self.replies.put(message)


def in_this_process(monkeypatch, run=pretended):
    """Trials are what `run` says; figures, which take their time, are left out."""
    monkeypatch.setattr(comparison, "Pool", Threads)
    monkeypatch.setattr(trials, "run", run)
    monkeypatch.setattr(report, "write", lambda results: None)
