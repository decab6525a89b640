"""Notebooks say what their sources say, were executed, and still run, in a fast mode."""

import os
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
import build  # noqa: E402

SOURCES = sorted((NOTEBOOKS / "src").glob("*.py"))
IN_A_KERNEL = "06_comparing_cells"  # whose start costs as much as a notebook
FAST = {
    "01_quickstart": {"epochs": 2, "units": 8},
    "02_cells": {"epochs": 1, "units": 4, "sequences": 320},
    "03_imdb": {"units": 4, "limit": 600, "motion_epochs": 2},
    "04_text_generation": {
        "epochs": 1,
        "python_epochs": 1,
        "units": 8,
        "limit": 60_000,
        "python_limit": 60_000,
    },
    "05_forecasting": {"epochs": 1, "units": 8, "stride": 41},
    "06_comparing_cells": {"steps": 20, "seeds": 1, "rows": 64},
    "07_tagging": {"epochs": 1, "units": 4, "limit": 100},
    "08_translation": {"letters_count": 120, "epochs": 1, "limit": 8},
    "09_sequences_of_all_kinds": {
        **{"examples": 64, "epochs": 1, "words": 100, "speech_epochs": 1},
        **{"pieces": 150, "dna_epochs": 1, "chorales": 12, "music_epochs": 1},
    },
    "10_captions": {"drawings": 40, "epochs": 1, "looked": 1, "limit": 4},
    "11_gradients": {"steps": 12, "units": 8, "epochs": 1, "sequences": 128},
    "12_trees": {"epochs": 1, "units": 4, "limit": 200},
    "13_shapes": {"epochs": 1, "rows": 320},
}
NEED_DATA = {
    "03_imdb",
    "04_text_generation",
    "05_forecasting",
    "07_tagging",
    "08_translation",
    "09_sequences_of_all_kinds",
    "10_captions",
    "12_trees",
}  # public files, which a test does not download


def test_every_source_has_a_fast_mode():
    assert {source.stem for source in SOURCES} == set(FAST)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_notebook_is_its_source_executed(source):
    text, shown = jupytext.read(source), nbformat.read(build.published(source), 4)
    assert [(c.cell_type, c.source) for c in text.cells] == [
        (c.cell_type, c.source) for c in shown.cells
    ], "run `make notebooks`"
    code = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "commit it executed"
    outputs = [output for cell in code for output in cell.outputs]
    assert not [one for one in outputs if one.output_type == "error"]
    assert not [one for one in outputs if one.get("name") == "stderr"], "warnings are bugs"
    assert len(code) <= 15 and all(len(cell.source.splitlines()) <= 12 for cell in code)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_runs(source, tmp_path, plain_loop, monkeypatch):
    if source.stem in NEED_DATA and "KERASEQ_DATA" not in os.environ:
        pytest.skip("needs KERASEQ_DATA")
    notebook = jupytext.read(source)
    [parameters] = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    for name, value in FAST[source.stem].items():
        assert f"\n{name} = " in f"\n{parameters.source}", name
        parameters.source += f"\n{name} = {value!r}"
    if source.stem == IN_A_KERNEL:
        build.execute(notebook, tmp_path, timeout=600)
        return
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source).raise_error()
