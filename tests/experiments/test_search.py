"""Whole comparisons without processes and without training: how trials are chosen and kept."""

import json
import queue
import threading
from dataclasses import asdict

import numpy as np
import pytest
import tiny_tasks

from keraseq import experiments
from keraseq.experiments import comparison, crew, page, report, slots, store, trials, worker
from keraseq.experiments.plan import Plan
from keraseq.experiments.trials import Trial

SUMS = "tiny_tasks:Sums"
TINY = {"seeds": 2, "steps": 12, "workers": 1, "progress": False}


def pretended(trial, on_look):
    """The record of a trial that nobody trained: each cell has a learning rate it likes best."""
    liked = 0.02 if trial.cell == "elman" else 0.003
    good = 0.9 - 0.1 * abs(np.log(trial.learning_rate / liked)) - 0.02 * trial.seed
    curve, status = [], "finished"
    for step in trials.looks(trial.steps):
        value = good * step / trial.steps
        curve.append({"step": step, "seconds": 0.1 * step, "loss": 1.0, "validation": value})
        if on_look(step, value) and step < trial.steps:
            status = "pruned"
            break
    return {
        **asdict(trial),
        **{"metric": "accuracy", "status": status, "diverged_at": None, "validation": value},
        **{"pruned_at": step if status == "pruned" else None, "best_step": step},
        **{"solved_step": None, "test": value if trial.role == "final" else None},
        **{"parameters": 47, "step_ms": 1.0, "train_seconds": 0.1 * step, "seconds": 1.0},
        **{"compile_seconds": 0.1, "projection": None, "loop": "plain loop", "path": "there"},
        **{"curve": curve, "samples": []},
    }


class Threads:
    """A pool whose jobs run in this process, one after the other."""

    def __init__(self, workers, logs, environment):
        self.events, self.replies, self.unfinished = queue.SimpleQueue(), queue.SimpleQueue(), 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @property
    def free(self):
        return 1 - self.unfinished

    def submit(self, job):
        self.unfinished += 1
        self.events.put({"event": "start", "key": job["key"]})
        threading.Thread(target=self.do, args=(json.loads(json.dumps(job)),), daemon=True).start()

    def do(self, job):
        def on_look(step, value):
            self.events.put({"event": "look", "key": job["key"], "step": step, "value": value})
            return job["prunable"] and self.replies.get()["stop"]

        try:
            if job["kind"] == "trial":
                record = trials.run(Trial(**job["trial"]), on_look)
            else:
                record = worker.describe(job["task"])
            self.events.put({"event": "done", "key": job["key"], "record": record})
        except Exception as error:
            reason = worker.one_line(error)
            self.events.put({"event": "failed", "key": job["key"], "reason": reason})

    def event(self, seconds=None):
        event = self.events.get(timeout=60)
        self.unfinished -= event["event"] in ("done", "failed")
        return event

    def reply(self, key, message):
        self.replies.put(message)


@pytest.fixture(autouse=True)
def in_threads(monkeypatch):
    monkeypatch.setattr(comparison, "Pool", Threads)
    monkeypatch.setattr(trials, "run", pretended)
    monkeypatch.setattr(report, "write", lambda results: None)  # figures take their time


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_is_the_same_for_every_cell_and_prunes(tmp_path, sampler):
    found = experiments.compare(
        tiny_tasks.Sums,
        ["elman", "gru[reset=before]"],
        **TINY,
        trials=12,
        sampler=sampler,
        out=tmp_path,
    )
    search = found.trials("search").set_index(["cell", "number"])
    same = ["learning_rate", "initial_scale", "clipnorm"]
    elman, gru = (search.loc[cell][same] for cell in ("elman", "gru[reset=before]"))
    drawn = 12 if sampler == "random" else 5
    assert elman[:drawn].equals(gru[:drawn])
    assert sampler == "random" or not elman[drawn:].equals(gru[drawn:])
    assert elman.iloc[0].to_list() == [0.01, 1.0, 1.0]  # the task's own
    assert {"pruned", "finished"} == set(search["status"])
    assert search["test"].isna().all()
    assert (search["pruned_at"].dropna() >= 4).all()  # never in the first third
    for cell, trials_of in found.trials().groupby("cell"):
        whole = search.loc[cell].query("status == 'finished'")
        best = whole.loc[whole["validation"].idxmax()]
        assert (trials_of[same] == best[same].to_list()).all(axis=None)
        assert set(trials_of["seed"]) == {1, 2}
    html = page.as_html(found, {})
    assert "each cell tried 12 settings" in html and "scale of the initial matrices" in html


def test_a_cell_whose_every_setting_fails_has_no_final_runs(tmp_path, monkeypatch):
    options = {**TINY, "out": tmp_path, "learning_rates": [0.1, 0.01]}

    def crashing(trial, on_look):
        if trial.cell == "gru":
            raise MemoryError("no room")
        return pretended(trial, on_look)

    monkeypatch.setattr(trials, "run", crashing)
    found = experiments.compare([SUMS], ["gru", "elman"], **options)
    assert set(found.trials()["cell"]) == {"elman"}
    assert [r["role"] for r in found.failed] == ["search", "search"]
    assert "gru, setting 2 of the search: failed" in page.as_html(found, {})


def test_fresh_starts_over_and_removes_nothing_else(tmp_path):
    experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path)
    (tmp_path / "my notes.txt").write_text("keep me")
    options = {**TINY, "steps": 5}
    with pytest.raises(ValueError, match=r"made with tasks\.tiny_tasks:Sums\.steps=12"):
        experiments.compare([SUMS], ["elman"], **options, out=tmp_path)
    found = experiments.compare([SUMS], ["elman"], **options, out=tmp_path, fresh=True)
    assert found.settings["tasks"][SUMS]["steps"] == 5
    assert list(found.trials()["steps"]) == [5, 5]
    assert (tmp_path / "my notes.txt").read_text() == "keep me"


def test_several_experiments_in_one_database(tmp_path):
    shared = {**TINY, "storage": f"sqlite:///{tmp_path}/all.db", "seeds": 1}
    one = experiments.compare([SUMS], ["elman"], **shared, out=tmp_path / "one")
    experiments.compare([SUMS], ["gru"], **shared, out=tmp_path / "two")
    assert list(experiments.Results.read(tmp_path / "two").trials()["cell"]) == ["gru"]
    experiments.compare([SUMS], ["gru"], **shared, out=tmp_path / "two", fresh=True)
    assert len(experiments.Results.read(tmp_path / "one").trials()) == len(one.trials()) == 1


def test_the_same_experiment_continues_from_another_folder(tmp_path, monkeypatch):
    shared = {**TINY, "storage": f"sqlite:///{tmp_path}/all.db", "name": "mine"}
    first = experiments.compare([SUMS], ["elman"], **shared, out=tmp_path / "one")
    monkeypatch.setattr(trials, "run", None)  # nothing is left to run
    second = experiments.compare([SUMS], ["elman"], **shared, out=tmp_path / "two")
    assert first.trials().equals(second.trials())
    with pytest.raises(ValueError, match="made with seeds=2, this run has 3"):
        experiments.compare([SUMS], ["elman"], **{**shared, "seeds": 3}, out=tmp_path / "three")


def test_a_value_that_is_not_finite_fails_the_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "run", lambda *given: {**pretended(*given), "test": None})
    found = experiments.compare([SUMS], ["elman"], **{**TINY, "seeds": 1}, out=tmp_path)
    assert [r["reason"] for r in found.failed] == ["the metric was never finite"]


def test_what_a_crew_was_at_is_handed_back_when_it_stops(tmp_path, monkeypatch):
    def stopped(self, work, event):
        raise KeyboardInterrupt

    monkeypatch.setattr(crew.Crew, "_look", stopped)
    with pytest.raises(KeyboardInterrupt):
        experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path)
    kept = store.Store(store.url_of(tmp_path), tmp_path.name)
    [[trial], [waiting]] = kept.trials(kept.study(SUMS, "elman", "final")).values()
    assert trial.user_attrs[slots.REASON] == slots.STOPPED
    assert trial.state.name == "FAIL" and waiting.state.name == "WAITING"


def test_keys_are_those_of_the_trials():
    plan = Plan([SUMS], ["elman"], seeds=2, trials=3)
    for piece in plan.pieces():
        for slot in plan.slots(piece):
            trial = plan.trial(piece, slot, {"learning_rate": 0.1})
            assert trial.key == crew.key(piece, slot)
            assert asdict(trial)["units"] == 5
