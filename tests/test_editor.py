"""What an editor shows: names that a user calls, and signatures where imports are lazy."""

import ast
import importlib
from pathlib import Path

import jedi
import pytest

import keraseq

ROOT = Path(__file__).parent.parent
RECIPES = [f"keraseq.recipes.{name}" for name in keraseq.recipes.RECIPES]
PUBLIC = ["keraseq", *(f"keraseq.{room}" for room in keraseq.ROOMS), *RECIPES]


def source(package):
    return ast.parse(Path(importlib.import_module(package).__file__).read_text())


def for_editors(package):
    """The names that a package imports under TYPE_CHECKING, by module."""
    found = {}
    for block in source(package).body:
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING":
            for node in block.body:
                found.setdefault(node.module, set()).update(name.name for name in node.names)
    return found


def lazy(package):
    """The names that `lazy` serves and the package offers, by module."""
    offered = set(importlib.import_module(package).__all__)
    [call] = [
        node
        for node in ast.walk(source(package))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lazy"
    ]
    found = {
        f"{package}.{one.arg}": set(one.value.value.split()) & offered for one in call.keywords
    }
    return {module: names for module, names in found.items() if names}


@pytest.mark.parametrize("package", PUBLIC)
def test_dir_is_what_a_user_calls(package):
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", RECIPES)
def test_editors_and_python_find_the_same_in_a_recipe(package):
    assert for_editors(package) == lazy(package)


def test_editors_and_python_find_the_same_rooms_and_recipes():
    rooms = {f"keraseq.{room}": {name} for name, room in keraseq.FUNCTIONS.items()}
    rooms["keraseq"] = set(keraseq.ROOMS)
    assert for_editors("keraseq") == rooms
    assert for_editors("keraseq.recipes") == {"keraseq.recipes": set(keraseq.recipes.RECIPES)}


@pytest.mark.parametrize(
    ("call", "parameter"),
    [
        ("keraseq.generate", "temperature"),
        ("keraseq.export", "streaming"),
        ("keraseq.data.load", "name"),
        ("keraseq.recipes.train", "source"),
        ("keraseq.recipes.classify.explain", "bundle"),
        ("keraseq.models.sequence_classifier", "pooling"),
    ],
)
def test_an_editor_shows_the_signature(call, parameter):
    script = jedi.Script(f"import keraseq\n{call}(", project=jedi.Project(ROOT))
    [signature] = script.get_signatures(2, len(call) + 1)
    assert parameter in [one.name for one in signature.params]
