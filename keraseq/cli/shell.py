"""The command `keraseq` itself, and what its commands share: input, output, errors."""

import inspect
import math
import os
import sys
from typing import Annotated

import typer
from typer.core import TyperCommand

from keraseq import __version__
from keraseq.checks import few, one_of
from keraseq.files import DamagedError
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING

ABOUT = "Recurrent cells for Keras 3: proven, fast, fairly compared."
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=ABOUT,
)
TEXT = 32  # columns of the terminal that a text may ask for in a table
ALL = Annotated[bool, typer.Option("--all", help="Show every column, however wide.")]
UsageError = typer.BadParameter.__base__  # Typer has no public name for it


RUN = "Run"  # group of what is no setting
GROUPS = (COMMON, READING, RUN, MODEL, TRAINING)  # in the order of the help


class Grouped(TyperCommand):
    """A command whose help shows options by group, and whose errors are one line."""

    def format_options(self, ctx, formatter):
        """The arguments, then the options by group, in order; those without one come first."""
        for group in ("Arguments", None, *GROUPS):
            named = [
                record
                for one in self.params
                if (record := one.get_help_record(ctx)) and group_of(one) == group
            ]
            if named:
                with formatter.section(group or "Options"):
                    formatter.write_dl(named)

    def parse_args(self, ctx, args):
        """What was typed, or one line that says what is wrong."""
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            fail(self.said(error))

    def said(self, error: UsageError) -> str:
        """The error, with the nearest option."""
        given = getattr(error, "option_name", None)
        if given is None or not hasattr(error, "possibilities"):
            return error.format_message()
        flags = [flag for one in self.params for flag in one.opts if flag.startswith("--")]
        try:
            self.unknown(given, flags)
        except ValueError as said:
            return str(said)

    def unknown(self, given: str, flags: list[str]) -> None:
        """Raises an error that names the nearest option."""
        one_of("option", given, flags)


def group_of(one) -> str | None:
    """The group of a parameter of a command, in its help."""
    if one.param_type_name == "argument":
        return "Arguments"
    return getattr(one, "rich_help_panel", None)


def parameter(name: str, kind, said, default=None) -> inspect.Parameter:
    """A parameter of a command."""
    kinds = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kinds, annotation=Annotated[kind, said], default=default)


def grouped(help: str, group: str, *flags: str):
    """An option of a command, in a group of its help."""
    return typer.Option(*flags, help=help, rich_help_panel=group, show_default=False)


def tell_version(asked: bool) -> None:
    """Ends with the version, where it was asked for."""
    if asked:
        print(f"keraseq {__version__}")
        raise typer.Exit


@app.callback()
def shell(
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="The version."),
    ] = False,
) -> None:
    """Recurrent cells for Keras 3: proven, fast, fairly compared."""


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
    """Where results go; 80 columns where nobody says how wide it is."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)  # "lstm[forget_bias=0]" is no markup
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 80
    return console


def show(frame, everything: bool = False) -> None:
    """A frame as a table: the columns that fit, first ones first, or with `everything` all."""
    from pandas.api.types import is_numeric_dtype
    from rich.table import Table

    console = terminal()
    frame = frame.rename(columns=str)
    cells = {name: list(map(written, column)) for name, column in frame.items()}
    numeric = {name: is_numeric_dtype(frame[name]) for name in cells}
    shown, taken = [], 1  # with its border; a text may go on in the next line
    for name, column in cells.items():
        most = console.width if numeric[name] else TEXT
        width = min(max(map(len, [name, *column])), most) + 3
        if taken + width <= console.width:
            shown.append(name)
            taken += width
    shown = list(cells) if everything else shown or list(cells)[:1]
    table = Table()
    for name in shown:
        table.add_column(name, justify="right" if numeric[name] else "left", no_wrap=everything)
    for row in zip(*map(cells.get, shown), strict=True):
        table.add_row(*row)
    if everything:
        console.width = 10_000  # as wide as it is
    console.print(table)
    if hidden := [name for name in cells if name not in shown]:
        console.print(f"also: {few(hidden)}; --all shows them")


def written(value) -> str:
    """A value as a table shows it; what was not measured is left blank."""
    if isinstance(value, float):
        small = value and abs(value) < 1e-3
        return "" if math.isnan(value) else f"{value:.3e}" if small else f"{value:.4f}"
    return str(value)


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


def fail(error, code: int | None = None) -> None:
    """Ends the command with one line on the error output.

    The code is 2 for what somebody typed, and 1 for a file: one that is not there, or is damaged.
    """
    if code is None:
        code = 1 if isinstance(error, (OSError, DamagedError)) else 2
    print(f"Error: {error}", file=sys.stderr)
    raise typer.Exit(code)
