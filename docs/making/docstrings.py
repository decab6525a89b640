"""Docstrings of keraseq as mkdocstrings reads them: the sections that Google's style has not."""

import re
import textwrap

import griffe

OWN = re.compile(
    r"^(Call arguments(?: and result)?|Weights|References|Returns)( \([^\n]*\))?:\n"
    r"((?: {4}.*\n|\n)+)",
    re.M,
)
EXAMPLE = re.compile(r"^Example:\n\n((?:>>>.*\n(?:(?!\n|>>>).*\n)*|\n(?=>>>))+)", re.M)
ITEM = re.compile(r"^(\w[\w, ]*): ", re.M)


def rewritten(text: str) -> str:
    """The same docstring, with lists where keraseq has sections of its own.

    >>> print(rewritten("Call arguments:\\n    x: `(batch, n)`.\\n"))
    **Call arguments**:
    <BLANKLINE>
    * `x`: `(batch, n)`.
    <BLANKLINE>
    """
    text = EXAMPLE.sub(
        lambda found: "Examples:\n" + textwrap.indent(found[1], "    ") + "\n", text + "\n"
    )
    return OWN.sub(section, text)


def section(found: re.Match) -> str:
    """A section of keraseq's own as Markdown."""
    title, more, body = found[1], found[2] or "", textwrap.dedent(found[3]).strip()
    if title == "References":  # an entry ends with a full stop at the end of a line
        items = re.sub(r"(?<!\.)\n", " ", body).splitlines()
    elif title != "Returns" and ITEM.match(body):
        items = re.sub(r"\n +", " ", ITEM.sub(r"`\1`: ", body)).splitlines()
    else:
        return f"**{title}**{more}:\n\n{body}\n\n"
    return f"**{title}**{more}:\n\n" + "\n".join(f"* {one}" for one in items) + "\n\n"


class Sections(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj, **kwargs):
        if obj.docstring:
            obj.docstring.value = rewritten(obj.docstring.value)
