"""What a comparison found as tables of text, for a terminal and for the page."""

from __future__ import annotations

from keraseq.experiments.report import statistics
from keraseq.experiments.report.results import Results

SIZES = ("units", "parameters", "ms a step", "training s")
HEADINGS = ("cell", "test", "rank", "difference", "notes", "95 %", "runs", *SIZES, "loop")
ALWAYS = ("cell", "test")
LEFT = ("cell", "loop", "notes")  # columns of words; the others are numbers


def rows(results: Results, task: str) -> list[dict[str, str]]:
    """The table of a task, a row a cell, best first, then the baselines, best first."""
    described, summary, table = results.tasks[task], results.summary(), []
    digits, lower = described["digits"], described["direction"] == "min"
    of_task = (
        summary[summary["task"] == task].sort_values("mean", ascending=lower)
        if len(summary)
        else summary
    )
    for row in of_task.to_dict("records"):
        there = {name for name, value in row.items() if value is not None and value == value}
        interval = (
            between(row["difference_low"], row["difference_high"], digits, "+")
            if "difference_low" in there
            else ""
        )
        table.append(
            {
                "cell": row["cell"],
                "test": f"{row['mean']:.{digits}f}"
                + (f" ± {row['sd']:.{digits}f}" if "sd" in there else ""),
                "95 %": between(row["low"], row["high"], digits) if row["runs"] > 1 else "",
                "rank": str(row["rank"]) if row["runs"] > 1 else "",
                "difference": f"{row['difference']:+.{digits}f} {interval}".strip()
                if "difference" in there
                else "",
                "runs": str(row["runs"]),
                "units": str(row["units"]),
                "parameters": f"{row['parameters']:,}",
                "ms a step": f"{row['step_ms']:.1f}" if "step_ms" in there else "",
                "training s": f"{row['train_seconds']:.1f}",
                "loop": row["loop"],
                "notes": notes(results, row),
            }
        )
    for name, value in results.baselines(task).items():
        kind = "baseline, the floor" if name == described.get("floor") else "baseline"
        table.append({"cell": name, "test": f"{value:.{digits}f}", "notes": kind})
    return [{heading: row.get(heading, "") for heading in HEADINGS} for row in table]


def between(low: float, high: float, digits: int, sign: str = "") -> str:
    """An interval."""
    return f"[{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def notes(results: Results, row: dict) -> str:
    """What else there is to say of a cell on a task."""
    found = []
    if row["projection"]:
        found.append(f"projection {row['projection']}")
    if row["task"] in {r["task"] for r in results.records if r["role"] == "search"}:
        found.append(f"learning rate {row['learning_rate']:.2g}")
        if results.settings["trials"]:
            found.append(f"scale {row['initial_scale']:g}, norm {row['clipnorm']:g}")
    if row["diverged"]:
        found.append(f"{row['diverged']} diverged")
    if row["not_converged"]:
        found.append(f"{row['not_converged']} did not converge")
    if results.tasks[row["task"]].get("solved") is not None:
        steps = f", at step {row['solved_step']:,.0f}" if row["solved"] else ""
        found.append(f"{row['solved']} of {row['runs']} solved{steps}")
    digits = results.tasks[row["task"]]["digits"]
    found += [f"{one} {row[one]:.{digits}f}" for one in results.further if row[one] == row[one]]
    return ", ".join(found)


def is_baseline(row: dict[str, str]) -> bool:
    """Whether a row is a baseline's."""
    return row.get("notes", "").startswith("baseline")


def telling(found: list[dict[str, str]]) -> tuple[list[dict[str, str]], str]:
    """Rows without the columns that are empty or the same for all cells, and what those say."""
    of_cells = [row for row in found if not is_baseline(row)]
    alike, empty = {}, set()
    for name in found[0] if found else ():
        values = {row[name] for row in of_cells}
        if name not in ALWAYS and not any(row[name] for row in found):
            empty.add(name)
        elif name not in (*ALWAYS, "notes") and len(of_cells) > 1 and len(values) == 1:
            alike[name] = values.pop()
    shown = [{k: v for k, v in row.items() if k not in {*alike, *empty}} for row in found]
    said = ", ".join(f"{name} {value}" for name, value in alike.items() if value)
    return shown, f"the same for every cell: {said}" if said else ""


def meaning(results: Results) -> str:
    """What ranks of this comparison mean, in a sentence."""
    if results.by_means:
        return (
            f"Ranks are the order of the means: fewer than {statistics.PAIRS} seeds tell no cells "
            "apart"
        )
    return "A rank is one more than the number of cells that are told apart as better"


def rank_rows(results: Results) -> list[dict[str, str]]:
    """Ranks over the tasks, a row a cell, the lowest mean first; none of one seed."""
    if results.settings["seeds"] < 2:
        return []
    table = results.ranks().dropna(how="all").sort_values("mean", kind="stable")
    columns = [*results.tasks, "mean"]
    return [
        {
            "cell": cell,
            **{
                name: "" if row[name] != row[name] else f"{row[name]:.{int(name == 'mean')}f}"
                for name in columns
            },
        }
        for cell, row in zip(table.index, table.to_dict("records"), strict=True)
    ]
