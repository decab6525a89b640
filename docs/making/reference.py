"""Pages of the reference: from tables, docstrings, and what Typer knows of the shell."""

import importlib
import inspect
from dataclasses import MISSING
from functools import cache

import diagram
import mathematics
import measured
import notebooks
import typer
from repository import ROOT
from tables import table

import keraseq
from keraseq.cells import CELLS
from keraseq.recipes import RECIPES
from keraseq.recipes.presets import PRESETS
from keraseq.recipes.recipe import settings_of, taken


# Cells.


def cells_page() -> str:
    """The table of cells."""
    rows = [["cell", "gates", "states", "parameters", "paper"]]
    for row in keraseq.cells.table():
        link = f"[`{row['name']}`]({row['name']}.md)"
        rows.append(
            [
                link,
                ", ".join(row["gates"]),
                ", ".join(row["states"]),
                f"{row['parameters']:,}",
                row["reference"],
            ]
        )
    return "\n\n".join(
        [
            "# Cells",
            "The table that `keraseq cells` prints; parameters for 64 features and 64 units. A "
            "name goes into `cell=` of every builder and recipe, and into `keraseq.cells.get(name, "
            "units)`. What all of them take (initialisers, dropout, zoneout, layer normalisation, "
            "...) is told once, at "
            f"[Cell](#{anchor('cells', 'Cell')}).",
            table(rows),
            *(documented("cells", name) for name in ("Cell", "get", "ChronoInitializer")),
        ]
    )


def cell_page(name: str) -> str:
    """The page of a cell: equation and code, what it has, its row in every comparison."""
    kind, preset = CELLS[name]
    equation = keraseq.inspection.equation(name)
    [row] = [row for row in keraseq.cells.table() if row["name"] == name]
    made = f"`{kind.__name__}(units{''.join(f', {k}={v!r}' for k, v in preset.items())})`"
    siblings = [f"[`{o}`]({o}.md)" for o in CELLS if CELLS[o][0] is kind and o != name]
    found = list(measured.of_cell(name))
    parts = [
        f"# {name}",
        inspect.getdoc(kind).partition("\n")[0],
        f'`cell="{name}"` in any builder or recipe is {made}.'
        + (f" The same class: {', '.join(siblings)}." if siblings else ""),
        "## Equation",
        mathematics.equations(equation),
        diagram.svg(equation, f"What each gate of {name} reads", kind(4, **preset).get_config()),
        "Terms in brackets and dashed lines are options.\n{ .quiet }" if "[+" in equation else "",
        "\n".join(f"* {said}" for said in keraseq.inspection.purposes(name).values()),
        f"## Code\n\n```python\n{keraseq.inspection.step_source(name)}\n```",
        "`x_...` and `projected` are `W x + b`, computed by `project` before the loop.\n{ .quiet }",
        "## What it has",
        table(
            [
                [
                    "gates, in the order of their weights",
                    "states",
                    "parameters for 64 features, 64 units",
                ],
                [", ".join(row["gates"]), ", ".join(row["states"]), f"{row['parameters']:,}"],
            ]
        ),
        "## Measured",
    ]
    if agreement := measured.agreement(name):
        proof = "[all cells](../../results/right.md)"
        parts += [f"Largest error beside its paper's equation in NumPy float64 ({proof}):"]
        parts += [agreement]
    if found:
        rows = [["comparison", "value", "place", ""]]
        rows += [[what, value, place, f"[all](../../{page})"] for what, value, place, page in found]
        parts.append(table(rows))
    else:
        parts.append("In no comparison so far.")
    return "\n\n".join(
        [*filter(None, parts), "## Reference", documented("cells", kind.__name__, 3)]
    )


# Everything else that has a docstring.


def documented(room: str, name: str, level: int = 2) -> str:
    """What mkdocstrings makes of a public thing, under the name that users call it by."""
    thing = getattr(importlib.import_module(f"keraseq.{room}"), name)
    path = f"keraseq.{room}.{name}"
    members = []
    if inspect.isclass(thing):
        known = {
            n
            for base in thing.__mro__
            if base.__module__.partition(".")[0] != "keraseq"
            for n in vars(base)
        }
        members = [
            n
            for n, member in vars(thing).items()
            if n[0] != "_" and n not in known and inspect.isfunction(member) and member.__doc__
        ]
    return (
        f"::: {thing.__module__}.{thing.__qualname__}\n    options:\n      heading_level: {level}\n"
        f"      heading: {path}\n      toc_label: {name}\n      show_root_full_path: false\n"
        f"      members: {members or 'false'}\n"
    )


@cache
def public(room: str) -> list[str]:
    """The functions and classes of a room, as its `__all__` has them."""
    module = importlib.import_module(f"keraseq.{room}")
    names = getattr(module, "__all__", None) or [
        n
        for n, one in vars(module).items()
        if n[0] != "_" and getattr(one, "__module__", "") == module.__name__
    ]
    things = {n: getattr(module, n) for n in names}
    return [n for n, one in things.items() if inspect.isclass(one) or inspect.isfunction(one)]


def room_page(room: str) -> str:
    """A room of the package: what its docstring says, then all that it offers."""
    module = importlib.import_module(f"keraseq.{room}")
    names = public(room)
    contents = ", ".join(f"[`{n}`](#{anchor(room, n)})" for n in names)
    parts = [f"# keraseq.{room}", inspect.getdoc(module), contents]
    return "\n\n".join(parts + [documented(room, n) for n in names])


def anchor(room: str, name: str) -> str:
    """Where mkdocstrings puts a thing."""
    thing = getattr(importlib.import_module(f"keraseq.{room}"), name)
    return f"{thing.__module__}.{thing.__qualname__}"


def recipes_page() -> str:
    """The table of recipes."""
    rows = [["recipe", "makes", "reads", "gives", "in a shell"]]
    rows += [
        [f"[`{name}`]({name}.md)", row.title, row.reads, row.gives, f"`{row.example}`"]
        for name, row in RECIPES.items()
    ]
    return f"# Recipes\n\n{inspect.getdoc(keraseq.recipes)}\n\n{table(rows)}\n\n" + "\n\n".join(
        documented("recipes", name) for name in ("train", "evaluate", "predict")
    )


def recipe_page(name: str) -> str:
    """The page of a recipe: what it reads, presets, every option."""
    row, chosen = RECIPES[name], taken(settings_of(name))
    kind = type(keraseq.recipes.get(name))
    parts = [
        f"# {name}",
        f"{row.title[0].upper()}{row.title[1:].rstrip('.')}.",
        f"* reads {row.reads}\n* gives {row.gives}",
        f"```sh\n{row.example}\n```",
    ]
    if about := notebooks.about(name, notebooks.every(ROOT)):
        parts.append(f"Shown in [{about.title}](../../gallery/{about.name}.md).")
    parts.append(inspect.getdoc(kind).partition("\n")[2].strip())
    if presets := PRESETS.get(name):
        parts += [
            "## Data sets with settings that were found good",
            "The name of a data set brings them along.",
        ]
        rows = [["command", "settings", "measured"]]
        for source, preset in presets.items():
            settings = (
                ", ".join(f"`{k}={v!r}`" for k, v in preset.settings.items()) or "the defaults"
            )
            rows.append([f"`keraseq train {name} {source}`", settings, preset.gives])
        parts.append(table(rows))
    parts += ["## Options", "In Python by their names, in a shell as flags."]
    groups = dict.fromkeys(one.group for one in chosen.values())
    for group in groups:
        rows = [["option", "flag", "default", ""]]
        rows += [
            [
                f"`{o.name}`",
                f"`{o.flag}`",
                default_of(o),
                o.help,
            ]
            for o in chosen.values()
            if o.group == group
        ]
        parts += [f"### {group}", table(rows)]
    module = importlib.import_module(f"keraseq.recipes.{name}")
    offered = [n for n in getattr(module, "__all__", []) if inspect.isfunction(getattr(module, n))]
    if offered:
        parts += ["## In Python", *(documented(f"recipes.{name}", n, 3) for n in offered)]
    return "\n\n".join(filter(None, parts))


def default_of(option) -> str:
    """What an option is where nobody gives it."""
    if option.default is MISSING:
        return "must be given"
    return option.follows if option.default is None else f"`{option.default!r}`"


def shell_page() -> str:
    """Every command of the shell, from what Typer knows of it."""
    import keraseq.cli

    parts = [
        "# Shell",
        "What `keraseq COMMAND --help` prints. Options of `train` stand with its recipes.",
    ]
    group = typer.main.get_command(keraseq.cli.app)
    for name, command in group.commands.items():
        parts += [
            f"## keraseq {name}",
            inspect.cleandoc(command.help or "").replace("\n    ", "\n\n    "),
        ]
        if hasattr(command, "commands"):
            rows = [["command", ""]]
            for one, inner in command.commands.items():
                said = (inner.help or "").strip().partition("\n")[0]
                rows.append([f"[`keraseq {name} {one}`](recipes/{one}.md)", said])
            parts.append(table(rows))
            continue
        rows = [["argument or option", "default", ""]]
        for one in command.params:
            if one.name == "help":
                continue
            flags = ", ".join(f"`{flag}`" for flag in (*one.opts, *one.secondary_opts))
            argument = one.param_type_name == "argument"
            default = (
                ""
                if one.default in (None, False, ()) or callable(one.default)
                else f"`{one.default}`"
            )
            rows.append([f"`{one.name.upper()}`" if argument else flags, default, one.help or ""])
        if len(rows) > 1:
            parts.append(table(rows))
    return "\n\n".join(parts)
