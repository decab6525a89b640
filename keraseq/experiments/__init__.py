"""Fair comparisons of cells: the same tasks, budgets, data, searches and seeds for each."""

from keraseq.experiments import config, statistics, tasks
from keraseq.experiments.comparison import CELLS, compare
from keraseq.experiments.results import Results
from keraseq.experiments.tasks import ArrayTask, Generated, Task
from keraseq.experiments.trials import Trial

__all__ = [
    "CELLS",
    "ArrayTask",
    "Generated",
    "Results",
    "Task",
    "Trial",
    "compare",
    "config",
    "statistics",
    "tasks",
]
