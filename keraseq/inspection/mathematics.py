"""The equations of docstrings, which are plain text, in LaTeX."""

import re

FUNCTIONS = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log"}
GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "nu", "phi", "theta", "tau"}
SYMBOLS = {"*": r"\odot", "...": r"\dots", "~": r"\sim", "|": r"\vert", "...,": r"\dots,"}
TOKEN = re.compile(
    r"(?P<name>[A-Za-z]+(?:\^\w+)?)(?:_(?P<below>\{[^}]*\}|\w+))?"
    r"|(?P<number>[\d.]*\d[\d.e-]*)|(?P<dots>\.\.\.)|(?P<other>\S)|(?P<blank>\s+)"
)


def latex(equation: str) -> str:
    """One side of an equation as docstrings write it, in LaTeX.

    >>> keraseq.inspection.mathematics.latex("sigmoid(W_z x_t + U_z h_{t-1} + b_z)")
    '\\\\sigma (W_{z}\\\\,x_{t}+U_{z}\\\\,h_{t-1}+b_{z})'
    """
    written, before = "", None
    for found in TOKEN.finditer(equation):
        kind = found.lastgroup if found["name"] is None else "name"
        if kind == "blank":
            continue
        if kind == "name":
            base, below = found["name"], (found["below"] or "").strip("{}")
            if base in FUNCTIONS:
                said = FUNCTIONS[base]
            elif base in GREEK:
                said = f"\\{base}"
            else:
                said = base if len(base.partition("^")[0]) == 1 else rf"\mathrm{{{base}}}"
            if below:
                word = re.fullmatch("[a-z]{3,}", below)
                said += rf"_{{\text{{{below}}}}}" if word else f"_{{{below}}}"
            if (base == "f" and not below) or base in FUNCTIONS or len(base) > 3:
                kind = "function"
        else:
            said = SYMBOLS.get(found[0], found[0])
        if before in ("name", "number", ")") and (kind in ("name", "function") or said == "("):
            written += r"\,"
        written += said + (" " if said.startswith("\\") and said[-1].isalpha() else "")
        before = ")" if said == ")" else kind
    return written.strip()


def lines(text: str) -> list[tuple[str, str, str]]:
    """Each line of an equation: left side and right side in LaTeX, and what it is.

    A line that is no equation is all in the last.
    """
    rows = []
    for line in filter(str.strip, text.splitlines()):
        formula, _, label = line.strip().partition("  ")
        left, equals, right = formula.partition(" = ")
        rows.append(
            (latex(left), latex(right), label.strip()) if equals else ("", "", line.strip())
        )
    return rows


def markdown(text: str) -> str:
    r"""The equations of a docstring as a table of Markdown: left side, right side.

    >>> print(keraseq.inspection.mathematics.markdown("h_t = f(W x_t + b)      new state"))
    | | |
    |---|---|
    | $h_{t}$ | $=f(W\,x_{t}+b)$ |
    """
    rows = []
    for left, right, label in lines(text):
        option = label.partition(", ")[2]  # as in `candidate, reset="before"`
        said = f" &nbsp; `{option}`" if "=" in option else ""
        rows.append(f"| ${left}$ | $={right}${said} |" if left else f"| | {label} |")
    return "\n".join(["| | |", "|---|---|", *rows])
