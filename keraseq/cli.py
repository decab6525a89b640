"""The same functions from a shell: `keraseq compare`, `keraseq cells`.

Nothing heavy is imported before a command runs, so that `keraseq --help` answers at once.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Recurrent cells for Keras 3: proven, fast, fairly compared.",
)
FAST_STEPS = 30  # of each trial with --fast: shows that all works, and nothing else


@app.callback()
def shell() -> None:
    """Recurrent cells for Keras 3: proven, fast, fairly compared."""


@app.command()
def compare(
    tasks: Annotated[
        list[str] | None,
        typer.Option("--tasks", help="Tasks, with commas: characters,co2,digits. Default: all."),
    ] = None,
    cells: Annotated[
        list[str] | None,
        typer.Option("--cells", help="Cells, with commas. Default: elman,lstm,gru,mut1,mut2,mut3."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each cell on each task.")] = 2,
    budget: Annotated[
        int | None, typer.Option(help="Trainable parameters of each model. Default: the task's.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Training steps of each run. Default: the task's.")
    ] = None,
    learning_rates: Annotated[
        str | None,
        typer.Option(help="Learning rates, with commas, of which each cell chooses the best."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help=f"Only {FAST_STEPS} steps: shows that all works.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes that train. Default: one a processor, at most 4.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs/compare"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over, and remove what is in the folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Compare cells on real sequences, at an equal number of parameters.

    Trains each cell on each task from several seeds, prints a table, and writes results.csv,
    figures and report.html. A comparison that was stopped goes on when the command is repeated.
    """
    if fast and steps is not None:
        fail("--fast means a number of steps; give --fast or --steps, not both")
    rates = numbers("--learning-rates", learning_rates)
    quiet_backend()
    from keraseq import experiments
    from keraseq.experiments import report

    try:
        results = experiments.compare(
            tasks=listed(tasks),
            cells=listed(cells) or experiments.CELLS,
            seeds=seeds,
            budget=budget,
            steps=FAST_STEPS if fast else steps,
            learning_rates=rates,
            workers=workers,
            out=out,
            fresh=fresh,
        )
    except (ValueError, TypeError) as error:
        fail(error)
    except (RuntimeError, OSError) as error:
        fail(error, code=1)
    except KeyboardInterrupt:
        fail(
            f"stopped; finished trials are kept in {out}, and the same command goes on from there",
            code=130,
        )
    console = terminal()
    report.print_tables(results, console)
    console.print(f"report: {results.folder / 'report.html'}", soft_wrap=True, highlight=False)
    if as_json:
        print(json.dumps(results.as_json()))
    if results.failed:
        raise typer.Exit(1)


@app.command()
def cells(
    features: Annotated[int, typer.Option(help="Width of the inputs, to count parameters.")] = 64,
    units: Annotated[int, typer.Option(help="Size of the state, to count parameters.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """List the cells: gates, states, parameters, reference."""
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


def listed(values: list[str] | None) -> list[str] | None:
    """Names that were given with commas, or by repeating the option."""
    if values is None:
        return None
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def numbers(option: str, text: str | None) -> list[float] | None:
    """Numbers that were given with commas."""
    if text is None:
        return None
    try:
        return [float(one) for one in text.split(",")]
    except ValueError:
        fail(f"{option} takes numbers with commas, such as 0.001,0.003; received {text!r}")


def terminal():
    """Where results go; wide enough for the tables where nobody says how wide it is."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 140
    return console


def quiet_backend() -> None:
    """Imports Keras without TensorFlow's notes on the machine, unless somebody asked for them."""
    if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "3":
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # TensorFlow writes some of them before it reads that variable
    try:
        import keraseq.models  # noqa: F401 - Keras and its backend
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def fail(error, code: int = 2) -> None:
    """Ends the command with one line on the error output."""
    print(f"Error: {error}", file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """Entry point of the command `keraseq`."""
    app()


if __name__ == "__main__":
    main()
