import keras
import numpy as np
import pytest
from tiny_tasks import Diverging, Sums

from keraseq.experiments import tasks
from keraseq.experiments.engine import trials
from keraseq.experiments.engine.trials import Trial

SUMS = f"{Sums.__module__}:{Sums.__name__}"


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """The last test is about loops; in the others the plain one saves compiling."""
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


def trial(task=SUMS, **more):
    options = {
        "cell": "gru",
        "seed": 1,
        "learning_rate": 0.01,
        "budget": 60,
        "units": 3,
        "steps": 24,
    }
    return Trial(task, **{**options, **more})


def numbers(record):
    """What must not depend on the machine's mood."""
    curve = [{k: v for k, v in look.items() if k != "seconds"} for look in record["curve"]]
    return curve, record["test"], record["validation"], record["samples"]


def test_the_same_trial_gives_the_same_numbers_whatever_ran_before():
    first = trials.run(trial())
    other = trials.run(trial(seed=2, cell="lstm"))
    assert numbers(trials.run(trial())) == numbers(first) != numbers(other)


def test_the_record():
    looks = []
    record = trials.run(trial(cell="mut1", sampled=True), on_look=lambda *look: looks.append(look))
    assert looks == [(look["step"], look["validation"]) for look in record["curve"]][1:]
    assert [step for step, _ in looks] == list(range(2, 25, 2))
    best = max(look["validation"] for look in record["curve"])
    assert record["validation"] == best
    assert record["best_step"] == next(
        look["step"] for look in record["curve"] if look["validation"] == best
    )
    assert record["status"] == "finished" and record["parameters"] <= 60
    assert record["projection"] == "learned"
    assert "MUT1Cell in keraseq.layers.RNN" in record["path"]
    assert record["loop"] in record["path"]
    assert [one["step"] for one in record["samples"]] == [0, 12, record["best_step"]]
    assert record["train_seconds"] <= record["seconds"]


def test_the_best_weights_are_scored_on_test_and_on_nothing_before():
    seen = []

    class Watching(Sums):
        def score(self, model, part):
            seen.append((part, [w.copy() for w in model.get_weights()]))
            return {1: 0.9}.get(len(seen) - 1, 0.1)  # the second look is the best

    tasks.found.cache_clear()
    tasks.TASKS["watching"] = Watching
    try:
        record = trials.run(trial("watching"))
    finally:
        del tasks.TASKS["watching"]
        tasks.found.cache_clear()
    assert [part for part, _ in seen] == ["validation"] * 13 + ["test"]
    assert record["best_step"] == 2
    for best, last in zip(seen[1][1], seen[-1][1], strict=True):
        np.testing.assert_array_equal(best, last)


def test_a_search_never_sees_the_test_part():
    assert trials.run(trial(role="search"))["test"] is None


def test_divergence_is_noted_and_ends_training():
    tasks.found.cache_clear()
    record = trials.run(trial(f"tiny_tasks:{Diverging.__name__}"))
    assert record["status"] == "diverged"
    assert record["diverged_at"] == 7  # three looks of two steps are sound
    assert record["test"] is not None and np.isfinite(record["test"])


def test_a_loss_far_above_that_of_knowing_nothing_is_divergence():
    record = trials.run(trial(learning_rate=1e4))
    assert record["status"] == "diverged" and record["diverged_at"] == 2
    assert 0 < record["test"] <= 1  # of the weights before
    assert trials.run(trial(learning_rate=0.3))["status"] == "finished"


def test_cells_of_one_seed_see_the_same_batches():
    drawn = {}

    class Noting(Sums):
        def training_rows(self, rng, rows):
            inputs, labels = super().training_rows(rng, rows)
            drawn.setdefault(self.cell, []).append(inputs)
            return inputs, labels

        def build(self, cell, units):
            self.cell = cell
            return super().build(cell, units)

    tasks.TASKS["noting"] = Noting
    try:
        for cell in ("elman", "lstm"):
            trials.run(trial("noting", cell=cell))
    finally:
        del tasks.TASKS["noting"]
        tasks.found.cache_clear()
    np.testing.assert_array_equal(np.concatenate(drawn["elman"]), np.concatenate(drawn["lstm"]))


@pytest.mark.parametrize("steps", [1, 2, 7, 12, 100])
def test_looks_end_at_the_last_step(steps):
    looks = trials.looks(steps)
    assert looks[-1] == steps and looks[0] > 0
    assert len(looks) == len(set(looks)) == min(steps, trials.LOOKS)


def test_one_step_is_enough():
    record = trials.run(trial(steps=1))
    assert record["step_ms"] is None and record["train_seconds"] == 0
    assert len(record["curve"]) == 2


def test_keys_are_files():
    assert trial("a.b:C").key == "a_b_C-gru-seed1"
    assert trial(role="search", number=4).key == "tiny_tasks_Sums-gru-search4"
    assert trial(cell="lstm[forget_bias=0]").key == "tiny_tasks_Sums-lstm_forget_bias_0_-seed1"


def test_a_trial_can_be_stopped_at_a_look():
    record = trials.run(trial(role="search"), on_look=lambda step, value: step >= 6)
    assert record["status"] == "pruned" and record["pruned_at"] == 6
    assert [look["step"] for look in record["curve"]] == [0, 2, 4, 6]
    assert record["test"] is None
    whole = trials.run(trial(steps=2), on_look=lambda step, value: step == 2)
    assert whole["status"] == "finished"  # there was nothing left to stop


def test_the_initial_scale_multiplies_the_matrices_and_nothing_else():
    task = tasks.get(SUMS)
    keras.utils.set_random_seed(1)
    model = task.build("lstm", 3)
    before = {w.path: np.array(w) for w in model.trainable_weights}
    trials.scale_initial(model, 2.0)
    scaled = {w.path for w in model.trainable_weights if not np.array_equal(w, before[w.path])}
    assert len(scaled) == 2 and all("kernel" in path for path in scaled)
    for weight in model.trainable_weights:
        factor = 2.0 if weight.path in scaled else 1.0
        np.testing.assert_allclose(weight, factor * before[weight.path], rtol=1e-6)
    assert not any("logits" in path for path in scaled)


@pytest.mark.usefixtures("step_by_step")
def test_settings_change_the_training():
    plain = numbers(trials.run(trial(steps=2)))
    assert numbers(trials.run(trial(steps=2, initial_scale=2.0))) != plain
    assert numbers(trials.run(trial(steps=2, clipnorm=0.01))) != plain


def test_the_step_at_which_a_task_is_solved():
    class Solved(Sums):
        solved = 0.5

    tasks.TASKS["solved"] = Solved
    try:
        record = trials.run(trial("solved"))
    finally:
        del tasks.TASKS["solved"]
        tasks.found.cache_clear()
    reached = [look["step"] for look in record["curve"] if look["validation"] >= 0.5]
    assert record["solved_step"] == reached[0]
    assert not tasks.get(SUMS).solves(1.0)  # which says of no value that it is one


@pytest.mark.parametrize("loop", ["plain", "deferred", "compiled"])
def test_the_loop_is_the_one_that_trained(loop, monkeypatch):
    """Looks at the validation part, which run the plain loop, come before and after."""
    monkeypatch.setenv("KERASEQ_LOOP", loop)
    record = trials.run(trial(steps=2))
    named = {"plain": "plain loop", "deferred": "deferred gradient", "compiled": "compiled scan"}
    assert record["loop"] == named[loop]
    assert f"(KERASEQ_LOOP={loop})" in record["path"]
