"""Two processes share an experiment in a real PostgreSQL, and one of them is killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import keras
import pytest
import sqlalchemy
from pretending import in_this_process, pretended
from test_compare import environment, task

from keraseq import experiments
from keraseq.experiments import Results
from keraseq.experiments.engine import store

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.skipif(not BINARIES, reason="PostgreSQL is not in /usr/lib/postgresql/*/bin"),
]
pytest.importorskip("psycopg", reason="psycopg is not installed")
HEARTBEAT = 3  # seconds; a busy machine must not make a worker look dead
CELLS = ["elman", "gru"]


class Server:
    """A PostgreSQL of the test's own, in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.bin = folder, BINARIES[-1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.account, self.joined = {}, []
        if os.geteuid() == 0:  # which PostgreSQL refuses
            self.account = {"user": "nobody", "group": "nogroup"}
            shutil.chown(folder, **self.account)
        self.run("initdb", "-D", self.data, "-U", "lab", "-A", "trust", "--no-sync")
        self.start()

    @property
    def data(self):
        return str(self.folder / "data")

    @property
    def url(self):
        return f"postgresql://lab@127.0.0.1:{self.port}/postgres"

    def run(self, program, *arguments):
        subprocess.run(
            [self.bin / program, *arguments],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.account,
        )

    def start(self):
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -F"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", log, "-o", options, "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")


@pytest.fixture(scope="module")
def server():
    folder = Path(tempfile.mkdtemp(prefix="pg."))  # a short path: a socket's has no room for more
    server = Server(folder)
    yield server
    for process in server.joined:
        process.kill()
    server.stop()
    shutil.rmtree(folder)


def compare(server, folder, *arguments):
    """A process that joins the experiment."""
    command = [
        *(
            sys.executable,
            "-m",
            "keraseq",
            "compare",
            "--task",
            task("Slow"),
            "--cells",
            "elman,gru",
        ),
        *("--steps", "3", "--workers", "1", "--storage", server.url, "--name", "shared"),
        *("--heartbeat", str(HEARTBEAT), "--out", str(folder), *arguments),
    ]
    variables = {**environment(), "KERAS_BACKEND": "jax", "KERASEQ_LOOP": "plain"}
    variables |= {"SECONDS_OF_A_LOOK": "0.7"}
    streams = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    server.joined.append(subprocess.Popen(command, env=variables, **streams))
    return server.joined[-1]


def rows(server, query):
    engine = sqlalchemy.create_engine(store.url_of(".", server.url))
    try:
        with engine.connect() as connection:
            return connection.execute(sqlalchemy.text(query)).fetchall()
    except sqlalchemy.exc.DBAPIError:  # no tables yet
        return []
    finally:
        engine.dispose()


def until(condition, seconds=240):
    for _ in range(10 * seconds):  # not by the clock: a machine may sleep in between
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came to that")


def running(server):
    return {
        number for (number,) in rows(server, "SELECT trial_id FROM trials WHERE state='RUNNING'")
    }


def test_two_workers_of_which_one_is_killed(server, tmp_path, monkeypatch):
    store.Store(store.url_of(".", server.url), "tables").close()  # who makes them is no matter here
    first, other = (compare(server, tmp_path / x, "--trials", "2", "--seeds", "2") for x in "ab")
    until(lambda: len(running(server)) == 2)
    at_death = running(server)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    _, errors = other.communicate(timeout=300)
    assert other.returncode == 0, errors

    # All slots ended once; what the killed one was at was found and run again.
    ended = rows(
        server,
        "SELECT s.study_name, a.value_json, count(*) FROM trials t "
        "JOIN studies s USING (study_id) JOIN trial_user_attributes a USING (trial_id) "
        "WHERE a.key = 'slot' AND t.state IN ('COMPLETE', 'PRUNED') GROUP BY 1, 2",
    )
    name = f"shared/{task('Slow')}"
    expected = {(f"{name}/{cell}/search", str(n)) for cell in ("elman", "gru") for n in range(2)}
    expected |= {(f"{name}/{cell}/final", str(n)) for cell in ("elman", "gru") for n in (1, 2)}
    assert {(study, slot) for study, slot, _ in ended} == expected
    assert {count for _, _, count in ended} == {1}
    assert running(server) == set()
    lost = rows(
        server,
        "SELECT t.trial_id FROM trials t WHERE t.state = 'FAIL' AND NOT EXISTS (SELECT 1 FROM "
        "trial_user_attributes a WHERE a.trial_id = t.trial_id AND a.key = 'reason')",
    )
    assert at_death & {number for (number,) in lost}

    # Its folder can tell the whole story, and the same call finds nothing to do.
    found = Results.read(tmp_path / "b")
    assert len(found.trials()) == 4 and len(found.trials("search")) == 4
    assert not found.failed and (tmp_path / "b" / "report.html").exists()
    assert json.loads((tmp_path / "b" / "settings.json").read_text())["name"] == "shared"
    options = {"trials": 2, "seeds": 2, "steps": 3, "storage": server.url, "name": "shared"}
    in_this_process(monkeypatch, None)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")  # as theirs
    again = experiments.compare([task("Slow")], CELLS, **options, out=tmp_path / "a")
    assert again.trials().equals(found.trials())
    with pytest.raises(ValueError, match="made with seeds=2, this run has 3"):
        experiments.compare([task("Slow")], CELLS, **{**options, "seeds": 3}, out=tmp_path / "c")


def test_a_database_that_goes_away_in_the_middle(server, tmp_path, monkeypatch, capsys):
    def stopping(trial, on_look):
        if trial.seed == 2:
            server.stop()
            threading.Timer(2.0, server.start).start()
        return pretended(trial, on_look)

    in_this_process(monkeypatch, stopping)
    options = {"storage": server.url, "steps": 3, "heartbeat": HEARTBEAT}
    found = experiments.compare([task("Slow")], CELLS, **options, out=tmp_path, wait=60)
    assert list(found.trials()["seed"]) == [1, 2, 3, 1, 2, 3]
    assert not found.failed
    assert "the database does not answer, waiting up to 60 s: " in capsys.readouterr().err


def test_a_database_that_is_down_at_the_start(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(RuntimeError, match=r"lab:\*\*\*@127.*has not answered.*refused"):
        store.Store(
            store.url_of(tmp_path, f"postgresql://lab:secret@127.0.0.1:{port}/x"), "x", wait=0.1
        )
