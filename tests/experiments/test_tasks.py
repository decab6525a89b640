import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tiny_tasks

from keraseq import evaluate
from keraseq.data.parts import PARTS
from keraseq.experiments import tasks
from keraseq.experiments.tasks import characters

FILES = {"mnist": "mnist", "mnist-permuted": "mnist", "mnist-rows": "mnist"}
FILES |= {"jsb": "music", "ptb": "ptb", "etth1": "ett"}
LONG = ("mnist", "mnist-permuted", "ptb")  # to score: a minute


def needs_files(name):
    """Skips where the public files of a task are not at hand."""
    folder = os.environ.get("KERASEQ_DATA")
    if name in FILES and not (folder and Path(folder, FILES[name]).is_dir()):
        pytest.skip(f"task {name} needs the folder {FILES[name]} in KERASEQ_DATA")
    return tasks.get(name)


@pytest.fixture(scope="module", params=tasks.names())
def task(request):
    return needs_files(request.param)


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Loops are not the subject here, and the others take seconds to compile."""
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


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


def test_no_baseline_is_below_the_floor(task):
    baselines = task.baselines()
    worse = max if task.direction == "min" else min
    if task.name != "co2":  # whose last value is no better than that of a year ago
        assert baselines[task.floor] == worse(baselines.values())
    assert len(task.fingerprint()) == 64
    assert set(task.facts()) >= {"Data", "Split", "Model", "Metric", "Baselines"}


def test_an_untrained_model_is_no_better_than_the_floor(task):
    if task.name in LONG:
        pytest.skip(f"scoring {task.name} takes too long for a test")
    keras.utils.set_random_seed(0)
    value = task.score(task.build("elman", 2), "validation")
    floor = task.baselines()[task.floor]
    margin = 0.3 * floor  # the parts are samples; six of ten digits may be named by chance
    assert not task.better(value, floor - margin if task.direction == "min" else floor + margin)


def test_adding_problem_has_its_variance_for_floor():
    task = tasks.get("adding-50")
    inputs, targets = task.generate(np.random.default_rng(0), 40_000)
    assert inputs.shape == (40_000, 50, 2)
    np.testing.assert_allclose((inputs[..., 0] * inputs[..., 1]).sum(1), targets[:, 0], rtol=1e-6)
    assert (inputs[:, :25, 1].sum(1) == 1).all() and (inputs[:, 25:, 1].sum(1) == 1).all()
    assert np.square(targets - 1).mean() == pytest.approx(1 / 6, rel=0.02)
    ones = Constant(lambda x: np.ones((len(x), 1)))
    assert task.score(ones, "test") == pytest.approx(task.baselines()["always 1"], rel=0.1)
    assert task.score(Constant(lambda x: (x[..., :1] * x[..., 1:]).sum(1)), "test") < 1e-10


@pytest.mark.parametrize(("delay", "floor"), [(200, 0.0945), (500, 0.0400), (1000, 0.0204)])
def test_copy_memory_has_the_published_floor(delay, floor):
    task = tasks.get(f"copying-{delay}")
    assert task.baselines()["memoryless"] == pytest.approx(floor, abs=5e-5)


def test_a_memoryless_model_of_the_copy_task_is_at_the_floor():
    task = tasks.get("copying-30")
    inputs, targets = task.parts["test"]
    assert inputs.shape == targets.shape == (500, 50)
    assert (targets[:, -10:] == inputs[:, :10]).all() and (targets[:, :-10] == 0).all()
    assert (inputs[:, 39] == 9).all() and (inputs[:, 10:39] == 0).all()

    def memoryless(tokens):
        logits = np.full((*tokens.shape, 10), -60.0)
        logits[:, :-10, 0] = 0
        logits[:, -10:, 1:9] = 0
        return logits

    assert task.score(Constant(memoryless), "test") == pytest.approx(10 * np.log(8) / 50, rel=1e-6)


def test_memorisation_asks_for_what_was_read():
    task = tasks.get("memorisation")
    inputs, targets = task.parts["validation"]
    assert (targets[:, 5:] == inputs[:, :5]).all() and (targets[:, :5] == -1).all()
    zeros = Constant(lambda x: np.eye(27)[np.zeros(x.shape, int)])
    assert task.score(zeros, "test") == pytest.approx(1 / 26, rel=0.2)


def test_parity_is_asked_beyond_the_length_of_training():
    task = tasks.get("parity-4")
    assert task.generate(np.random.default_rng(0), 3).inputs.shape == (3, 4)
    inputs, targets = task.parts["test"]
    assert inputs.shape == (300, 32) and (targets[:, :4] == -1).all()
    assert (targets[:, 4:] == inputs.cumsum(1)[:, 4:] % 2).all()

    def fails_after_16(bits):
        answers = bits.cumsum(1) % 2
        answers[:, 16:] = 1 - answers[:, 16:]
        return np.eye(2)[answers]

    assert task.score(Constant(fails_after_16), "validation") == 1
    assert task.score(Constant(fails_after_16), "test") == 12 / 28
    further = {"bits 5 to 8": 1, "bits 9 to 16": 1, "bits 17 to 32": 0}
    assert task.further(Constant(fails_after_16)) == further


@pytest.mark.parametrize("size", [1, 3, 8])
def test_arithmetic_answers_are_right(size):
    from keraseq.experiments.tasks import arithmetic

    task = tasks.get(f"arithmetic-{size}")
    inputs, targets = task.generate(np.random.default_rng(1), 200)
    lengths = set()
    for row, asked in zip(inputs, targets, strict=True):
        line = "".join(arithmetic.SYMBOLS[code] for code in row)
        question, _, answer = line.partition("=")
        sum_ = "".join(c for c in question if c not in arithmetic.DISTRACTORS)
        first, second = re.split(r"[+-]", sum_)
        assert 1 <= len(first) <= size and 1 <= len(second) <= size
        expected = int(first) + int(second) if "+" in sum_ else int(first) - int(second)
        said = "".join(arithmetic.SYMBOLS[code] for code in asked if code != -1)
        assert said == f"{expected}."
        assert answer.startswith(said[:-1])  # each symbol is read after it was asked for
        assert row.tolist().index(arithmetic.CODES["="]) == (asked != -1).argmax()
        lengths.add(len(question))
    assert len(lengths) > 3


def test_xml_tags_close_what_they_opened():
    from keraseq.experiments.tasks import xml

    task = tasks.get("xml")
    inputs, targets = task.parts["test"]
    assert (inputs[:, 1:] == targets[:, :-1]).all()
    for row in inputs[:50]:
        text, opened = "".join(xml.SYMBOLS[code] for code in row), []
        for tag in re.findall(r"<(/?[a-z]+)>", text):
            if tag.startswith("/"):
                assert opened.pop() == tag[1:]
            else:
                assert 2 <= len(tag) <= 10
                opened.append(tag)


def test_pixels_are_those_of_the_image():
    task, rows = tasks.get("digits-pixels"), tasks.get("digits")
    pixels = task.parts["test"].inputs
    assert pixels.shape[1:] == (64, 1)
    np.testing.assert_array_equal(pixels.reshape(-1, 8, 8), rows.parts["test"].inputs)


def test_permuted_pixels_are_one_permutation():
    straight, permuted = needs_files("mnist"), tasks.get("mnist-permuted")
    one, other = straight.parts["test"].inputs, permuted.parts["test"].inputs
    assert one.shape == (10_000, 784, 1) and len(straight.parts["train"].inputs) == 55_000
    order = np.random.default_rng(2015).permutation(784)
    np.testing.assert_array_equal(one[:50, order], other[:50])
    assert not np.array_equal(one[0], other[0])


def test_music_counts_frames_and_not_what_fills_them():
    from keraseq.experiments.tasks import music

    task = needs_files("jsb")
    assert [len(getattr(task.pieces, part)) for part in PARTS] == [229, 76, 77]
    targets = task.parts["test"].targets
    silent = Constant(lambda x: np.zeros((*x.shape[:2], 88)))
    assert task.score(silent, "test") == pytest.approx(88 * np.log(2))
    _, count = music.frame_nats(np.zeros(targets.shape), targets)
    assert count == sum(len(piece) - 1 for piece in task.pieces.test)
    loss = task.loss(targets[:4], np.zeros((*targets[:4].shape,), "float32"))
    assert float(loss) == pytest.approx(88 * np.log(2), rel=1e-5)


def test_ignored_targets_do_not_train():
    task = tasks.get("memorisation")
    targets = task.generate(np.random.default_rng(0), 4).targets
    logits = np.random.default_rng(1).normal(size=(4, 10, 27)).astype("float32")
    other = logits.copy()
    other[:, :5] = 7 * other[:, :5]
    assert float(task.loss(targets, logits)) == pytest.approx(float(task.loss(targets, other)))
    costs = evaluate.negative_log_likelihood(logits[:, 5:], targets[:, 5:])
    assert float(task.loss(targets, logits)) == pytest.approx(costs.mean(), rel=1e-5)


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


def test_co2_baselines_are_what_a_model_of_the_same_forecast_would_score():
    task = tasks.get("co2")
    repeat = Constant(lambda x: np.repeat(x[:, -1:, :], task.horizon, axis=1))
    assert task.score(repeat, "test") == pytest.approx(task.baselines()["repeat last"], rel=1e-4)


def test_digits_score():
    task = tasks.get("digits")
    zeros = Constant(lambda x: np.eye(10)[np.zeros(len(x), int)])
    expected = evaluate.majority_class([0], task.parts["test"].targets)
    assert task.score(zeros, "test") == expected


def test_names_that_are_no_task():
    with pytest.raises(ValueError, match="unknown task 'charcters'; known tasks: characters, co2"):
        tasks.get("charcters")
    with pytest.raises(ValueError, match="cannot load task 'nowhere:Task'"):
        tasks.get("nowhere:Task")
    with pytest.raises(ValueError, match="'os:getcwd' is no subclass of keraseq"):
        tasks.get("os:getcwd")
    with pytest.raises(ValueError, match=r"'collections:Counter' is no subclass of keraseq"):
        tasks.get("collections:Counter")
    with pytest.raises(ValueError, match="at least 2 steps; received 1"):
        tasks.get("adding-1")
    with pytest.raises(ValueError, match="at most 15 digits; received 16"):
        tasks.get("arithmetic-16")


def test_a_task_by_its_class_or_by_a_function():
    assert tasks.name_of(tiny_tasks.Sums) == "tiny_tasks:Sums"
    assert isinstance(tasks.get(tasks.name_of(tiny_tasks.doubled)), tiny_tasks.Sums)
    assert tasks.get(tasks.name_of(tiny_tasks.doubled)).steps == 48
    with pytest.raises(ValueError, match="at the top level of a module"):
        tasks.name_of(lambda: None)
