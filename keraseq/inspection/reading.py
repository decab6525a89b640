"""A cell as one reads it: the equation of its docstring, and the code of its step."""

import inspect
import re
import textwrap

from keraseq import cells


def equation(cell) -> str:
    """The equation of a cell, as its docstring writes it.

    Args:
        cell: A registered name, a cell class or an instance.

    Example:

    >>> print(keraseq.inspection.equation("elman"))
    h_t = f(W x_t + U h_{t-1} + b)                        new state and output
    """
    lines = inspect.getdoc(class_of(cell)).splitlines()
    start = next(i for i, line in enumerate(lines) if re.match(r" {4}\w+ +=", line))
    block = []
    for line in lines[start:]:
        if line and not line.startswith("    "):
            break
        block.append(line)
    return textwrap.dedent("\n".join(block)).strip("\n")


def step_source(cell) -> str:
    """The code of a cell's `step`, to be read beside `equation`."""
    return textwrap.dedent(inspect.getsource(class_of(cell).step)).rstrip()


def symbols(cell) -> dict[str, str]:
    """What the equation says of each symbol on its left side: symbol -> meaning.

    Example:

    >>> keraseq.inspection.reading.symbols("mgu")
    {'f': 'forget gate', 'g': 'candidate', 'h': 'new state and output'}
    """
    found: dict[str, str] = {}
    for line in equation(cell).splitlines():
        match = re.match(r"(\w+)_[tn] += .*? {2,}(\S.*)$", line)
        if match:
            found.setdefault(match[1], re.sub(", reset=.*| of layer n.*", "", match[2]))
    return found


def class_of(cell) -> type[cells.Cell]:
    """The class behind a name, a class or an instance."""
    if isinstance(cell, str):
        return type(cells.get(cell, units=1))
    return cell if isinstance(cell, type) else type(cell)
