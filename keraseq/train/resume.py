"""Going on with a run that was killed, to the same end."""

import json
import random
import time
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keraseq.checks import boolean
from keraseq.files import replacing
from keraseq.keras_inside import begin_at

RESUME_FORMAT = 2
# Of each optimizer that was trained: how its first run began, and the rate that training left it.
BEGAN: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class Resume(keras.callbacks.Callback):
    """Goes on with a run that was killed: the same end as if it had never stopped.

    After every epoch the run is written into one file: weights, optimizer, the state of the dropout
    seeds and of `stateful` layers, the epoch, and the counters of the other callbacks. When `fit`
    starts and the file is there, training goes on from it; when `fit` ends by itself, the file is
    removed. The epoch that was killed is trained again from its start. A run that was compiled with
    another optimizer, another learning rate or another loss is refused, and one whose epochs have
    another number of steps, as with other data or another batch size.

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
        keep: Whether the file stays when `fit` ends. A `fit` that is called again then trains
            nothing, and ends as the first did: who saves what came of a run removes the file after
            that, and a kill in between costs nothing. Defaults to `False`.

    After `fit`, `earlier` is how many seconds the run took in processes that were killed, to the
    end of their last epochs.

    Raises:
        ValueError: From `fit`: the file is no resume file of this version, is damaged, or belongs
            to another run.

    Example:

    >>> import keraseq
    >>> keraseq.train.Resume("runs/mine/resume.npz").path.name
    'resume.npz'
    """

    counters = (
        *("best", "wait", "best_epoch", "stopped_epoch"),
        *("cooldown_counter", "first_loss"),
    )

    def __init__(
        self,
        path: str | Path,
        others: Sequence[keras.callbacks.Callback] = (),
        seed: int | None = None,
        keep: bool = False,
    ):
        super().__init__()
        self.path = Path(path)
        if self.path.suffix != ".npz":
            raise ValueError(f"path must end in .npz; received {str(path)!r}")
        self.others = list(others)
        self.seed = seed
        self.keep = boolean("keep", keep)
        self.began, self.earlier, self.begin = {}, 0.0, 0.0

    def on_train_begin(self, logs=None):
        """Restores the run if there is one."""
        if self.seed is None:
            self.seed = random.randrange(2**31)
        self.began, self.earlier, self.begin = self._compiled(), 0.0, time.monotonic()
        begin_at(self.model, self._restore() if self.path.exists() else None)
        self._note_rate()

    def on_epoch_begin(self, epoch, logs=None):
        """Makes the order of the data a matter of the epoch alone."""
        seed = (self.seed + 1_000_003 * (epoch + 1)) % 2**31
        if keras.backend.backend() == "tensorflow":  # whose own seed belongs to the data pipeline
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002 - Keras shuffles with the global generator
        else:
            keras.utils.set_random_seed(seed)
        self._note_rate()

    def on_epoch_end(self, epoch, logs=None):
        """Writes the run."""
        self._note_rate()
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
            "stopped": bool(self.model.stop_training),
            "seed": self.seed,
            "began": self.began,
            "seconds": self.earlier + time.monotonic() - self.begin,
            "others": states,
        }
        arrays["state"] = np.array(json.dumps(state, default=float))
        with replacing(self.path) as partial:
            np.savez(partial, **arrays)

    def on_train_end(self, logs=None):
        """Removes the file, unless it is to be kept: this run is over."""
        if not self.keep:
            self.path.unlink(missing_ok=True)
        begin_at(self.model, None)

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
        for name in {**self.began, **state["began"]}:
            before, now = state["began"].get(name), self.began.get(name)
            if before != now and not (name == "steps" and None in (before, now)):
                self._refuse(f"it began with {name}={before!r}, this one has {now!r}")
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
        self.seed, self.earlier = state["seed"], state["seconds"]
        return max(state["epoch"], self.params["epochs"]) if state["stopped"] else state["epoch"]

    def _compiled(self) -> dict:
        """What the run is made with, flat, as it was before any epoch changed the rate."""
        optimizer = self.model.optimizer
        began, rate = BEGAN.get(optimizer, (None, None))
        if began is None or rate != learning_rate(optimizer):  # not one that training left behind
            began = {**made(optimizer, "optimizer"), **made(self.model.loss, "loss")}
            BEGAN[optimizer] = (began, None)
        return {**began, "steps": self.params.get("steps")}

    def _note_rate(self) -> None:
        """Notes the rate that a run has come to: who fits the same model again has not set it."""
        optimizer = self.model.optimizer
        BEGAN[optimizer] = (BEGAN[optimizer][0], learning_rate(optimizer))

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


def learning_rate(optimizer) -> float:
    """The rate of the next step."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def made(thing, name: str) -> dict:
    """What a thing that Keras can serialize is made with, by name; of others their type."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a function without a name is no good to save
        try:
            return dict(flat(keras.saving.serialize_keras_object(thing), name))
        except Exception:  # whatever a class of the user's own raises
            return {name: type(thing).__name__}


def flat(config, name: str):
    """A serialized thing as pairs of a name and a plain value.

    The names that Keras gives are left out, and the code of functions that have no name.
    """
    if isinstance(config, dict) and "class_name" in config:
        yield name, config["class_name"]
        if config["class_name"] != "__lambda__":
            yield from flat(config.get("config"), name)
    elif isinstance(config, dict):
        for key, one in config.items():
            if key != "name":
                yield from flat(one, key if name == "optimizer" else f"{name}.{key}")
    elif isinstance(config, (list, tuple)):
        for i, one in enumerate(config):
            yield from flat(one, f"{name}.{i}")
    elif isinstance(config, float):
        yield name, float(f"{config:.6g}")  # variables are in single precision
    else:
        yield name, config if isinstance(config, (bool, int, str, type(None))) else str(config)


def indexed(arrays, group: str) -> list[str]:
    """The keys `group/0`, `group/1`, ... that are there, in order."""
    keys = (f"{group}/{i}" for i in range(len(arrays)))
    return [key for key in keys if key in arrays]


def portable(array: np.ndarray) -> np.ndarray:
    """An array of a dtype that NumPy can save: bfloat16 becomes float32, which holds all of it."""
    return array.astype("float32") if array.dtype.kind == "V" else array
