"""Mathematics that needs no network: LaTeX to MathML, and the equations of docstrings to LaTeX."""

import html
import re
from functools import cache

from latex2mathml.converter import convert

FUNCTIONS = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log"}
GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "nu", "phi", "theta", "tau"}
SYMBOLS = {"*": r"\odot", "...": r"\dots", "~": r"\sim", "|": r"\vert", "...,": r"\dots,"}
TOKEN = re.compile(
    r"(?P<name>[A-Za-z]+(?:\^\w+)?)(?:_(?P<below>\{[^}]*\}|\w+))?"
    r"|(?P<number>[\d.]*\d[\d.e-]*)|(?P<dots>\.\.\.)|(?P<other>\S)|(?P<blank>\s+)"
)
ARITHMATEX = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.S)


@cache
def mathml(latex: str, display: str = "inline") -> str:
    """LaTeX as MathML, which browsers show by themselves."""
    return convert(latex, display=display)


def in_page(content: str) -> str:
    """A page whose mathematics, as the extension arithmatex marks it, is MathML."""
    return ARITHMATEX.sub(
        lambda found: mathml(
            html.unescape(found[3]).strip(), "inline" if found[2] == "(" else "block"
        ),
        content,
    )


def latex(equation: str) -> str:
    """One side of an equation as docstrings write it, in LaTeX.

    >>> latex("sigmoid(W_z x_t + U_z h_{t-1} + b_z)")
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


def equations(text: str) -> str:
    """The equations of a docstring as a table: left side, right side, what it is."""
    rows = []
    for line in text.splitlines():
        if not line.strip():
            continue
        formula, _, label = line.strip().partition("  ")
        left, equals, right = formula.partition(" = ")
        if not equals:
            rows.append(f'<tr><td colspan="3">{html.escape(line.strip())}</td></tr>')
            continue
        rows.append(
            f"<tr><td>{mathml(latex(left))}</td><td>{mathml('= ' + latex(right))}</td>"
            f"<td>{html.escape(label.strip())}</td></tr>"
        )
    return '<table class="equations">' + "".join(rows) + "</table>"
