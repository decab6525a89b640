"""Nobody can forget a cell: each has a row, cases, an oracle, equations and a reference.

Whatever may be left out is written down here.
"""

import inspect
import re

import oracles
import pytest

import keraseq
from keraseq.cells import CELLS, Cell

from .cases import (
    AROUND_THE_EQUATION,
    CASES,
    COMMON,
    INITIAL_VALUE,
    NOT_IN_THE_EQUATION,
    VARIANTS,
)

CLASSES = {kind.__name__: kind for kind, _ in CELLS.values()}
BY_CLASS = pytest.mark.parametrize("name", sorted(CLASSES))


def families():
    """Every class in keraseq that is a cell of its own: it has a `step`, and a public name."""
    found, waiting = set(), [Cell]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.startswith("keraseq.") and "step" in vars(kind):
                found.add(kind.__name__)
    return found


def test_every_cell_has_a_row_an_oracle_and_an_export():
    assert families() == set(CLASSES)
    assert set(CLASSES) == set(oracles.ORACLES)
    assert set(CLASSES) == set(VARIANTS)
    for name, kind in CLASSES.items():
        assert getattr(keraseq.cells, name) is kind
        assert name in keraseq.cells.__all__


def test_every_row_has_cases():
    for name in CELLS:
        for options in COMMON:
            assert any(case.name == name and case.options == options for case in CASES), name


def test_case_names_are_unique():
    names = [str(case) for case in CASES]
    assert sorted(set(names)) == sorted(names)


@BY_CLASS
def test_every_option_is_in_a_case_or_left_out_for_a_reason(name):
    kind = CLASSES[name]
    tried = set()
    for case in CASES:
        if case.kind == name:
            tried |= set(case.options) | set(CELLS[case.name][1])
    left_out = NOT_IN_THE_EQUATION | {option for owner, option in INITIAL_VALUE if owner == name}
    assert set(kind.options()) - tried - left_out == set()
    equation = set(inspect.signature(oracles.ORACLES[name]).parameters) - {"weights", "x", "states"}
    assert equation == tried - left_out - AROUND_THE_EQUATION


def test_nothing_is_left_out_that_does_not_exist():
    existing = {option for kind in CLASSES.values() for option in kind.options()}
    assert existing >= NOT_IN_THE_EQUATION


@BY_CLASS
def test_docstring(name):
    """What it is, equations, departures, arguments, shapes, an example and references, in order."""
    kind = CLASSES[name]
    text = inspect.getdoc(kind)
    headings = [
        "Departs from the paper:",
        "Args:",
        "Call arguments:",
        "Returns:",
        "Raises:",
        "Weights (",
        "Example:",
        "References:",
    ]
    found = [text.find(f"\n{heading}") for heading in headings]
    assert -1 not in found, [h for h, at in zip(headings, found, strict=True) if at < 0]
    assert found == sorted(found)

    equations = [line for line in text[: found[0]].splitlines() if re.match(r" {4}\S.* = ", line)]
    assert any(re.match(r" +h_t +=", line) for line in equations), "the equation of h_t"
    for state in kind.state_names[1:]:
        assert any(re.match(rf" +{state[0]}_t +=", line) for line in equations), state
    assert ">>> " in text[found[-2] : found[-1]]
    assert re.search(r"\b(19|20)\d\d\b", text[found[-1] :])


@BY_CLASS
def test_reference(name):
    """Authors, year and title, and the same work among the docstring's references."""
    kind = CLASSES[name]
    match = re.fullmatch(r"(\S+).* (\d{4}), (.+)", kind.reference)
    assert match, kind.reference
    references = re.sub(r"\s+", " ", inspect.getdoc(kind).split("\nReferences:")[1])
    author, year, title = match.groups()
    assert author in references and year in references
    assert title.split(" (")[0][:30].lower() in references.lower()


@BY_CLASS
def test_oracle_is_independent(name):
    """It says its equations, and its module imports NumPy and the other oracles alone."""
    oracle = oracles.ORACLES[name]
    assert "=" in oracle.__doc__
    for module in (inspect.getmodule(oracle), oracles.parts, oracles.time):
        imports = re.findall(r"^(?:from|import) (\w+)", inspect.getsource(module), re.MULTILINE)
        assert set(imports) <= {"numpy", "oracles"}
