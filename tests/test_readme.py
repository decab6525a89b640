"""The code in README and ARCHITECTURE runs as it stands there."""

import re
import sys
from pathlib import Path

import pytest

from keraseq.experiments import comparison

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "experiments"))
from pretending import Threads  # noqa: E402


def blocks(name):
    text = (ROOT / name).read_text()
    return re.findall(r"```python\n(.*?)```", text, re.S)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_python_blocks_run_in_order(name, tmp_path, monkeypatch, plain_loop, request):
    if name == "ARCHITECTURE.md":  # where dozens of models take two steps each
        request.getfixturevalue("step_by_step")
    monkeypatch.setattr(comparison, "Pool", Threads)  # workers would import TensorFlow again
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    found = blocks(name)
    assert found, f"{name} shows no Python"
    namespace = {"__name__": "__main__"}
    for block in found:
        if file := re.match(r"# (\w+\.py)\n", block):  # other processes import it
            (tmp_path / file[1]).write_text(block)
        exec(compile(block, name, "exec"), namespace)


def test_links_lead_somewhere():
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_commands_of_the_first_screen_exist():
    makefile = (ROOT / "Makefile").read_text()
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:60])
    for command in ("make demo", "make test"):
        assert command in first_screen
        assert f"\n{command.split()[1]}:" in makefile
