"""The callbacks of a careful run: the best model, a log, a stop on NaN, and `Resume`."""

import math
from collections.abc import Sequence
from pathlib import Path

import keras

from keraseq.checks import boolean, positive_integer, rate
from keraseq.files import replacing
from keraseq.train.resume import Resume


def callbacks(
    folder: str | Path,
    *,
    monitor: str = "val_loss",
    mode: str = "auto",
    patience: int | None = 10,
    resume: bool = True,
    tensorboard: bool = False,
    others: Sequence[keras.callbacks.Callback] = (),
) -> list[keras.callbacks.Callback]:
    """The callbacks of a careful run, in the order in which they must stand.

    They keep in `folder`: `best.keras`, the model of the best epoch; `log.csv`, a line an epoch,
    continued when a run is resumed; `resume.npz`, the run itself, until it ends by itself; with
    `tensorboard` a folder of that name. Every file is replaced as a whole, so that a run that is
    killed while it writes loses nothing.

    Args:
        folder: Where the files go; made with the first of them. One folder a run.
        monitor: What the best epoch is best at; `"val_loss"` needs validation data.
            Defaults to `"val_loss"`.
        mode: `"min"`, `"max"`, or `"auto"`, which knows losses and Keras' own metrics.
            Defaults to `"auto"`.
        patience: Number of epochs without a better one after which to stop, a positive integer;
            `None` never stops early. At the end the model has the weights of its best epoch, unless
            this is `None`. Defaults to 10.
        resume: Whether to keep the run and go on with it (`Resume`). Defaults to `True`.
        tensorboard: Whether to log for TensorBoard, which must be installed. Defaults to `False`.
        others: Callbacks of your own, such as `keras.callbacks.ReduceLROnPlateau`; their counters
            are resumed too.

    Returns:
        A list for `fit(callbacks=...)`.

    Raises:
        ValueError: `patience` is no positive integer, or `mode` is unknown.

    Example:

    >>> import keraseq
    >>> [type(one).__name__ for one in keraseq.train.callbacks("runs/mine", patience=None)]
    ['StopOnNaN', 'BestCheckpoint', 'CSVLog', 'Resume']
    """
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"mode must be 'auto', 'min' or 'max'; received mode={mode!r}")
    folder = Path(folder)
    chosen = [StopOnNaN(), BestCheckpoint(folder / "best.keras", monitor=monitor, mode=mode)]
    if patience is not None:
        patience = positive_integer("patience", patience)
        chosen.append(
            keras.callbacks.EarlyStopping(
                monitor, mode=mode, patience=patience, restore_best_weights=True
            )
        )
    chosen += others
    if boolean("tensorboard", tensorboard):
        chosen.append(keras.callbacks.TensorBoard(str(folder / "tensorboard")))
    chosen.append(CSVLog(folder / "log.csv"))
    if boolean("resume", resume):
        chosen.append(Resume(folder / "resume.npz", others=chosen))
    return chosen


class BestCheckpoint(keras.callbacks.ModelCheckpoint):
    """`keras.callbacks.ModelCheckpoint(save_best_only=True)` that replaces its file as a whole.

    Args:
        filepath: The file, ending in `.keras`.
        **options: Further arguments of `keras.callbacks.ModelCheckpoint`.

    Example:

    >>> keraseq.train.BestCheckpoint("best.keras", monitor="loss").save_best_only
    True
    """

    def __init__(self, filepath: str | Path, **options):
        self.target = Path(filepath)
        super().__init__(self.target, save_best_only=True, **options)

    def on_train_batch_end(self, batch, logs=None):
        """Saves the model if that is asked for and it is the best so far."""
        if self.save_freq != "epoch":
            self._replace(super().on_train_batch_end, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        """Saves the model if it is the best so far."""
        self._replace(super().on_epoch_end, epoch, logs)

    def _replace(self, save, *args):
        with replacing(self.target) as partial:
            self.filepath = str(partial)
            save(*args)
            if partial.stat().st_size == 0:
                partial.unlink()  # it is not the best


class CSVLog(keras.callbacks.CSVLogger):
    """`keras.callbacks.CSVLogger(append=True)` that does not leave its file open when `fit` fails.

    Args:
        filename: The file.

    Example:

    >>> keraseq.train.CSVLog("log.csv").append
    True
    """

    def __init__(self, filename: str | Path):
        super().__init__(filename, append=True)

    def on_train_begin(self, logs=None):
        """Nothing: the file is opened for each line."""

    def on_epoch_end(self, epoch, logs=None):
        """Writes a line."""
        Path(self.filename).parent.mkdir(parents=True, exist_ok=True)
        columns = self.keys
        super().on_train_begin()
        self.keys = columns
        super().on_epoch_end(epoch, logs)
        super().on_train_end()


class StopOnNaN(keras.callbacks.Callback):
    """Raises as soon as the loss is NaN or infinite, and says where and what to try.

    The error leaves `fit` before the epoch ends, so that neither the best checkpoint nor the resume
    file is overwritten by a broken model. (`keras.callbacks.TerminateOnNaN` prints the batch, and
    ends the epoch as usual.) With `steps_per_execution` above 1 the batch is the last of its group.

    Raises:
        FloatingPointError: From `fit`, with the step, the epoch and the batch, counted from 1.

    Example:

    >>> keraseq.train.StopOnNaN().on_train_batch_end(0, {"loss": 0.7})
    """

    async_safe = True  # on JAX the loss is read in a thread: training does not wait for it

    def __init__(self):
        super().__init__()
        self.epoch, self.steps, self.rate, self.last_finite = 0, 0, 0.0, None

    def on_epoch_begin(self, epoch, logs=None):
        """Notes where the epoch starts."""
        optimizer = self.model.optimizer
        self.epoch, self.last_finite = epoch, None
        self.steps = int(keras.ops.convert_to_numpy(optimizer.iterations))
        self.rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss of the epoch so far, which no later batch can mend."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if math.isfinite(loss):
            self.last_finite = (batch, loss)
            return
        before = "the first batch of the epoch"
        if self.last_finite is not None:
            before = (
                f"the mean loss was {self.last_finite[1]:.6g} at batch {self.last_finite[0] + 1}"
            )
        raise FloatingPointError(
            f"the loss is {loss} at step {self.steps + batch + 1} (epoch {self.epoch + 1}, batch "
            f"{batch + 1}); {before}. Look for NaN or huge values in that batch, lower the "
            f"learning rate (now {self.rate:.3g}), or clip the gradients (clipnorm)"
        )

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the validation loss."""
        loss = (logs or {}).get("val_loss")
        if loss is not None and not math.isfinite(loss):
            raise FloatingPointError(
                f"the validation loss is {loss} after epoch {epoch + 1}, the training loss is "
                f"{logs.get('loss'):.6g}. Look for NaN or huge values in the validation data"
            )


class SamplingSchedule(keras.callbacks.Callback):
    """Raises the sampling rate of a `keraseq.models.ScheduledSampling` model, epoch by epoch.

        rate in epoch e of E = last * (e - 1) / (E - 1)         e = 1 ... E

    the linear decay of teacher forcing of Bengio et al. 2015. A resumed run goes on with the rate
    of its epoch.

    Args:
        last: The rate in the last epoch, in [0, 1].
        epochs: Number of epochs, a positive integer.

    Example:

    >>> schedule = keraseq.train.SamplingSchedule(0.25, epochs=11)
    >>> schedule.rate(5)
    0.125
    """

    def __init__(self, last: float, epochs: int):
        super().__init__()
        self.last = rate("last", last, closed=True)
        self.epochs = positive_integer("epochs", epochs)

    def rate(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        return self.last * min(epoch / max(self.epochs - 1, 1), 1.0)

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the rate."""
        self.model.sampling_rate.assign(self.rate(epoch))
