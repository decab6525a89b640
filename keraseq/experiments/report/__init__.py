"""What a comparison found, for people: tables on a terminal, and files."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from keraseq import files
from keraseq.experiments.engine.trials import file_name
from keraseq.experiments.report.figures import figures as drawn
from keraseq.experiments.report.page import as_html, which
from keraseq.experiments.report.results import Results
from keraseq.experiments.report.tables import LEFT, is_baseline, rank_rows, rows

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

DPI = 150

LEFT_OUT = ("95 %", "parameters", "training s")  # of a terminal, which is narrow


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


def print_tables(results: Results, console: Console) -> None:
    """Prints a table a task, and one of the ranks over several; the report has more columns."""
    for name, described in results.tasks.items():
        better = "lower" if described["direction"] == "min" else "higher"
        title = f"{described['title']}\n{described['metric_label']}, {better} is better"
        console.print(as_table(title, rows(results, name)))
    ranked = rank_rows(results)
    if len(results.tasks) > 1 and ranked:
        console.print(as_table("Ranks", ranked))
    for record in results.failed:
        console.print(
            f"failed: {record['task']} {record['cell']} {which(record)}: {record['reason']}",
            markup=False,
            soft_wrap=True,
        )


def as_table(title: str, found: list[dict[str, str]]) -> Table:
    """Rows as a table of the terminal, without columns that are empty or too many."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    shown = [
        one for one in (found or [{}])[0] if one not in LEFT_OUT and any(row[one] for row in found)
    ]
    for heading in shown:
        table.add_column(heading, justify="left" if heading in LEFT else "right")
    for row in found:
        table.add_row(*map(row.get, shown), style="dim" if is_baseline(row) else "")
    return table
