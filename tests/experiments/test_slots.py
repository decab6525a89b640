"""Slots on an Optuna storage in memory: whatever happens, each counts once."""

import optuna
import pytest
from optuna.trial import TrialState

from keraseq.experiments.engine import slots

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def study():
    return optuna.create_study()


def ended(study, slot, state, reason=None, value=None):
    """Adds a trial for a slot, and ends it."""
    slots.add(study, slot)
    trial = study.ask()
    if reason:
        trial.set_user_attr(slots.REASON, reason)
    study.tell(trial, value, state=state)


def state(study, since=0):
    return slots.state(slots.by_slot(study.trials).get(0, ()), since)


def test_the_life_of_a_slot(study):
    assert state(study) == "missing"
    slots.add(study, 0)
    assert state(study) == "waiting"
    trial = study.ask()
    assert state(study) == "running"
    study.tell(trial, 1.0)
    assert state(study) == "done"


def test_a_pruned_trial_has_ended(study):
    ended(study, 0, TrialState.PRUNED)
    assert state(study) == "done"


@pytest.mark.parametrize("reason", [None, slots.STOPPED, slots.DUPLICATE])
def test_what_says_nothing_against_a_trial_is_run_again(study, reason):
    ended(study, 0, TrialState.FAIL, reason)
    assert state(study) == "missing"


def test_a_failure_counts_in_the_call_that_saw_it(study):
    ended(study, 0, TrialState.FAIL, "MemoryError: no room")
    assert state(study) == "failed"
    assert slots.failure(study.trials) == "MemoryError: no room"
    assert state(study, since=1) == "missing"  # the next call tries it again
    ended(study, 0, TrialState.COMPLETE, value=1.0)
    assert state(study) == "done"


def test_a_slot_that_kills_its_workers_is_given_up(study):
    for _ in range(slots.DEATHS - 1):
        ended(study, 0, TrialState.FAIL)
        assert state(study) == "missing"
    ended(study, 0, TrialState.FAIL)
    assert state(study) == "failed"
    assert "died 3 times" in slots.failure(study.trials)


def test_of_two_trials_for_a_slot_the_first_counts(study):
    slots.add(study, 0)
    slots.add(study, 0)
    first, second = study.trials
    assert not slots.is_duplicate(first, study.trials)
    assert slots.is_duplicate(second, study.trials)
    study.tell(study.ask(), state=TrialState.FAIL)  # the first
    assert not slots.is_duplicate(second, study.trials)


def test_a_late_trial_for_a_slot_that_is_done_is_a_duplicate(study):
    ended(study, 0, TrialState.FAIL)
    ended(study, 0, TrialState.COMPLETE, value=1.0)
    slots.add(study, 0)
    assert slots.is_duplicate(study.trials[-1], study.trials)


def test_parameters_are_fixed(study):
    slots.add(study, 3, {"learning_rate": 0.25})
    trial = study.ask()
    assert trial.user_attrs[slots.SLOT] == 3
    assert trial.suggest_float("learning_rate", 0.1, 1.0, log=True) == 0.25
