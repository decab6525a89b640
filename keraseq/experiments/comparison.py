"""A fair comparison of cells: plan the trials, run what is not done yet, report."""

import contextlib
import json
import os
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from rich.console import Console

from keraseq import files
from keraseq.checks import positive_integer, positive_number
from keraseq.experiments import report
from keraseq.experiments.engine import config, crew, store
from keraseq.experiments.engine.plan import Plan
from keraseq.experiments.engine.pool import Pool
from keraseq.experiments.engine.progress import Progress
from keraseq.experiments.engine.store import Store
from keraseq.experiments.report.results import RECORDS, SETTINGS, Results
from keraseq.experiments.tasks import HELD, HELD_IN, Task

CELLS = ("elman", "lstm", "gru", "mut1", "mut2", "mut3")
CONFIG = "config.toml"
DATA = "data.pickle"
MADE_HERE = (
    *(SETTINGS, "logs", "figures"),
    *(CONFIG, DATA, RECORDS, "results.csv", "summary.csv", "curves.csv", "report.html"),
)


def compare(
    tasks: Iterable[str | type[Task] | Callable[[], Task]] | Mapping[str, Any] | str | None = None,
    cells: Iterable | str | type = CELLS,
    *,
    seeds: int = 3,
    trials: int = 0,
    sampler: str = "random",
    pruning: bool = True,
    budget: int | Mapping[str, int] | None = None,
    steps: int | Mapping[str, int] | None = None,
    learning_rates: Sequence[float] | None = None,
    reference: str | None = None,
    workers: int | None = None,
    out: str | Path = "runs/compare",
    storage: str | None = None,
    name: str | None = None,
    heartbeat: int = store.HEARTBEAT,
    wait: float = store.WAIT,
    fresh: bool = False,
    progress: bool = True,
    **reading,
) -> Results:
    """Trains every cell on every task from several seeds, and writes a report.

    Held equal for all cells of a task: the parameter budget (units are solved for), the data and
    their order for each seed, the optimizer, the course of the learning rate, the number of steps,
    how often the validation part is looked at, and what is searched: with `trials`, each cell tries
    as many settings of learning rate, initial scale and clipping norm, all from one seed, and keeps
    the one that does best on the validation part; fresh seeds repeat it, and only they see the test
    part.

    Trials are kept by Optuna, each as soon as it ends. The same call goes on where an earlier one
    stopped and repeats nothing that finished; trials that failed are tried again. With a `storage`
    that several processes or machines share, the same call on each of them shares the work; a trial
    whose worker died is run again by another.

    Args:
        tasks: Names of tasks (`keraseq.experiments.tasks.names()`), `"module:name"` of your own, or
            the class, or a function that returns a task; or data of your own: a file,
            `"sales.csv[target=units]"` or `"reviews.csv[label=stars]"` (see `reading` and
            `keraseq.experiments.tasks.get`), what `keraseq.data.series`, `reviews` and
            `labelled_series` give, `keraseq.data.Parts` of arrays, or a dictionary of such by name.
            Default: characters, co2, digits.
        cells: Names of cells (`keraseq.cells.names()`), with options in brackets if need be:
            `"lstm[forget_bias=0]"`; or cells of your own or of Keras, which a file must define for
            the worker processes: `"module:Class"`, the class, or an instance as a pattern; one
            small step of each is tried before anything else. Default: elman, lstm, gru, mut1 to
            mut3.
        seeds: Number of final trials for each task and cell, a positive integer. Defaults to 3.
        trials: Number of settings that each cell tries. Default: none, and each task's own is used.
        sampler: `"random"`, the same settings for every cell, or `"tpe"`, which begins with these
            and then goes by what did well (tree-structured Parzen estimator).
        pruning: Whether to stop trials of the search that are among the worst quarter at the same
            step. Defaults to `True`.
        budget: Trainable parameters that each model may have: one number, or one for each of some
            tasks. Default: the task's own.
        steps: Training steps of each trial: one number, or one for each of some tasks. Default: the
            task's own.
        learning_rates: In place of `trials`: learning rates, each of which every cell tries.
        reference: The cell that the others are paired with in the report. Default: `"lstm"` if it
            is among them, else the first.
        workers: Number of processes, a positive integer. They change no result but those of TPE,
            only the time. Default: one for each processor, at most 4.
        out: Folder of the comparison. Defaults to `"runs/compare"`.
        storage: URL of a database, such as `"postgresql://user@host/database"`. Default: a SQLite
            file in the folder, for one process at a time.
        name: Of the experiment in the storage. Default: that of the folder.
        heartbeat: Whole seconds between signs of life of a trial, in a shared storage; after four
            missing ones another takes it over. Defaults to 30.
        wait: Seconds to wait for a database that does not answer. Defaults to 300.
        fresh: Whether to remove an earlier comparison from the folder, and the experiment of that
            name from the storage. Defaults to `False`.
        progress: Whether to show progress on the error output. Defaults to `True`.
        **reading: Of the tasks that are files: `target` to forecast, a name or several, or `label`,
            and how they are read, as `keraseq train forecast` and `classify` are told: `sep`,
            `decimal`, `date_format`, `time`, `id`, `horizon`, ... What stands in the brackets of a
            file's own name wins.

    Returns:
        The results; `report.html`, `results.csv`, `summary.csv`, `curves.csv` and `figures` lie in
        the folder, and beside them `config.toml`, from which `keraseq compare --config` or
        `compare(**keraseq.experiments.config.read(path))` does the same again.

    Raises:
        ValueError: An unknown task or cell, a number that is not positive, a budget too small for
            any units, or a folder or an experiment that was made with other settings.
        RuntimeError: The worker processes cannot start, or the database does not answer.

    References:
        Akiba et al. 2019, "Optuna: A Next-generation Hyperparameter Optimization Framework",
        arXiv:1907.10902.
        Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", NeurIPS.
    """
    plan = Plan(
        tasks,
        cells,
        seeds=seeds,
        trials=trials,
        sampler=sampler,
        pruning=pruning,
        budget=budget,
        steps=steps,
        learning_rates=learning_rates,
        reading=reading,
    )
    workers = default_workers() if workers is None else positive_integer("workers", workers)
    heartbeat = positive_integer("heartbeat", heartbeat)
    wait = positive_number("wait", wait)
    if reference is not None and reference not in plan.cells:
        raise ValueError(f"reference must be one of the cells; received {reference!r}")
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; results need a folder")
    url, name = store.url_of(folder, storage), name or folder.resolve().name
    with store.alone(url):
        if fresh and storage is None:
            for suffix in ("", "-wal", "-shm"):
                files.remove(folder / (store.DATABASE + suffix))
        console = Console(stderr=True, quiet=not progress, highlight=False)
        kept = Store(
            url,
            name,
            heartbeat=heartbeat,
            wait=wait,
            say=lambda line: console.print(line, markup=False, soft_wrap=True),
        )
        with contextlib.closing(kept):
            prepare(folder, kept, plan, fresh)
            config.write(folder / CONFIG, {**plan.arguments(), "reference": reference})
            work(folder, kept, plan, workers, progress)
            results = Results.of(folder, kept, reference=reference)
    report.write(results)
    return results


def prepare(folder: Path, kept: Store, plan: Plan, fresh: bool) -> None:
    """Makes the folder and the experiment, or sees that they are those of the plan."""
    if fresh:
        kept.remove()
        for made in MADE_HERE:
            files.remove(folder / made)
    settings = json.loads(json.dumps(plan.settings()))
    stored = folder / SETTINGS
    if stored.exists():
        known = files.read_json(stored)
        store.refuse_other(str(folder), known.get("settings", known), settings)
    kept.agree(settings)
    own = kept.url == store.url_of(folder)
    where = {"name": kept.name, "storage": None if own else kept.shown}
    files.write(stored, json.dumps({**where, "settings": settings}, indent=1))


def work(folder: Path, kept: Store, plan: Plan, workers: int, progress: bool) -> None:
    """Runs what is not done."""
    environment = {"KERAS_BACKEND": keras.backend.backend()}
    held = {name: HELD[name] for name in plan.tasks if name in HELD}
    if held:  # written anew by each call, for its own workers alone
        environment[HELD_IN] = str((folder / DATA).resolve())
        with files.replacing(folder / DATA) as partial:
            partial.write_bytes(pickle.dumps(held))
    costs = {
        crew.key(piece, slot): plan.cost(piece.task)
        for piece in plan.pieces()
        for slot in plan.slots(piece)
    }
    with Pool(workers, folder / "logs", environment) as pool:
        with Progress(costs, workers=workers, visible=progress) as shown:
            crew.Crew(plan, kept, pool, shown).work()


def default_workers() -> int:
    """One worker for each processor that this process may use, at most 4."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return max(1, min(4, len(usable)))
