"""Fair comparisons of cells: the same tasks, budgets, data and seeds for each."""

from keraseq.experiments import tasks
from keraseq.experiments.comparison import CELLS, compare
from keraseq.experiments.results import Results
from keraseq.experiments.tasks import Task
from keraseq.experiments.trials import Trial

__all__ = ["CELLS", "Results", "Task", "Trial", "compare", "tasks"]
