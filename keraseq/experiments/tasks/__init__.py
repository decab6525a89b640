"""The tasks that cells are compared on, and the one table of their names.

Adding a task is a class in one file and one row in `TASKS`; or, without touching keraseq, a class,
an instance, or a function that returns one, in a module of your own, named `"module:name"`; or
data of your own, a file or what `keraseq.data` read (`own.py`).
"""

import os
import pickle
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from keraseq.checks import did_you_mean
from keraseq.experiments.tasks import own, variants
from keraseq.experiments.tasks.adding import Adding
from keraseq.experiments.tasks.arithmetic import Arithmetic
from keraseq.experiments.tasks.arrays import ArrayTask, Generated
from keraseq.experiments.tasks.characters import Characters
from keraseq.experiments.tasks.copying import Copying
from keraseq.experiments.tasks.digits import (
    MNIST,
    DigitPixels,
    Digits,
    MNISTRows,
    PermutedMNIST,
)
from keraseq.experiments.tasks.forecasting import CO2, ETTh1
from keraseq.experiments.tasks.memorisation import Memorisation
from keraseq.experiments.tasks.music import Chorales
from keraseq.experiments.tasks.parity import Parity
from keraseq.experiments.tasks.task import Task
from keraseq.experiments.tasks.words import Words
from keraseq.experiments.tasks.xml import XML

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        *(Characters, CO2, Digits, DigitPixels),  # real data that need no download
        *(Memorisation, Adding, Copying, Arithmetic, XML, Parity),  # made up
        *(MNIST, PermutedMNIST, MNISTRows, Chorales, Words, ETTh1),  # public files
    )
}
SIZED: dict[str, Callable[[int], Task]] = {
    task.name: task for task in (Adding, Copying, Arithmetic, Parity)
}
DEFAULT = ("characters", "co2", "digits")  # what a comparison takes where nobody says
HELD: dict[str, Task] = {}  # of data that lie in memory, by name; workers read them from a file
HELD_IN = "KERASEQ_TASKS"  # the variable that tells workers which
SIZE = re.compile(r"(?P<name>[a-z]+)-(?P<size>\d+)")


def names() -> list[str]:
    """The registered names, in the order of the table."""
    return list(TASKS)


def get(name: str) -> Task:
    """A task by its name; its data are read once a process.

    Args:
        name: A registered name; one of `adding`, `copying`, `arithmetic` and `parity` with a size,
            such as `"adding-400"`; `"module:name"` of a `Task` subclass, of an instance, or of a
            function without arguments that returns one; or a file, `"sales.csv[target=units]"` to
            forecast a column (several as `target="units,price"`), or `"reviews.csv[label=stars]"`
            to name the label of texts or series; also, with commas between them, the options by
            which the recipes `forecast` and `classify` read data, such as `sep=;`, `decimal=","`,
            `id=shop`, and of forecasts `horizon`, `look_back` and `season`.

    Raises:
        ValueError: There is no such task.
    """
    if name not in HELD and HELD_IN in os.environ and not HELD:
        HELD.update(pickle.loads(Path(os.environ[HELD_IN]).read_bytes()))
    return HELD[name] if name in HELD else found(name, own.digest(str(name)))


@cache
def found(name: str, digest: str | None) -> Task:
    """The task of a name; of a file, one for each of its contents."""
    if name in TASKS:
        return TASKS[name]()
    sized = SIZE.fullmatch(str(name))
    if sized and sized["name"] in SIZED:
        return SIZED[sized["name"]](int(sized["size"]))
    if own.is_file(str(name)):
        return own.read(name)
    if ":" in str(name):
        return imported(name)
    known = [*TASKS, *(f"{name}-N" for name in SIZED)]
    raise ValueError(
        f"unknown task {name!r}; known tasks: {', '.join(known)}, or 'module:Class', or a file."
        f"{did_you_mean(name, TASKS)}"
    )


def imported(name: str) -> Task:
    """The task that `"module:name"` stands for."""
    found = variants.imported(name, "task")
    if isinstance(found, Task):
        return found
    if isinstance(found, type) and not issubclass(found, Task):
        raise ValueError(f"task {name!r} is no subclass of keraseq.experiments.Task")
    if callable(found):
        try:
            made = found()
        except TypeError as error:  # it wants arguments, or a method is missing
            raise ValueError(f"cannot make task {name!r}: {error}") from None
        if isinstance(made, Task):
            return made
    raise ValueError(f"task {name!r} is no subclass of keraseq.experiments.Task, and makes none")


def name_of(task, name: str | None = None) -> str:
    """The name by which worker processes find a task.

    Args:
        task: A name; a `Task` subclass or a function that returns a task, at the top level of a
            module; or data (`keraseq.data.Series`, `Labelled`, `Parts`), which are held here.
        name: Of data. Default: their own, or their kind.

    Raises:
        ValueError: A worker could not import it.
    """
    if isinstance(task, str):
        return task
    if isinstance(task, own.KINDS):
        made = own.of(task, name)
        if made.name in TASKS:  # which stays what it is
            made.name = f"own {made.name}"
        HELD[made.name] = made
        return made.name
    return variants.importable(task, "task")


__all__ = [
    "DEFAULT",
    "TASKS",
    "ArrayTask",
    "Generated",
    "Task",
    "get",
    "name_of",
    "names",
]
