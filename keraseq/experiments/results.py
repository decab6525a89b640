"""What a comparison found, as frames, read from its folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keraseq.experiments.store import Run

if TYPE_CHECKING:
    import pandas as pd

# Columns of a trial that results.csv holds, in this order.
COLUMNS = (
    "task",
    "cell",
    "seed",
    "role",
    "status",
    "metric",
    "test",
    "validation",
    "best_step",
    "diverged_at",
    "units",
    "parameters",
    "budget",
    "learning_rate",
    "steps",
    "step_ms",
    "train_seconds",
    "compile_seconds",
    "seconds",
    "projection",
    "loop",
    "path",
    "reason",
)


@dataclass(frozen=True)
class Results:
    """The records of a comparison.

    Args:
        folder: Where they are kept.
        settings: What the comparison was asked for.
        tasks: For each task that is described: title, metric, facts, baselines.
        records: One dictionary for each trial, finished or failed.
    """

    folder: Path
    settings: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    records: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: str | Path) -> Results:
        """The results in the folder of a comparison."""
        run = Run.at(folder)
        records = list(run.records().values())
        described = {r["task"]: r for r in records if "facts" in r}
        order = list(run.settings["tasks"])
        cells = run.settings["cells"]
        trials = [r for r in records if "cell" in r]
        trials.sort(key=lambda r: (order.index(r["task"]), cells.index(r["cell"]), r["seed"]))
        tasks = {name: described[name] for name in order if name in described}
        return cls(Path(folder), run.settings, tasks, trials)

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The trials that ended without a result, each with its reason."""
        return [record for record in self.records if record["status"] == "failed"]

    def trials(self, role: str = "final") -> pd.DataFrame:
        """A row a trial."""
        import pandas as pd

        rows = [{c: r.get(c) for c in COLUMNS} for r in self.records if r["role"] == role]
        return pd.DataFrame(rows, columns=list(COLUMNS))

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

    def summary(self) -> pd.DataFrame:
        """A row for each task and cell: mean and standard deviation over seeds, sizes, times."""
        import pandas as pd

        rows = []
        for task in self.tasks:
            trials = self.finished(task)
            for cell in self.settings["cells"]:
                of_cell = trials[trials["cell"] == cell]
                if of_cell.empty:
                    continue
                one = of_cell.iloc[0]
                rows.append(
                    {
                        "task": task,
                        "cell": cell,
                        "mean": of_cell["test"].mean(),
                        "sd": of_cell["test"].std(),  # of the sample; NaN for a single seed
                        "runs": len(of_cell),
                        "diverged": int((of_cell["status"] == "diverged").sum()),
                        "units": int(one["units"]),
                        "parameters": int(one["parameters"]),
                        "learning_rate": one["learning_rate"],
                        "step_ms": of_cell["step_ms"].astype(float).median(),
                        "train_seconds": of_cell["train_seconds"].mean(),
                        "projection": of_cell["projection"].fillna("").iloc[0],
                        "loop": ", ".join(of_cell["loop"].dropna().unique()),
                    }
                )
        return pd.DataFrame(rows)

    def write_csv(self) -> None:
        """Writes `results.csv` (trials and baselines) and `curves.csv` into the folder."""
        import pandas as pd

        from keraseq.experiments.store import write

        frames = [self.trials(role).assign(kind="trial") for role in ("search", "final")]
        baselines = [
            {
                "kind": "baseline",
                "task": task,
                "cell": name,
                "metric": self.tasks[task]["metric"],
                "test": value,
            }
            for task in self.tasks
            for name, value in self.baselines(task).items()
        ]
        rows = [row for frame in frames for row in frame.to_dict("records")] + baselines
        table = pd.DataFrame(rows, columns=["kind", *COLUMNS])
        write(self.folder / "results.csv", table.to_csv(index=False))
        write(self.folder / "curves.csv", self.curves().to_csv(index=False))

    def as_json(self) -> dict[str, Any]:
        """The numbers as one object, for programs: metric names are keys."""
        tasks: dict[str, Any] = {}
        summary = self.summary()
        for name, task in self.tasks.items():
            metric = task["metric"]
            cells = {}
            for row in summary[summary["task"] == name].to_dict("records") if len(summary) else []:
                cells[row["cell"]] = {
                    metric: row["mean"],
                    f"{metric}_sd": none_if_nan(row["sd"]),
                    "runs": row["runs"],
                    "diverged": row["diverged"],
                    "units": row["units"],
                    "parameters": row["parameters"],
                    "step_ms": none_if_nan(row["step_ms"]),
                    "loop": row["loop"],
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
                {"task": r["task"], "cell": r["cell"], "seed": r["seed"], "reason": r["reason"]}
                for r in self.failed
            ],
            "folder": str(self.folder),
            "report": str(self.folder / "report.html"),
        }


def none_if_nan(value: float) -> float | None:
    """The value, or None for NaN, which JSON does not have."""
    return None if value != value else value
