"""Going on with a run that was killed, to the same end."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keraseq.files import replacing

RESUME_FORMAT = 1


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
        with replacing(self.path) as partial:
            np.savez(partial, **arrays)

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


def indexed(arrays, group: str) -> list[str]:
    """The keys `group/0`, `group/1`, ... that are there, in order."""
    keys = (f"{group}/{i}" for i in range(len(arrays)))
    return [key for key in keys if key in arrays]


def portable(array: np.ndarray) -> np.ndarray:
    """An array of a dtype that NumPy can save: bfloat16 becomes float32, which holds all of it."""
    return array.astype("float32") if array.dtype.kind == "V" else array
