"""The callbacks of a careful run: the best model, a log, a stop on divergence, and `Resume`."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import keras

from keraseq.checks import boolean, one_of, positive_integer, rate
from keraseq.files import replacing
from keraseq.train.divergence import StopOnDivergence
from keraseq.train.resume import Resume

DECAYS = ("linear", "inverse_sigmoid")
MIDDLE = 107  # k log k = 500


def callbacks(
    folder: str | Path,
    *,
    monitor: str = "val_loss",
    mode: str = "auto",
    patience: int | None = 10,
    resume: bool = True,
    keep: bool = False,
    limit: float | None = None,
    tensorboard: bool = False,
    others: Sequence[keras.callbacks.Callback] = (),
) -> list[keras.callbacks.Callback]:
    """The callbacks of a careful run, in the order in which they must stand.

    They keep in `folder`: `best.keras`, the model of the best epoch; `log.csv`, a line an epoch,
    continued when a run is resumed; `resume.npz`, the run itself, until it ends by itself; with
    `tensorboard` a folder of that name. Every file is replaced as a whole, so that a run that is
    killed while it writes loses nothing. A training that diverges stops with an error, and the
    epoch in which it did is not kept.

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
        keep: Whether `resume.npz` stays when `fit` ends, until it is removed by hand: a `fit` that
            is called again, because what came after it was killed, then has the end of the run at
            once. Defaults to `False`.
        limit: The largest loss that is no divergence, see `StopOnDivergence`. Default: 1000 times
            that of the first step.
        tensorboard: Whether to log for TensorBoard, which must be installed. Defaults to `False`.
        others: Callbacks of your own, such as `keras.callbacks.ReduceLROnPlateau`; their counters
            are resumed too.

    Returns:
        A list for `fit(callbacks=...)`.

    Raises:
        ValueError: `patience` is no positive integer, `limit` no positive number, or `mode` is
            unknown.

    Example:

    >>> import keraseq
    >>> [type(one).__name__ for one in keraseq.train.callbacks("runs/mine", patience=None)]
    ['StopOnDivergence', 'BestCheckpoint', 'CSVLog', 'Resume']
    """
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"mode must be 'auto', 'min' or 'max'; received mode={mode!r}")
    folder = Path(folder)
    best = BestCheckpoint(folder / "best.keras", monitor=monitor, mode=mode)
    chosen = [StopOnDivergence(limit), best]
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
        chosen.append(Resume(folder / "resume.npz", others=chosen, keep=keep))
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


class CSVLog(keras.callbacks.Callback):
    """A table with a line for each epoch of a run, each once, however often the run was killed.

    The lines of epochs that are trained again, and what a kill left of a line, are replaced. A run
    that begins at epoch 0 begins a new table. (`keras.callbacks.CSVLogger` appends to what there
    is, and leaves its file open when `fit` fails.)

    Args:
        filename: The file. Its columns are `epoch`, counted from 0, and what `fit` logs, in the
            order of the alphabet; `NA` is what an epoch did not log.

    Example:

    >>> keraseq.train.CSVLog("log.csv").filename.name
    'log.csv'
    """

    def __init__(self, filename: str | Path):
        super().__init__()
        self.filename = Path(filename)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the table with one more line."""
        before = {int(row["epoch"]): row for row in self.rows() if int(row["epoch"]) < epoch}
        rows = [*before.values(), {"epoch": epoch, **(logs or {})}]
        columns = sorted({name for row in rows for name in row} - {"epoch"})
        with replacing(self.filename) as partial, partial.open("w", newline="") as file:
            table = csv.DictWriter(file, ["epoch", *columns], restval="NA")
            table.writeheader()
            table.writerows(rows)

    def rows(self) -> list[dict[str, str]]:
        """The whole lines that are in the file."""
        if not self.filename.is_file():
            return []
        with self.filename.open(newline="") as file:
            lines = [line for line in file if line.endswith("\n")]
        found = csv.DictReader(lines)
        whole = [row for row in found if None not in row and None not in row.values()]
        return [row for row in whole if row.get("epoch", "").isdigit()]


class SamplingSchedule(keras.callbacks.Callback):
    """Raises the sampling rate of a `keraseq.models.ScheduledSampling` model, epoch by epoch.

        linear:            rate in epoch e of E = last * (e - 1) / (E - 1)              e = 1 ... E
        inverse_sigmoid:   rate = last * (1 - k / (k + exp(i / k)))     i = 1000 (e - 1) / (E - 1)

    the decays of teacher forcing of Bengio et al. 2015, with the k (107) that is half way in the
    middle. A resumed run goes on with the rate of its epoch.

    Args:
        last: The rate in the last epoch, in [0, 1]; the inverse sigmoid comes near it.
        epochs: Number of epochs, a positive integer.
        decay: `"linear"` or `"inverse_sigmoid"`. Defaults to `"linear"`.

    Example:

    >>> schedule = keraseq.train.SamplingSchedule(0.25, epochs=11)
    >>> schedule.rate(5)
    0.125
    """

    def __init__(self, last: float, epochs: int, decay: str = "linear"):
        super().__init__()
        self.decay = one_of("decay", decay, DECAYS)
        self.last = rate("last", last, closed=True)
        self.epochs = positive_integer("epochs", epochs)

    def rate(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0."""
        share = min(epoch / max(self.epochs - 1, 1), 1.0)
        if self.decay == "inverse_sigmoid":
            share = 1 - MIDDLE / (MIDDLE + math.exp(1000 * share / MIDDLE))
        return self.last * share

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the rate."""
        self.model.sampling_rate.assign(self.rate(epoch))
