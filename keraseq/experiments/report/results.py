"""What a comparison found, as frames, read from where it is kept."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keraseq import files
from keraseq.checks import did_you_mean
from keraseq.experiments.engine import slots, store
from keraseq.experiments.engine.plan import FORMAT
from keraseq.experiments.engine.store import Store
from keraseq.experiments.report import statistics

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = "settings.json"
RECORDS = "results.json"  # all of the results, to read where the database is not
WHOLE = ("settings", "tasks", "records")  # what is in it
# Columns of a trial that results.csv holds, in this order.
COLUMNS = tuple(
    "task cell seed role status metric test validation best_step diverged_at pruned_at solved_step "
    "units parameters budget number learning_rate initial_scale clipnorm steps step_ms "
    "train_seconds compile_seconds seconds projection loop path reason".split()
)
OF_CELLS = "rank not_converged runs diverged units parameters step_ms loop".split()  # in the JSON


def measured(name: str) -> pd.DataFrame:
    """A table of what was measured for keraseq's documentation, a row a run.

    Args:
        name: Of a file in `benchmarks/results`, which every wheel brings along, without `.csv`.

    Raises:
        ValueError: There is no such table.

    Example:

    >>> keraseq.experiments.measured("text-cells")["cell"].nunique() > 5
    True
    """
    import pandas as pd

    path = files.RESULTS / f"{name}.csv"
    if not path.is_file():
        known = files.names(files.RESULTS, ".csv")
        raise ValueError(
            f"unknown table {name!r}; known tables: {', '.join(known)}.{did_you_mean(name, known)}"
        )
    return pd.read_csv(path)


@dataclass(frozen=True)
class Results:
    """The records of a comparison.

    Args:
        folder: Where they are kept.
        settings: What the comparison was asked for.
        tasks: For each task that is described: title, metric, facts, baselines.
        records: One dictionary for each trial that has ended or failed.
        reference: The cell that the others are paired with.
    """

    folder: Path
    settings: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    records: list[dict[str, Any]]
    reference: str

    @classmethod
    def read(
        cls, folder: str | Path, storage: str | None = None, reference: str | None = None
    ) -> Results:
        """The results of the comparison in a folder.

        Args:
            folder: Its folder, which says where its trials are kept; or a copy of its
                `results.json` in any folder; or the name of a study that comes with keraseq, such
                as `"arithmetic-xml"` or `"memory"`.
            storage: URL of the database, where the folder's does not do (it has no password).
            reference: The cell that the others are paired with. Default: see `compare`.

        Raises:
            ValueError: The folder holds no comparison.
            RuntimeError: The database does not answer.
        """
        folder = files.named(folder, files.RESULTS / "studies")
        path, copy = Path(folder) / SETTINGS, Path(folder) / RECORDS
        if not path.exists() and copy.exists():
            whole = files.read_json(copy, finite=False)  # of trials that diverged
            missing = [name for name in WHOLE if name not in whole]
            if missing:
                raise ValueError(f"{copy} holds no comparison: it has no {missing[0]}")
            parts = (whole[name] for name in WHOLE)
            return cls.checked(Path(folder), *parts, reference=reference)
        if not path.exists():
            raise ValueError(f"{folder} holds no comparison: there is no {SETTINGS}")
        known = files.read_json(path)
        if "name" not in known:
            raise ValueError(f"{folder} was made by another version of keraseq; compare again")
        url = store.url_of(folder, storage or known.get("storage"))
        if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
            raise ValueError(f"{folder} holds no comparison: there is no {store.DATABASE}")
        with contextlib.closing(Store(url, known["name"], wait=5)) as kept:
            return cls.of(Path(folder), kept, reference=reference)

    @classmethod
    def of(cls, folder: Path, kept: Store, reference: str | None = None) -> Results:
        """The results of the experiment in a storage."""
        settings = kept.settings()
        if settings is None:
            raise ValueError(f"there is no experiment {kept.name!r} in {kept.shown}")
        described = {name: kept.description(name) for name in settings["tasks"]}
        tasks = {name: one for name, one in described.items() if one is not None}
        there = set(kept.names())
        records = []
        for task in settings["tasks"]:
            for cell in settings["cells"]:
                for role in ("search", "final"):
                    if "/".join([kept.name, task, cell, role]) in there:
                        records += ended(kept, task, cell, role)
        return cls.checked(
            folder, settings, tasks, records, reference, f"{kept.name!r} in {kept.shown}"
        )

    @classmethod
    def checked(
        cls,
        folder: Path,
        settings: dict[str, Any],
        tasks: dict[str, dict[str, Any]],
        records: list[dict[str, Any]],
        reference: str | None = None,
        place: str = RECORDS,
    ) -> Results:
        """Results of a format that can be read, with a reference that is there."""
        if settings.get("format") != FORMAT:
            raise ValueError(
                f"{place} was made by another version of keraseq (format "
                f"{settings.get('format')}, this one reads {FORMAT}); compare again with --fresh"
            )
        if reference is not None and reference not in settings["cells"]:
            raise ValueError(f"reference must be one of the cells; received {reference!r}")
        usual = "lstm" if "lstm" in settings["cells"] else settings["cells"][0]
        return cls(folder, settings, tasks, records, reference or usual)

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The trials that ended without a result, each with its reason."""
        return [record for record in self.records if record["status"] == "failed"]

    @property
    def planned(self) -> int:
        """How many trials it consists of."""
        count = 0
        for task in self.settings["tasks"].values():
            rates = task["learning_rates"]
            listed = len(rates) * (len(rates) > 1) if isinstance(rates, list) else None
            count += self.settings["seeds"]
            count += self.settings["trials"] if listed is None else listed
        return count * len(self.settings["cells"])

    @property
    def further(self) -> list[str]:
        """What tasks say beyond their metric, see `Task.further`: the last columns of frames."""
        return list(dict.fromkeys(name for r in self.records for name in r.get("further", ())))

    def trials(self, role: str = "final") -> pd.DataFrame:
        """A row a trial."""
        import pandas as pd

        rows = [
            {c: r.get(c) for c in COLUMNS} | r.get("further", {})
            for r in self.records
            if r["role"] == role
        ]
        return pd.DataFrame(rows, columns=[*COLUMNS, *self.further]).infer_objects()

    def finished(self, task: str) -> pd.DataFrame:
        """The trials of a task that have a result on the test part."""
        trials = self.trials()
        return trials[(trials["task"] == task) & trials["test"].notna()].infer_objects()

    def curves(self) -> pd.DataFrame:
        """A row for each look of each trial at its validation part."""
        import pandas as pd

        rows = [
            {"task": r["task"], "cell": r["cell"], "seed": r["seed"], **look}
            for r in self.records
            if r["role"] == "final"
            for look in r.get("curve", ())
        ]
        columns = ["task", "cell", "seed", "step", "seconds", "loss", "validation"]
        return pd.DataFrame(rows, columns=columns).astype({"loss": float, "validation": float})

    def baselines(self, task: str) -> dict[str, float]:
        """The baselines of a task, the best one first."""
        described = self.tasks.get(task)
        if described is None:
            return {}
        sign = 1 if described["direction"] == "min" else -1
        return dict(sorted(described["baselines"].items(), key=lambda pair: sign * pair[1]))

    def floor(self, task: str, part: str = "test") -> tuple[str, float] | None:
        """Name and value of what no learning gives on a part of a task, where that is known."""
        described = self.tasks.get(task, {})
        name = described.get("floor")
        if not name:
            return None
        of_test = described["baselines"][name]
        value = of_test if part == "test" else described.get("validation_floor")
        return None if value is None else (name, value)

    def claim(self, task: str, one: str, other: str) -> str:
        """Whether a cell is better than another on a task, with their paired difference.

        Returns:
            `"yes"`, `"no"` or `"undecided"`, the mean difference on the test part, and its interval
            where there are seeds enough; nothing where one of them was not run.
        """
        runs = self.runs(task)
        if not {one, other} <= set(runs):
            return ""
        mean, low, high = statistics.difference(runs[one], runs[other])
        verdict = statistics.verdict(runs[one], runs[other], self.tasks[task]["direction"])
        return f"{verdict}: {mean:+.3f}" + (f" [{low:+.3f}, {high:+.3f}]" if low == low else "")

    def runs(self, task: str) -> dict[str, dict[int, float]]:
        """The final values of a task: cell -> seed -> value on the test part."""
        finished = self.finished(task)
        return {
            cell: dict(zip(of_cell["seed"], of_cell["test"], strict=True))
            for cell in self.settings["cells"]
            if len(of_cell := finished[finished["cell"] == cell])
        }

    @property
    def by_means(self) -> bool:
        """Whether ranks are no more than the order of the means, see `statistics.ranks`."""
        return any(statistics.by_means(self.runs(task)) for task in self.tasks)

    def ranks(self) -> pd.DataFrame:
        """Cells by tasks: ranks with ties (see `statistics.ranks`), and their mean."""
        import pandas as pd

        found = {
            task: statistics.ranks(self.runs(task), described["direction"])
            for task, described in self.tasks.items()
        }
        table = pd.DataFrame(found, index=self.settings["cells"])
        table.index.name = "cell"
        table["mean"] = table.mean(axis=1)
        return table

    def did_not_converge(self, task: str, cell: str) -> int:
        """Number of final runs that diverged, failed, or learned nothing beyond the floor."""
        described, floor = self.tasks[task], self.floor(task)
        runs = [
            r for r in self.records if (r["task"], r["cell"], r["role"]) == (task, cell, "final")
        ]
        return sum(
            r["status"] != "finished"
            or not statistics.converged(r["test"], floor and floor[1], described["direction"])
            for r in runs
        )

    def summary(self) -> pd.DataFrame:
        """A row for each task and cell: mean, spread, interval, rank, sizes, times."""
        import pandas as pd

        rows = []
        for task, described in self.tasks.items():
            trials, runs = self.finished(task), self.runs(task)
            ranks = statistics.ranks(runs, described["direction"])
            for cell in self.settings["cells"]:
                of_cell = trials[trials["cell"] == cell]
                if of_cell.empty:
                    continue
                one = of_cell.iloc[0]
                mean, low, high = statistics.bootstrap(list(runs[cell].values()))
                paired = cell != self.reference and statistics.difference(
                    runs[cell], runs.get(self.reference, {})
                )
                difference = paired or (None, None, None)
                row = {"task": task, "cell": cell, "mean": mean, "sd": of_cell["test"].std()}
                row |= {"low": low, "high": high, "rank": ranks[cell]}  # sd: NaN for a single seed
                names = ("difference", "difference_low", "difference_high")
                row |= dict(zip(names, difference, strict=True))
                row |= {"runs": len(of_cell), "not_converged": self.did_not_converge(task, cell)}
                row |= {"solved": int(of_cell["solved_step"].notna().sum())}
                row |= {"solved_step": of_cell["solved_step"].astype(float).median()}
                row |= {"diverged": int((of_cell["status"] == "diverged").sum())}
                row |= {name: int(one[name]) for name in ("units", "parameters")}
                row |= {name: one[name] for name in ("learning_rate", "initial_scale", "clipnorm")}
                row |= {"step_ms": of_cell["step_ms"].astype(float).median()}
                row |= {"train_seconds": of_cell["train_seconds"].mean()}
                row |= {"projection": of_cell["projection"].fillna("").iloc[0]}
                row |= {"loop": ", ".join(of_cell["loop"].dropna().unique())}
                rows.append(row | of_cell[self.further].astype(float).mean().to_dict())
        return pd.DataFrame(rows)

    def write(self) -> None:
        """Writes `results.csv` (trials and baselines), `summary.csv`, `curves.csv`, and all of
        it, to be read again, in `results.json`.
        """
        import pandas as pd

        frames = [self.trials(role).assign(kind="trial") for role in ("search", "final")]
        baselines = [
            {
                "kind": "baseline",
                "task": task,
                "cell": name,
                "metric": about["metric"],
                "test": value,
            }
            for task, about in self.tasks.items()
            for name, value in self.baselines(task).items()
        ]
        rows = [row for frame in frames for row in frame.to_dict("records")] + baselines
        table = pd.DataFrame(rows, columns=["kind", *COLUMNS, *self.further])
        written = {"results": table, "summary": self.summary(), "curves": self.curves()}
        for name, frame in written.items():
            files.write(self.folder / f"{name}.csv", frame.to_csv(index=False))
        whole = {name: getattr(self, name) for name in WHOLE}
        files.write(self.folder / RECORDS, json.dumps(whole))

    def as_json(self) -> dict[str, Any]:
        """The numbers as one object, for programs: metric names are keys."""
        tasks: dict[str, Any] = {}
        summary = self.summary()
        for name, task in self.tasks.items():
            metric, cells = task["metric"], {}
            for row in summary[summary["task"] == name].to_dict("records") if len(summary) else []:
                cells[row["cell"]] = {
                    metric: row["mean"],
                    f"{metric}_sd": none_if_nan(row["sd"]),
                    f"{metric}_95": [row["low"], row["high"]],
                    **{one: none_if_nan(row[one]) for one in OF_CELLS},
                    **{one: row[one] for one in self.further if row[one] == row[one]},
                }
            tasks[name] = {
                "metric": metric,
                "direction": task["direction"],
                "cells": cells,
                "baselines": {b: {metric: value} for b, value in self.baselines(name).items()},
            }
        return {
            "tasks": tasks,
            "failed": [
                {one: record[one] for one in ("task", "cell", "seed", "reason")}
                for record in self.failed
            ],
            "folder": str(self.folder),
            "report": str(self.folder / "report.html"),
        }


def ended(kept: Store, task: str, cell: str, role: str) -> list[dict[str, Any]]:
    """The records of a cell's slots on a task, by slot; of a failed one, what it was to be."""
    found = []
    study = kept.study(task, cell, role)
    for slot, trials in sorted(kept.trials(study).items()):
        done, reason = slots.done(trials), slots.failure(trials)
        if done is not None:
            found.append(done.user_attrs[slots.RECORD])
        elif reason is not None:
            place = {"seed": slot, "number": 0} if role == "final" else {"seed": 0, "number": slot}
            named = {"task": task, "cell": cell, "role": role, **place}
            found.append({**named, "status": "failed", "reason": reason, **trials[-1].params})
    return found


def none_if_nan(value: float) -> float | None:
    """The value, or None for NaN, which JSON does not have."""
    return None if value != value else value
