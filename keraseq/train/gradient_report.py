"""What the gradients of a model do while it trains."""

import time

import keras
import numpy as np
from keras import ops

from keraseq import autodiff
from keraseq.checks import positive_integer
from keraseq.inspection.explain import recurrent_layers
from keraseq.inspection.gradients import gradients_by_step, loss_of

GONE = 0.01  # of the gradient at its largest


class GradientReport(keras.callbacks.Callback):
    """Adds to the log of an epoch how the gradients are at its end, on data set apart for it.

    `gradient_norm` is the mean norm of a batch's gradient by all weights together. `clipped` is how
    much of it the optimizer would clip: with `global_clipnorm` the share of the batches, with
    `clipnorm` of the weights, with `clipvalue` of the numbers. `singular PATH BLOCK` is the largest
    singular value of a block of a recurrent matrix. `memory PATH` is the effective memory of a
    layer: how many steps back from the last the gradient by its state is a hundredth of its
    largest or more. (A model with a loss at every step has that at every step.) `report_seconds` is
    what the report cost.

    What is logged is in the history, and whatever writes logs and stands after it writes it:
    `keraseq.train.CSVLog`, `keras.callbacks.TensorBoard`. So `train.callbacks(folder,
    others=[GradientReport(x, y)])` is enough. Training itself is as it was: nothing is read inside
    its steps, and dropout is off in the report. It costs one forward and backward pass a batch, and
    one more, step by step, for the first of them, none of them compiled on TensorFlow: 2.1 s for
    128 rows of 50 steps of a GRU of 32 units, where a compiled epoch of 3,200 rows took 1.1 s (a
    busy CPU). On JAX it is compiled anew each time. Take few rows, or a larger `every`.

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

    def measure(self) -> dict[str, float]:
        """The report on the model as it is now."""
        start, found = time.perf_counter(), {}
        loss, weights = loss_of(self.model, None), self.model.trainable_weights
        norms, clipped = [], []
        for first in range(0, len(self.x), self.batch_size):
            rows = slice(first, first + self.batch_size)

            def value(rows=rows):
                y = ops.convert_to_tensor(self.y[rows])
                return ops.mean(loss(y, self.model(self.x[rows], training=False)))

            _, slopes = autodiff.gradients(value, [], weights)
            each = np.array([np.linalg.norm(one) for one in slopes])
            norms.append(np.linalg.norm(each))
            clipped.append(share_clipped(self.model.optimizer, slopes, each))
        found["gradient_norm"] = float(np.mean(norms))
        if clipped[0] is not None:
            found["clipped"] = float(np.mean(clipped))
        rows = slice(0, self.batch_size)
        for path, of_layer in gradients_by_step(self.model, self.x[rows], self.y[rows]).items():
            found[f"memory {path}"] = memory(next(iter(of_layer.values())))
        for rnn, path in recurrent_layers(self.model):
            found |= {f"singular {path} {k}": v for k, v in largest_singular(rnn.cell).items()}
        return {**found, "report_seconds": time.perf_counter() - start}


def share_clipped(optimizer, slopes, norms) -> float | None:
    """How much of some gradients an optimizer clips; None where it does not clip."""
    if optimizer.global_clipnorm:
        return float(np.linalg.norm(norms) > optimizer.global_clipnorm)
    if optimizer.clipnorm:
        return float(np.mean(norms > optimizer.clipnorm))
    if optimizer.clipvalue:
        return float(
            np.mean(np.abs(np.concatenate([one.ravel() for one in slopes])) > optimizer.clipvalue)
        )
    return None


def memory(by_state: np.ndarray) -> float:
    """Steps from the first where a gradient `(time, ...)` is not nearly gone, to the last."""
    norms = np.linalg.norm(by_state.reshape(len(by_state), -1), axis=1)
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
