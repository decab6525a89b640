"""`keraseq data`."""

import json
from typing import Annotated

import typer

from keraseq.cli.shell import Grouped, app, terminal

WIDTH = 80
COLUMNS = {
    "name": {"no_wrap": True},
    "what": {"ratio": 3},
    "licence, terms": {"ratio": 2},
    "MB": {"justify": "right"},
    "here": {"no_wrap": True},
    "from": {"no_wrap": True},
}


@app.command(cls=Grouped)
def data(
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """List the public data sets: what they are, their terms and size, and where they are.

    Example: keraseq data
    """
    from rich.table import Table

    from keraseq.data import sets

    rows = sets.table()
    listed = Table(width=WIDTH, box=None, padding=(0, 1, 0, 0))
    for heading, options in COLUMNS.items():
        listed.add_column(heading, **options)
    for row in rows:
        listed.add_row(
            row["name"],
            row["what"],
            row["terms"],
            size(row["size"]),
            row["here"] or "no",
            row["from"],
        )
    terminal().print(listed)
    print("keraseq.data.load(NAME) reads each. What is not here is downloaded once, or")
    print("lies in a folder that KERASEQ_DATA names. Addresses and checksums: --json.")
    if as_json:
        print(json.dumps({"sets": rows}))


def size(count: int | None) -> str:
    """Bytes as megabytes, where something is downloaded and its size is known."""
    return "" if not count else f"{count / 1e6:.1f}"
