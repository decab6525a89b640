"""What the gradients of a model do while it trains."""

import contextlib
import time

import keras
import numpy as np
from keras import ops

from keraseq.autodiff import differentiated
from keraseq.checks import positive_integer
from keraseq.inspection.gradients import (
    Shifted,
    chosen_layers,
    instead,
    loss_of,
    what_reaches,
)

GONE = 0.01  # of the gradient at its largest


class GradientReport(keras.callbacks.Callback):
    """Adds to the log of an epoch how the gradients are at its end, on data set apart for it.

    `gradient_norm` is the mean norm of a batch's gradient by all weights together. `clipped` is how
    much of it the optimizer would clip: with `global_clipnorm` the share of the batches, with
    `clipnorm` of the weights, with `clipvalue` of the numbers. `singular PATH BLOCK` is the largest
    singular value of a block of a recurrent matrix. `memory PATH` is the effective memory of a
    layer: how many steps back from the last the gradient by its states is a hundredth of its
    largest or more, mean of the batches. (A model with a loss at every step has that at every
    step.) `report_seconds` is what the report cost.

    What is logged is in the history, and whatever writes logs and stands after it writes it:
    `keraseq.train.CSVLog`, `keras.callbacks.TensorBoard`. So `train.callbacks(folder,
    others=[GradientReport(x, y)])` is enough. Training itself is as it was: nothing is read inside
    its steps, and dropout is off in the report. It costs one forward and backward pass of its
    rows, in the layers' usual loops, traced once: of processor time 0.04 s for 128 rows of 50 steps
    of a GRU of 32 units, where the epoch of 3,200 rows took 0.35 (with 256 units 0.29 and 2.45),
    and about 1 s more the first time (TensorFlow on a CPU).

    Args:
        x: What the model reads, one array of a few batches.
        y: What it should say.
        batch_size: Rows of a batch, a positive integer. Defaults to 32.
        every: Epochs between two reports, a positive integer. Defaults to 1.

    Raises:
        ValueError: From the constructor, `batch_size` or `every` is no positive integer, or `x` and
            `y` are not of one length; from `fit`, the model has no recurrent layer of keraseq.

    Example:

    >>> import numpy as np
    >>> x, y = np.ones((4, 5, 3), "float32"), np.array([0, 1, 0, 1])
    >>> model = keraseq.models.sequence_classifier(2, features=3, length=5, cell="gru", units=4)
    >>> model = keraseq.train.compile(model)
    >>> report = keraseq.train.GradientReport(x, y)
    >>> log = model.fit(x, y, epochs=2, callbacks=[report], verbose=0).history
    >>> len(log["gradient_norm"])
    2
    """

    def __init__(self, x, y, *, batch_size: int = 32, every: int = 1):
        super().__init__()
        self.x, self.y = np.asarray(x), np.asarray(y)
        if len(self.x) != len(self.y) or not len(self.x):
            raise ValueError(
                f"x and y must have as many rows, at least one; received {len(self.x)} and "
                f"{len(self.y)}"
            )
        self.batch_size = positive_integer("batch_size", batch_size)
        self.every = positive_integer("every", every)

    def on_epoch_end(self, epoch, logs=None):
        """Adds the report to the log."""
        if (epoch + 1) % self.every == 0 and logs is not None:
            logs.update(self.measure())

    def set_model(self, model):
        """Forgets what was traced for another model."""
        super().set_model(model)
        self.run, self.shapes = None, {}

    def measure(self) -> dict[str, float]:
        """The report on the model as it is now."""
        start = time.perf_counter()
        layers = chosen_layers(self.model, None)
        self.run = self.run or self.traced(list(layers.values()))
        norms, over, felt = [], [], []
        for first in range(0, len(self.x), self.batch_size):
            x, y = (one[first : first + self.batch_size] for one in (self.x, self.y))
            by_weight, big, by_step = self.run(self.zeros(layers, x), [x, y])
            norms.append(ops.convert_to_numpy(by_weight))
            over.append(float(big))
            felt.append([memory(ops.convert_to_numpy(one)) for one in by_step])
        found = {"gradient_norm": float(np.mean(np.linalg.norm(norms, axis=1)))}
        if (clipped := share_clipped(self.model.optimizer, norms, over)) is not None:
            found["clipped"] = clipped
        for (path, rnn), steps in zip(layers.items(), np.mean(felt, axis=0), strict=True):
            found[f"memory {path}"] = float(steps)
            found |= {f"singular {path} {k}": v for k, v in largest_singular(rnn.cell).items()}
        return {**found, "report_seconds": time.perf_counter() - start}

    def zeros(self, layers, x):
        """The shifts of each layer's states, for which it has to be seen what reaches it."""
        if len(x) not in self.shapes:
            reached = what_reaches(self.model, layers, x).items()
            self.shapes[len(x)] = [
                ((*of[0].shape[:2], sum(layers[path].state_sizes)), layers[path].state_dtype)
                for path, of in reached
            ]
        return [np.zeros(*one) for one in self.shapes[len(x)]]

    def traced(self, layers):
        """Of a batch: norms by weight, the share of large numbers, norms by step for each layer."""
        loss, limit = loss_of(self.model, None), self.model.optimizer.clipvalue or np.inf
        running = []  # a loop keeps none of them, and the gradient needs them

        def value(*arguments):
            *shifts, x, y = arguments
            with contextlib.ExitStack() as stack:
                for rnn, shift in zip(layers, shifts, strict=True):
                    running.append(Shifted(rnn, shift))
                    stack.enter_context(instead(rnn, running[-1].over_time))
                return ops.mean(loss(y, self.model(x, training=False)))

        def norms(by_step, by_weight):
            flat = [ops.reshape(one, (-1,)) for one in by_weight]
            big = ops.cast(ops.abs(ops.concatenate(flat)) > limit, "float32")
            of_steps = [ops.sqrt(ops.sum(ops.square(one), axis=(1, 2))) for one in by_step]
            return ops.stack([ops.norm(one) for one in flat]), ops.mean(big), of_steps

        model = self.model
        return differentiated(value, model.trainable_weights, model.non_trainable_variables, norms)


def share_clipped(optimizer, norms, over) -> float | None:
    """How much of some batches' gradients an optimizer clips; None where it does not clip.

    Args:
        optimizer: The optimizer.
        norms: For each batch the norms by weight.
        over: For each batch the share of numbers above `clipvalue`.
    """
    if optimizer.global_clipnorm:
        return float(np.mean(np.linalg.norm(norms, axis=1) > optimizer.global_clipnorm))
    if optimizer.clipnorm:
        return float(np.mean(np.array(norms) > optimizer.clipnorm))
    return float(np.mean(over)) if optimizer.clipvalue else None


def memory(norms: np.ndarray) -> float:
    """Steps from the first where the norm of a gradient is not nearly gone, to the last."""
    there = np.flatnonzero(norms >= GONE * norms.max()) if norms.max() > 0 else []
    return float(len(norms) - there[0]) if len(there) else 0.0


def largest_singular(cell) -> dict[str, float]:
    """Block of a cell's recurrent matrix -> its largest singular value."""
    weight = getattr(cell, "recurrent_kernel", None)
    if weight is None or len(weight.shape) != 2:
        return {}
    blocks = np.split(ops.convert_to_numpy(weight), len(cell.recurrent_blocks), axis=1)
    values = [float(np.linalg.norm(one, 2)) for one in blocks]
    return dict(zip(cell.recurrent_blocks, values, strict=True))
