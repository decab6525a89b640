"""Where a comparison is kept: an Optuna storage, SQLite in its folder or a database for many.

An experiment is a name. The study of that name holds its settings and what its tasks are;
`NAME/TASK/CELL/search` and `NAME/TASK/CELL/final` hold the trials.
"""

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from keraseq.experiments.engine import slots

DATABASE = "study.db"
HEARTBEAT = 30  # seconds between signs of life of a running trial
MISSED = 4  # signs of life, after which a trial is taken for dead
WAIT = 300  # seconds to wait for a database that does not answer
# What waiting does not mend, in the words of SQLite and PostgreSQL.
LASTING = ("full", "readonly", "unable to open", "authentication", "does not exist", "permission")

optuna.logging.set_verbosity(optuna.logging.WARNING)


def url_of(folder: str | Path, storage: str | None = None) -> str:
    """The URL of a storage: as given, or SQLite in the folder.

    Example:

    >>> from keraseq.experiments.engine import store
    >>> store.url_of("/runs/mine", "postgresql://me@there/lab")
    'postgresql+psycopg://me@there/lab'
    """
    if storage is None:
        return f"sqlite:///{Path(folder).resolve() / DATABASE}"
    for scheme in ("postgresql://", "postgres://"):
        if storage.startswith(scheme):  # SQLAlchemy would look for psycopg2
            return "postgresql+psycopg://" + storage.removeprefix(scheme)
    if storage.startswith("sqlite:///"):  # the folder may be read from elsewhere
        return f"sqlite:///{Path(storage.removeprefix('sqlite:///')).resolve()}"
    return storage


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return url


class Store:
    """An experiment in a storage; `say` is called with a line for people."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        heartbeat: int = HEARTBEAT,
        wait: float = WAIT,
        say: Callable[[str], None] = lambda line: None,
    ):
        self.url, self.name, self.heartbeat, self.wait, self.say = url, name, heartbeat, wait, say
        self.shared = not url.startswith("sqlite")
        self.shown = without_password(url)
        self._studies: dict[str, optuna.Study] = {}
        self.storage = self.patiently(self._open)

    def _open(self) -> RDBStorage:
        alive = {"heartbeat_interval": self.heartbeat, "grace_period": MISSED * self.heartbeat}
        options = {"pool_pre_ping": True} if self.shared else {"connect_args": {"timeout": 60}}
        try:
            with quiet():
                more = alive if self.shared else {}
                storage = RDBStorage(self.url, engine_kwargs=options, **more)
            if not self.shared:
                sqlalchemy.event.listen(storage.engine, "connect", quick)
                storage.engine.dispose()  # the next connection is the first that is quick
            return storage
        except sqlalchemy.exc.ArgumentError:
            raise ValueError(f"{self.shown!r} is no URL of a database") from None
        except ImportError as error:
            raise RuntimeError(
                f"no driver for {self.shown} is installed ({error.__cause__ or error}); for "
                "PostgreSQL: pip install 'keraseq[postgresql]'"
            ) from None
        except RuntimeError as error:
            if "schema" not in str(error):
                raise
            raise ValueError(
                f"{self.shown} was made by another version of Optuna: {one_line(error)}"
            ) from None

    def close(self) -> None:
        """Closes the connections to the database."""
        self.storage.remove_session()
        self.storage.engine.dispose()

    def patiently(self, call: Callable[[], Any]) -> Any:
        """What the call returns, which is made again for `wait` s while the database is silent."""
        begin, told = time.monotonic(), False
        while True:
            try:
                return call()
            except (StorageInternalError, sqlalchemy.exc.DBAPIError) as error:
                cause = one_line(error.__cause__ if error.__cause__ else error)
                waited = time.monotonic() - begin
                if any(word in cause for word in LASTING) or waited >= self.wait:
                    after = "" if waited < 1 else f" for {waited:.0f} s"
                    raise RuntimeError(
                        f"the database {self.shown} has not answered{after}: {cause}. What had "
                        "finished is safe in it; the same command goes on"
                    ) from None
                if not told:
                    self.say(
                        f"the database does not answer, waiting up to {self.wait:g} s: {cause}"
                    )
                    told = True
                time.sleep(min(0.2 + waited / 10, 5.0))

    # The experiment.

    def study(self, *names: str, direction: str = "min") -> optuna.Study:
        """The study of that name below the experiment's; made if it is not there."""
        name = "/".join([self.name, *names])
        if name not in self._studies:
            self._studies[name] = self.patiently(
                lambda: optuna.create_study(
                    study_name=name,
                    storage=self.storage,
                    load_if_exists=True,
                    direction=f"{direction}imize",
                )
            )
        return self._studies[name]

    def names(self) -> list[str]:
        """The names of the experiment's studies that are there, its own first."""
        every = self.patiently(lambda: optuna.get_all_study_names(self.storage))
        return sorted(n for n in every if n == self.name or n.startswith(self.name + "/"))

    def remove(self) -> None:
        """Removes the experiment's studies."""
        for name in reversed(self.names()):
            with contextlib.suppress(KeyError):
                self.patiently(
                    lambda name=name: optuna.delete_study(study_name=name, storage=self.storage)
                )
        self._studies.clear()

    def settings(self) -> dict[str, Any] | None:
        """The settings that the experiment was made with."""
        if self.name not in self.names():
            return None
        return self.attributes().get("settings")

    def agree(self, settings: dict[str, Any]) -> None:
        """Stores the settings, or refuses others than those that are there."""
        settings = json.loads(json.dumps(settings))
        stored = self.settings()
        if stored is None:
            study = self.study()
            self.patiently(lambda: study.set_user_attr("settings", settings))
            stored = self.settings()  # another may have been quicker
        refuse_other(self.shown if self.shared else self.name, stored, settings)

    def attributes(self) -> dict[str, Any]:
        """What is known of the experiment as a whole."""
        study = self.study()
        return self.patiently(lambda: study.user_attrs)

    def describe(self, task: str, description: dict[str, Any]) -> None:
        """Stores what a task is."""
        study = self.study()
        self.patiently(lambda: study.set_user_attr(f"task {task}", description))

    def description(self, task: str) -> dict[str, Any] | None:
        """What a task is, if that is known."""
        return self.attributes().get(f"task {task}")

    # Trials.

    def trials(self, study: optuna.Study) -> dict[int, list[optuna.trial.FrozenTrial]]:
        """The trials of each slot."""
        return slots.by_slot(self.patiently(lambda: study.get_trials(deepcopy=False)))

    def claim(
        self, study: optuna.Study, sampler: Callable[[int], Any] | None = None
    ) -> optuna.Trial | None:
        """A waiting trial that is now running for the caller alone, or None.

        `sampler` leads from a slot to the sampler that chooses what is not fixed for it.
        """
        while waiting := self._in(study, TrialState.WAITING):
            # Before they run: one that runs without any sign of life is never missed. Killed after
            # any statement of `ask` alone and of a sign after it, 14 of 25 left a trial behind.
            self.beat(study, [one.number for one in waiting])
            with quiet():
                trial = self.patiently(study.ask)
            self.beat(study, [trial.number])  # another may have added it meanwhile
            slot = self.patiently(lambda trial=trial: trial.user_attrs).get(slots.SLOT)
            # Without a slot: others were quicker, and Optuna made a trial up.
            if slot is None or slots.is_duplicate(trial, self.trials(study)[slot]):
                self.fail(trial, slots.DUPLICATE)
                continue
            if sampler is not None:
                study.sampler = sampler(slot)
            return trial
        return None

    def _in(self, study: optuna.Study, state: TrialState) -> list[optuna.trial.FrozenTrial]:
        return self.patiently(lambda: study.get_trials(deepcopy=False, states=(state,)))

    def finish(self, trial: optuna.Trial, record: dict[str, Any], value: float | None) -> bool:
        """Stores what came of a trial (no value: pruned); False if another has it meanwhile."""
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        return self._end(trial, slots.RECORD, json.loads(json.dumps(record)), state, value)

    def fail(self, trial: optuna.Trial, reason: str) -> None:
        """Stores that a trial has failed, and why."""
        self._end(trial, slots.REASON, reason, TrialState.FAIL)

    def _end(self, trial: optuna.Trial, name: str, said: Any, state: TrialState, value=None):
        try:
            self.patiently(lambda: trial.set_user_attr(name, said))
            told = partial(trial.study.tell, trial, value, state, skip_if_finished=True)
            return self.patiently(told).state == state
        except UpdateFinishedTrialError:
            return False

    def beat(self, study: optuna.Study, numbers: list[int]) -> None:
        """A sign of life of trials, where others watch for it; a silent database misses it."""
        if self.shared and numbers:
            with contextlib.suppress(StorageInternalError, sqlalchemy.exc.DBAPIError):
                where = self.storage.get_study_id_from_name(study.study_name)
                for number in numbers:
                    trial = self.storage.get_trial_id_from_study_id_trial_number(where, number)
                    self.storage.record_heartbeat(trial)

    def bury(self, study: optuna.Study) -> None:
        """Fails the trials of a study whose workers give no sign of life."""
        # Whoever looks next adds others (`Crew._fill`). Optuna's RetryHeartbeatStaleTrialCallback
        # would do it here: killed after any of its 28 statements, 21 times it never did.
        if self.shared:
            with quiet():
                self.patiently(lambda: optuna.storages.fail_stale_trials(study))

    def bury_all(self, study: optuna.Study) -> None:
        """Fails every running trial of a study: whoever ran them is gone (see `alone`)."""
        for trial in self._in(study, TrialState.RUNNING):
            self.patiently(partial(study.tell, trial.number, state=TrialState.FAIL))


def quick(connection, record) -> None:
    """Spares SQLite the wait for the disk at every commit.

    A process that is killed loses nothing; a power cut may lose the last seconds.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


@contextlib.contextmanager
def alone(url: str) -> Iterator[None]:
    """Keeps a SQLite database to one process at a time; any other database is for many."""
    path = sqlalchemy.make_url(url).database if url.startswith("sqlite") else None
    if not path or path == ":memory:":
        yield
        return
    try:
        import fcntl
    except ImportError:  # not on this system: people have to see to it themselves
        yield
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(
                f"another comparison is at work on {path}; let it end, or share the work through "
                "--storage postgresql://..."
            ) from None
        yield


def refuse_other(where: str, stored: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuses settings that differ from the stored ones, and names the first difference."""
    ours, theirs = dict(flat(settings)), dict(flat(stored))
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            raise ValueError(
                f"{where} was made with {name}={theirs.get(name)!r}, this run has "
                f"{ours.get(name)!r}; choose another --out, or start over with --fresh"
            )


def flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as pairs of a dotted name and a value."""
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's notes that heartbeats are experimental, and meant for its own loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Heartbeat of storage")
        yield


def one_line(error: BaseException) -> str:
    """What an error says, in one line of at most 300 characters."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return " ".join(line.strip() for line in lines)[:300] or type(error).__name__
