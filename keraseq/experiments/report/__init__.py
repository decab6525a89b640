"""What a comparison found, for people: tables on a terminal, and files."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

from keraseq import files
from keraseq.experiments.engine.trials import file_name
from keraseq.experiments.report.figures import figures as drawn
from keraseq.experiments.report.page import as_html, which
from keraseq.experiments.report.results import Results
from keraseq.experiments.report.tables import is_baseline, meaning, rank_rows, rows, telling

DPI = 150


def write(results: Results) -> Path:
    """Writes the tables (CSV), `figures/` and `report.html` into the folder.

    Returns:
        The path of the page.
    """
    results.write()
    images: dict[str, str] = {}
    for name, figure in drawn(results).items():
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=DPI)
        path = results.folder / "figures" / f"{file_name(name)}.png"
        with files.replacing(path) as partial:
            partial.write_bytes(image.getvalue())
        images[name] = base64.b64encode(image.getvalue()).decode()
    page = results.folder / "report.html"
    files.write(page, as_html(results, images))
    return page


def for_terminal(results: Results) -> Iterator[tuple[str, list[dict[str, str]], str]]:
    """For a terminal a table a task, and one of ranks over several: title, rows, what else.

    Notes stand below the table, where they have room.
    """
    for name, described in results.tasks.items():
        better = "lower" if described["direction"] == "min" else "higher"
        title = f"{described['title']}\n{described['metric_label']}, {better} is better"
        shown, said = telling(rows(results, name))
        noted: dict[str, list[str]] = {}
        for row in shown:
            baseline, note = is_baseline(row), row.pop("notes", "")
            if baseline:
                kind = "floor" if row["cell"] == described.get("floor") else "baseline"
                row["cell"] += f" ({kind})"
            elif note:
                noted.setdefault(note, []).append(row["cell"])
        lines = [f"{', '.join(cells)}: {note}" for note, cells in noted.items()]
        yield title, shown, "\n".join(filter(None, [said, *lines]))
    ranked = rank_rows(results)
    if len(results.tasks) > 1 and ranked:
        yield "Ranks", ranked, meaning(results)


def failures(results: Results) -> list[str]:
    """A line for each trial that failed."""
    return [
        f"failed: {record['task']} {record['cell']} {which(record)}: {record['reason']}"
        for record in results.failed
    ]
