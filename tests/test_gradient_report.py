"""The report on gradients during training: what it says, where it is written, what it leaves."""

import csv

import keras
import numpy as np
import pytest

from keraseq import models, train
from keraseq.inspection.explain import recurrent_layers
from keraseq.inspection.gradients import chosen_layers, gradients_by_step
from keraseq.train.gradient_report import memory


@pytest.fixture(autouse=True)
def plain(plain_loop):
    """Nothing here depends on the loop."""


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 5, 2)).astype("float32"), rng.integers(0, 2, 6)


def fitted(callbacks, **clip):
    keras.utils.set_random_seed(1)
    model = models.sequence_classifier(2, features=2, length=5, cell="gru", units=3, dropout=0.2)
    optimizer = keras.optimizers.SGD(0.1, **clip)
    model.compile(optimizer, model.fitting_loss(), jit_compile=False)
    x, y = data()
    history = model.fit(x, y, epochs=2, batch_size=3, verbose=0, callbacks=callbacks)
    return model, history.history


def test_what_it_says_and_where(tmp_path):
    report = train.GradientReport(*data(), batch_size=4)
    log = train.CSVLog(tmp_path / "log.csv")
    model, history = fitted([report, log], global_clipnorm=1e-6)
    assert history["clipped"] == [1.0, 1.0]
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["gradient_norm"]) for row in rows] == history["gradient_norm"]
    [(rnn, path)] = recurrent_layers(model)
    for i, block in enumerate(("update", "reset", "candidate")):
        matrix = keras.ops.convert_to_numpy(rnn.cell.recurrent_kernel)
        value = np.linalg.norm(matrix[:, 3 * i : 3 * i + 3], 2)
        assert history[f"singular {path} {block}"][-1] == pytest.approx(value, rel=1e-5)
    assert 1 <= history[f"memory {path}"][-1] <= 5
    assert history["report_seconds"][0] > 0


def test_norms_are_those_of_one_step_of_descent():
    """The weights move by the learning rate times the gradient."""
    x, y = data()
    model, _ = fitted([])
    report = train.GradientReport(x, y)
    report.set_model(model)
    said = report.measure()
    before = [one.copy() for one in model.get_weights()]
    still = models.sequence_classifier(2, features=2, length=5, cell="gru", units=3)
    still.set_weights(before)
    still.compile(keras.optimizers.SGD(1.0), still.fitting_loss(), jit_compile=False)
    still.train_on_batch(x, y)
    moved = [a - b for a, b in zip(before, still.get_weights(), strict=True)]
    norm = np.sqrt(sum((one.astype("float64") ** 2).sum() for one in moved))
    assert said["gradient_norm"] == pytest.approx(norm, rel=1e-3)
    assert "clipped" not in said


def test_training_is_as_it_was():
    x, y = data()
    one, _ = fitted([])
    other, history = fitted([train.GradientReport(x, y, every=2)])
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(history["gradient_norm"]) == 1


@pytest.mark.parametrize(
    ("clip", "share"),
    [({"clipnorm": 1e-9}, 1.0), ({"clipvalue": 1e9}, 0.0), ({"clipnorm": 1e9}, 0)],
)
def test_kinds_of_clipping(clip, share):
    _, history = fitted([train.GradientReport(*data())], **clip)
    assert history["clipped"][-1] == share


@pytest.mark.parametrize(
    ("cell", "options"), [("lstm", {"layers": 2}), ("rhn", {"bidirectional": True})]
)
def test_memory_is_that_of_the_gradients_by_step(cell, options):
    """The layers' own loops give what the unrolled ones give, with masks, a batch after another."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 7, 2)).astype("float32"), rng.integers(0, 2, 5)
    x[1, 3:] = np.nan  # padding
    model = models.sequence_classifier(
        2, features=2, length=7, cell=cell, units=3, masked=True, **options
    )
    model.compile("sgd", model.fitting_loss(), jit_compile=False)
    report = train.GradientReport(x, y, batch_size=3)
    report.set_model(model)
    report.run = report.traced(list(chosen_layers(model, None).values()))
    for rows in (slice(0, 3), slice(3, 5)):
        _, _, found = report.run(
            report.zeros(chosen_layers(model, None), x[rows]), [x[rows], y[rows]]
        )
        truth = gradients_by_step(model, x[rows], y[rows])
        for (path, rnn), norms in zip(chosen_layers(model, None).items(), found, strict=True):
            states = list(truth[path].values())[: len(rnn.state_sizes)]
            expected = np.sqrt(sum((one.astype("float64") ** 2).sum((1, 2)) for one in states))
            np.testing.assert_allclose(keras.ops.convert_to_numpy(norms), expected, rtol=2e-4)
    said = report.measure()
    assert all(1 <= said[f"memory {path}"] <= 7 for path in truth)


def test_the_weights_of_each_call_are_read():
    """What was traced once follows the weights."""
    x, y = data()
    model, _ = fitted([])
    report = train.GradientReport(x, y)
    report.set_model(model)
    before = report.measure()
    model.set_weights([2 * one for one in model.get_weights()])
    again, fresh = report.measure(), train.GradientReport(x, y)
    fresh.set_model(model)
    expected = fresh.measure()
    assert again["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-5)
    assert again["gradient_norm"] != pytest.approx(before["gradient_norm"], rel=1e-2)


def test_a_model_without_recurrent_layers():
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    report = train.GradientReport(*data())
    report.set_model(model)
    with pytest.raises(ValueError, match="has no recurrent layer"):
        report.measure()


def test_memory_counts_from_the_first_step_that_is_felt():
    norms = np.array([0.0, 1e-5, 0.02, 0.3, 1.0])
    assert memory(norms) == 3.0 and memory(0 * norms) == 0.0


def test_bad_input():
    x, y = data()
    with pytest.raises(ValueError, match="as many rows, at least one; received 6 and 5"):
        train.GradientReport(x, y[:5])
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        train.GradientReport(x, y, batch_size=0)
