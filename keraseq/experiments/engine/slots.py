"""Slots: the pieces of work of a study, each to be done once.

A slot is a number: of a setting in a search, of a seed among the final trials. Optuna keeps
trials; each carries the number of its slot. Anybody may add a trial for a slot that has none, and
two may do so at the same time: the one with the lowest number counts. A trial that nobody works at
any more has failed, and its slot gets another.
"""

from collections.abc import Iterable

import optuna
from optuna.trial import FrozenTrial, TrialState

SLOT, REASON, RECORD = "slot", "reason", "record"  # attributes of trials
STOPPED = "stopped"  # reasons that say nothing against the trial
DUPLICATE = "duplicate"
DEATHS = 3  # of its workers, until a slot is given up
GIVEN_UP = f"its worker died {DEATHS} times without a word (memory? the machine?)"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def add(study: optuna.Study, slot: int, params: dict | None = None) -> None:
    """Adds a waiting trial for a slot, with these parameters fixed."""
    study.enqueue_trial(params or {}, user_attrs={SLOT: slot})


def by_slot(trials: Iterable[FrozenTrial]) -> dict[int, list[FrozenTrial]]:
    """The trials of each slot, in the order in which they were added."""
    found: dict[int, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=lambda one: one.number):
        if SLOT in trial.user_attrs:
            found.setdefault(trial.user_attrs[SLOT], []).append(trial)
    return found


def done(trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
    """The trial that counts among those of a slot, if one has ended."""
    return next((trial for trial in trials if trial.state in ENDED), None)


def failure(trials: Iterable[FrozenTrial], since: int = 0) -> str | None:
    """Why a slot has failed for good, in trials from number `since` on; None if it has not."""
    failed = [one for one in trials if one.number >= since and one.state == TrialState.FAIL]
    reasons = [one.user_attrs.get(REASON) for one in failed]
    said = [reason for reason in reasons if reason not in (None, STOPPED, DUPLICATE)]
    if said:
        return said[-1]
    return GIVEN_UP if reasons.count(None) >= DEATHS else None


def state(trials: Iterable[FrozenTrial], since: int = 0) -> str:
    """Where a slot stands: `"done"`, `"running"`, `"waiting"`, `"failed"` or `"missing"`."""
    trials = list(trials)
    if done(trials):
        return "done"
    if any(one.state == TrialState.RUNNING for one in trials):
        return "running"
    if any(one.state == TrialState.WAITING for one in trials):
        return "waiting"
    return "failed" if failure(trials, since) else "missing"


def is_duplicate(trial: FrozenTrial, trials: Iterable[FrozenTrial]) -> bool:
    """Whether another trial of the slot goes before this one, or is done."""
    others = [one for one in trials if one.number != trial.number]
    earlier = (one for one in others if one.number < trial.number)
    return done(others) is not None or any(one.state != TrialState.FAIL for one in earlier)
