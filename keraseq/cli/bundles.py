"""`keraseq evaluate`: what a saved model is worth, measured again from raw data."""

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import app, fail, quiet_backend, terminal


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the saved model.")],
    data: Annotated[
        Path | None, typer.Argument(help="Raw data. Default: the data it was made for.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Measure a saved model again from raw data, baselines beside it."""
    quiet_backend()
    from keraseq import recipes
    from keraseq.bundle import load

    try:
        loaded = load(bundle)
        frame = recipes.of(loaded).evaluate(loaded, data)
    except (ValueError, TypeError, OSError) as error:
        fail(error)
    show(frame)
    if as_json:
        print(json.dumps(frame.to_dict("records")))


def show(frame, title: str | None = None) -> None:
    """A frame as a table: numbers to the right, four digits of them."""
    from pandas.api.types import is_numeric_dtype
    from rich.table import Table

    table = Table(title=title)
    for name, column in frame.items():
        table.add_column(str(name), justify="right" if is_numeric_dtype(column) else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*map(written, row))
    terminal().print(table)


def written(value) -> str:
    """A value as a table shows it; what was not measured is left blank."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return str(value)
