"""Notebooks, executed as they are, as pages: Markdown and pictures of their own files.

mkdocs-jupyter makes pages of 1.0 to 1.6 MB (0.05 to 0.3 here), with pictures inside and styles of
their own, leaves LaTeX as it is, and asks a host elsewhere for a script.
"""

import base64
import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# The picture that stands for a notebook where it is not the first (a number, counted from 0).
COVERS = {
    "02_cells": 1,
    "04_text_generation": 1,
    "05_forecasting": 1,
    "07_tagging": 1,
}


@dataclass(frozen=True)
class Notebook:
    """A notebook of notebooks/."""

    path: Path

    @property
    def name(self) -> str:
        """Its name, which is that of its page."""
        return self.path.stem

    @cached_property
    def cells(self) -> list[dict]:
        """Its cells."""
        return json.loads(self.path.read_text())["cells"]

    @cached_property
    def title(self) -> str:
        """Its heading."""
        return text(self.cells[0]).partition("\n")[0].removeprefix("# ")

    @cached_property
    def summary(self) -> str:
        """What it says first, below its heading."""
        paragraph = text(self.cells[0]).split("\n\n")
        said = paragraph[1] if len(paragraph) > 1 else paragraph[0].partition("\n")[2]
        return " ".join(said.replace("#", "").split())

    @cached_property
    def source(self) -> str:
        """Its code."""
        return "\n".join(text(cell) for cell in self.cells if cell["cell_type"] == "code")

    @cached_property
    def pictures(self) -> list[bytes]:
        """Its pictures, in order."""
        return [
            base64.b64decode("".join(output["data"]["image/png"]))
            for cell in self.cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]

    @property
    def cover(self) -> int:
        """The number of the picture on its card."""
        if not self.pictures:
            raise ValueError(f"{self.path.name} has no picture for its card")
        return min(COVERS.get(self.name, 0), len(self.pictures) - 1)

    def page(self) -> str:
        """Its page; picture N is in the file NAME-N.png beside it."""
        number, parts = 0, []
        for cell in self.cells:
            if cell["cell_type"] == "markdown":
                parts.append(text(cell))
                continue
            if text(cell).strip():
                parts.append(f"```python\n{text(cell).strip()}\n```")
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if "image/png" in data:
                    parts.append(f"![Output of the cell above]({self.name}-{number}.png)")
                    number += 1
                elif "text/html" in data:
                    parts.append(
                        f'<div class="output" markdown="0">{joined(data["text/html"])}</div>'
                    )
                elif "text/markdown" in data:
                    parts.append(joined(data["text/markdown"]))
                else:
                    said = joined(output.get("text", data.get("text/plain", "")))
                    if said := ANSI.sub("", said).rstrip():
                        parts.append(f"```text\n{said}\n```")
        parts[1:1] = [
            f"`notebooks/{self.path.name}`, as it was executed; its source is "
            f"`notebooks/src/{self.name}.py`.\n{{ .quiet }}"
        ]
        return "\n\n".join(parts)


def text(cell: dict) -> str:
    """What stands in a cell."""
    return joined(cell["source"])


def joined(lines) -> str:
    """Lines, which a notebook may keep apart."""
    return lines if isinstance(lines, str) else "".join(lines)


@cache
def every(root: Path) -> list[Notebook]:
    """The notebooks of a checkout, in order."""
    return [Notebook(path) for path in sorted((root / "notebooks").glob("[0-9]*.ipynb"))]


def about(recipe: str, notebooks: list[Notebook]) -> Notebook | None:
    """The notebook that shows a recipe: the one whose code names it most often."""
    named = re.compile(rf"recipes\.{recipe}\b|\"{recipe}\"")
    counts = {len(named.findall(one.source)): one for one in reversed(notebooks)}
    return counts[max(counts)] if max(counts) else None
