import re

import numpy as np
import pytest

from keraseq import experiments
from keraseq.experiments.engine.space import Space
from keraseq.experiments.report import figures, statistics
from keraseq.experiments.report.statistics import Interval, bootstrap, difference, ranks


def test_exact_and_drawn_resamples_agree():
    values = [0.3, 0.5, 0.1, 0.9, 0.4]
    exact = bootstrap(values)
    drawn = np.random.default_rng(0).choice(values, (200_000, 5)).mean(axis=1)
    np.testing.assert_allclose(exact[1:], np.percentile(drawn, [2.5, 97.5]), atol=0.021)
    assert exact.mean == pytest.approx(0.44)


def test_intervals_cover_the_mean():
    """Of 400 samples of 30 numbers about 95 % have an interval around the true mean."""
    rng = np.random.default_rng(1)
    covered = [
        found.low <= 2 <= found.high
        for found in (bootstrap(rng.normal(2, 3, 30)) for _ in range(400))
    ]
    assert 0.90 < np.mean(covered) < 0.97


def test_one_run_has_no_interval():
    assert bootstrap([0.5]) == Interval(0.5, 0.5, 0.5)


def test_pairs_take_away_what_seeds_share():
    hard = {1: 10.0, 2: 20.0, 3: 30.0, 4: 40.0}  # seeds differ far more than cells
    easier = {seed: value - 1 for seed, value in hard.items()}
    found = difference(easier, hard)
    assert found == Interval(-1.0, -1.0, -1.0) and found.excludes_zero
    mean, *ends = few = difference({1: 2.0, 5: 1.0}, {1: 1.0})
    assert mean == 1 and np.isnan(ends).all() and not few.excludes_zero
    assert difference({1: 2.0}, {2: 2.0}) is None


def test_ranks_have_ties():
    runs = {
        "a": {1: 0.90, 2: 0.92, 3: 0.91},
        "b": {1: 0.91, 2: 0.90, 3: 0.92},  # not told apart from a
        "c": {1: 0.80, 2: 0.81, 3: 0.82},
        "d": {1: 0.10, 2: 0.95, 3: 0.10},  # now and then the best
    }
    assert ranks(runs, "max") == {"a": 1, "b": 1, "c": 3, "d": 1}
    assert ranks(runs, "min") == {"a": 2, "b": 2, "c": 1, "d": 1}


@pytest.mark.parametrize(("seeds", "verdict"), [(1, "undecided"), (2, "undecided"), (3, "yes")])
def test_few_seeds_tell_nothing_apart(seeds, verdict):
    good, bad = (dict.fromkeys(range(seeds), value) for value in (0.9, 0.1))
    assert statistics.verdict(good, bad, "max") == verdict
    assert ranks({"a": good, "b": bad}, "max") == {"a": 1, "b": 2}  # of few, the order of the means
    assert statistics.by_means({"a": good, "b": bad}) == (seeds < 3)


def test_no_verdict_contradicts_its_interval():
    """Whatever the runs: better or worse where, and only where, the interval excludes zero."""
    rng, seen = np.random.default_rng(4), set()
    for _ in range(200):
        count = int(rng.integers(1, 5))
        one, other = (dict(enumerate(rng.normal(size=count).round(1))) for _ in range(2))
        for direction in ("min", "max"):
            verdict = statistics.verdict(one, other, direction)
            assert (verdict == "undecided") == (not difference(one, other).excludes_zero)
            ranked = ranks({"one": one, "other": other}, direction)
            if count >= 3:
                assert (ranked["one"] < ranked["other"]) == (verdict == "yes")
            seen.add(verdict)
    assert seen == {"yes", "no", "undecided"}


@pytest.mark.parametrize(
    ("value", "floor", "direction", "expected"),
    [
        (0.164, 1 / 6, "min", False),  # the LSTM at T = 600 of a published table
        (5e-5, 1 / 6, "min", True),
        (0.13, 0.1, "max", False),
        (0.15, 0.1, "max", True),
        (None, 0.1, "max", False),
        (float("nan"), None, "min", False),
        (3.0, None, "min", True),
    ],
)
def test_what_it_is_to_converge(value, floor, direction, expected):
    assert statistics.converged(value, floor, direction) is expected


def test_settings_are_the_same_whatever_asks():
    space = Space.around(0.01)
    settings = space.settings(6)
    assert settings[:3] == space.settings(3)
    for setting in settings:
        assert 0.001 <= setting["learning_rate"] <= 0.05
    assert len({setting["learning_rate"] for setting in settings}) == 6
    own = {"learning_rate": 0.01, "initial_scale": 1.0, "clipnorm": 1.0}
    assert space.settings(3, own) == [own, *settings[1:3]]


def test_studies_and_tables_come_by_name():
    study = experiments.Results.read("arithmetic-xml")
    claim = study.claim("xml", "lstm", "lstm[forget_gate=false]")
    assert re.fullmatch(r"yes: \+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\]", claim)
    assert study.claim("xml", "lstm", "janet") == ""
    with pytest.raises(ValueError, match=r"unknown table 'text-cell';.* Did you mean 'text-cells'"):
        experiments.measured("text-cell")


def test_the_floor_of_a_curve_is_that_of_its_part():
    memory = experiments.Results.read("memory")
    task = experiments.tasks.get("adding-100")
    ones = np.square(task.parts["validation"].targets - 1).mean()
    assert memory.floor("adding-100", "validation") == ("always 1", pytest.approx(ones))
    figure = figures.learning(memory, "adding-100", ["gru", "lstm"])
    shown = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert shown == ["gru", "lstm", f"floor {ones:.4g}: always 1"]
    with pytest.raises(ValueError, match=r"unknown cell 'lstn'; .* Did you mean 'lstm'"):
        figures.learning(memory, "adding-100", ["gru", "lstn"])
    assert experiments.tasks.get("characters").validation_floor() is None
