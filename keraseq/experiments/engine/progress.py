"""What people see while a comparison runs."""

import time

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from keraseq.experiments.engine.trials import Trial

QUIET = 20  # seconds without a line, after which a pipe gets one


class Progress:
    """Bars with the time left where the error output is a terminal; a line a trial everywhere.

    Elsewhere than on a terminal, also a line where nothing else was said for a while.

    `costs` are expected seconds by a trial's key, of which the proportions matter.
    """

    def __init__(self, costs: dict[str, float], workers: int, visible: bool = True):
        self.costs, self.workers = costs, workers
        self.console = Console(stderr=True, quiet=not visible, highlight=False)
        self.live = visible and self.console.is_terminal
        self.bars = Bars(
            TextColumn("{task.description}", justify="left"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.live,
            transient=True,
        )
        self.done: dict[str, float] = {}  # fraction of each trial
        self.rows: dict[str, TaskID] = {}
        self.ended: set[str] = set()
        self.begin = self.said_at = time.monotonic()

    def __enter__(self):
        self.bars.start()
        self.all = self.bars.add_task("all trials", total=sum(self.costs.values()), note="")
        return self

    def __exit__(self, *error):
        self.bars.stop()

    def event(self, event: dict, trial: Trial | None) -> None:
        """Takes in what a worker said of a trial (None: of something else, which is not shown)."""
        if trial is None:
            return
        kind, key = event["event"], event["key"]
        name = f"{trial.task} {trial.cell} "
        if trial.role == "search":
            name += f"search {trial.number}, learning rate {trial.learning_rate:.2g}"
        else:
            name += f"seed {trial.seed}"
        if kind == "start":
            self.rows[key] = self.bars.add_task(name, total=trial.steps, note="starts")
        elif kind == "look":
            self.done[key] = event["step"] / trial.steps
            note = f"step {event['step']:,} of {trial.steps:,}"
            self.bars.update(self.rows[key], completed=event["step"], note=note)
            if not self.live and time.monotonic() - self.said_at > QUIET:
                self.say(f"{name}: {note}, {self.time_left()} left")
        else:
            self.done[key] = 1.0
            self.ended.add(key)
            self.bars.remove_task(self.rows.pop(key))
            result = said(event["record"]) if kind == "done" else f"failed: {event['reason']}"
            left = "" if len(self.ended) == len(self.costs) else f", {self.time_left()} left"
            self.say(f"{name}: {result}{left}")
        work = sum(self.costs[key] * part for key, part in self.done.items())
        note = f"{len(self.ended)}/{len(self.costs)} done, {self.time_left()} left"
        self.bars.update(self.all, completed=work, note=note)

    def say(self, line: str) -> None:
        """A line, after how many trials have ended."""
        self.said_at = time.monotonic()
        count = f"{len(self.ended):{len(str(len(self.costs)))}d}/{len(self.costs)}"
        self.console.print(f"[{count}] {line}", markup=False, soft_wrap=True)

    def elsewhere(self, key: str) -> None:
        """Takes in that a trial is done, by another process or an earlier call."""
        if key in self.costs and key not in self.ended:
            self.costs[key] = 0.0  # no work of this call
            self.ended.add(key)

    def time_left(self) -> str:
        """An estimate from the speed so far."""
        work = sum(self.costs[key] * part for key, part in self.done.items())
        total = sum(self.costs.values()) or 1.0
        if work < 0.02 * total:
            seconds = (total - work) / max(self.workers, 1)
        else:
            seconds = (time.monotonic() - self.begin) * (total - work) / work
        return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def said(record: dict) -> str:
    """The outcome of a trial in a few words."""
    value = record["test"] if record["role"] == "final" else record["validation"]
    value = "no value" if value is None else f"{value:.4f}"
    part = "" if record["role"] == "final" else "validation "
    end = ""
    if record["status"] in ("diverged", "pruned"):
        end = f", {record['status']} at step {record[record['status'] + '_at']}"
    return (
        f"{part}{record['metric'].replace('_', ' ')} {value}{end} "
        f"({record['units']} units, {record['parameters']:,} parameters, {record['seconds']:.0f} s)"
    )
