"""A fair comparison of cells: plan the trials, run what is not done yet, report."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from keraseq import cells as cell_table
from keraseq.checks import number, positive_integer
from keraseq.experiments import pool, report, tasks
from keraseq.experiments.progress import Progress
from keraseq.experiments.results import Results
from keraseq.experiments.store import Run
from keraseq.experiments.trials import CLIPNORM, LOOKS, Trial, file_name

CELLS = ("elman", "lstm", "gru", "mut1", "mut2", "mut3")
SEARCH_SEED = 0  # of the trials that choose a learning rate; the others count from 1
FORMAT = 1  # of the records; another number is refused


def compare(
    tasks: Iterable[str] | None = None,
    cells: Iterable[str] = CELLS,
    *,
    seeds: int = 2,
    budget: int | None = None,
    steps: int | None = None,
    learning_rates: Sequence[float] | None = None,
    workers: int | None = None,
    out: str | Path = "runs/compare",
    fresh: bool = False,
    progress: bool = True,
) -> Results:
    """Trains every cell on every task from several seeds, and writes a report.

    Held equal for all cells of a task: the parameter budget (units are solved for), the data and
    their order for each seed, optimizer, clipping, learning rate and its course, number of steps,
    and how often the validation part is looked at. With several learning rates each cell first
    tries them all from one more seed, and keeps the one that does best on the validation part.

    Each finished trial is stored at once. The same call goes on where an earlier one stopped, and
    repeats nothing that finished; trials that failed are tried again.

    Args:
        tasks: Names of tasks (`keraseq.experiments.tasks.names()`), or `"module:Class"` of your
            own. Default: all.
        cells: Names of cells (`keraseq.cells.names()`). Default: elman, lstm, gru, mut1 to mut3.
        seeds: Number of final trials for each task and cell, a positive integer. Defaults to 2.
        budget: Trainable parameters that each model may have. Default: the task's own.
        steps: Training steps of each trial. Default: the task's own.
        learning_rates: Learning rates to choose from, for each cell. Default: the task's own, one.
        workers: Number of processes, a positive integer. They change no result, only the time.
            Default: one for each processor, at most 4.
        out: Folder of the comparison. Defaults to `"runs/compare"`.
        fresh: Whether to remove an earlier comparison from the folder. Defaults to `False`.
        progress: Whether to show progress on the error output. Defaults to `True`.

    Returns:
        The results; `report.html`, `results.csv`, `curves.csv` and `figures` lie in the folder.

    Raises:
        ValueError: An unknown task or cell, a number that is not positive, a budget too small for
            any units, or a folder that was made with other settings.
        RuntimeError: The worker processes cannot start.
    """
    plan = Plan(tasks, cells, seeds, budget, steps, learning_rates)
    workers = default_workers() if workers is None else positive_integer("workers", workers)
    run = Run(out, plan.settings(), fresh=fresh)
    done = {key: r for key, r in run.records().items() if r.get("status") != "failed"}
    described = [job for job in plan.descriptions() if job["key"] not in done]
    for phase in (plan.search, plan.final):
        todo = [trial for trial in phase(done) if trial.key not in done]
        # Those that take longest first, so that no worker is left alone with one of them.
        todo.sort(key=lambda trial: -plan.cost(trial))
        jobs = [{"key": t.key, "kind": "trial", "trial": vars(t)} for t in todo] + described
        described = []
        for key, record in execute(run, plan, {t.key: t for t in todo}, jobs, workers, progress):
            done[key] = record
    results = Results.read(run.folder)
    report.write(results)
    return results


def execute(run: Run, plan: "Plan", trials: dict[str, Trial], jobs, workers: int, progress: bool):
    """Runs jobs, stores each record as it comes, and yields those that are done."""
    if not jobs:
        return
    costs = {key: plan.cost(trial) for key, trial in trials.items()}
    with Progress(costs, workers=min(workers, len(jobs)), visible=progress) as shown:
        environment = {"KERAS_BACKEND": keras.backend.backend()}
        for event in pool.run(
            jobs, workers=workers, logs=run.folder / "logs", environment=environment
        ):
            key, kind = event["key"], event["event"]
            if kind == "done":
                run.save(key, event["record"])
                yield key, event["record"]
            elif kind == "failed":
                record = {"status": "failed", "reason": event["reason"]}
                if key in trials:
                    run.save(key, {**vars(trials[key]), **record})
                else:
                    raise RuntimeError(f"no baselines ({key}): {event['reason']}")
            shown.event(event, trials.get(key))


class Plan:
    """What a comparison consists of, checked before anything is trained; see `compare`."""

    def __init__(self, task_names, cells, seeds, budget, steps, learning_rates):
        self.tasks = distinct("task", tasks.DEFAULT if task_names is None else task_names)
        self.cells = distinct("cell", cells)
        self.seeds = positive_integer("seeds", seeds)
        for cell in self.cells:
            cell_table.get(cell, units=1)
        for name in self.tasks:
            tasks.get(name)
        self.asked = {
            "budget": None if budget is None else positive_integer("budget", budget),
            "steps": None if steps is None else positive_integer("steps", steps),
        }
        rates = None if learning_rates is None else distinct("learning rate", learning_rates)
        for rate in rates or ():
            if number("learning_rate", rate) <= 0:
                raise ValueError(f"learning rates must be positive; received {rate!r}")
        self.rates = rates
        self.units = {
            (name, cell): tasks.get(name).units(cell, self.of(name, "budget"))
            for name in self.tasks
            for cell in self.cells
        }

    def of(self, task: str, what: str) -> int:
        """The budget or the steps of a task: those asked for, or its own."""
        return self.asked[what] or getattr(tasks.get(task), what)

    def learning_rates(self, task: str) -> list[float]:
        """What the cells choose from on a task."""
        return self.rates or [tasks.get(task).learning_rate]

    def settings(self) -> dict[str, Any]:
        """All that the numbers depend on."""
        return {
            "format": FORMAT,
            "cells": self.cells,
            "seeds": self.seeds,
            "tasks": {
                name: {
                    "budget": self.of(name, "budget"),
                    "steps": self.of(name, "steps"),
                    "learning_rates": self.learning_rates(name),
                    "batch_size": tasks.get(name).batch_size,
                }
                for name in self.tasks
            },
            "looks": LOOKS,
            "clipnorm": CLIPNORM,
            "backend": keras.backend.backend(),
            "versions": versions(),
        }

    def descriptions(self) -> list[dict[str, Any]]:
        """Jobs that say of each task what a report needs, its baselines above all."""
        return [
            {"key": f"{file_name(name)}-baselines", "kind": "baselines", "task": name}
            for name in self.tasks
        ]

    def search(self, done: dict[str, Any]) -> list[Trial]:
        """The trials that choose a learning rate; none where there is no choice."""
        return [
            self.trial(name, cell, SEARCH_SEED, rate, role="search")
            for name in self.tasks
            for cell in self.cells
            for rate in self.learning_rates(name)
            if len(self.learning_rates(name)) > 1
        ]

    def final(self, done: dict[str, Any]) -> list[Trial]:
        """The trials that the results are made of."""
        return [
            self.trial(name, cell, seed, self.chosen(name, cell, done), sampled=seed == 1)
            for name in self.tasks
            for cell in self.cells
            for seed in range(1, self.seeds + 1)
        ]

    def chosen(self, task: str, cell: str, done: dict[str, Any]) -> float:
        """The learning rate whose search trial did best on the validation part."""
        rates = self.learning_rates(task)
        if len(rates) == 1:
            return rates[0]
        found = {}
        for rate in rates:
            record = done.get(self.trial(task, cell, SEARCH_SEED, rate, role="search").key, {})
            if record.get("validation") is not None:
                found[rate] = record["validation"]
        if not found:
            raise RuntimeError(f"no learning rate worked for {cell} on {task}; see its trials")
        best = min if tasks.get(task).direction == "min" else max
        return best(found, key=found.get)

    def trial(self, task: str, cell: str, seed: int, rate: float, **more) -> Trial:
        """A trial of this plan."""
        return Trial(
            task=task,
            cell=cell,
            seed=seed,
            learning_rate=float(rate),
            budget=self.of(task, "budget"),
            units=self.units[task, cell],
            steps=self.of(task, "steps"),
            **more,
        )

    def cost(self, trial: Trial) -> float:
        """Roughly how many seconds a trial takes."""
        return 4.0 + trial.steps * tasks.get(trial.task).step_cost / 1000


def distinct(what: str, values: Iterable) -> list:
    """The values as a list; at least one, none of them twice."""
    values = [values] if isinstance(values, str) else list(values)
    if not values:
        raise ValueError(f"at least one {what} is needed; received none")
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what} {value!r} is named twice")
    return values


def default_workers() -> int:
    """One worker for each processor that this process may use, at most 4."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return max(1, min(4, len(usable)))


def versions() -> dict[str, str]:
    """What the numbers may depend on besides keraseq's own settings."""
    names = ("keraseq", "keras", keras.backend.backend(), "numpy", "scikit-learn", "statsmodels")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
