"""The table of the pages that are made, and the pictures beside them."""

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import gallery
import measured
import notebooks
import reference
import results_page
from repository import ROOT, included

import keraseq
from keraseq.cells import CELLS
from keraseq.recipes import RECIPES

ROOMS = [room for room in keraseq.ROOMS if room not in ("cells", "recipes")]  # a page a thing


@cache
def speed() -> tuple[str, dict[str, bytes]]:
    """The page of the times, and its figures, from the lines in benchmarks/results."""
    with tempfile.TemporaryDirectory() as folder:
        page = results_page.write(measured.RESULTS, Path(folder)).read_text()
        figures = {path.name: path.read_bytes() for path in Path(folder).glob("figures/*.png")}
    return included(page, "results/speed.md"), figures


def pictures() -> dict[str, bytes]:
    """Every picture: those of notebooks, of the times, and of benchmarks/figures."""
    found = {
        f"results/figures/{p.name}": p.read_bytes()
        for p in (ROOT / "benchmarks/figures").glob("*.png")
    }
    found |= {f"results/figures/{name}": data for name, data in speed()[1].items()}
    for one in notebooks.every(ROOT):
        found |= {f"gallery/{one.name}-{n}.png": data for n, data in enumerate(one.pictures)}
    return found


def of_repository(file: str, uri: str) -> str:
    """A file of the repository, its links leading to pages."""
    return included((ROOT / file).read_text(), uri)


PAGES: dict[str, Callable[[], str]] = {
    "reference/cells/index.md": reference.cells_page,
    **{f"reference/cells/{name}.md": partial(reference.cell_page, name) for name in CELLS},
    "reference/recipes/index.md": reference.recipes_page,
    **{f"reference/recipes/{name}.md": partial(reference.recipe_page, name) for name in RECIPES},
    **{
        f"reference/python/{room}.md": partial(reference.room_page, room)
        for room in ROOMS
        if room != "recipes"
    },
    "reference/shell.md": reference.shell_page,
    "gallery/index.md": gallery.page,
    **{f"gallery/{one.name}.md": one.page for one in notebooks.every(ROOT)},
    "results/speed.md": lambda: speed()[0],
    **{
        uri: partial(of_repository, file, uri)
        for file, uri in (
            ("ARCHITECTURE.md", "reference/architecture.md"),
            ("CONTRIBUTING.md", "reference/contributing.md"),
            ("CHANGELOG.md", "reference/changes.md"),
            ("benchmarks/NOTES.md", "results/notes.md"),
        )
    },
}
