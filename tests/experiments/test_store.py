"""The storage of an experiment, in SQLite files and on databases that fail."""

import sqlite3
import time

import optuna
import pytest
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from keraseq.experiments.engine import slots, store
from keraseq.experiments.engine.store import Store

SETTINGS = {"seeds": 2, "cells": ["gru"], "tasks": {"a": {"steps": 5, "rates": (0.1,)}}}


@pytest.fixture
def url(tmp_path):
    return store.url_of(tmp_path)


@pytest.fixture
def kept(url):
    return Store(url, "mine", wait=0.3)


def test_settings_come_back(kept, url):
    assert kept.settings() is None
    kept.agree(SETTINGS)
    again = Store(url, "mine")
    again.agree(SETTINGS)
    assert again.settings() == {**SETTINGS, "tasks": {"a": {"steps": 5, "rates": [0.1]}}}
    assert Store(url, "other").settings() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 3}, r"made with seeds=2, this run has 3; choose another --out, .*--fresh"),
        ({"tasks": {"a": {"steps": 6, "rates": [0.1]}}}, r"made with tasks\.a\.steps=5"),
        ({"tasks": {"b": {"steps": 5}}}, r"made with tasks\.b\.steps=None, this run has 5"),
        ({"format": 7}, r"made with format=None, this run has 7"),
    ],
)
def test_other_settings_are_refused_by_name(kept, changes, message):
    kept.agree(SETTINGS)
    with pytest.raises(ValueError, match=message):
        kept.agree({**SETTINGS, **changes})


def test_removing_an_experiment_leaves_the_others(kept, url):
    other = Store(url, "mine too")
    for one in (kept, other):
        one.agree(SETTINGS)
        one.study("a", "gru", "final")
    kept.remove()
    assert kept.names() == [] and len(other.names()) == 2


def test_a_trial_is_claimed_once_and_its_duplicate_never(kept):
    study = kept.study("a", "gru", "final", direction="max")
    for slot in (1, 1, 2):
        slots.add(study, slot)
    claimed = [kept.claim(study) for _ in range(3)]
    assert [trial and trial.user_attrs[slots.SLOT] for trial in claimed] == [1, 2, None]
    duplicate = study.trials[1]
    assert duplicate.state == TrialState.FAIL
    assert duplicate.user_attrs[slots.REASON] == slots.DUPLICATE
    assert kept.finish(claimed[0], {"test": 0.5}, 0.5)
    [one] = kept.trials(study)[1][:1]
    assert one.user_attrs[slots.RECORD] == {"test": 0.5} and one.value == 0.5
    assert study.best_value == 0.5


class Killed(BaseException):
    """What a process does not live to see."""


def test_a_claim_that_is_killed_at_any_statement_loses_no_slot(url, monkeypatch):
    """The slot is claimed by another at once, or when the missing signs of life are noticed."""
    monkeypatch.setattr(store, "MISSED", 1)
    kept = Store(url, "mine", heartbeat=1)
    kept.shared = True  # SQLite, with the signs of life of a database for many
    kept.storage.heartbeat_interval, kept.storage.grace_period = 1, 1
    left = [0]

    def statement(*given):
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    for event in ("before_cursor_execute", "commit"):
        sqlalchemy.event.listen(kept.storage.engine, event, statement)
    studies = []
    for number in range(1, 99):
        studies.append(kept.study("a", f"cell{number}", "final"))
        for slot in (1, 2):
            slots.add(studies[-1], slot)
        left[0] = number
        try:
            kept.claim(studies[-1])
        except Killed:
            kept.close()
            continue
        finally:
            left[0] = 0
        break
    assert 20 < len(studies) < 98
    time.sleep(2.1)  # whole seconds are compared
    for study in studies[:-1]:
        kept.bury(study)
        states = {slot: slots.state(found) for slot, found in kept.trials(study).items()}
        assert states[2] == "waiting" and states[1] in ("waiting", "missing"), study.study_name


def test_what_was_given_to_another_is_not_counted_again(kept):
    study = kept.study("a", "gru", "final")
    slots.add(study, 1)
    trial = kept.claim(study)
    kept.bury_all(study)
    assert not kept.finish(trial, {"test": 1.0}, 1.0)
    kept.fail(trial, "too late to say")
    assert slots.state(kept.trials(study)[1]) == "missing"


def test_one_process_at_a_time_on_a_file(url):
    with store.alone(url):
        with pytest.raises(ValueError, match=r"another comparison is at work on .*study\.db"):
            with store.alone(url):
                pass
        with store.alone("postgresql+psycopg://a@b/c"):
            pass
    with store.alone(url):
        pass


class Down:
    """Something that fails so many times."""

    def __init__(self, times, error):
        self.times, self.error = times, error

    def __call__(self):
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return "there"


def broken(text):
    error = StorageInternalError("An exception is raised during the commit.")
    error.__cause__ = sqlalchemy.exc.OperationalError("UPDATE", {}, sqlite3.OperationalError(text))
    return error


def test_a_database_that_comes_back_is_waited_for(url):
    said = []
    kept = Store(url, "mine", wait=5, say=said.append)
    assert kept.patiently(Down(2, broken("connection refused"))) == "there"
    [line] = said
    assert line == "the database does not answer, waiting up to 5 s: connection refused"


def test_a_database_that_stays_away_is_an_error(kept):
    with pytest.raises(RuntimeError, match=r"has not answered.*: connection refused.*is safe"):
        kept.patiently(Down(100, broken("connection refused")))


@pytest.mark.parametrize("text", ["database or disk is full", "attempt to write a readonly"])
def test_what_waiting_does_not_mend_is_said_at_once(url, text):
    kept = Store(url, "mine", wait=60)
    down = Down(1, broken(text))
    with pytest.raises(RuntimeError, match=text) as error:
        kept.patiently(down)
    assert down.times == 0 and "\n" not in str(error.value)


def test_urls_that_lead_nowhere(tmp_path):
    with pytest.raises(ValueError, match="'nonsense' is no URL of a database"):
        Store("nonsense", "mine")
    with pytest.raises(RuntimeError, match=r"unable to open database file"):
        Store(f"sqlite:///{tmp_path}/no/such/folder/study.db", "mine")
    with pytest.raises(RuntimeError, match="no driver for oracle"):
        Store("oracle+cx_oracle://a:secret@b/c", "mine")


def test_passwords_are_not_shown():
    assert store.without_password("postgresql+psycopg://me:secret@there/lab") == (
        "postgresql+psycopg://me:***@there/lab"
    )


def test_a_database_of_another_optuna_is_refused(url):
    Store(url, "mine")
    path = sqlalchemy.make_url(url).database
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    connection.close()
    with pytest.raises(ValueError, match="was made by another version of Optuna: ") as error:
        Store(url, "mine")
    assert "\n" not in str(error.value)


def test_optuna_reads_what_was_stored(kept, url):
    """As its dashboard does."""
    study = kept.study("a", "gru", "search", direction="max")
    slots.add(study, 0, {"learning_rate": 0.1})
    trial = kept.claim(study)
    trial.suggest_float("learning_rate", 0.01, 1.0, log=True)
    kept.finish(trial, {"validation": 0.75}, 0.75)
    read = optuna.load_study(study_name="mine/a/gru/search", storage=url)
    assert read.best_params == {"learning_rate": 0.1} and read.best_value == 0.75


def test_nested_settings_as_dotted_names():
    assert dict(store.flat({"a": {"b": 1, "c": {}}, "d": [2]})) == {"a.b": 1, "a.c": {}, "d": [2]}
