"""Imports point one way, and importing keraseq costs little more than importing Keras."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keraseq

PACKAGE = Path(keraseq.__file__).parent
# room: the rooms it may import. A room that is not here fails: a new one says where it stands.
MAY_IMPORT = {
    "checks": set(),
    "files": set(),
    "archives": {"files", "checks"},
    "keras_inside": set(),
    "autodiff": set(),
    "cells": {"keras_inside", "checks"},
    "losses": {"checks"},
    "layers": {"cells", "losses", "keras_inside", "checks"},
    "data": {"models", "files", "checks"},  # features of pictures come from a model
    "models": {"layers", "losses", "cells", "archives", "keras_inside", "checks"},
    "train": {"inspection", "losses", "autodiff", "keras_inside", "files", "checks"},
    "evaluate": {"data", "checks"},
    "plots": {"evaluate", "data", "checks"},
    "bundle": {"models", "archives", "files", "checks"},
    "inspection": {"layers", "cells", "autodiff", "keras_inside", "checks"},
}
MAY_IMPORT["exporting"] = {"bundle", "models", "layers", "keras_inside", "files", "checks"}
MAY_IMPORT["generation"] = set(MAY_IMPORT)
MAY_IMPORT["recipes"] = set(MAY_IMPORT)
MAY_IMPORT["experiments"] = set(MAY_IMPORT)
MAY_IMPORT["app"] = set(MAY_IMPORT)
MAY_IMPORT["cli"] = set(MAY_IMPORT)
MAY_IMPORT["__main__"] = {"cli"}
OWN = ("self", "cls", "super()")
# The rooms of the comparison, from the lowest: each imports only those before it.
OF_EXPERIMENTS = ("tasks", "engine", "report", "comparison")
HEAVY = (
    "tensorflow_datasets",
    "keras_nlp",
    "keras_hub",
    "statsmodels",
    "seaborn",
    "typer",
    "optuna",
    "sqlalchemy",
    "sklearn",
    "pydantic",
    "sacrebleu",
    "gradio",
)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            parts = (node.module or "").split(".")
            if parts[0] == "keraseq":
                rooms |= {parts[1]} if parts[1:] else {name.name for name in node.names}
        elif isinstance(node, ast.Import):
            for name in node.names:
                parts = name.name.split(".")
                if parts[0] == "keraseq" and parts[1:]:
                    rooms.add(parts[1])
    return rooms - {"__version__"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.name))
def test_imports_point_one_way(path):
    room = room_of(path)
    if room == "__init__":
        return
    assert imported_rooms(path) <= MAY_IMPORT[room] | {room}


def test_what_others_keep_private_is_used_in_one_file():
    """`a._b` of what is not one's own; NumPy and namedtuples export a few such names."""
    exported = {"_asdict", "_fields", "_exit", "_replace"}
    for path in PACKAGE.rglob("*.py"):
        if room_of(path) == "keras_inside" or "scan" in path.parts:
            continue
        found = {
            f"{path.name}:{node.lineno} {ast.unparse(node)}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr)
            if node.attr not in exported and not ast.unparse(node.value).startswith(OWN)
        }
        assert not found, found


def imports_of(path: Path, modules: dict[str, Path]) -> set[str]:
    """What a module imports of keraseq while it is imported itself, by full name."""
    found, nodes = set(), list(ast.parse(path.read_text()).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{name.name}" for name in node.names]
            found |= {name if name in modules else node.module for name in whole}
    return found & set(modules)


MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def test_no_circles():
    """No two modules need each other to be imported."""
    order = graphlib.TopologicalSorter(
        {name: imports_of(path, MODULES) for name, path in MODULES.items()}
    )
    order.prepare()  # raises with the circle


def test_rooms_of_the_comparison():
    for name, path in MODULES.items():
        if name.startswith("keraseq.experiments."):
            rooms = {
                one.split(".")[2] for one in imports_of(path, MODULES) if "experiments." in one
            }
            room = OF_EXPERIMENTS.index(name.split(".")[2])
            assert rooms <= set(OF_EXPERIMENTS[: room + 1]), name


def test_few_rooms_call_a_backend():
    rooms = ("data", "train", "generation", "keras_inside", "autodiff")
    for path in PACKAGE.rglob("*.py"):
        if "scan" in path.parts or room_of(path) in rooms:
            # train: determinism, seeds; generation: its compiled loop; autodiff: derivatives
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            for name in names:
                assert name.split(".")[0] not in ("tensorflow", "jax", "torch"), f"{path}: {name}"


def test_one_file_uses_what_keras_and_tensorflow_do_not_export():
    private = ("keras.src", "tensorflow.python", "._flatten_layers", "._run_through_graph")
    private += ("._nodes_by_depth", "._inbound_nodes", "._keras_history", "._functional")
    for path in PACKAGE.rglob("*.py"):
        if room_of(path) != "keras_inside":
            text = path.read_text()
            assert not [name for name in private if name in text], path


def test_no_room_whose_name_says_nothing():
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc"}


def test_import_is_quick_and_light():
    """At most 0.3 s more than Keras, and the heavy libraries wait until they are used.

    Seconds of the processor: those of the clock tell how busy the machine is.
    """
    code = (
        "import time, keras, sys\n"
        "before = set(sys.modules); start = time.process_time()\n"
        "import keraseq\n"
        "print(time.process_time() - start)\n"
        f"print(sorted(set({HEAVY}) & (set(sys.modules) - before)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = run.stdout.strip().splitlines()[-2:]
    assert heavy == "[]"
    assert float(seconds) < 0.3


@pytest.mark.parametrize("code", ["import keraseq, keras", "import keraseq.layers.rnn"])
def test_keras_knows_the_classes_of_saved_models(code):
    """Whichever comes first."""
    code = (
        f"{code}\n"
        "from keras.saving import get_registered_object as find\n"
        "names = ['LSTMCell', 'RNN', 'WordDropout', 'PinballLoss', 'SequenceModel']\n"
        "missing = [name for name in names if find('keraseq>' + name) is None]\n"
        "assert not missing, missing\n"
        "from keraseq.models import SequenceModel\n"
        "assert find('keraseq>SequenceModel') is SequenceModel"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
