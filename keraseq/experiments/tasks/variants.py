"""Cells by one name: `"lstm[forget_gate=false]"`, or `"module:Class"` of somebody's own."""

import hashlib
import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import keras

from keraseq import cells

QUOTED = r'"(?:[^"\\]|\\.)*"'  # in which commas and brackets are letters
SPELLING = re.compile(rf"(?P<name>[^\[\]]+?)\s*(\[(?P<options>(?:{QUOTED}|[^\[\]])*)\])?")
PAIRS = re.compile(rf"(?:{QUOTED}|[^,])+")
NAMES = re.compile(rf"(?:[^,\[]|\[(?:{QUOTED}|[^\]])*\]?)+")


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """The name of a cell and its options.

    Args:
        text: A registered name, or one with options in brackets, `name[option=value,...]`. A value
            is written as in JSON; a bare word is a string, and needs no quotes where it has no
            commas and brackets.

    Raises:
        ValueError: The text is not written so.

    Example:

    >>> from keraseq.experiments.tasks import variants
    >>> variants.parse("lstm[forget_bias=0, input_gate=false]")
    ('lstm', {'forget_bias': 0, 'input_gate': False})
    """
    match = SPELLING.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"a cell is written name or name[option=value]; received {text!r}")
    options = {}
    for pair in PAIRS.findall(match["options"] or ""):
        option, equals, value = (piece.strip() for piece in pair.partition("="))
        if not pair.strip():
            continue
        if not (option and equals and value):
            raise ValueError(f"a cell is written name or name[option=value]; received {text!r}")
        try:
            options[option] = json.loads(value)
        except ValueError:
            options[option] = value
    return match["name"], options


def written(name: str, options: dict[str, Any]) -> str:
    """The text that `parse` takes apart.

    Example:

    >>> from keraseq.experiments.tasks import variants
    >>> variants.written("sales.csv", {"target": "units", "decimal": ","})
    'sales.csv[target=units,decimal=","]'
    """
    said = []
    for option, value in options.items():
        quoted = json.dumps(value, ensure_ascii=False)
        plain = isinstance(value, str) and f'"{value}"' == quoted and value == value.strip()
        if plain and value and not set(value) & set(',[]"'):
            try:
                json.loads(value)
            except ValueError:
                quoted = value
        said.append(f"{option}={quoted}")
    return f"{name}[{','.join(said)}]" if said else name


def in_brackets(text: str) -> list[str]:
    """Names with commas between them; those between brackets belong to a name."""
    return [one.strip() for one in NAMES.findall(text) if one.strip()]


def imported(name: str, what: str):
    """What `"module:name"` stands for; the module may lie in the working folder."""
    module, _, attribute = name.partition(":")
    if not {"", here := str(Path.cwd())} & set(sys.path):
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever that module does
        kind = "" if isinstance(error, (ImportError, AttributeError)) else type(error).__name__
        raise ValueError(f"cannot load {what} {name!r}: {kind}{': ' * bool(kind)}{error}") from None


def importable(thing, what: str) -> str:
    """The name by which another process imports a class or a function."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not name or module in ("__main__", None) or not name.isidentifier():
        raise ValueError(
            f"{what} {name or thing!r} must be a class or function at the top level of a module "
            f"file, for worker processes import it by name: put it into my_{what}.py and give "
            f"'my_{what}:{str(name).rpartition('.')[2]}'"
        )
    return f"{module}:{name}"


def kind(name: str) -> str | type[keras.layers.Layer]:
    """A registered name as it is, or the class that `"module:Class"` stands for."""
    if ":" not in name:
        return name
    found = imported(name, "cell")
    if not (isinstance(found, type) and issubclass(found, keras.layers.Layer)):
        raise ValueError(f"cell {name!r} is no class of keras.layers.Layer; received {found!r}")
    return found


def name_of(cell) -> str:
    """The name of a cell that was given by its name, its class, or an instance as a pattern.

    Example:

    >>> import keras
    >>> from keraseq.experiments.tasks import variants
    >>> variants.name_of(keraseq.cells.LSTMCell(8, forget_bias=0.0))
    'lstm[forget_bias=0.0]'
    >>> variants.name_of(keras.layers.GRUCell)
    'keras.layers:GRUCell'
    """
    if isinstance(cell, str):
        return cell
    instance = isinstance(cell, keras.layers.Layer)
    kind = type(cell) if instance else cell
    if not (isinstance(kind, type) and issubclass(kind, keras.layers.Layer)):
        raise TypeError(f"cell must be a name, a class or an instance; received {cell!r}")
    names = [name for name, row in cells.CELLS.items() if row == (kind, {})]
    if getattr(keras.layers, kind.__name__, None) is kind:
        names = [f"keras.layers:{kind.__name__}"]
    name = names[0] if names else importable(kind, "cell")
    if not instance:
        return name
    config, usual = cell.get_config(), kind(4).get_config()
    options = {
        option: value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
        for option, value in config.items()
        if option not in ("name", "units") and value != usual.get(option)
    }
    text = written(name, options)
    try:
        understood = parse(text)[1] == options
    except ValueError:
        understood = False
    if not understood:
        raise ValueError(
            f"a cell's options are numbers and words here; received {options!r} of {name}: "
            "put a subclass that sets them into a file"
        )
    return text


def code(text: str) -> str | None:
    """SHA-256 of the file of a cell of somebody's own; None for those of keraseq and Keras."""
    found = kind(parse(text)[0])
    if isinstance(found, str) or found.__module__.split(".")[0] in ("keraseq", "keras"):
        return None
    return hashlib.sha256(Path(inspect.getfile(found)).read_bytes()).hexdigest()


def class_name(text: str) -> str:
    """The name of a cell's class, without importing it."""
    name = parse(text)[0]
    return cells.CELLS[name][0].__name__ if name in cells.CELLS else name.rpartition(":")[2]


def check(text: str) -> str:
    """The text, if there is such a cell with such options.

    Raises:
        ValueError: There is none, in the words of `keraseq.cells.get`.
    """
    name, options = parse(text)
    made_of = kind(name)
    if not isinstance(made_of, str):  # tried at work, see `engine/trying.py`
        return text
    try:
        cells.get(name, units=1, **options)
    except TypeError as error:  # an option that the cell does not know, or of another kind
        raise ValueError(f"cell {text!r}: {error}") from None
    return text


def builder_options(text: str) -> dict[str, Any]:
    """What a builder of `keraseq.models` is given for this cell."""
    name, options = parse(text)
    cell = {"cell": kind(name)}
    return {**cell, "cell_options": options} if options else cell
