"""Whole comparisons without processes and without training: how trials are chosen and kept."""

from dataclasses import asdict

import pytest
import tiny_tasks
from pretending import in_this_process, pretended

from keraseq import experiments
from keraseq.experiments.engine import crew, slots, store, trials
from keraseq.experiments.engine.plan import Plan
from keraseq.experiments.report import page, tables

SUMS = "tiny_tasks:Sums"
TINY = {"seeds": 2, "steps": 12, "workers": 1, "progress": False}


@pytest.fixture(autouse=True)
def without_processes(monkeypatch):
    in_this_process(monkeypatch)


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


def test_runs_that_diverged_are_counted_and_told(tmp_path, monkeypatch):
    def diverging(trial, on_look):
        record = pretended(trial, on_look)
        return {**record, "status": "diverged", "diverged_at": 7} if trial.seed == 2 else record

    monkeypatch.setattr(trials, "run", diverging)
    found = experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path)
    assert found.summary()["diverged"].tolist() == [1]
    assert "1 diverged" in tables.rows(found, SUMS)[0]["notes"]
    assert "above ten times that of a model that knows nothing, after step 7" in page.as_html(
        found, {}
    )


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


def test_what_another_version_made_is_refused(tmp_path):
    experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path)
    kept = store.Store(store.url_of(tmp_path), tmp_path.name)
    kept.study().set_user_attr("settings", {**kept.settings(), "format": 9})
    kept.close()
    with pytest.raises(ValueError, match=r"keraseq \(format 9, this one reads 2"):
        experiments.Results.read(tmp_path)
    with pytest.raises(ValueError, match=r"was made with format=9, this run has 2; .* --fresh"):
        experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path)
    (tmp_path / "settings.json").write_text('{"format": 1}')  # as the first version left it
    with pytest.raises(ValueError, match="was made by another version of keraseq; compare again"):
        experiments.Results.read(tmp_path)
    with pytest.raises(ValueError, match=r"was made with format=1, this run has 2; .* --fresh"):
        experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path)
    experiments.compare([SUMS], ["elman"], **TINY, out=tmp_path, fresh=True)
    assert len(experiments.Results.read(tmp_path).trials()) == 2
