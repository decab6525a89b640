"""Does the work of a comparison: claims trials, has processes train them, stores what comes."""

import contextlib
import threading
from dataclasses import dataclass
from typing import Any

import optuna

from keraseq.experiments import tasks
from keraseq.experiments.engine import slots
from keraseq.experiments.engine.plan import STARTUP, Piece, Plan
from keraseq.experiments.engine.pool import Pool
from keraseq.experiments.engine.progress import Progress
from keraseq.experiments.engine.store import Store, quiet
from keraseq.experiments.engine.trials import Trial

SETTING = "setting"  # attribute of a study of final trials: what the search chose
# A trial is pruned where it is among the worst quarter at the same step, of at least four trials,
# and not in the first third: cells that learn late (the adding problem) stand still for long.
PRUNED_BELOW, PRUNED_OF, PRUNED_AFTER = 75.0, 4, 1 / 3


@dataclass
class Work:
    """A trial that one of this crew's processes is at."""

    piece: Piece
    trial: Trial
    optuna: optuna.Trial


class Crew:
    """One process that keeps others at work on an experiment, beside any number of such crews."""

    def __init__(self, plan: Plan, store: Store, pool: Pool, shown: Progress):
        self.plan, self.store, self.pool, self.shown = plan, store, pool, shown
        self.pieces = list(plan.pieces())
        self.studies = {piece: self._study(piece) for piece in self.pieces}
        self.working: dict[str, Work] = {}
        self.settled: set[Piece] = set()  # pieces of which nothing is left to do
        self.since = {}  # trials that were there before count as tried
        for piece, study in self.studies.items():
            if not store.shared:
                store.bury_all(study)
            self.since[piece] = len(store.patiently(lambda s=study: s.get_trials(deepcopy=False)))
        self.undescribed = [name for name in plan.tasks if not self._described(name)]
        self.describing: set[str] = set()

    def _study(self, piece: Piece) -> optuna.Study:
        task = tasks.get(piece.task)
        direction = task.direction
        study = self.store.study(piece.task, piece.cell, piece.role, direction=direction)
        study.pruner = optuna.pruners.PercentilePruner(
            PRUNED_BELOW,
            n_startup_trials=PRUNED_OF,
            n_warmup_steps=int(self.plan.of(piece.task, "steps") * PRUNED_AFTER),
            n_min_trials=PRUNED_OF,
        )
        return study

    def _described(self, task: str) -> bool:
        """Whether the store knows what a task is; refuses another than this one."""
        stored = self.store.description(task)
        if stored and stored["data_sha256"] != tasks.get(task).fingerprint():
            raise ValueError(
                f"{self.store.name} was made with other data of task {task!r}; choose another "
                "--out, or start over with --fresh"
            )
        return stored is not None

    def work(self) -> None:
        """Works until every trial has ended, wherever it ran."""
        with self._alive():
            try:
                while True:
                    while self.pool.free > 0 and self._begin():
                        pass
                    at_work = self.working or self.describing
                    if not at_work and len(self.settled) == len(self.pieces):
                        return
                    # Another crew may die, so look for work now and then.
                    event = self.pool.event(seconds=min(self.store.heartbeat, 5))
                    if event is None:
                        continue
                    if event["key"] in self.working:
                        self._take_in(event)
                    else:
                        self._take_description(event)
            except BaseException:
                self._let_go()
                raise

    # Claims.

    def _claim(self) -> Work | None:
        """A trial for this crew to run, or None where there is none at the moment."""
        for piece in self.pieces:
            if piece in self.settled:
                continue
            study = self.studies[piece]
            setting = self._chosen(piece) if piece.role == "final" else None
            if piece.role == "final" and setting is None:
                continue
            self.store.bury(study)
            if not self._fill(piece, setting):
                continue
            claimed = self.store.claim(study, self._sampler if piece.role == "search" else fixed)
            if claimed is not None:
                return self._work(piece, claimed)
        return None

    def _fill(self, piece: Piece, setting: dict[str, Any] | None) -> bool:
        """Adds a trial for each slot that has none; whether there are trials to claim."""
        study, of_slot = self.studies[piece], self.store.trials(self.studies[piece])
        states = {}
        for slot, fixed in self.plan.slots(piece).items():
            states[slot] = slots.state(of_slot.get(slot, ()), self.since[piece])
            if states[slot] == "missing":
                params = setting or fixed
                self.store.patiently(lambda slot=slot, p=params: slots.add(study, slot, p))
                states[slot] = "waiting"
            if states[slot] == "done":
                self.shown.elsewhere(key(piece, slot))
        if all(state in ("done", "failed") for state in states.values()):
            self.settled.add(piece)
        return "waiting" in states.values()

    def _work(self, piece: Piece, claimed: optuna.Trial) -> Work:
        slot = claimed.user_attrs[slots.SLOT]
        setting = self.store.patiently(lambda: self.plan.space(piece.task).suggest(claimed))
        return Work(piece, self.plan.trial(piece, slot, setting), claimed)

    def _sampler(self, slot: int) -> optuna.samplers.BaseSampler:
        """What chooses a setting; seeded by the slot: one process finds the same ones again."""
        if self.plan.sampler != "tpe":
            return fixed(slot)
        with quiet():
            return optuna.samplers.TPESampler(
                seed=slot, n_startup_trials=STARTUP, constant_liar=True
            )

    def _chosen(self, piece: Piece) -> dict[str, Any] | None:
        """The setting of the final trials, or None as long as the search goes on.

        Once chosen it stays, though a search trial that failed be tried again later.
        """
        study = self.studies[piece]
        stored = self.store.patiently(lambda: study.user_attrs).get(SETTING)
        if stored is not None:
            return stored
        search = Piece(piece.task, piece.cell, "search")
        if search not in self.studies:
            [rate] = self.plan.space(piece.task).rates
            return {"learning_rate": rate}
        if search not in self.settled:
            return None
        chosen = best(self.store, self.studies[search])
        if chosen is None:  # every setting failed, and each has its reason
            self.settled.add(piece)
            for slot in self.plan.slots(piece):
                self.shown.elsewhere(key(piece, slot))
            return None
        self.store.patiently(lambda: study.set_user_attr(SETTING, chosen))
        return chosen

    # Events.

    def _begin(self) -> bool:
        """Gives a free process something to do; False where there is nothing."""
        if self.undescribed:  # first: then other data are told apart, and a report can be made
            task = self.undescribed.pop(0)
            self.describing.add(task)
            self.pool.submit({"key": task, "kind": "baselines", "task": task})
            return True
        work = self._claim()
        if work is None:
            return False
        prunable = work.piece.role == "search" and self.plan.pruning
        job = {"key": work.trial.key, "kind": "trial", "trial": vars(work.trial)}
        self.working[work.trial.key] = work
        self.pool.submit({**job, "prunable": prunable})
        return True

    def _take_description(self, event: dict[str, Any]) -> None:
        """What a process says of a task."""
        if event["event"] == "failed":
            raise RuntimeError(f"no baselines of {event['key']}: {event['reason']}")
        if event["event"] == "done":
            self.store.describe(event["key"], event["record"])
            self.describing.remove(event["key"])

    def _take_in(self, event: dict[str, Any]) -> None:
        """What a process says of its trial."""
        work = self.working[event["key"]]
        kind, trial = event["event"], work.optuna
        if kind == "look":
            self._look(work, event)
        elif kind == "done":
            record = event["record"]
            value = record["test" if record["role"] == "final" else "validation"]
            if value is None:
                event = {**event, "event": "failed", "reason": "the metric was never finite"}
                self.store.fail(trial, event["reason"])
            elif not self.store.finish(
                trial, record, None if record["status"] == "pruned" else value
            ):
                event = {**event, "event": "failed", "reason": "taken for dead meanwhile"}
        elif kind == "failed":
            self.store.fail(trial, event["reason"])
        if event["event"] in ("done", "failed"):
            del self.working[event["key"]]
        self.shown.event(event, work.trial)

    def _look(self, work: Work, event: dict[str, Any]) -> None:
        """Stores a value on the validation part, and says whether to go on."""
        stop = False
        if event["value"] is not None:
            with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                self.store.patiently(lambda: work.optuna.report(event["value"], event["step"]))
                stop = self.store.patiently(work.optuna.should_prune)
        if work.piece.role == "search" and self.plan.pruning:
            self.pool.reply(work.trial.key, {"stop": stop})

    def _let_go(self) -> None:
        """Hands back what this crew was at, so that others need not wait."""
        self.store.wait = 0
        for work in self.working.values():
            with contextlib.suppress(Exception):  # it is found by its missing signs of life
                self.store.fail(work.optuna, slots.STOPPED)

    @contextlib.contextmanager
    def _alive(self):
        """Gives signs of life of the trials at work, where others watch for them."""
        if not self.store.shared:
            yield
            return
        ended = threading.Event()

        def beat():
            while not ended.wait(self.store.heartbeat):
                with contextlib.suppress(RuntimeError):  # the dictionary changed: next time
                    for work in list(self.working.values()):
                        self.store.beat(work.optuna.study, [work.optuna.number])

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def fixed(slot: int) -> optuna.samplers.BaseSampler:
    """The sampler of a slot whose setting is fixed: it is never asked."""
    return optuna.samplers.RandomSampler(seed=slot)


def best(store: Store, study: optuna.Study) -> dict[str, Any] | None:
    """The parameters of the search trial that validated best; the first among equals.

    Trials that were pruned do not count, unless all were.
    """
    ended = [slots.done(trials) for _, trials in sorted(store.trials(study).items())]
    ended = [trial for trial in ended if trial is not None]
    whole = [one for one in ended if one.state == optuna.trial.TrialState.COMPLETE]
    if not ended:
        return None
    better = min if study.direction == optuna.study.StudyDirection.MINIMIZE else max
    return better(
        whole or ended, key=lambda trial: trial.user_attrs[slots.RECORD]["validation"]
    ).params


def key(piece: Piece, slot: int) -> str:
    """The key of a slot's trial, whatever its setting."""
    number, seed = (0, slot) if piece.role == "final" else (slot, 0)
    anything = {"learning_rate": 0.0, "budget": 1, "units": 1, "steps": 1}
    return Trial(piece.task, piece.cell, seed, role=piece.role, number=number, **anything).key
