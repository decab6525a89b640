"""A cell as one reads it: equation, what its gates are for, and the code of its step."""

import inspect
import re
import textwrap

from keraseq import cells
from keraseq.inspection.mathematics import latex, markdown

OLD = r"[chs]_\{?[nt]-1\}?"  # a state before the step
# What a gate X is for, by where it stands in the equation; of the first three one holds.
OF_STATE = {
    rf"(?<!\()X \* {OLD}|{OLD} \* X": "near 1 the old state stays, near 0 it is let go",
    rf"\(1 - X\) \* {OLD}|{OLD} \* \(1 - X\)": "near 1 the candidate takes the place of the old "
    "state, near 0 the old state stays",
    r"X \* [gkz]_t": "near 1 the candidate comes in, near 0 it is kept out",
}
OF_OTHERS = {
    rf"\(X \* {OLD}\)": "near 0 the candidate does not see the old state",
    r"X \* (tanh\()?c_t": "near 1 the cell state is shown, near 0 it is hidden",
}


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


def purposes(cell) -> dict[str, str]:
    """What each gate of a cell is for, told by where it stands in the equation: symbol -> sentence.

    Args:
        cell: A registered name, a cell class or an instance.

    Example:

    >>> keraseq.inspection.purposes("lstm")["f"]
    'forget gate: near 1 the old state stays, near 0 it is let go'
    """
    said, written = {}, equation(cell)
    for symbol, meaning in symbols(cell).items():
        if re.search("gate$|gate of layer n$", meaning):
            found = [
                [text for place, text in places.items() if re.search(gate(place, symbol), written)]
                for places in (OF_STATE, OF_OTHERS)
            ]
            said[symbol] = f"{meaning}: {'; '.join(found[0][:1] + found[1])}"
    return said


def gate(place: str, symbol: str) -> str:
    """The expression that finds a gate in a place."""
    return place.replace("X", rf"\b{symbol}_[nt]")


class Equations:
    r"""A cell for a notebook: what it is, what each gate is for, the equations beside `step`.

    All of it is read from the class, whose docstring has the equations in plain text.

    Args:
        cell: A registered name, a cell class or an instance.

    Example:

    >>> print(keraseq.inspection.Equations("mgu"))
    Minimal gated unit: a GRU whose one gate both resets and updates.
    * f, forget gate: ...
    """

    def __init__(self, cell):
        self.cell = cell
        self.summary = inspect.getdoc(class_of(cell)).partition("\n\n")[0].replace("\n", " ")

    def __str__(self):
        parts = (equation(self.cell), step_source(self.cell))
        said = [f"* {symbol}, {meaning}" for symbol, meaning in self.meanings().items()]
        return "\n\n".join(["\n".join([self.summary, *said]), *parts])

    def meanings(self) -> dict[str, str]:
        """What each symbol on a left side is, and of gates what they are for."""
        return symbols(self.cell) | purposes(self.cell)

    def _repr_markdown_(self):
        said = "\n".join(f"* ${latex(x)}_t$, {text}" for x, text in self.meanings().items())
        sides = (
            markdown(equation(self.cell)),
            f"```python\n{step_source(self.cell)}\n```",
        )
        beside = "".join(f'<td markdown="block">\n\n{side}\n\n</td>' for side in sides)
        table = f'<table class="beside" markdown="block"><tr markdown="block">{beside}</tr></table>'
        return f"{self.summary}\n\n{said}\n\n{table}"


def class_of(cell) -> type[cells.Cell]:
    """The class behind a name, a class or an instance."""
    if isinstance(cell, str):
        return type(cells.get(cell, units=1))
    return cell if isinstance(cell, type) else type(cell)
