"""Whole comparisons, in worker processes, on tasks that take a moment."""

import contextlib
import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest
import tiny_tasks
from pretending import in_this_process
from typer.testing import CliRunner

from keraseq import experiments
from keraseq.cli import app
from keraseq.experiments import report

TINY = {"seeds": 1, "steps": 4, "progress": False}


@pytest.fixture(autouse=True, scope="module")
def plain():
    """Loops are not the subject here; whoever asks for one, as a developer may, keeps it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASEQ_LOOP", os.environ.get("KERASEQ_LOOP", "plain"))
        yield


def task(name):
    return f"tiny_tasks:{name}"


def numbers(folder):
    """The results of every trial, without its times."""
    timed = ("step_ms", "train_seconds", "compile_seconds", "seconds")
    with (Path(folder) / "results.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in timed} for row in csv.DictReader(file)]


def trials(folder):
    """Each final trial that has ended, by cell and seed, and when it began."""
    database = Path(folder) / "study.db"
    if not database.exists():
        return {}
    # By hand: Optuna's own reading would wait for, or disturb, a process that makes the tables.
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reading:
        try:
            rows = reading.execute(
                "SELECT s.study_name, a.value_json, t.datetime_start, t.state FROM trials t "
                "JOIN studies s ON s.study_id = t.study_id "
                "JOIN trial_user_attributes a ON a.trial_id = t.trial_id AND a.key = 'slot' "
                "WHERE s.study_name LIKE '%/final' AND t.state IN ('COMPLETE', 'FAIL')"
            ).fetchall()
        except sqlite3.OperationalError:  # not made yet
            return {}
    return {(name.split("/")[2], int(slot), state): when for name, slot, when, state in rows}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A comparison by two workers, with a choice of learning rates."""
    folder = tmp_path_factory.mktemp("runs") / "two"
    options = {**TINY, "seeds": 2, "learning_rates": [0.001, 0.1], "workers": 2, "out": folder}
    return experiments.compare([task("Sums")], ["elman", "mut1"], **options)


def test_two_workers_and_one_give_the_same_numbers(finished, tmp_path):
    options = {**TINY, "seeds": 2, "learning_rates": [0.001, 0.1], "workers": 1, "out": tmp_path}
    experiments.compare([task("Sums")], ["elman", "mut1"], **options)
    assert numbers(tmp_path) == numbers(finished.folder)
    assert len(numbers(tmp_path)) == 2 * 2 + 2 * 2 + 1


def test_each_cell_keeps_the_learning_rate_that_validates_best(finished):
    search, final = finished.trials("search"), finished.trials()
    assert search["test"].isna().all() and final["test"].notna().all()
    for cell in ("elman", "mut1"):
        tried = search[search["cell"] == cell].set_index("learning_rate")["validation"]
        assert set(tried.index) == {0.001, 0.1}
        assert set(final[final["cell"] == cell]["learning_rate"]) == {tried.idxmax()}


def test_summary_is_mean_and_deviation_over_seeds(finished):
    for row in finished.summary().to_dict("records"):
        values = finished.trials().query("cell == @row['cell']")["test"]
        assert row["mean"] == pytest.approx(values.mean())
        assert row["sd"] == pytest.approx(values.std(ddof=1))
        assert row["parameters"] <= 60 and row["runs"] == 2


def test_what_a_task_says_further_is_in_every_table(finished):
    of_runs, cells = finished.trials(), finished.as_json()["tasks"][task("Sums")]["cells"]
    assert finished.trials("search")["first half"].isna().all()  # nothing of the test part
    for row in finished.summary().to_dict("records"):
        mean = of_runs[of_runs["cell"] == row["cell"]]["first half"].mean()
        assert 0 < mean == row["first half"] == cells[row["cell"]]["first half"]
        shown = next(r for r in report.rows(finished, task("Sums")) if r["cell"] == row["cell"])
        assert f"first half {mean:.3f}" in shown["notes"]
    assert all("first half" in line for line in numbers(finished.folder))


def test_the_page_stands_alone_and_says_what_was_done(finished):
    page = (finished.folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) == 5 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert "http" not in page
    assert "Sums: &lt;three&gt; numbers" in page and "<three>" not in page
    assert "Random numbers &amp; nothing else." in page
    assert "&lt;seed 1&gt;" in page  # the samples
    assert "input_projection mode &#x27;learned&#x27;" in page
    assert "always yes" in page and "None: every trial finished" in page
    assert page.count("<table>") == 1
    for name in ("learning", "final", "time", "search"):
        assert (finished.folder / "figures" / f"tiny_tasks_Sums-{name}.png").stat().st_size > 5000


def test_results_say_how_the_layers_ran(finished):
    loops = {row["loop"] for row in numbers(finished.folder) if row["kind"] == "trial"}
    assert loops and loops <= {"plain loop", "deferred gradient", "compiled scan"}
    page = (finished.folder / "report.html").read_text()
    for row in finished.summary().to_dict("records"):
        assert row["loop"] in loops and row["loop"] in page
        assert finished.as_json()["tasks"][row["task"]]["cells"][row["cell"]]["loop"] == row["loop"]
    said = "<th>loop</th>" in page, "the same for every cell: runs 2" in page
    assert said == (len(loops) > 1, True)  # a column where it says something, else a word below


def test_a_report_is_made_again_from_the_folder_alone(finished):
    before = numbers(finished.folder)
    (finished.folder / "report.html").unlink()
    assert report.write(experiments.Results.read(finished.folder)).exists()
    assert numbers(finished.folder) == before
    run = CliRunner().invoke(app, ["report", str(finished.folder), "--reference", "mut1"])
    assert run.exit_code == 0 and f"report: {finished.folder / 'report.html'}" in run.stdout
    assert "Sums" in run.stdout
    for arguments, message in (
        ([str(finished.folder.parent)], "holds no comparison: there is no settings.json"),
        ([str(finished.folder), "--reference", "gru"], "reference must be one of the cells"),
    ):
        run = CliRunner().invoke(app, ["report", *arguments])
        assert run.exit_code == 2 and message in run.stderr and len(run.stderr.splitlines()) == 1


def test_a_copy_of_the_results_is_enough_for_a_report(finished, tmp_path):
    copy = tmp_path / "results.json"
    copy.write_bytes((finished.folder / "results.json").read_bytes())
    again = experiments.Results.read(tmp_path)
    assert again.summary().equals(experiments.Results.read(finished.folder).summary())
    assert CliRunner().invoke(app, ["report", str(tmp_path)]).exit_code == 0
    assert numbers(tmp_path) == numbers(finished.folder)
    for text, message in (
        ("{", "cannot be read: EOF while parsing an object"),
        ('{"settings": {}}', "holds no comparison: it has no tasks"),
        ('{"settings": {"format": 1}, "tasks": {}, "records": []}', r"another version .*format 1"),
    ):
        copy.write_text(text)
        with pytest.raises(ValueError, match=message):
            experiments.Results.read(tmp_path)


def test_a_repeated_comparison_trains_nothing(finished):
    before = trials(finished.folder)
    options = {**TINY, "seeds": 2, "learning_rates": [0.001, 0.1], "out": finished.folder}
    experiments.compare([task("Sums")], ["elman", "mut1"], **options)
    assert trials(finished.folder) == before
    with pytest.raises(ValueError, match=r"was made with seeds=2, this run has 3; .* --fresh"):
        experiments.compare([task("Sums")], ["elman", "mut1"], **{**options, "seeds": 3})


def test_a_crash_ends_one_trial_and_the_next_call_tries_it_again(tmp_path, monkeypatch):
    options = {**TINY, "workers": 1, "out": tmp_path}
    results = experiments.compare([task("Crashing")], ["lstm", "gru", "elman"], **options)
    reasons = {r["cell"]: r["reason"] for r in results.failed}
    assert "killed by SIGKILL" in reasons["lstm"]
    assert reasons["gru"] == "MemoryError: no room"
    assert list(results.finished(task("Crashing"))["cell"]) == ["elman"]
    page = (tmp_path / "report.html").read_text()
    assert "killed by SIGKILL" in page
    before = trials(tmp_path)
    assert {cell for cell, _, state in before if state == "FAIL"} == {"lstm", "gru"}
    in_this_process(monkeypatch)
    found = experiments.compare([task("Crashing")], ["lstm", "gru", "elman"], **options)
    assert not found.failed
    again = {key[0] for key, when in trials(tmp_path).items() if when != before.get(key)}
    assert again == {"lstm", "gru"}


def command(folder):
    return [
        *(sys.executable, "-m", "keraseq", "compare", "--tasks", task("Slow")),
        *("--cells", "elman", "--seeds", "3", "--steps", "4", "--workers", "1"),
        *("--out", str(folder)),
    ]


def environment():
    here = str(Path(__file__).parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}


def heed_interrupts():
    """Tests in a shell's background were told to ignore them, and hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(one) for one in found.stdout.split()]


@pytest.mark.parametrize(
    ("how", "backend"), [(signal.SIGKILL, "jax"), (signal.SIGINT, keras.backend.backend())]
)
def test_a_run_that_is_stopped_goes_on(tmp_path, how, backend, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    run = subprocess.Popen(
        command(tmp_path),
        env={**environment(), "SECONDS_OF_A_LOOK": "1"},  # time to stop it, on a busy machine too
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=heed_interrupts,
    )
    deadline = time.monotonic() + 300
    while not trials(tmp_path) and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.02)
    workers = children(run.pid)
    run.send_signal(how)
    _, errors = run.communicate(timeout=120)
    kept = {key: when for key, when in trials(tmp_path).items() if key[2] == "COMPLETE"}
    assert 1 <= len(kept) < 3
    so_far = experiments.Results.read(tmp_path).summary()  # what there is can be reported
    assert so_far["runs"].tolist() == [len(kept)]
    if how == signal.SIGINT:
        assert run.returncode == 130
        assert "finished trials are kept" in errors and "Traceback" not in errors
    deadline = time.monotonic() + 60
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers and not any(map(alive, workers))  # nothing goes on in the dark

    in_this_process(monkeypatch)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    again = experiments.compare(
        [task("Slow")], ["elman"], seeds=3, steps=4, workers=1, out=tmp_path, progress=False
    )
    assert {name: trials(tmp_path)[name] for name in kept} == kept  # none was run twice
    assert list(again.finished(task("Slow"))["seed"]) == [1, 2, 3]


def test_plans_that_cannot_be():
    for options, message in (
        ({"tasks": ["charcters"]}, "unknown task 'charcters'; .* Did you mean 'characters'"),
        ({"cells": ["mut4"]}, "unknown cell 'mut4'; .* Did you mean"),
        ({"cells": ["gru", "gru"]}, "cell 'gru' is named twice"),
        ({"cells": []}, "at least one cell is needed"),
        ({"seeds": 0}, "seeds must be a positive integer; received seeds=0"),
        ({"steps": -1}, "steps must be a positive integer; received steps=-1"),
        ({"workers": 0}, "workers must be a positive integer; received workers=0"),
        ({"budget": 5}, "budget=5 is too small"),
        ({"trials": -2}, "trials must be a positive integer; received trials=-2"),
        ({"sampler": "grid"}, "unknown sampler 'grid'; accepted: 'random', 'tpe'"),
        ({"trials": 2, "learning_rates": [0.1]}, "give one of the two"),
        ({"reference": "rhn"}, "reference must be one of the cells; received 'rhn'"),
        ({"cells": ["lstm[peephole=3]"]}, "peephole must be True or False"),
        ({"heartbeat": 0}, "heartbeat must be a positive integer"),
        ({"tasks": [lambda: None]}, "at the top level of a module"),
        ({"learning_rates": [0.1, 0.0]}, "learning rates must be positive; received 0.0"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            small = {"tasks": [task("Sums")], "cells": ["elman"]}  # whose units are soon solved for
            experiments.compare(out="never made", **{**small, **options})
        assert "\n" not in str(error.value)
    assert not Path("never made").exists()


def test_a_worker_that_cannot_start_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match=r"a worker could not start: .* with code 1"):
        experiments.compare([task("Sums")], ["elman"], **TINY, out=tmp_path)


def test_summary_has_intervals_ranks_and_pairs(finished):
    rows = finished.summary().set_index("cell")
    assert finished.reference == "elman"
    assert (rows["low"] <= rows["mean"]).all() and (rows["mean"] <= rows["high"]).all()
    runs = finished.runs(task("Sums"))
    pairs = [runs["mut1"][seed] - runs["elman"][seed] for seed in (1, 2)]
    assert rows.loc["mut1", "difference"] == pytest.approx(sum(pairs) / 2)
    assert rows.loc["mut1", ["difference_low", "difference_high"]].isna().all()  # of two pairs
    assert {*rows["rank"]} == {1, 2} and finished.by_means
    page = (finished.folder / "report.html").read_text()
    assert "Ranks are the order of the means: fewer than 3 seeds" in page
    assert "worse" not in page.split("<h2>What was held equal")[0]  # nothing is told apart
    assert finished.ranks().loc["elman", "mean"] == rows.loc["elman", "rank"]
    assert (finished.folder / "summary.csv").exists()


def test_the_config_lies_beside_the_results(finished):
    stored = json.loads((finished.folder / "settings.json").read_text())
    assert stored["name"] == "two" and stored["storage"] is None
    assert stored["settings"] == finished.settings
    assert stored["settings"]["versions"]["optuna"]


def test_other_data_are_refused(finished, monkeypatch):
    monkeypatch.setattr(tiny_tasks.Sums, "raw", lambda self: b"others")
    options = {**TINY, "seeds": 2, "learning_rates": [0.001, 0.1], "out": finished.folder}
    with pytest.raises(ValueError, match="was made with other data of task 'tiny_tasks:Sums'"):
        experiments.compare([task("Sums")], ["elman", "mut1"], **options)
