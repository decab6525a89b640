import keras
import numpy as np
import pytest

from keraseq import evaluate
from keraseq.experiments import tasks
from keraseq.experiments.tasks import characters, co2


@pytest.fixture(scope="module", params=tasks.names())
def task(request):
    return tasks.get(request.param)


class Constant:
    """A model that always says the same."""

    def __init__(self, make):
        self.predict = lambda inputs, **options: make(inputs)


def test_a_budget_is_used_and_not_exceeded(task):
    units = task.units("mut1", task.budget)
    at = [
        sum(np.prod(w.shape) for w in task.build("mut1", u).trainable_weights)
        for u in (units, units + 1)
    ]
    assert at[0] <= task.budget < at[1]
    assert at[0] > 0.95 * task.budget


def test_rows_fit_the_model_and_follow_the_seed(task):
    inputs, targets = task.training_rows(np.random.default_rng(3), 5)
    model = task.build("elman", 2)
    value = task.loss(targets, model(inputs))
    assert np.isfinite(float(value))
    again = task.training_rows(np.random.default_rng(3), 5)
    np.testing.assert_array_equal(inputs, again[0])
    np.testing.assert_array_equal(targets, again[1])


def test_an_untrained_model_has_a_value_and_baselines_beat_the_floor(task):
    keras.utils.set_random_seed(0)
    value = task.score(task.build("elman", 2), "validation")
    baselines = task.baselines()
    best = (min if task.direction == "min" else max)(baselines.values())
    assert task.better(best, value)
    assert len(task.fingerprint()) == 64
    assert set(task.facts()) >= {"Data", "Split", "Metric", "Baselines"}


def test_characters_are_each_scored_once():
    task = tasks.get("characters")
    tokens = np.arange(3000)
    inputs, targets, counts = characters.lanes(tokens)
    assert len(inputs) % characters.LANES == 0 and inputs.shape == targets.shape == counts.shape
    assert inputs[counts].tolist() == list(range(2999))
    assert targets[counts].tolist() == list(range(1, 3000))
    uniform = Constant(lambda x: np.zeros((*x.shape, len(task.vocabulary)), "float32"))
    assert task.score(uniform, "test") == pytest.approx(np.log2(len(task.vocabulary)))


def test_the_ngram_beats_letter_frequencies():
    task = tasks.get("characters")
    (best, ngram), (_, letters) = task.baselines().items()
    assert best.startswith(f"{task.order}-gram") and 3 <= task.order <= 7
    assert ngram < letters - 1


def test_no_character_of_the_test_part_reaches_training():
    task = tasks.get("characters")
    rows = task.training_rows(np.random.default_rng(0), 2000)
    train = task.vocabulary.decode(task.parts["train"])
    assert task.text.startswith(train)
    assert len(train) < 0.9 * len(task.text)
    assert task.vocabulary.decode(rows[0][7]) in train


def test_sampling_draws_from_the_model():
    task = tasks.get("characters")
    sure = np.full(len(task.vocabulary), -50.0, "float32")
    sure[5] = 50.0

    class Sure:
        def predict_on_batch(self, window):
            assert window.shape == (1, characters.LENGTH)
            return np.tile(sure, (1, characters.LENGTH, 1))

    assert task.sample(Sure(), 0) == task.vocabulary.characters[5] * characters.SAMPLE
    rng = np.random.default_rng(0)
    drawn = [characters.draw(rng, np.log([0.5, 0.25, 0.25]), 0.5) for _ in range(3000)]
    # p ** (1 / temperature), normalised: 4/6, 1/6, 1/6
    np.testing.assert_allclose(np.bincount(drawn) / 3000, [4 / 6, 1 / 6, 1 / 6], atol=0.03)


def test_co2_is_filled_from_its_own_part():
    task = tasks.get("co2")
    assert not task.weeks["co2"].isna().any()
    known = task.gappy["co2"].notna()
    assert (task.weeks["co2"][known] == task.gappy["co2"][known]).all()
    border = task.borders.validation
    assert not task.gappy["co2"].isna().iloc[border - 1 : border + 1].any()


def test_co2_baselines_are_what_a_model_of_the_same_forecast_would_score():
    task = tasks.get("co2")
    repeat = Constant(lambda x: np.repeat(x[:, -1:, :], co2.HORIZON, axis=1))
    assert task.score(repeat, "test") == pytest.approx(task.baselines()["repeat last"], rel=1e-4)


def test_digits_score():
    task = tasks.get("digits")
    zeros = Constant(lambda x: np.eye(10)[np.zeros(len(x), int)])
    expected = evaluate.majority_class([0], task.parts.test.labels)
    assert task.score(zeros, "test") == expected


def test_names_that_are_no_task():
    with pytest.raises(ValueError, match="unknown task 'charcters'; known tasks: characters, co2"):
        tasks.get("charcters")
    with pytest.raises(ValueError, match="cannot load task 'nowhere:Task'"):
        tasks.get("nowhere:Task")
    with pytest.raises(ValueError, match="'os:getcwd' is no subclass of keraseq"):
        tasks.get("os:getcwd")
