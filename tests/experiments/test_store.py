import json

import pytest

from keraseq.experiments.store import Run, write

SETTINGS = {"seeds": 2, "cells": ["gru"], "tasks": {"a": {"steps": 5, "rates": (0.1,)}}}


def changed(**changes):
    return {**SETTINGS, **changes}


def test_records_come_back(tmp_path):
    run = Run(tmp_path / "new" / "run", SETTINGS)
    run.save("a-gru-seed1", {"test": 1.5})
    assert Run(tmp_path / "new" / "run", SETTINGS).records() == {"a-gru-seed1": {"test": 1.5}}
    assert Run.at(tmp_path / "new" / "run").settings == run.settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            changed(seeds=3),
            r"made with seeds=2, this run has 3; choose another --out, .*--fresh",
        ),
        (changed(tasks={"a": {"steps": 6, "rates": [0.1]}}), r"made with tasks\.a\.steps=5"),
        (changed(tasks={"b": {"steps": 5}}), r"made with tasks\.b\.steps=None, this run has 5"),
        ({"seeds": 2}, r"made with cells=\['gru'\], this run has None"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path, settings, message):
    Run(tmp_path, SETTINGS)
    with pytest.raises(ValueError, match=message):
        Run(tmp_path, settings)


def test_fresh_removes_the_run_and_nothing_else(tmp_path):
    run = Run(tmp_path, SETTINGS)
    run.save("a-gru-seed1", {})
    (tmp_path / "my notes.txt").write_text("keep me")
    fresh = Run(tmp_path, changed(seeds=3), fresh=True)
    assert fresh.records() == {} and fresh.settings["seeds"] == 3
    assert (tmp_path / "my notes.txt").read_text() == "keep me"


def test_what_was_half_written_is_not_there(tmp_path):
    run = Run(tmp_path, SETTINGS)
    run.save("whole", {"test": 1})
    (tmp_path / "trials" / ".half.json.77.partial").write_text('{"test"')
    assert list(run.records()) == ["whole"]


def test_a_damaged_record_is_named(tmp_path):
    run = Run(tmp_path, SETTINGS)
    (tmp_path / "trials" / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json holds no JSON object; remove it"):
        run.records()


def test_folders_that_are_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file is a file; results need a folder"):
        Run(tmp_path / "file", SETTINGS)
    with pytest.raises(ValueError, match="holds no comparison"):
        Run.at(tmp_path / "nothing")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.json"
    write(target, json.dumps(1))
    with pytest.raises(UnicodeEncodeError):
        write(target, "\ud800")
    assert target.read_text() == "1"
