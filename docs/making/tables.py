"""Tables in Markdown."""


def table(rows: list[list]) -> str:
    """Rows, the first of which names the columns."""
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def cell(value) -> str:
    """A value in one line."""
    return str(value).replace("|", "\\|").replace("\n", " ")
