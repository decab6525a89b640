"""`keraseq train NAME SOURCE --option` and `keraseq recipes`, both derived from the table."""

import inspect
from pathlib import Path

import typer
from typer.core import TyperGroup

from keraseq import recipes
from keraseq.checks import one_of
from keraseq.cli.shell import (
    RUN,
    Grouped,
    app,
    fail,
    grouped,
    parameter,
    quiet_backend,
    show,
    terminal,
)
from keraseq.recipes.presets import PRESETS, preset
from keraseq.recipes.recipe import Option, refuse, settings_of, taken


class Recipes(TyperGroup):
    """The recipes as commands; an unknown one is refused in one line."""

    def resolve_command(self, ctx, args):
        """The command of a name."""
        try:
            one_of("recipe", args[0], recipes.RECIPES)
        except ValueError as error:
            fail(error)
        return super().resolve_command(ctx, args)


class Training(Grouped):
    """The command of a recipe."""

    def unknown(self, given: str, flags: list[str]) -> None:
        """Raises an error that names the nearest option, or the recipe that has it."""
        refuse(given, flags)


OPTIONS: dict[str, dict[str, Option]] = {name: taken(settings_of(name)) for name in recipes.RECIPES}
train = typer.Typer(no_args_is_help=True, rich_markup_mode=None, cls=Recipes)
app.add_typer(train, name="train", help="Train a model by one of the recipes.")


def command_of(name: str, row: recipes.Row) -> None:
    """Makes the command of a recipe: its source, its settings, and what every training has."""
    parameters = [
        parameter("source", list[str] | None, typer.Argument(help=f"{row.reads}.")),
        *(
            parameter(one.name, one.shell_kind, grouped(one.said, one.group))
            for one in OPTIONS[name].values()
        ),
        parameter("out", Path, grouped("Folder for the finished model.", RUN), Path("runs", name)),
        parameter(
            "baselines",
            bool,
            grouped("Measure simple methods too.", RUN, "--baselines/--no-baselines"),
            True,
        ),
        *(
            [parameter("start", Path | None, grouped("A saved model to train further.", RUN))]
            if row.goes_on
            else []
        ),
    ]

    def command(source, out, baselines, start=None, **settings):
        run(name, source, out, baselines, start, settings)

    command.__signature__ = inspect.Signature(parameters)
    command.__doc__ = f"""Train {row.title}.

    After each epoch the losses are printed; at the end the model is measured on parts that it was
    not trained on, beside simple methods. A training that was stopped goes on when the command is
    repeated: it is kept in the folder OUT.training.{presets_of(name)}

    Example: {row.example}
    """
    train.command(name, cls=Training)(command)


def presets_of(name: str) -> str:
    """The data sets for which good settings are known, for the help of a recipe."""
    names = ", ".join(PRESETS.get(name, {}))
    return f" Settings that were found good come with the names {names}." if names else ""


def written(settings: dict) -> str:
    """Settings as somebody would type them."""
    words = [f"--{name.replace('_', '-')} {value}" for name, value in settings.items()]
    return " ".join(words) or "nothing that is not given"


for name, row in recipes.RECIPES.items():
    command_of(name, row)


def run(name: str, source, out: Path, baselines: bool, start: Path | None, given: dict) -> None:
    """Trains, saves and measures."""
    quiet_backend()
    from keraseq.recipes.run import finish, read, trained

    kept = out.with_name(out.name + ".training")
    try:
        settings = {
            option: OPTIONS[name][option].parsed(value)
            for option, value in given.items()
            if value not in (None, [])
        }
        recipe = recipes.get(name, start)
        if len(source or ()) > 1 and not recipes.RECIPES[name].many_sources:
            raise ValueError(f"{name} reads one source; received {', '.join(source)}")
        source = source if source and len(source) > 1 else next(iter(source or ()), None)
        if (usual := preset(name, source)) and start is None:
            taken = {k: v for k, v in usual.items() if k not in settings}
            print(f"preset {source}: {written(taken)}")
        parts, chosen = read(recipe, source, settings)
        print(parts, flush=True)
        bundle = trained(
            recipe,
            parts,
            chosen,
            folder=kept,
            hold=True,
            report=lambda line: print(line, flush=True),
            verbose=1 if terminal().is_terminal else 0,
            callbacks=(),
        )
        bundle.save(out, optimizer=False)
        table = recipe.evaluate(bundle, parts, baselines=baselines)
        show(table)
        if baselines and (said := recipe.verdict(bundle, table)):
            print(said)
        finish(kept)
    except (ValueError, TypeError, FloatingPointError, OSError, ImportError) as error:
        fail(error)
    except KeyboardInterrupt:
        fail(f"stopped; the run is kept in {kept}, and the same command goes on from there", 130)
    terminal().print(f"model: {out}", soft_wrap=True)


@app.command("recipes", cls=Grouped)
def table() -> None:
    """List the recipes: what they read, what comes of it, an example, presets.

    Example: keraseq recipes
    """
    for name, row in recipes.RECIPES.items():
        print(f"{name}: {row.title}\n    reads  {row.reads}\n    gives  {row.gives}")
        print(f"    {row.example}")
        for source, one in PRESETS.get(name, {}).items():
            print(f"    keraseq train {name} {source}\n           {one.gives}")
