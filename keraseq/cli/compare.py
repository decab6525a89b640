"""`keraseq compare` and `keraseq report`."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import app, fail, listed, numbers, quiet_backend, terminal

FAST_STEPS = 30  # of each trial with --fast: shows that all works, and nothing else


@app.command()
def compare(
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            "--tasks",
            help="Tasks, with commas: characters,co2,digits (the default), adding-400, "
            "copying-100, arithmetic, xml, mnist, jsb, ..., or module:Class.",
        ),
    ] = None,
    cells: Annotated[
        list[str] | None,
        typer.Option(
            "--cells",
            help="Cells, with commas, options in brackets: gru,lstm[forget_bias=0]. "
            "Default: elman,lstm,gru,mut1,mut2,mut3.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file of these settings (tasks, cells, seeds, ..., and steps and budget by "
            "task); what is given here besides wins. OUT/config.toml is one."
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Final runs of each cell on each task. Default: 3.")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Settings that each cell tries before (learning rate, initial scale, clipping "
            "norm). Default: none, each task's own."
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="Who chooses the settings: random (the default), or tpe (Parzen estimator)."
        ),
    ] = None,
    pruning: Annotated[
        bool | None,
        typer.Option(
            "--pruning/--no-pruning",
            help="Whether hopeless trials of the search are stopped; they are by default.",
        ),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Trainable parameters of each model. Default: the task's.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Training steps of each run. Default: the task's.")
    ] = None,
    learning_rates: Annotated[
        str | None,
        typer.Option(help="In place of --trials: learning rates, with commas, to choose from."),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Cell that the others are paired with. Default: lstm.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help=f"One seed, {FAST_STEPS} steps: shows that all works.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes that train. Default: one a processor, at most 4.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("runs/compare"),
    storage: Annotated[
        str | None,
        typer.Option(
            help="URL of a database that several machines share, postgresql://user@host/name. "
            "Default: a file in the folder."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the experiment there. Default: the folder's.")
    ] = None,
    heartbeat: Annotated[
        int,
        typer.Option(
            help="Seconds between signs of life; after four missing ones a trial is run again."
        ),
    ] = 30,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for a database that does not answer.")
    ] = 300,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over, and remove what is in the folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Compare cells at an equal number of parameters.

    Trains each cell on each task from several seeds, prints a table, and writes results.csv,
    figures and report.html. A comparison that was stopped goes on when the command is repeated;
    with --storage the same command on several machines shares the work.

    Example: keraseq compare --task adding-100 --cells lstm,mut1 --seeds 3
    """
    if fast and steps is not None:
        fail("--fast means a number of steps; give --fast or --steps, not both")
    rates = numbers("--learning-rates", learning_rates)
    quiet_backend()
    from keraseq import experiments

    try:
        given = {
            "tasks": listed(tasks),
            "cells": named_cells(cells),
            "seeds": 1 if fast and seeds is None else seeds,
            "trials": trials,
            "sampler": sampler,
            "pruning": pruning,
            "budget": budget,
            "steps": FAST_STEPS if fast else steps,
            "learning_rates": rates,
            "reference": reference,
        }
        settings = {} if config is None else experiments.config.read(config)
        settings |= {name: value for name, value in given.items() if value is not None}
        results = experiments.compare(
            **settings,
            workers=workers,
            out=out,
            storage=storage,
            name=name,
            heartbeat=heartbeat,
            wait=wait,
            fresh=fresh,
        )
    except (ValueError, TypeError) as error:
        fail(error)
    except (RuntimeError, OSError) as error:
        fail(error, code=1)
    except KeyboardInterrupt:
        place = "the storage" if storage else out
        fail(
            f"stopped; finished trials are kept in {place}, and the same command goes on from "
            "there",
            code=130,
        )
    show(results, as_json)
    if fast:
        print(f"--fast: {FAST_STEPS} steps say nothing about the cells.", file=sys.stderr)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a comparison.")],
    storage: Annotated[
        str | None, typer.Option(help="URL of its database, where it needs a password.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Cell that the others are paired with. Default: lstm.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Make the tables, figures and report.html of a comparison again, without training.

    Example: keraseq report runs/compare
    """
    quiet_backend()
    from keraseq import experiments
    from keraseq.experiments import report

    try:
        results = experiments.Results.read(run, storage=storage, reference=reference)
        report.write(results)
    except ValueError as error:
        fail(error)
    except (RuntimeError, OSError) as error:
        fail(error, code=1)
    show(results, as_json)


def show(results, as_json: bool) -> None:
    """Prints the tables and where the report is; ends with 1 where trials failed."""
    from keraseq.experiments import report

    console = terminal()
    report.print_tables(results, console)
    console.print(f"report: {results.folder / 'report.html'}", soft_wrap=True, highlight=False)
    if as_json:
        print(json.dumps(results.as_json()))
    if results.failed:
        raise typer.Exit(1)


def named_cells(values: list[str] | None) -> list[str] | None:
    """Cells that were given with commas; those between brackets belong to a cell."""
    if values is None:
        return None
    return [one for value in values for one in re.findall(r"(?:[^,\[]|\[[^\]]*\]?)+", value)]
