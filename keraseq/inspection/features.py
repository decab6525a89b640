"""What a text is doing at each character: quotes, lines, indentation, brackets, comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of

if TYPE_CHECKING:
    import pandas as pd

# Comments and strings of Python, in the order in which they start; an open string ends with its
# line, an open text of three quotes with the file.
PYTHON = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<triple>\"\"\"|''') (?:\\.|(?!(?P=triple)).)* (?:(?P=triple)|\Z)
      | (?P<single>["'])       (?:\\.|(?!(?P=single))[^\n\\])* (?:(?P=single)|(?=\n)|\Z)""",
    re.DOTALL | re.VERBOSE,
)


def text_features(text: str, language: str = "prose") -> pd.DataFrame:
    """What units may track (Karpathy et al. 2015): one row for each character of a text.

    Each value is what holds after that character was read: an opening quote is inside already, a
    closing one is not.

    Args:
        text: Any text.
        language: `"prose"`: the columns `line position` (characters since the last line break) and
            `inside quotes` (double ones; a blank line closes what was left open). `"python"`:
            `line position`, `indentation` (blanks at the start of the line, so far), `bracket
            depth`, `inside string` and `inside comment`. Defaults to `"prose"`.

    Returns:
        A frame of numbers and truth values, `len(text)` rows.

    Raises:
        ValueError: The language is another.

    Example:

    >>> frame = keraseq.inspection.text_features('He: "No."')
    >>> "".join("x" if inside else "." for inside in frame["inside quotes"])
    '....xxxx.'
    """
    import pandas as pd

    one_of("language", language, ("prose", "python"))
    position = line_position(text)
    if language == "prose":
        return pd.DataFrame({"line position": position, "inside quotes": inside_quotes(text)})
    strings, comments = strings_and_comments(text)
    return pd.DataFrame(
        {
            "line position": position,
            "indentation": indentation(text, position),
            "bracket depth": bracket_depth(text, strings | comments),
            "inside string": strings,
            "inside comment": comments,
        }
    )


def line_position(text: str) -> np.ndarray:
    """Characters since the last line break; 0 at the line break itself."""
    here = np.arange(len(text))
    breaks = np.array([c == "\n" for c in text], bool)
    last = np.maximum.accumulate(np.where(breaks, here, -1)) if len(text) else here
    return here - last


def inside_quotes(text: str) -> np.ndarray:
    """Whether a double quote, straight or curly, is open."""
    inside, found, before = False, [], ""
    for character in text:
        if character in '"“”':
            inside = {"“": True, "”": False}.get(character, not inside)
        elif character == before == "\n":
            inside = False
        before = character
        found.append(inside)
    return np.array(found, bool)


def indentation(text: str, position: np.ndarray) -> np.ndarray:
    """Blanks at the start of the line, as far as it has been read."""
    found, count = [], 0
    for character, place in zip(text, position, strict=True):
        if place == 0:
            count = 0
        elif character == " " and count == place - 1:
            count = place
        found.append(count)
    return np.array(found, "int64")


def strings_and_comments(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Where Python source is inside a string, and where inside a comment."""
    strings, comments = np.zeros(len(text), bool), np.zeros(len(text), bool)
    for match in PYTHON.finditer(text):
        quote = match["triple"] or match["single"]
        if match["comment"]:
            comments[match.start() : match.end()] = True
            continue
        closed = match[0].endswith(quote) and len(match[0]) >= 2 * len(quote)
        # Of three quotes that open the first one is a string already, of those that close the last
        # one ends it.
        strings[match.start() : match.end() - closed] = True
    return strings, comments


def bracket_depth(text: str, ignored: np.ndarray) -> np.ndarray:
    """How many round, square and curly brackets are open; never less than 0."""
    found, depth = [], 0
    for character, out in zip(text, ignored, strict=True):
        if not out and character in "([{":
            depth += 1
        elif not out and character in ")]}":
            depth = max(depth - 1, 0)
        found.append(depth)
    return np.array(found, "int64")
