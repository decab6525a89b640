"""Fair comparisons of cells: the same tasks, budgets, data, searches and seeds for each."""

from keraseq.experiments import tasks
from keraseq.experiments.comparison import CELLS, compare
from keraseq.experiments.engine import config
from keraseq.experiments.engine.trials import Trial
from keraseq.experiments.report import figures, statistics
from keraseq.experiments.report.results import Results, measured
from keraseq.experiments.tasks import ArrayTask, Generated, Task

__all__ = [
    "CELLS",
    "ArrayTask",
    "Generated",
    "Results",
    "Task",
    "Trial",
    "compare",
    "config",
    "figures",
    "measured",
    "statistics",
    "tasks",
]


def __dir__():
    return __all__
