"""A small step of a cell of somebody's own, before hours go into it."""

import inspect
import re
import traceback
from pathlib import Path

import keras
import numpy as np

from keraseq import cells, train
from keraseq.experiments.tasks import variants
from keraseq.experiments.tasks.task import Task

PAINT = re.compile(r"\x1b\[[0-9;]*m")  # Keras paints its errors
UNITS, ROWS, FEATURES = 4, 2, 3


def check(cell: str, task: Task) -> None:
    """Runs one step of the cell, and one of training on a task; keraseq's own are proven.

    Raises:
        ValueError: It fails: the cell, the error, and the line of its code, in one line.
    """
    name, options = variants.parse(cell)
    kind = variants.kind(name)
    if isinstance(kind, str):
        return
    try:
        step(cells.get(kind, units=UNITS, **options))
        model = task.build(cell, UNITS)
        train.compile(model, task.loss)
        model.train_on_batch(*task.training_rows(np.random.default_rng(0), ROWS))
    except Exception as error:  # whatever that cell does
        said = cause(error)
        raise ValueError(
            f"cell {cell!r} fails in a first small step: {type(error).__name__}: {said}"
            f"{place(error, kind)}"
        ) from error


def cause(error: BaseException) -> str:
    """The line of an error that says something: Keras says around it where it was called."""
    lines = [PAINT.sub("", line).strip() for line in str(error).splitlines()]
    around = ("Exception encountered", "Arguments received", "•")
    said = [line for line in lines if line and not line.startswith(around)]
    return (said or lines or [type(error).__name__])[0]


def step(cell: keras.layers.Layer) -> None:
    """One step of a cell on zeros; its states must be of the sizes that it says."""
    sizes = keras.tree.flatten(cell.state_size)
    if hasattr(cell, "get_initial_state"):
        states = keras.tree.flatten(cell.get_initial_state(batch_size=ROWS))
    else:
        states = [np.zeros((ROWS, size), "float32") for size in sizes]
    _, new = cell(keras.ops.zeros((ROWS, FEATURES)), states)
    found = [one.shape[-1] for one in keras.tree.flatten(new)]
    if found != sizes:
        raise ValueError(f"a step gives states of sizes {found}, state_size says {sizes}")


def place(error: BaseException, kind: type) -> str:
    """The last line of the file of a class that an error went through, if it did."""
    file = inspect.getfile(kind)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f" ({Path(file).name}, line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
