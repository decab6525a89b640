"""Mathematics that needs no network: LaTeX, and the equations of docstrings, as MathML."""

import html
import re
from functools import cache

from latex2mathml.converter import convert

from keraseq.inspection.mathematics import lines

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


def equations(text: str) -> str:
    """The equations of a docstring as a table: left side, right side, what it is."""
    rows = []
    for left, right, label in lines(text):
        said = html.escape(label)
        rows.append(
            f"<tr><td>{mathml(left)}</td><td>{mathml('= ' + right)}</td><td>{said}</td></tr>"
            if left
            else f'<tr><td colspan="3">{said}</td></tr>'
        )
    return '<table class="equations">' + "".join(rows) + "</table>"
