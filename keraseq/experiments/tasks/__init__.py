"""The tasks that cells are compared on, and the one table of their names.

Adding a task is a class in one file and one row in `TASKS`; or, without touching keraseq, a class
in a module of your own, named `"module:Class"`.
"""

import importlib
from functools import cache

from keraseq.checks import did_you_mean
from keraseq.experiments.tasks.characters import Characters
from keraseq.experiments.tasks.co2 import CO2
from keraseq.experiments.tasks.digits import Digits
from keraseq.experiments.tasks.task import Task

TASKS: dict[str, type[Task]] = {task.name: task for task in (Characters, CO2, Digits)}


def names() -> list[str]:
    """The registered names, in the order of the table."""
    return list(TASKS)


@cache
def get(name: str) -> Task:
    """The task of that name, or of the class `"module:Class"`; its data are read once a process.

    Raises:
        ValueError: There is no such task.
    """
    if name in TASKS:
        return TASKS[name]()
    if ":" in str(name):
        module, _, attribute = name.partition(":")
        try:
            kind = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"cannot load task {name!r}: {error}") from None
        if isinstance(kind, type) and issubclass(kind, Task):
            return kind()
        raise ValueError(f"task {name!r} is no subclass of keraseq.experiments.Task")
    raise ValueError(
        f"unknown task {name!r}; known tasks: {', '.join(TASKS)}, or 'module:Class'."
        f"{did_you_mean(name, TASKS)}"
    )


__all__ = ["CO2", "TASKS", "Characters", "Digits", "Task", "get", "names"]
