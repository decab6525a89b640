"""Step 3, training: what `keras.Model.fit` lacks, and nothing that it has.

    train.seed_everything(0)
    train.compile(model)
    model.fit(x, y, epochs=50, validation_data=(x2, y2), callbacks=train.callbacks("runs/mine"))

After a crash the same lines go on where the run stopped.
"""

import json
import math
import os
import random
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from keraseq.checks import boolean, positive_integer, positive_number, rate

RESUME_FORMAT = 1
# Classes from which on `CrossEntropy` is the default on TensorFlow: half the time of TensorFlow's
# own on a CPU, which was a third of a training step with 10,000 words.
MANY_CLASSES = 1000


def compile(
    model: keras.Model,
    loss=None,
    *,
    learning_rate=1e-3,
    clipnorm: float | None = 1.0,
    metrics=None,
    **options,
) -> keras.Model:
    """Compiles a model with Adam and gradients clipped by their global norm, and returns it.

    Recurrent networks need the clipping (Pascanu et al. 2013): one long sequence can have a
    gradient a thousand times the usual one.

    Args:
        model: The model.
        loss: Any loss of Keras. Default: for a model that ends in a layer called `logits`, as
            keraseq's classifiers, taggers and language models do, the cross-entropy of integer
            labels, from logits; for one that ends in `forecast`, the mean squared error.
        learning_rate: A positive number or a `keras.optimizers.schedules.LearningRateSchedule`.
            Defaults to 0.001.
        clipnorm: Largest allowed norm of all gradients together, a positive number; `None` does not
            clip. Defaults to 1.
        metrics: Any metrics of Keras. Default: with a default loss `accuracy` for `logits` and
            `mae` for `forecast`, else none.
        **options: Further arguments of `keras.Model.compile`, such as `jit_compile`.

    Returns:
        The same model.

    Raises:
        ValueError: A number is not positive, or there is no loss for a model of this kind.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(3, features=8, units=4)
    >>> keraseq.train.compile(model, learning_rate=3e-3).loss.name
    'sparse_categorical_crossentropy'

    References:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
        arXiv:1211.5063.
    """
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        learning_rate = positive_number("learning_rate", learning_rate)
    if clipnorm is not None:
        clipnorm = positive_number("clipnorm", clipnorm)
    if loss is None:
        loss, usual = default_loss(model)
        metrics = usual if metrics is None else metrics
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=clipnorm)
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, **options)
    return model


def default_loss(model: keras.Model):
    """Loss and metrics that follow from what a model ends in."""
    ends_in = getattr(model, "output_names", None)
    if ends_in == ["forecast"]:
        return keras.losses.MeanSquaredError(), [keras.metrics.MeanAbsoluteError(name="mae")]
    if ends_in != ["logits"]:
        raise ValueError(
            "loss is needed for a model that does not end in one layer called 'logits' or "
            "'forecast'; received loss=None"
        )
    if model.output_shape[-1] == 1:
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
        return keras.losses.BinaryCrossentropy(from_logits=True), [accuracy]
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    if model.output_shape[-1] >= MANY_CLASSES and keras.backend.backend() == "tensorflow":
        return CrossEntropy(), [accuracy]
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True), [accuracy]


@keras.saving.register_keras_serializable("keraseq")
class CrossEntropy(keras.losses.Loss):
    """`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`, faster for many classes.

        cost = log(sum(exp(logits))) - logits[label]
        d cost / d logits = softmax(logits) - one_hot(label)

    TensorFlow computes each exponential twice and one by one; here those of the cost serve the
    gradient too.

    Args:
        reduction, name: As for `keras.losses.Loss`.
        **options: Further arguments of it.

    Call arguments:
        y_true: Labels, `(...)`.
        y_pred: Logits, `(..., classes)`.

    Returns:
        The mean cost, in nats.

    Example:

    >>> loss = keraseq.train.CrossEntropy()
    >>> round(float(loss(keras.ops.array([1]), keras.ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    def __init__(self, reduction="sum_over_batch_size", name="cross_entropy", **options):
        super().__init__(name=name, reduction=reduction, **options)

    def call(self, y_true, y_pred):
        """The cost of each label."""
        classes = y_pred.shape[-1]
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        costs = costs_of(labels, ops.reshape(y_pred, (-1, classes)))
        return ops.reshape(costs, ops.shape(y_pred)[:-1])


def costs_of(labels, logits):
    """The cross-entropy of labels `(n, 1)` and logits `(n, classes)`, `(n,)`."""
    rows = ops.expand_dims(ops.arange(ops.shape(logits)[0], dtype="int32"), -1)
    where = ops.concatenate([rows, labels], axis=-1)

    @ops.custom_gradient
    def costs(logits):
        top = ops.max(logits, axis=-1, keepdims=True)
        exponentials = ops.exp(logits - top)
        total = ops.sum(exponentials, axis=-1, keepdims=True)
        own = ops.take_along_axis(logits, labels, axis=-1)

        def gradient(*arguments, upstream=None):
            d = arguments[0] if upstream is None else upstream
            d = ops.expand_dims(d, -1)
            found = exponentials * (d / total)
            own = ops.take_along_axis(found, labels, axis=-1) - d
            return ops.scatter_update(found, where, ops.squeeze(own, -1))

        return ops.squeeze(top + ops.log(total) - own, -1), gradient

    return costs(logits)


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
        partial = self.target.with_name(f"partial.{self.target.name}")
        super().__init__(partial, save_best_only=True, **options)

    def on_epoch_end(self, epoch, logs=None):
        """Saves the model if it is the best so far, with averaged weights where there are some."""
        swap_averages(self.model)
        super().on_epoch_end(epoch, logs)
        swap_averages(self.model)
        if Path(self.filepath).exists():
            Path(self.filepath).replace(self.target)


class ValidateAverages(keras.callbacks.Callback):
    """Validation and `BestCheckpoint` see the running mean of the weights, training does not.

    For optimizers with `use_ema=True`; with others it does nothing. With
    `keras.callbacks.SwapEMAWeights` checkpoints either hold the weights as they are or, with
    `swap_on_epoch`, cannot be resumed after a kill.

    Example:

    >>> keraseq.train.ValidateAverages().on_train_begin()
    """

    def on_test_begin(self, logs=None):
        """Puts the averages into the model."""
        swap_averages(self.model)

    def on_test_end(self, logs=None):
        """Puts the weights back."""
        swap_averages(self.model)


def swap_averages(model: keras.Model) -> None:
    """Exchanges a model's weights with the averages that its optimizer keeps, if it does."""
    if not getattr(model.optimizer, "use_ema", False):
        return
    averages = model.optimizer._model_variables_moving_average  # Keras shows them nowhere else
    for weight, average in zip(model.optimizer._trainable_variables, averages, strict=True):
        kept = np.array(keras.ops.convert_to_numpy(weight))
        weight.assign(keras.ops.convert_to_numpy(average))
        average.assign(kept)


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


class Resume(keras.callbacks.Callback):
    """Goes on with a run that was killed: the same end as if it had never stopped.

    After every epoch the run is written into one file: weights, optimizer, the state of the dropout
    seeds and of `stateful` layers, the epoch, and the counters of the other callbacks. When `fit`
    starts and the file is there, training goes on from it; when `fit` ends by itself, the file is
    removed. The epoch that was killed is trained again from its start.

    `keras.callbacks.BackupAndRestore` does the first half. In Keras 3.15 it leaves out the dropout
    seeds, the counters of `EarlyStopping` and `ModelCheckpoint` (a worse model then overwrites the
    best), and the order of the data; a kill between its two files gives a wrong epoch; and a second
    `fit` of the model skips the epochs that the first one restored.

    The order of the data: at the start of each epoch the random numbers of Python and NumPy (on
    JAX and PyTorch of Keras and the backend too) are seeded by `seed` and the epoch. Arrays given
    to `fit`, datasets that use NumPy's random numbers, and anything without shuffling then give the
    same batches as in a run that never stopped; on TensorFlow arrays do so if both runs begin with
    the same `seed_everything` (all their epochs then have one order, that is how Keras 3.15 is).
    **What cannot be resumed exactly** is a `tf.data` pipeline that shuffles anew in each epoch,
    which starts again with its first order, and data that `steps_per_epoch` cuts into epochs.

    Args:
        path: The file, ending in `.npz`.
        others: Callbacks whose counters belong to the run. This one must stand after them.
        seed: Integer from which the order of the data follows. Default: drawn from Python's
            random numbers when `fit` starts.

    Raises:
        ValueError: From `fit`: the file is no resume file of this version, is damaged, or belongs
            to another model.

    Example:

    >>> import keraseq
    >>> keraseq.train.Resume("runs/mine/resume.npz").path.name
    'resume.npz'
    """

    counters = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")

    def __init__(
        self,
        path: str | Path,
        others: Sequence[keras.callbacks.Callback] = (),
        seed: int | None = None,
    ):
        super().__init__()
        self.path = Path(path)
        if self.path.suffix != ".npz":
            raise ValueError(f"path must end in .npz; received {str(path)!r}")
        self.others = list(others)
        self.seed = seed

    def on_train_begin(self, logs=None):
        """Restores the run if there is one."""
        if self.seed is None:
            self.seed = random.randrange(2**31)
        # What `keras.callbacks.BackupAndRestore` sets too, and never sets back.
        self.model._initial_epoch = self._restore() if self.path.exists() else None

    def on_epoch_begin(self, epoch, logs=None):
        """Makes the order of the data a matter of the epoch alone."""
        seed = (self.seed + 1_000_003 * (epoch + 1)) % 2**31
        if keras.backend.backend() == "tensorflow":  # whose own seed belongs to the data pipeline
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002 - Keras shuffles with the global generator
        else:
            keras.utils.set_random_seed(seed)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the run."""
        arrays = {}
        for group, variables in self._variables().items():
            for i, variable in enumerate(variables):
                arrays[f"{group}/{i}"] = portable(keras.ops.convert_to_numpy(variable.value))
        states = []
        for i, other in enumerate(self.others):
            states.append(
                {name: getattr(other, name) for name in self.counters if hasattr(other, name)}
            )
            for j, array in enumerate(getattr(other, "best_weights", None) or ()):
                arrays[f"best_weights/{i}/{j}"] = portable(np.asarray(array))
        state = {
            "format": RESUME_FORMAT,
            "epoch": epoch + 1,
            "seed": self.seed,
            "others": states,
        }
        arrays["state"] = np.array(json.dumps(state, default=float))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f"partial.{self.path.name}")
        with partial.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

    def on_train_end(self, logs=None):
        """Removes the file: this run is over."""
        self.path.unlink(missing_ok=True)
        self.model._initial_epoch = None

    def _restore(self) -> int:
        if self.model.optimizer is not None and not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                arrays = dict(saved)
            state = json.loads(str(arrays.pop("state")))
            if state["format"] != RESUME_FORMAT:
                raise ValueError(f"format {state['format']}")
        except Exception as error:
            raise ValueError(
                f"{str(self.path)!r} is no resume file that this version can read ({error}); "
                "remove it to start anew"
            ) from None
        groups = self._variables()
        saved = {group: [arrays[key] for key in indexed(arrays, group)] for group in groups}
        for group, variables in groups.items():
            if [v.shape for v in saved[group]] != [tuple(v.shape) for v in variables]:
                self._refuse(f"the {group} has other variables")
        if len(state["others"]) != len(self.others):
            self._refuse(f"there are {len(self.others)} callbacks, not {len(state['others'])}")
        for group, variables in groups.items():
            for variable, array in zip(variables, saved[group], strict=True):
                variable.assign(array)
        for i, (other, counters) in enumerate(zip(self.others, state["others"], strict=True)):
            for name, value in counters.items():
                setattr(other, name, value)
            best = [arrays[key] for key in indexed(arrays, f"best_weights/{i}")]
            if best:
                other.best_weights = best
        self.seed = state["seed"]
        return state["epoch"]

    def _refuse(self, reason: str):
        raise ValueError(
            f"{str(self.path)!r} belongs to another run: {reason}; remove it to start anew"
        )

    def _variables(self):
        optimizer = self.model.optimizer
        return {
            "model": self.model.variables,  # with the seeds, which `save_weights` leaves out
            "optimizer": [] if optimizer is None else optimizer.variables,
        }


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


def indexed(arrays, group: str) -> list[str]:
    """The keys `group/0`, `group/1`, ... that are there, in order."""
    keys = (f"{group}/{i}" for i in range(len(arrays)))
    return [key for key in keys if key in arrays]


def portable(array: np.ndarray) -> np.ndarray:
    """An array of a dtype that NumPy can save: bfloat16 becomes float32, which holds all of it."""
    return array.astype("float32") if array.dtype.kind == "V" else array


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seeds Python, NumPy, Keras and the backend, and makes operations deterministic if asked.

    Call it before anything else: before the first model, and with `deterministic` before the first
    computation, as some backends read that setting only once. The same seed then gives the same
    weights, dropout and order of arrays in `fit`. On a GPU `deterministic` may cost much speed, and
    TensorFlow and PyTorch then raise on an operation that has no deterministic form. It cannot be
    taken back in the same process.

    Args:
        seed: An integer, 0 or more.
        deterministic: Whether operations must give the same bits in every run.
            Defaults to `False`.

    Raises:
        ValueError: `seed` is no integer of 0 or more.

    Example:

    >>> import keraseq
    >>> keraseq.train.seed_everything(1)
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer of 0 or more; received seed={seed!r}")
    keras.utils.set_random_seed(int(seed))
    if boolean("deterministic", deterministic):
        make_deterministic()


def make_deterministic() -> None:
    """Tells the backend to use deterministic operations only; Keras has no word for it."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    elif backend == "jax":  # on the CPU it always is
        flag = "--xla_gpu_deterministic_ops=true"
        flags = os.environ.get("XLA_FLAGS", "")
        if flag not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()
