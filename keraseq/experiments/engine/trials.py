"""One trial: one cell on one task from one seed, trained and scored."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import isfinite, prod
from time import perf_counter
from typing import Any

import keras
import numpy as np

from keraseq import train
from keraseq.experiments import tasks
from keraseq.inspection.explain import Explanation, explain
from keraseq.keras_inside import layers_inside

LOOKS = 12  # times that a trial looks at the validation part while it trains
SCALED = ("kernel", "recurrent_kernel")  # weights of a cell that `initial_scale` multiplies


@dataclass(frozen=True)
class Trial:
    """What has to be known to run a trial again and get the same numbers.

    Args:
        task: Name of the task.
        cell: Name of the cell, with options in brackets if it has any.
        seed: Seed of the weights and of the order of the data. Trials of the same seed and task see
            the same batches, whatever their cell.
        learning_rate: Adam's learning rate at the start; it falls to 0 along half a cosine.
        budget: Trainable parameters that `units` were solved for.
        units: Size of the cell's state.
        steps: Training steps.
        initial_scale: Factor of the recurrent layers' matrices at the start. Defaults to 1.
        clipnorm: Largest norm of all gradients together. Defaults to 1.
        role: `"final"`, or `"search"` for a trial that only helps to choose a setting and never
            sees the test part.
        number: Of the setting in a search. Defaults to 0.
        sampled: Whether to keep what the model makes at the start, in the middle and at the end.
    """

    task: str
    cell: str
    seed: int
    learning_rate: float
    budget: int
    units: int
    steps: int
    initial_scale: float = 1.0
    clipnorm: float = 1.0
    role: str = "final"
    number: int = 0
    sampled: bool = False

    @property
    def key(self) -> str:
        """A name that no other trial of the comparison has, fit for a file."""
        which = f"search{self.number}" if self.role == "search" else f"seed{self.seed}"
        return f"{file_name(self.task)}-{file_name(self.cell)}-{which}"


def file_name(name: str) -> str:
    """The name with nothing in it that a file's name must not have."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)


def run(
    trial: Trial, on_look: Callable[[int, float | None], bool] = lambda step, value: False
) -> dict[str, Any]:
    """Trains and scores.

    Every trial goes the same way: Adam, clipped gradients, a learning rate that falls along half a
    cosine, a fixed number of steps, looks at the validation part at even distances; then the
    weights of the best look are scored once on the test part.

    Args:
        trial: What to run.
        on_look: Called with the number of steps done and the value on the validation part; says
            whether to stop there.

    Returns:
        The record: the trial's own fields, and what came of it.
    """
    begin = perf_counter()
    task = tasks.get(trial.task)
    keras.utils.clear_session()
    train.seed_everything(trial.seed)
    model = task.build(trial.cell, trial.units)
    scale_initial(model, trial.initial_scale)
    falling = keras.optimizers.schedules.CosineDecay(trial.learning_rate, trial.steps)
    train.compile(model, task.loss, learning_rate=falling, clipnorm=trial.clipnorm)
    rng = np.random.default_rng(trial.seed)

    times: list[float] = []  # seconds of each step
    limit: list[float] = []  # of the loss, once there are targets

    def steps_of_training(count: int) -> float:
        """Trains for so many steps, and returns their mean loss; stops where it is not finite."""
        size = task.batch_size
        inputs, targets = task.training_rows(rng, count * size)
        if not limit:
            shape = model.compute_output_shape(inputs[:size].shape)
            nothing = task.loss(targets[:size], np.zeros(shape, "float32"))
            limit.append(train.divergence.WORST * max(1.0, float(nothing)))
        model.reset_metrics()
        for first in range(0, count * size, size):
            start = perf_counter()
            loss = model.train_on_batch(inputs[first : first + size], targets[first : first + size])
            times.append(perf_counter() - start)
            if not isfinite(loss):
                break
        return float(loss)  # Keras returns the mean since the metrics were reset

    course = Course(trial, task, model)
    course.look(0, 0.0, None)
    status, ways = "finished", None
    for before, step in pairwise([0, *looks(trial.steps)]):
        loss = steps_of_training(step - before)
        ways = ways or explain(model, training=None)  # of the step of training just made
        if not loss <= limit[0]:  # NaN too
            status = "diverged"
            break
        # The first step compiles: it is counted apart.
        value = course.look(step, sum(times[1:]), loss)
        if on_look(step, value) and step < trial.steps:
            status = "pruned"
            break
    test = course.best_on_test()
    return {
        **asdict(trial),
        "metric": task.metric,
        "status": status,
        "diverged_at": len(times) if status == "diverged" else None,
        "pruned_at": len(times) if status == "pruned" else None,
        "validation": course.best,
        "best_step": course.best_step,
        "solved_step": course.solved_step,
        "test": test,
        "further": task.further(model) if test is not None else {},
        "parameters": sum(prod(weight.shape) for weight in model.trainable_weights),
        "step_ms": 1000 * float(np.median(times[1:])) if times[1:] else None,
        "train_seconds": sum(times[1:]),
        "compile_seconds": times[0],
        "seconds": perf_counter() - begin,
        "projection": projection(model),
        "loop": loops(ways),
        "path": path(ways, model),
        "curve": course.curve,
        "samples": course.samples,
    }


def scale_initial(model: keras.Model, factor: float) -> None:
    """Multiplies the matrices of a model's recurrent layers, as they were drawn, by a factor."""
    for layer in recurrent_layers(model) if factor != 1 else ():
        for weight in layer.trainable_weights:
            if weight.name in SCALED:
                weight.assign(factor * weight)


def looks(steps: int) -> list[int]:
    """Steps at which a trial looks at the validation part, the last one included."""
    return sorted({round(steps * i / LOOKS) for i in range(1, LOOKS + 1)} - {0})


class Course:
    """What a trial has seen on its way: validation values, the best weights, samples."""

    def __init__(self, trial: Trial, task: tasks.Task, model: keras.Model):
        self.trial, self.task, self.model = trial, task, model
        self.best, self.best_step, self.solved_step = None, 0, None
        self.best_weights = model.get_weights()
        self.curve, self.samples = [], []

    def look(self, step: int, seconds: float, loss: float | None) -> float | None:
        """Scores the model on the validation part, and keeps its weights if it is the best."""
        value = finite(self.task.score(self.model, "validation"))
        if value is not None and (self.best is None or self.task.better(value, self.best)):
            self.best, self.best_step = value, step
            self.best_weights = self.model.get_weights()
        if value is not None and self.solved_step is None and self.task.solves(value):
            self.solved_step = step
        self.curve.append({"step": step, "seconds": seconds, "loss": loss, "validation": value})
        every = looks(self.trial.steps)
        if step == 0 or step == every[(len(every) - 1) // 2] != every[-1]:
            self._sample(step)
        return value

    def best_on_test(self) -> float | None:
        """The best model's value on the test part, which nothing has looked at before."""
        self.model.set_weights(self.best_weights)
        self._sample(self.best_step)
        return finite(self.task.score(self.model, "test")) if self.trial.role == "final" else None

    def _sample(self, step: int) -> None:
        text = self.task.sample(self.model, self.trial.seed) if self.trial.sampled else None
        if text is not None:
            self.samples.append({"step": step, "text": text})


def finite(value: float) -> float | None:
    """The value, or None where it is NaN or infinite."""
    return float(value) if isfinite(value) else None


def recurrent_layers(model: keras.Model) -> list[keras.layers.RNN]:
    """The layers of a model that run a cell over time."""
    return [layer for layer in layers_inside(model) if isinstance(layer, keras.layers.RNN)]


def projection(model: keras.Model) -> str | None:
    """How MUT1 and MUT2 take the raw input in: the `projection_mode` of the cells that have one."""
    modes = {getattr(layer.cell, "projection_mode", None) for layer in recurrent_layers(model)}
    return ", ".join(sorted(mode for mode in modes if mode)) or None


def loops(paths: Explanation) -> str:
    """How the recurrent layers ran, in a word for each way."""
    return ", ".join(dict.fromkeys(one.path for one in paths))


def path(paths: Explanation, model: keras.Model) -> str:
    """How the recurrent layers ran and why, layer by layer."""
    compiled = ", the model compiled by XLA" if model.jit_compile else ""
    return "; ".join(
        f"{one.layer}: {one.cell} in {one.kind}, {one.path} on {keras.backend.backend()}{compiled} "
        f"({one.reason})"
        for one in paths
    )
