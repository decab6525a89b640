"""The site: what is wrong in a page stops its build, which says where; `make docs` builds all."""

import doctest
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("mkdocs")  # the extra `docs`, which CI has
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort, PluginError

import keraseq

ROOT = Path(__file__).parent.parent
MAKING = ROOT / "docs" / "making"
sys.path[:0] = [str(MAKING), str(ROOT / "benchmarks")]
import diagram
import docstrings
import hook
import mathematics
import measured
import notebooks
import pages
import reference
import repository

# Which test sees a figure of benchmarks/figures being made.
SEEN = {
    "action-*.png": "tests/test_benchmarks.py::test_saved_models_of_music_and_of_actions_are_drawn",
    "app.png": "tests/test_app.py::test_a_review_is_judged",
    "demo.png": "tests/experiments",
    "gradients-*.png": "tests/test_benchmarks.py::test_gradients",
    "music.png": "tests/test_benchmarks.py::test_saved_models_of_music_and_of_actions_are_drawn",
    "rnn-*.png": "tests/test_benchmarks.py::test_the_page_of_what_was_measured",
    "speech-*.png": "tests/test_benchmarks.py::test_spoken_digits_are_measured_once",
    "scaling-*.png": "tests/test_benchmarks.py::test_the_page_of_what_was_measured",
}


@pytest.fixture
def site(tmp_path, caplog):
    """Builds one page as strictly as mkdocs.yml says, without what is made."""

    def made(text):
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "index.md").write_text(text)
        config = load_config(str(ROOT / "mkdocs.yml"), hooks=[], plugins=["search"])
        config.nav = ["index.md"]
        config.docs_dir, config.site_dir = str(tmp_path / "docs"), str(tmp_path / "site")
        caplog.set_level(logging.WARNING, "mkdocs")
        assert config.strict
        build(config)
        return (tmp_path / "site" / "index.html").read_text()

    return made


def test_a_page_that_is_right_is_built(site):
    assert "<h1" in site("# Right\n\nSee [below](#below).\n\n## Below\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[there](missing.md)", "missing.md"),
        ("[there](#nowhere)", "#nowhere"),
        ("![a picture](figures/missing.png)", "figures/missing.png"),
        ("[there](/absolute.md)", "/absolute.md"),
    ],
)
def test_what_leads_nowhere_stops_the_build(site, caplog, text, said):
    with pytest.raises(Abort, match="strict mode"):
        site(f"# Bad\n\n{text}\n")
    assert any("index.md" in r.message and said in r.message for r in caplog.records)


@pytest.mark.parametrize(
    ("macro", "said"),
    [
        ('{{ step("mut4") }}', "unknown cell 'mut4'"),
        ('{{ picture("01", 99, "none") }}', "01_quickstart.ipynb has"),
        ('{{ section("ARCHITECTURE.md", "No such heading", "x.md") }}', "no heading"),
        ('{{ comparison("missing.csv") }}', "StopIteration"),
        ('{{ source("keraseq.layers:NoLayer") }}', "NoLayer"),
        ("{{ nothing() }}", "NameError"),
    ],
)
def test_a_macro_that_fails_names_its_page(macro, said):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="learn/bad.md"))
    with pytest.raises(PluginError, match=re.escape(said)) as caught:
        hook.on_page_markdown(f"# Bad\n\n{macro}\n", page)
    assert str(caught.value).startswith(f"learn/bad.md: {macro}")


def test_a_notebook_without_a_picture_is_named(tmp_path):
    (tmp_path / "notebooks").mkdir()
    file = tmp_path / "notebooks" / "09_bare.ipynb"
    file.write_text('{"cells": [{"cell_type": "markdown", "source": "# Bare"}]}')
    [bare] = notebooks.every(tmp_path)
    with pytest.raises(ValueError, match=re.escape("09_bare.ipynb has no picture for its card")):
        _ = bare.cover


@pytest.mark.parametrize("module", [mathematics, docstrings], ids=lambda module: module.__name__)
def test_examples(module):
    assert not doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed


@pytest.mark.parametrize("cell", keraseq.cells.names())
def test_every_cell_has_mathematics_diagram_and_its_rows(cell):
    equation = keraseq.inspection.equation(cell)
    lines = [line for line in equation.splitlines() if " = " in line]
    table = mathematics.equations(equation)
    assert table.count("<tr>") >= len(lines) and table.count("<math") == 2 * len(lines)
    kind, preset = keraseq.cells.CELLS[cell]
    drawn = diagram.svg(equation, cell, kind(4, **preset).get_config())
    assert drawn.count("<rect") >= 3 and "nan" not in drawn
    rows = list(measured.of_cell(cell))
    if cell in ("lstm", "gru", "mut1"):
        assert {page for *_, page in rows} >= {"results/text.md", "results/compare.md"}


def test_a_diagram_shows_the_reset_gate_where_it_stands():
    before, after = (
        dict((name, right) for name, right, _ in diagram.parsed(equation, {"reset": reset}))
        for reset in ("before", "after")
        for equation in [keraseq.inspection.equation("gru")]
    )
    assert "(r_t * h_{t-1})" in before["g_t"] and "r_t * (U_g h_{t-1} + d_g)" in after["g_t"]


def test_a_mean_and_its_spread_are_those_of_the_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "RESULTS", tmp_path)
    (tmp_path / "few.csv").write_text("cell,m,units\na,0.1,4\na,0.3,4\nb,0.15,9\n")
    table = measured.Comparison("few", "few.csv", "m", "error", "x.md", digits=2).table()
    rows = table.splitlines()[2:4]
    assert rows == ["| `b` | 0.15 | 1 | 9 |", "| `a` | 0.20 ± 0.10 | 2 | 4 |"]
    (tmp_path / "rows.csv").write_text("row,how,m\na,beam,1\na,beam,2\na,greedy,9\nb,beam,4\n")
    names = {"b": "B", "a": "A", "c": "not run"}
    table = measured.seeds("rows.csv", "row", names, "m", "BLEU", {"how": "beam"})
    assert table.splitlines()[2:] == ["| B | 4.0 |  | 1 |", "| A | 1.5 | 1.0 to 2.0 | 2 |"]


def test_links_of_included_files_lead_to_pages():
    text = "[a](ARCHITECTURE.md#x) [b](notebooks/02_cells.ipynb) [c](tests/test_x.py)\n"
    said = repository.included(text, "results/notes.md")
    assert said == "[a](../reference/architecture.md#x) [b](../gallery/02_cells.md) c\n"


def test_every_figure_was_seen_being_made():
    for path in (ROOT / "benchmarks" / "figures").glob("*.png"):
        tests = [test for pattern, test in SEEN.items() if path.match(pattern)]
        assert tests, f"no test sees {path.name} being made"
        file, _, name = tests[0].partition("::")
        assert (ROOT / file).exists() and (not name or f"def {name}(" in (ROOT / file).read_text())


def test_every_cell_recipe_notebook_and_room_has_a_page():
    wanted = {f"reference/cells/{name}.md" for name in keraseq.cells.names()}
    wanted |= {f"reference/recipes/{name}.md" for name in keraseq.recipes.RECIPES}
    wanted |= {f"gallery/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert wanted <= set(pages.PAGES)
    assert "{{" not in reference.recipe_page("tag") and "wnut17" in reference.recipe_page("tag")
