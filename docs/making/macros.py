"""What a page may call as `{{ name(...) }}`."""

import importlib
import inspect

import diagram as diagrams
import mathematics
import measured
import notebooks
import reference
import repository
from tables import table

import keraseq
from keraseq.data.sets import SETS
from keraseq.experiments.tasks import TASKS
from keraseq.layers.scan.formats import FORMATS


def equation(cell: str) -> str:
    """The equation of a cell, in mathematics."""
    return mathematics.equations(keraseq.inspection.equation(cell))


def step(cell: str) -> str:
    """The code of a cell's step."""
    return f"```python\n{keraseq.inspection.step_source(cell)}\n```"


def beside(cell: str) -> str:
    """Equation and code, beside each other where there is room."""
    return (
        f'<div class="beside" markdown>\n<div markdown>\n{equation(cell)}\n</div>\n'
        f"<div markdown>\n\n{step(cell)}\n\n</div>\n</div>"
    )


def diagram(cell: str) -> str:
    """What each gate of a cell reads."""
    kind, preset = keraseq.cells.CELLS[cell]
    options = kind(4, **preset).get_config()
    return diagrams.svg(
        keraseq.inspection.equation(cell), f"What each gate of {cell} reads", options
    )


def source(place: str) -> str:
    """The code of `module:name`."""
    module, _, name = place.partition(":")
    thing = importlib.import_module(module)
    for one in name.split("."):
        thing = getattr(thing, one)
    return f"```python\n{inspect.cleandoc(inspect.getsource(thing))}\n```"


def doc(module: str) -> str:
    """The docstring of a module, its heading left out."""
    return inspect.getdoc(importlib.import_module(module)).partition("\n")[2].strip()


def section(file: str, heading: str, uri: str) -> str:
    """A section of a file of the repository, for the page `uri`."""
    return repository.section(file, heading, uri)


def picture(notebook: str, number: int, text: str, up: str = "../") -> str:
    """A picture of a notebook."""
    [shown] = [one for one in notebooks.every(repository.ROOT) if one.name.startswith(notebook)]
    if number >= len(shown.pictures):
        raise ValueError(f"{shown.path.name} has {len(shown.pictures)} pictures")
    return f"![{text}]({up}gallery/{shown.name}-{number}.png)"


def notebook(number: str, up: str = "../") -> str:
    """A link to a notebook, by the number that its name begins with."""
    [shown] = [one for one in notebooks.every(repository.ROOT) if one.name.startswith(number)]
    return f"[{shown.title}]({up}gallery/{shown.name}.md)"


def recipes(up: str = "../") -> str:
    """The table of recipes: I have, I want, I type."""
    rows = [["I have", "I want", "I type"]]
    for name, row in keraseq.recipes.RECIPES.items():
        rows.append(
            [row.reads, f"[{row.gives}]({up}reference/recipes/{name}.md)", f"`{row.example}`"]
        )
    return table(rows)


def builders(up: str = "../") -> str:
    """The table of builders."""
    rows = [["call", "which is"]]
    for name in reference.public("models"):
        thing = getattr(keraseq.models, name)
        if inspect.isfunction(thing):
            where = f"{up}reference/python/models.md#{reference.anchor('models', name)}"
            rows.append([f"[`{name}`]({where})", inspect.getdoc(thing).partition("\n")[0]])
    return table(rows)


def data_sets() -> str:
    """The table of public data sets."""
    rows = [["name", "what", "terms"]]
    return table(rows + [[f"`{name}`", row.what, row.terms] for name, row in SETS.items()])


def formats() -> str:
    """The formats of `keraseq export`, and on which backend each is made."""
    rows = [["format", "path ends in", "runs in", "made on the backend"]]
    for name, made in FORMATS.items():
        end = f"`{made.suffix}`" if made.suffix else "(a folder)"
        rows.append([f"`{name}`", end, made.runs, ", ".join(made.backends)])
    return table(rows)


def tasks() -> str:
    """The table of tasks of a comparison."""
    rows = [["task", "what", "measure"]]
    for name, one in TASKS.items():
        rows.append([f"`{name}`", inspect.getdoc(one).partition("\n")[0], one.metric_label])
    return table(rows)


MACROS = {
    name: thing
    for name, thing in list(vars().items())
    if inspect.isfunction(thing) and thing.__module__ == __name__
} | {
    "comparison": measured.comparison,
    "study": measured.study,
    "lines": measured.lines,
    "ends": measured.ends,
    "memory": measured.memory,
    "pivoted": measured.pivoted,
    "seeds": measured.seeds,
    "shares": measured.shares,
    "linear": measured.linear,
    "folds": measured.folds,
    "speakers": measured.speakers,
}
