"""Executes the sources in notebooks/src and writes the notebooks that people open.

python notebooks/build.py [NAME ...]     all, or those whose name begins so
"""

import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # for the kernels

HERE = Path(__file__).parent
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LOG = re.compile(r"WARNING: All log messages before absl|[IWE]0000 00:00|features: |$")


def execute(notebook: nbformat.NotebookNode, folder: Path, timeout: int = 900) -> None:
    """Runs every cell in `folder`; no times are recorded, so that nothing differs without cause."""
    notebook.metadata["kernelspec"] = KERNEL
    NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def without_log(notebook: nbformat.NotebookNode) -> None:
    """Takes out what TensorFlow's C++ says when it starts, and how far pictures are."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                one
                for one in cell.outputs
                if one.get("name") != "stderr"
                or any(not LOG.match(s) for s in one.text.splitlines())
            ]


def published(source: Path) -> Path:
    """The notebook of a source."""
    return HERE / f"{source.stem}.ipynb"


def build(source: Path) -> None:
    """Executes a source at full length."""
    notebook = jupytext.read(source)
    execute(notebook, HERE)
    without_log(notebook)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata = {
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, published(source))


if __name__ == "__main__":
    for source in sorted((HERE / "src").glob("*.py")):
        if source.stem.startswith(tuple(sys.argv[1:]) or ("",)):
            print(source.stem, flush=True)
            build(source)
