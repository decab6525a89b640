"""`keraseq compare`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import app, fail, listed, numbers, quiet_backend, terminal

FAST_STEPS = 30  # of each trial with --fast: shows that all works, and nothing else


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
