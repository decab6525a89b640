"""`keraseq compare` and `keraseq report`."""

import inspect
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import (
    ALL,
    Grouped,
    app,
    fail,
    grouped,
    numbers,
    parameter,
    quiet_backend,
    terminal,
)
from keraseq.cli.shell import show as show_table
from keraseq.recipes import reading as files
from keraseq.recipes.recipe import READING, Option

FAST_STEPS = 30  # of each trial with --fast: shows that all works, and nothing else


def option(kind, text: str, *flags: str):
    """The type of an argument of a command, with its line of help."""
    return Annotated[kind, typer.Option(*flags, help=text)]


STORAGE = "URL of a database that several machines share, postgresql://user@host/name."
REFERENCE = option(str | None, "Cell that the others are paired with. Default: lstm.")
AS_JSON = option(bool, "End with one line of JSON.", "--json")


def compare(
    tasks: option(
        list[str] | None,
        "Tasks, with commas: characters,co2,digits (the default), adding-400, copying-100, "
        "arithmetic, xml, mnist, jsb, ..., module:Class, or a file: sales.csv --target units.",
        *("--task", "--tasks"),
    ) = None,
    cells: option(
        list[str] | None,
        "Cells, with commas, options in brackets: gru,lstm[forget_bias=0], or module:Class. "
        "Default: elman,lstm,gru,mut1,mut2,mut3.",
    ) = None,
    config: option(
        Path | None,
        "A TOML file of these settings (tasks, cells, seeds, ..., and steps and budget by task); "
        "what is given here besides wins. OUT/config.toml is one.",
    ) = None,
    seeds: option(int | None, "Final runs of each cell on each task. Default: 3.") = None,
    trials: option(
        int | None,
        "Settings that each cell tries before (learning rate, initial scale, clipping norm). "
        "Default: none, each task's own.",
    ) = None,
    sampler: option(
        str | None, "Who chooses the settings: random (the default), or tpe (Parzen estimator)."
    ) = None,
    pruning: option(
        bool | None,
        "Whether hopeless trials of the search are stopped; they are by default.",
        "--pruning/--no-pruning",
    ) = None,
    budget: option(int | None, "Trainable parameters of each model. Default: the task's.") = None,
    steps: option(int | None, "Training steps of each run. Default: the task's.") = None,
    learning_rates: option(
        str | None, "In place of --trials: learning rates, with commas, to choose from."
    ) = None,
    reference: REFERENCE = None,
    fast: option(bool, f"One seed, {FAST_STEPS} steps: shows that all works.", "--fast") = False,
    workers: option(
        int | None, "Processes that train. Default: one a processor, at most 4."
    ) = None,
    out: option(Path, "Folder for the results.") = Path("runs/compare"),
    storage: option(str | None, f"{STORAGE} Default: a file in the folder.") = None,
    name: option(str | None, "Name of the experiment there. Default: the folder's.") = None,
    heartbeat: option(
        int, "Seconds between signs of life; after four missing ones a trial is run again."
    ) = 30,
    wait: option(float, "Seconds to wait for a database that does not answer.") = 300,
    fresh: option(bool, "Start over, and remove what is in the folder.", "--fresh") = False,
    everything: ALL = False,
    as_json: AS_JSON = False,
    **reading,
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
    from keraseq.experiments.tasks.variants import in_brackets

    def several(values):
        return None if values is None else [one for text in values for one in in_brackets(text)]

    try:
        given = {
            "tasks": several(tasks),
            "cells": several(cells),
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
        if fast:  # nothing is searched, unless that is asked for here
            settings |= {"trials": trials or 0, "learning_rates": rates}
        results = experiments.compare(
            **settings,
            **reading,
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
    show(results, everything, as_json)
    if fast:
        print(f"--fast: {FAST_STEPS} steps say nothing about the cells.", file=sys.stderr)


def of_files(name: str, meant: list[Option]) -> inspect.Parameter:
    """The option of a comparison by which files are read, said as the recipes say it."""
    kinds = {one.shell_kind for one in meant}
    first, *others = dict.fromkeys(one.said for one in meant)
    said = " Or: ".join([first, *(one for one in others if not one.startswith(first))])
    flags = [f"--{one.replace('_', '-')}" for one in dict.fromkeys((name, meant[0].name))]
    return parameter(
        name, kinds.pop() if len(kinds) == 1 else str | None, grouped(said, READING, *flags)
    )


compare.__signature__ = inspect.Signature(
    [
        *(one for name, one in inspect.signature(compare).parameters.items() if name != "reading"),
        *(of_files(name, meant) for name, meant in files.every().items()),
    ]
)
app.command("compare", cls=Grouped)(compare)


@app.command(cls=Grouped)
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a comparison.")],
    storage: option(str | None, "URL of its database, where it needs a password.") = None,
    reference: REFERENCE = None,
    everything: ALL = False,
    as_json: AS_JSON = False,
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
    show(results, everything, as_json)


def show(results, everything: bool, as_json: bool) -> None:
    """Prints the tables and where the report is; ends with 1 where trials failed."""
    import pandas as pd

    from keraseq.experiments import report

    console = terminal()
    for title, rows, said in report.for_terminal(results):
        console.print(title, style="bold")
        show_table(pd.DataFrame(rows), everything)
        if said:
            console.print(said)
    for line in report.failures(results):
        console.print(line, soft_wrap=True)
    console.print(f"report: {results.folder / 'report.html'}", soft_wrap=True, highlight=False)
    if as_json:
        print(json.dumps(results.as_json()))
    if results.failed:
        raise typer.Exit(1)
