"""`keraseq cells`."""

import json
from typing import Annotated

import typer

from keraseq.cli.shell import Grouped, app, fail, quiet_backend, terminal


@app.command(cls=Grouped)
def cells(
    features: Annotated[int, typer.Option(help="Width of the inputs, to count parameters.")] = 64,
    units: Annotated[int, typer.Option(help="Size of the state, to count parameters.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """List the cells: gates, states, parameters, reference.

    Example: keraseq cells --units 128
    """
    quiet_backend()
    from rich.table import Table

    import keraseq.cells
    from keraseq.checks import positive_integer

    try:
        positive_integer("features", features)
        rows = keraseq.cells.table(features=features, units=units)
    except ValueError as error:
        fail(error)
    table = Table(title=f"{len(rows)} cells; parameters for {features} features and {units} units")
    for heading in ("cell", "gates", "states", "parameters", "reference"):
        table.add_column(heading, justify="right" if heading == "parameters" else "left")
    for row in rows:
        table.add_row(
            row["name"],
            ", ".join(row["gates"]),
            ", ".join(row["states"]),
            f"{row['parameters']:,}",
            row["reference"],
        )
    terminal().print(table)
    if as_json:
        print(json.dumps({"features": features, "units": units, "cells": rows}))
