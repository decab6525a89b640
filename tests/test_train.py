"""Training: compile defaults, resume after a kill, stop on NaN, seeds."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keraseq import losses, models, train

JIT = keras.backend.backend() == "jax"  # XLA elsewhere takes longer to compile than these to run
RNG = np.random.default_rng(3)
X = RNG.normal(size=(24, 5, 3)).astype("float32")
Y = RNG.integers(0, 2, 24)


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    """The loop that needs no compiling; what is tested here is not the loop."""
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


def small(seed=1, **options):
    """A model with everything that a resumed run must remember: dropout, optimizer, seeds."""
    train.seed_everything(seed)
    options = {"units": 4, "layers": 2, "dropout": 0.3, **options}
    model = models.sequence_classifier(
        2, features=3, cell="gru", cell_options={"recurrent_dropout": 0.2}, **options
    )
    return train.compile(model, learning_rate=0.02, jit_compile=JIT)


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
    """Ends the run in the middle of an epoch."""

    def __init__(self, epoch, batch=1):
        super().__init__()
        self.at, self.epoch = (epoch, batch), None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            self.die()

    def die(self):
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
    one = train.compile(models.sequence_classifier(1, features=3, units=2), jit_compile=JIT)
    logits = one.predict(X, verbose=0)
    expected = np.mean((logits[:, 0] > 0) == Y)
    assert one.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"] == pytest.approx(expected)
    series = train.compile(
        models.forecaster(2, features=3, units=2), clipnorm=None, jit_compile=JIT
    )
    target = np.zeros((24, 2, 1), "float32")
    error = series.predict(X, verbose=0)
    scores = series.evaluate(X, target, verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(np.mean(error**2), rel=1e-5)
    assert scores["mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-5)
    assert series.optimizer.global_clipnorm is None


def test_each_model_says_the_loss_that_fits_it(tmp_path):
    """From its head, or that of classes; its clone and its file say the same."""
    series = {"features": 2, "units": 2, "length": 4}
    heads = {"head": "quantiles", "quantiles": [0.2, 0.7]}
    wanted = {
        "sparse_categorical_crossentropy": [
            models.sequence_classifier(3, vocabulary=9, units=2, wide=4),
            models.language_model(9, embedding=2, units=2, tie_embeddings=True),
            models.language_model(9, units=2, scheduled_sampling=True),
            models.encoder_decoder(5, 6, units=2),
        ],
        "binary_crossentropy": [models.sequence_tagger(1, features=2, units=2)],
        "mean_squared_error": [models.step_forecaster(3, **series)],
        "pinball": [models.forecaster(3, **series, **heads)],
        "gaussian": [models.segment_forecaster(4, segment=2, head="gaussian", **series)],
    }
    for name, built in wanted.items():
        for model in built:
            model.save(tmp_path / "model.keras")
            again = keras.saving.load_model(tmp_path / "model.keras")
            for one in (model, keras.models.clone_model(model), again):
                assert train.compile(one).loss.name == name
    assert built[0].loss.get_config() == losses.GaussianLoss().get_config()
    [pinball] = wanted["pinball"]
    assert pinball.loss.quantiles == (0.2, 0.7)
    alone = keras.Input((2,))
    two = models.SequenceModel(alone, [keras.layers.Dense(2)(alone), keras.layers.Dense(3)(alone)])
    assert two.fitting_loss() is None


def test_what_the_user_gives_wins():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model = train.compile(small(), "mse", learning_rate=schedule, metrics=["mae"])
    assert model.loss == "mse"
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.1)


@pytest.mark.parametrize(("shuffle", "loop"), [(True, "plain"), (False, "plain"), (True, "auto")])
def test_two_epochs_and_two_more_after_a_kill_equal_four(tmp_path, monkeypatch, shuffle, loop):
    monkeypatch.setenv("KERASEQ_LOOP", loop)
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


@pytest.mark.usefixtures("step_by_step")
def test_a_finished_run_starts_anew_on_the_same_model(tmp_path):
    model = small()
    with pytest.raises(KeyboardInterrupt):
        fit(model, tmp_path, 3, others=[Kill(epoch=1)])
    assert fit(model, tmp_path, 3, others=[Kill(epoch=None)]).epoch == [1, 2]
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]  # BackupAndRestore: none at all
    assert fit(model, tmp_path, 2, others=[Kill(epoch=None)]).epoch == [0, 1]


@pytest.mark.usefixtures("step_by_step")
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
from keraseq import train
import keras
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

sys.path.insert(0, {tests!r})
import test_train as t

class Die(t.Kill):
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

t.fit(t.small(), {folder!r}, 4, others=[Die(epoch=2)])
"""


def test_a_deterministic_process_killed_with_nine_goes_on_in_another(tmp_path):
    """What `deterministic` sets is set for good, and so in a process of its own."""
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "killed"))
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    run = [sys.executable, "-c", code]
    died = subprocess.run(run, env=environment, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    resumed = scrambled(small())
    assert fit(resumed, tmp_path / "killed", 4, others=[Kill(None)]).epoch == [2, 3]
    straight = small()
    fit(straight, tmp_path / "straight", 4, others=[Kill(None)])
    for one, other in zip(everything(straight), everything(resumed), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


DAMAGE = {
    "another model": (
        lambda path: small(units=5),
        "belongs to another run: the model has other variables; remove it to start anew",
    ),
    "half a file": (
        lambda path: path.write_bytes(path.read_bytes()[:200]) and small(),
        "is no resume file that this version can read (File is not a zip file); remove it to start "
        "anew",
    ),
    "a later format": (
        lambda path: np.savez(path, state=np.array('{"format": 3}')) or small(),
        "is no resume file that this version can read (format 3); remove it to start anew",
    ),
}


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_resume_file_that_does_not_fit(tmp_path, damage):
    path = tmp_path / "resume.npz"
    with pytest.raises(KeyboardInterrupt):
        fit(small(), tmp_path, 2, others=[Kill(epoch=1)])
    spoil, message = DAMAGE[damage]
    model = spoil(path)
    with pytest.raises(ValueError) as caught:
        fit(model, tmp_path, 2, others=[Kill(None)])
    assert str(caught.value) == f"{str(path)!r} {message}"
    assert path.exists()


@pytest.mark.usefixtures("step_by_step")
def test_a_resume_file_of_other_callbacks(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(small(), tmp_path, 2, others=[Kill(epoch=1)])
    with pytest.raises(ValueError, match="another run: there are 4 callbacks, not 5; remove it"):
        fit(small(), tmp_path, 2)


BEFORE = "'SparseCategoricalCrossentropy'"


def stopped(folder, **compiled):
    """The same model compiled in another way, where a run was killed in its second epoch."""
    model = small()
    train.compile(model, jit_compile=JIT, **{"learning_rate": 0.02, **compiled})
    return fit(model, folder, 3, others=[Kill(None)]).epoch


@pytest.mark.usefixtures("step_by_step")
def test_a_run_that_was_made_in_another_way_is_refused(tmp_path):
    """A resume file holds the rate, and would win over the one that is asked for."""
    with pytest.raises(KeyboardInterrupt):
        fit(small(), tmp_path, 3, others=[Kill(epoch=1)])
    falling = keras.optimizers.schedules.ExponentialDecay(0.02, 10, 0.5)
    for compiled, message in (
        ({"learning_rate": 0.001}, "learning_rate=0.02, this one has 0.001"),
        ({"learning_rate": falling}, "learning_rate=0.02, this one has 'ExponentialDecay'"),
        ({"clipnorm": None}, "global_clipnorm=1.0, this one has None"),
        ({"loss": losses.CrossEntropy()}, f"loss={BEFORE}, this one has 'CrossEntropy'"),
    ):
        with pytest.raises(ValueError) as caught:
            stopped(tmp_path, **compiled)
        assert f"belongs to another run: it began with {message}; remove it" in str(caught.value)
    with pytest.raises(ValueError, match="it began with optimizer='Adam', this one has 'SGD'"):
        model = small()
        model.compile(keras.optimizers.SGD(0.02), model.loss)
        fit(model, tmp_path, 3, others=[Kill(None)])
    with pytest.raises(ValueError, match="it began with steps=3, this one has 6"):
        careful = train.callbacks(tmp_path, monitor="loss", others=[Kill(None)])
        small().fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=careful)
    assert stopped(tmp_path) == [1, 2]


@pytest.mark.usefixtures("step_by_step")
def test_a_run_whose_rate_fell_goes_on_with_the_same_model(tmp_path):
    """In a notebook: what the run did to the rate is not what somebody asked for."""
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=9, factor=0.1)
    model = small()
    with pytest.raises(KeyboardInterrupt):
        fit(model, tmp_path, 4, others=[plateau, Kill(epoch=2)])
    assert fit(model, tmp_path, 4, others=[plateau, Kill(None)]).epoch == [2, 3]
    with pytest.raises(KeyboardInterrupt):
        fit(model, tmp_path, 4, others=[plateau, Kill(epoch=1)])
    model.optimizer.learning_rate = 0.5
    with pytest.raises(ValueError, match=r"it began with learning_rate=.*, this one has 0.5;"):
        fit(model, tmp_path, 4, others=[plateau, Kill(None)])


def test_a_log_has_each_epoch_once(tmp_path):
    log = train.CSVLog(tmp_path / "new" / "log.csv")
    for epoch, logs in ((0, {"loss": 0.5}), (1, {"loss": 0.25, "val_loss": 1.0})):
        log.on_epoch_end(epoch, logs)
    assert log.filename.read_bytes() == b"epoch,loss,val_loss\r\n0,0.5,NA\r\n1,0.25,1.0\r\n"
    for torn in ("", "2", "2,0.1", "2,0.1,0.2", "2,0.1\r\n", "1,9,9\r\n2,9,9\r\n2,9,9,9\r\n"):
        with log.filename.open("a", newline="") as file:
            file.write(torn)
        train.CSVLog(log.filename).on_epoch_end(2, {"loss": 0.125, "val_loss": 2.0})
        lines = log.filename.read_text().split()
        assert [line[0] for line in lines] == ["e", "0", "1", "2"], torn
        assert lines[3] == "2,0.125,2.0"
        train.CSVLog(log.filename).on_epoch_end(1, {"loss": 0.25, "val_loss": 1.0})
        assert len(log.filename.read_text().split()) == 3
    train.CSVLog(log.filename).on_epoch_end(0, {"loss": 0.5})
    assert log.filename.read_text().split() == ["epoch,loss", "0,0.5"]


class TestCrossEntropy:
    """The loss of many classes is Keras' own in another order of operations."""

    labels = RNG.integers(0, 50, (3, 4))
    logits = (RNG.normal(size=(3, 4, 50)) * 30).astype("float32")  # exp(100) is infinite
    weights = RNG.random((3, 4)).astype("float32")
    keras_own = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    one_hot = np.eye(50, dtype="float32")[labels]  # for which Keras smooths labels

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_costs(self, smoothing):
        smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        for weights in (None, self.weights):
            costs = [
                float(loss(labels, self.logits, sample_weight=weights))
                for loss, labels in (
                    (losses.CrossEntropy(label_smoothing=smoothing), self.labels),
                    (smooth, self.one_hot),
                    (self.keras_own, self.labels),
                )
            ]
            assert costs[0] == pytest.approx(costs[1], rel=1e-6)
            assert (costs[0] == pytest.approx(costs[2], rel=1e-6)) == (smoothing == 0)

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    @pytest.mark.parametrize("jit", [False, keras.backend.backend() != "torch"])
    def test_gradients(self, jit, smoothing):
        def moved(loss, labels):
            model = keras.Sequential([keras.Input((4, 50)), Shift()])
            model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=jit)
            model.fit(self.logits, labels, sample_weight=self.weights, verbose=0)
            return model.get_weights()[0]

        smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
        found = moved(losses.CrossEntropy(label_smoothing=smoothing), self.labels)
        wanted = moved(smooth, self.one_hot)
        assert np.abs(wanted).max() > 0.01
        np.testing.assert_allclose(found, wanted, atol=1e-6)

    def test_it_is_the_default_where_it_is_faster(self, tmp_path):
        many = train.compile(models.language_model(losses.MANY_CLASSES, embedding=2, units=2))
        few = train.compile(models.language_model(losses.MANY_CLASSES - 1, embedding=2, units=2))
        assert isinstance(many.loss, losses.CrossEntropy) == (
            keras.backend.backend() == "tensorflow"
        )
        assert isinstance(few.loss, keras.losses.SparseCategoricalCrossentropy)
        many.compile("sgd", losses.CrossEntropy(0.1, name="cost"))
        many.save(tmp_path / "model.keras")
        loss = keras.saving.load_model(tmp_path / "model.keras").loss
        assert (loss.name, loss.label_smoothing) == ("cost", 0.1)


class Shift(keras.layers.Layer):
    """Adds a weight to each logit."""

    def build(self, shape):
        self.shift = self.add_weight(shape=shape[1:], initializer="zeros")

    def call(self, inputs):
        return inputs + self.shift


def test_other_callbacks_are_resumed_too(tmp_path):
    """The rate that ReduceLROnPlateau set, and how long it has waited."""

    def run(others):
        model = small()
        plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=2, min_delta=9, factor=0.1)
        fit(model, tmp_path, 4, others=[plateau, *others])
        return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)), plateau.wait

    with pytest.raises(KeyboardInterrupt):
        run([Kill(epoch=2)])
    rate, wait = run([Kill(None)])
    assert rate == pytest.approx(0.002)  # one plateau: epochs 1 and 2 after epoch 0
    assert wait == 1


def test_mixed_precision_with_a_loss_scale(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = small()
        fit(model, tmp_path, 1)
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert (tmp_path / "best.keras").exists()


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
        "(now 0.02; in a shell --learning-rate), or clip the gradients more than to 1 (clipnorm)"
    )
    assert "\n" not in message
    assert not (tmp_path / "bad").exists()  # nothing broken was kept


def test_a_nan_in_validation_stops_too(tmp_path):
    model = small()
    with pytest.raises(FloatingPointError, match="the validation loss is nan after epoch 1"):
        fit(model, tmp_path, 2, validation_data=(X * np.nan, Y))


def test_what_is_divergence_and_what_is_not():
    """Losses as honest problems have them pass; a thousand times the first one does not."""

    def told(*epochs, limit=None):
        stop = train.StopOnDivergence(limit)
        stop.set_model(model)
        stop.on_train_begin()
        for epoch, (first, loss, validation) in enumerate(epochs):
            stop.on_epoch_begin(epoch)
            stop.on_train_batch_end(0, {"loss": first})
            stop.on_epoch_end(epoch, {"loss": loss, "val_loss": validation})

    model = small()
    told((0.7, 1.4, 1.4))  # noise that is learned by heart
    told((1e12, 1e12, 1e13))  # squares of large numbers
    told((1e-9, 1e-4, 1e-3))  # a constant series
    told((-3.0, -4.0, 250.0), (-4.0, -5.0, 80.0))  # of densities
    told((0.7, 0.5, 0.6), (0.5, 0.1, 1e6))  # certain and wrong: the first epoch is kept
    for epochs, limit, message in (
        ([(0.7, 1e6, 0.5)], None, "the loss is 1e+06 after epoch 1, and one above 1000 is none"),
        ([(5.0, 5.0, 2e4)], None, "the validation loss is 2e+04 after epoch 1"),
        ([(5.0, 5.0, 4.0), (5.0, 6e3, 4.0)], None, "the loss is 6000 after epoch 2"),
        ([(5.0, 50.0, 50.0)], 23.0, "the loss is 50 after epoch 1, and one above 23 is none"),
    ):
        with pytest.raises(FloatingPointError) as caught:
            told(*epochs, limit=limit)
        assert f"the training has diverged: {message}" in str(caught.value)
        assert "lower the learning rate (now 0.02; in a shell --learning-rate)" in str(caught.value)
        assert "\n" not in str(caught.value)
    model.weights[-1].assign(model.weights[-1] * np.nan)
    with pytest.raises(FloatingPointError, match="the weights logits/bias are not finite after"):
        told((0.7, 0.7, 0.7))
    with pytest.raises(ValueError, match="limit must be a positive number; received limit=0"):
        train.callbacks("never made", limit=0)


def test_a_training_that_diverges_keeps_nothing(tmp_path):
    model = train.compile(
        models.forecaster(2, features=3, units=4), learning_rate=1e5, jit_compile=JIT
    )
    with pytest.raises(FloatingPointError, match="the training has diverged: the loss is"):
        model.fit(
            *(X, np.zeros((24, 2, 1), "float32")),
            **{"batch_size": 8, "epochs": 3, "verbose": 0},
            callbacks=train.callbacks(tmp_path / "run", monitor="loss"),
        )
    assert not (tmp_path / "run").exists()


def test_seeds_give_the_same_weights_and_training():
    one, other = small(seed=5), small(seed=5)
    for model in (one, other):
        train.seed_everything(5)
        model.fit(X, Y, epochs=1, verbose=0)
    for a, b in zip(everything(one), everything(other), strict=True):
        np.testing.assert_array_equal(a, b)
    another = small(seed=6)
    assert not np.array_equal(everything(one)[0], everything(another)[0])
