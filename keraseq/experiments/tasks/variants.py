"""Cells with options, by one name: `"lstm[forget_gate=false]"`."""

import json
import re
from typing import Any

from keraseq import cells

SPELLING = re.compile(r"(?P<name>[^\[\]]+?)\s*(\[(?P<options>[^\[\]]*)\])?")


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """The name of a cell and its options.

    Args:
        text: A registered name, or one with options in brackets, `name[option=value,...]`. A value
            is written as in JSON; a bare word is a string.

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
    for pair in (match["options"] or "").split(","):
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


def check(text: str) -> str:
    """The text, if there is such a cell with such options.

    Raises:
        ValueError: There is none, in the words of `keraseq.cells.get`.
    """
    name, options = parse(text)
    try:
        cells.get(name, units=1, **options)
    except TypeError as error:  # an option that the cell does not know, or of another kind
        raise ValueError(f"cell {text!r}: {error}") from None
    return text


def builder_options(text: str) -> dict[str, Any]:
    """What a builder of `keraseq.models` is given for this cell."""
    name, options = parse(text)
    return {"cell": name, "cell_options": options} if options else {"cell": name}
