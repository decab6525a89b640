"""Training: compile defaults, resume after a kill, stop on NaN, seeds."""

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from keraseq import models, train

RNG = np.random.default_rng(3)
X = RNG.normal(size=(24, 5, 3)).astype("float32")
Y = RNG.integers(0, 2, 24)


def small(seed=1, **options):
    """A model with everything that a resumed run must remember: dropout, optimizer, seeds."""
    train.seed_everything(seed)
    options = {"units": 4, "layers": 2, "dropout": 0.3, **options}
    model = models.sequence_classifier(
        2, features=3, cell="gru", cell_options={"recurrent_dropout": 0.2}, **options
    )
    return train.compile(model, learning_rate=0.02)


def everything(model):
    """All that training changes, as arrays."""
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable.value) for variable in variables]


def scrambled(model):
    """The model with all that a run changes set to something else, as a new process may have it."""
    for variable in model.variables:
        variable.assign(keras.ops.zeros_like(variable.value) + 1)
    return model


def fit(model, folder, epochs, others=(), **options):
    callbacks = train.callbacks(folder, monitor="loss", others=others)
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks, **options)


class Kill(keras.callbacks.Callback):
    """Ends the run in the middle of an epoch; afterwards nothing of the process is used."""

    def __init__(self, epoch, batch=1):
        super().__init__()
        self.at, self.epoch = (epoch, batch), None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


def test_compile_defaults():
    model = small()
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.optimizer.global_clipnorm == 1.0
    assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)
    history = model.fit(X, Y, verbose=0).history
    assert set(history) == {"loss", "accuracy"}
    # 2 classes, untrained: from logits the loss is near log 2; read as probabilities it is not
    assert 0.4 < history["loss"][0] < 1.2


def test_compile_for_one_logit_and_for_forecasts():
    one = train.compile(models.sequence_classifier(1, features=3, units=2))
    logits = one.predict(X, verbose=0)
    expected = np.mean((logits[:, 0] > 0) == Y)
    assert one.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"] == pytest.approx(expected)
    series = train.compile(models.forecaster(2, features=3, units=2), clipnorm=None)
    target = np.zeros((24, 2, 1), "float32")
    error = series.predict(X, verbose=0)
    scores = series.evaluate(X, target, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(np.mean(error**2), rel=1e-5)
    assert scores["mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-5)
    assert series.optimizer.global_clipnorm is None


def test_what_the_user_gives_wins():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model = train.compile(small(), "mse", learning_rate=schedule, metrics=["mae"])
    assert model.loss == "mse"
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.1)


@pytest.mark.parametrize("shuffle", [True, False])
def test_two_epochs_and_two_more_after_a_kill_equal_four(tmp_path, shuffle):
    straight = small()
    fit(straight, tmp_path / "straight", 4, shuffle=shuffle)

    killed = small()
    with pytest.raises(KeyboardInterrupt):
        fit(killed, tmp_path / "killed", 4, others=[Kill(epoch=2)], shuffle=shuffle)
    assert (tmp_path / "killed" / "resume.npz").exists()

    resumed = scrambled(small())  # all that matters must come from the file
    history = fit(resumed, tmp_path / "killed", 4, others=[Kill(epoch=None)], shuffle=shuffle)
    assert history.epoch == [2, 3]
    for one, other in zip(everything(straight), everything(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (tmp_path / "killed" / "resume.npz").exists()
    logged = (tmp_path / "killed" / "log.csv").read_text()
    assert logged == (tmp_path / "straight" / "log.csv").read_text()
    assert [line.split(",")[0] for line in logged.split()] == ["epoch", "0", "1", "2", "3"]


def test_a_finished_run_starts_anew_on_the_same_model(tmp_path):
    model = small()
    with pytest.raises(KeyboardInterrupt):
        fit(model, tmp_path, 3, others=[Kill(epoch=1)])
    assert fit(model, tmp_path, 3, others=[Kill(epoch=None)]).epoch == [1, 2]
    assert fit(model, tmp_path, 2, others=[Kill(epoch=None)]).epoch == [0, 1]


def test_the_best_checkpoint_survives_a_resume(tmp_path):
    """Keras' ModelCheckpoint forgets its best value, and the next epoch overwrites a better one."""

    class Worse(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["score"] = [3.0, 1.0, 2.0, 5.0][epoch]

    def run(model, others):
        callbacks = train.callbacks(
            tmp_path, monitor="score", mode="min", patience=2, others=others
        )
        model.fit(X, Y, batch_size=8, epochs=9, verbose=0, callbacks=[Worse(), *callbacks])

    model = small()
    with pytest.raises(KeyboardInterrupt):
        run(model, [Kill(epoch=2)])
    best = (tmp_path / "best.keras").read_bytes()
    model = scrambled(small())
    run(model, [Kill(epoch=None)])  # 2.0 and 5.0: patience is over, and epoch 1 was the best
    assert (tmp_path / "best.keras").read_bytes() == best
    saved = keras.saving.load_model(tmp_path / "best.keras")
    np.testing.assert_array_equal(saved.predict(X, verbose=0), model.predict(X, verbose=0))


KILLED = """
import os, signal, sys
import numpy as np
import keras
from keraseq import train
sys.path.insert(0, {tests!r})
import test_train as t

class Die(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

model = t.small(seed=1)
t.fit(model, {folder!r}, 4, others=[Die() if sys.argv[1] == "die" else t.Kill(None)])
np.savez({folder!r} + "/end.npz", *t.everything(model))
"""


def test_kill_nine_and_a_new_process(tmp_path):
    code = KILLED.format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    run = [sys.executable, "-c", code]
    died = subprocess.run([*run, "die"], env=environment, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    subprocess.run([*run, "live"], env=environment, capture_output=True, check=True)
    straight = small(seed=1)
    fit(straight, tmp_path / "straight", 4, others=[Kill(epoch=None)])
    with np.load(tmp_path / "end.npz") as end:
        for i, array in enumerate(everything(straight)):
            np.testing.assert_allclose(end[f"arr_{i}"], array, rtol=0, atol=1e-6)


def test_shuffling_differs_between_epochs_only_as_keras_does(tmp_path):
    """Resume seeds each epoch: with one seed for all, every epoch would have one order."""
    seen = []

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            order = np.random.permutation(len(X))  # noqa: NPY002 - as a user's dataset may
            seen.append(order.tolist())
            return X[order], Y[order]

    model = small()
    model.fit(Batches(), epochs=2, verbose=0, callbacks=train.callbacks(tmp_path, monitor="loss"))
    assert seen[-1] != seen[-2]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_stops_with_step_batch_and_hint(tmp_path, bad):
    model = small(dropout=0.0)
    fit(model, tmp_path / "good", 1)  # 3 steps: the count goes on from them
    x = X.copy()
    x[9] = bad  # batch 2 of 3
    with pytest.raises(FloatingPointError) as caught:
        model.fit(
            x,
            Y,
            batch_size=8,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=train.callbacks(tmp_path / "bad", monitor="loss"),
        )
    message = str(caught.value)
    assert "at step 5 (epoch 1, batch 2); the mean loss was " in message
    assert message.endswith(
        " at batch 1. Look for NaN or huge values in that batch, lower the learning rate "
        "(now 0.02), or clip the gradients (clipnorm)"
    )
    assert "\n" not in message
    left = {path.name for path in (tmp_path / "bad").iterdir()}
    assert not left & {"best.keras", "resume.npz"}  # nothing broken was kept


def test_a_nan_in_validation_stops_too(tmp_path):
    model = small()
    with pytest.raises(FloatingPointError, match="the validation loss is nan after epoch 1"):
        fit(model, tmp_path, 2, validation_data=(X * np.nan, Y))


def test_seeds_give_the_same_weights_and_training():
    one, other = small(seed=5), small(seed=5)
    for model in (one, other):
        train.seed_everything(5)
        model.fit(X, Y, epochs=1, verbose=0)
    for a, b in zip(everything(one), everything(other), strict=True):
        np.testing.assert_array_equal(a, b)
    another = small(seed=6)
    assert not np.array_equal(everything(one)[0], everything(another)[0])


DETERMINISTIC = """
import os
import keras
from keraseq import train
train.seed_everything(1, deterministic=True)
backend = keras.backend.backend()
if backend == "tensorflow":
    from tensorflow.python.framework import config
    assert config.is_op_determinism_enabled()
elif backend == "torch":
    import torch
    assert torch.are_deterministic_algorithms_enabled()
else:
    assert "--xla_gpu_deterministic_ops=true" in os.environ["XLA_FLAGS"]
import numpy as np
from keraseq import models
model = train.compile(models.sequence_classifier(2, features=3, units=4, dropout=0.1))
model.fit(np.ones((8, 5, 3), "float32"), np.zeros(8), verbose=0)
"""


def test_determinism_in_one_call():
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    subprocess.run([sys.executable, "-c", DETERMINISTIC], env=environment, check=True)
