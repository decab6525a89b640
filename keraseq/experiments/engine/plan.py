"""What a comparison consists of, checked before anything is trained."""

import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from keraseq.checks import number, one_of, positive_integer
from keraseq.experiments import tasks
from keraseq.experiments.engine import trying
from keraseq.experiments.engine.space import Space
from keraseq.experiments.engine.trials import LOOKS, Trial
from keraseq.experiments.tasks import own, variants

SEARCH_SEED = 0  # of the trials that choose a setting; the others count from 1
UNCHANGED = {"initial_scale": 1.0, "clipnorm": 1.0}  # what trials have where nothing is searched
CHOSEN = ("cells", "seeds", "trials", "sampler", "pruning")
SAMPLERS = ("random", "tpe")
STARTUP = 5  # random settings before TPE has something to go by
FORMAT = 2  # of what is stored; another number is refused


@dataclass(frozen=True)
class Piece:
    """The trials of one cell on one task that have one role, `"search"` or `"final"`."""

    task: str
    cell: str
    role: str


class Plan:
    """Tasks, cells, and how they are compared; see `keraseq.experiments.compare`."""

    def __init__(
        self,
        task_names: Iterable | None,
        cells: Iterable[str],
        *,
        seeds: int = 3,
        trials: int = 0,
        sampler: str = "random",
        pruning: bool = True,
        budget: int | Mapping[str, int] | None = None,
        steps: int | Mapping[str, int] | None = None,
        learning_rates: Sequence[float] | None = None,
        reading: Mapping[str, Any] | None = None,
    ):
        if isinstance(task_names, Mapping):
            named = [tasks.name_of(given, name) for name, given in task_names.items()]
        else:
            named = tasks.DEFAULT if task_names is None else listed(task_names)
        named = own.with_options(list(map(tasks.name_of, named)), dict(reading or {}))
        self.tasks = distinct("task", named)
        self.cells = distinct("cell", map(variants.name_of, listed(cells)))
        self.seeds = positive_integer("seeds", seeds)
        self.trials = 0 if trials in (0, None) else positive_integer("trials", trials)
        self.sampler = one_of("sampler", sampler, SAMPLERS)
        self.pruning = bool(pruning)
        for cell in self.cells:
            variants.check(cell)
        quickest = min(map(tasks.get, self.tasks), key=lambda task: task.step_cost)
        for cell in self.cells:
            trying.check(cell, quickest)
        self.asked = {
            "budget": self._by_task("budget", budget),
            "steps": self._by_task("steps", steps),
        }
        self.rates = self._checked(learning_rates)
        self.units = {
            (name, cell): tasks.get(name).units(cell, self.of(name, "budget"))
            for name in self.tasks
            for cell in self.cells
        }

    def _by_task(self, what: str, asked) -> dict[str, int]:
        """One number for all tasks, or one for each of some."""
        if asked is None:
            return {}
        if not isinstance(asked, Mapping):
            return dict.fromkeys(self.tasks, positive_integer(what, asked))
        for name, value in asked.items():
            one_of(f"task of {what}", name, self.tasks)
            positive_integer(f"{what} of {name}", value)
        return dict(asked)

    def _checked(self, rates) -> list[float] | None:
        if rates is None:
            return None
        if self.trials:
            raise ValueError(
                "learning_rates are one trial each, and trials draw them; give one of the two"
            )
        rates = distinct("learning rate", rates)
        for rate in rates:
            if number("learning_rate", rate) <= 0:
                raise ValueError(f"learning rates must be positive; received {rate!r}")
        return rates

    def of(self, task: str, what: str) -> int:
        """The budget or the steps of a task: those asked for, or its own."""
        return self.asked[what].get(task) or getattr(tasks.get(task), what)

    def space(self, task: str) -> Space:
        """What every cell chooses from on a task."""
        usual = tasks.get(task).learning_rate
        if self.rates:
            return Space(tuple(map(float, self.rates)), listed=True)
        return Space.around(usual) if self.trials else Space((usual,), listed=True)

    def search(self, task: str) -> list[dict[str, Any] | None]:
        """The settings that every cell tries; None where the sampler chooses; empty for no search.

        The first is the task's own.
        """
        space = self.space(task)
        settings: list[dict[str, Any] | None]
        if space.listed:
            settings = [*space.settings(len(space.rates))]
            return settings if len(settings) > 1 else []
        usual = {"learning_rate": tasks.get(task).learning_rate, **UNCHANGED}
        settings = [*space.settings(self.trials, usual)]
        if self.sampler == "tpe":
            settings[STARTUP:] = [None] * (len(settings) - STARTUP)
        return settings

    def pieces(self) -> Iterator[Piece]:
        """All pieces, what is searched first; within that, what takes longest first."""
        slow = sorted(self.tasks, key=lambda name: -self.cost(name))
        for role in ("search", "final"):
            for task in slow:
                for cell in self.cells:
                    if role == "final" or self.search(task):
                        yield Piece(task, cell, role)

    def slots(self, piece: Piece) -> dict[int, dict[str, Any] | None]:
        """The slots of a piece, each with the setting that is fixed for it, if one is."""
        if piece.role == "search":
            return dict(enumerate(self.search(piece.task)))
        return dict.fromkeys(range(1, self.seeds + 1))

    def trial(self, piece: Piece, slot: int, setting: dict[str, Any]) -> Trial:
        """The trial of a slot with a setting."""
        final = piece.role == "final"
        return Trial(
            task=piece.task,
            cell=piece.cell,
            seed=slot if final else SEARCH_SEED,
            budget=self.of(piece.task, "budget"),
            units=self.units[piece.task, piece.cell],
            steps=self.of(piece.task, "steps"),
            role=piece.role,
            number=0 if final else slot,
            sampled=final and slot == 1,
            **setting,
        )

    def cost(self, task: str) -> float:
        """Roughly how many seconds a trial of a task takes."""
        return 4.0 + self.of(task, "steps") * tasks.get(task).step_cost / 1000

    def chosen(self) -> dict[str, Any]:
        """What is the same for all tasks."""
        return {name: getattr(self, name) for name in CHOSEN}

    def arguments(self) -> dict[str, Any]:
        """What `compare` is to be given for the same plan, as plain values."""
        return {
            "tasks": self.tasks,
            **self.chosen(),
            "learning_rates": self.rates,
            **{what: {name: self.of(name, what) for name in self.tasks} for what in self.asked},
        }

    def settings(self) -> dict[str, Any]:
        """All that the numbers depend on, as plain values."""
        return {
            "format": FORMAT,
            **self.chosen(),
            "tasks": {
                name: {
                    "budget": self.of(name, "budget"),
                    "steps": self.of(name, "steps"),
                    **self.space(name).describe(),
                    "batch_size": tasks.get(name).batch_size,
                    **self.digest(name),
                }
                for name in self.tasks
            },
            "looks": LOOKS,
            "backend": keras.backend.backend(),
            "versions": versions(),
            **({"code": code} if (code := self.code()) else {}),
        }

    def digest(self, task: str) -> dict[str, str]:
        """What tells data of somebody's own from others of the same name."""
        found = tasks.get(task)
        return {"data_sha256": found.fingerprint()} if found.own else {}

    def code(self) -> dict[str, str]:
        """What tells cells of somebody's own from what they were before."""
        found = {cell: variants.code(cell) for cell in self.cells}
        return {cell: digest for cell, digest in found.items() if digest}


def listed(values: Iterable) -> list:
    """The values as a list; a single one may stand for itself."""
    one = isinstance(values, (str, keras.layers.Layer, *tasks.own.KINDS)) or callable(values)
    return [values] if one else list(values)


def distinct(what: str, values: Iterable) -> list:
    """The values as a list; at least one, none of them twice."""
    values = listed(values)
    if not values:
        raise ValueError(f"at least one {what} is needed; received none")
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what} {value!r} is named twice")
    return values


def versions() -> dict[str, str]:
    """What the numbers may depend on besides keraseq's own settings."""
    names = ("keraseq", "keras", keras.backend.backend(), "numpy", "scikit-learn", "statsmodels")
    found = {"python": platform.python_version()}
    for name in (*names, "optuna"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
