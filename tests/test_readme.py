"""What README, ARCHITECTURE and the pages of docs/ show runs as it stands there."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import keraseq
from keraseq.cells import CELLS
from keraseq.cli import app
from keraseq.experiments import comparison
from keraseq.recipes import RECIPES

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "experiments"))
from pretending import Threads  # noqa: E402

README = (ROOT / "README.md").read_text()
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
SHOWN = ["README.md", "ARCHITECTURE.md", *PAGES]
PYTHON = re.compile(r"^```python\n(.*?)^```", re.S | re.M)
SHELL = re.compile(r"^```sh\n(.*?)^```|((?:^    (?:keraseq|make|pip|export) .*\n)+)", re.S | re.M)
SEEN_RUNNING = {"cells", "recipes", "data", "predict", "generate"}  # what costs little


def blocks(name, text):
    """The Python of a page, each block on the lines where it stands."""
    return ["\n" * text[: one.start(1)].count("\n") + one[1] for one in PYTHON.finditer(text)]


def run(name, text, folder):
    """Runs the blocks of a page one after the other; an error names page and line."""
    namespace = {"__name__": "__main__"}
    for block in blocks(name, text):
        if file := re.match(r"\s*# (\w+\.py)\n", block):  # other processes import it
            (folder / file[1]).write_text(block.lstrip("\n"))
        exec(compile(block, name, "exec"), namespace)


def commands(name, text):
    """The commands of keraseq that a page shows, with the line of each."""
    for found in SHELL.finditer(text):
        for number, line in enumerate(found[0].splitlines(), text[: found.start()].count("\n") + 1):
            if line.strip().startswith("keraseq "):
                yield f"{name}, line {number}", shlex.split(line, comments=True)
    if name == "README.md":
        for code in re.findall(r"`(keraseq [^`]+)`", text):
            yield name, shlex.split(code)


def refused(words):
    """Why the shell does not take a command, "" if it does; nothing is done."""
    shell = typer.main.get_command(app)

    def silence(command):
        for inner in getattr(command, "commands", {}).values():
            silence(inner)
        if not hasattr(command, "commands"):
            command.callback = lambda **given: None

    silence(shell)
    try:
        code = shell.main(words[1:], prog_name="keraseq", standalone_mode=False)
    except Exception as error:
        return repr(error)
    return f"exit code {code}" if code else ""


@pytest.fixture
def desk(tmp_path, monkeypatch, plain_loop):
    """An empty folder in which the saved models lie."""
    monkeypatch.setattr(comparison, "Pool", Threads)  # workers would import TensorFlow again
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "saved_models").symlink_to(ROOT / "saved_models")
    return tmp_path


@pytest.mark.parametrize("name", [n for n in SHOWN if PYTHON.search((ROOT / n).read_text())])
def test_python_runs_in_order(name, desk, request):
    if name == "ARCHITECTURE.md":  # where dozens of models take two steps each
        request.getfixturevalue("step_by_step")
    run(name, (ROOT / name).read_text(), desk)


def test_a_block_that_fails_is_named(tmp_path):
    with pytest.raises(ZeroDivisionError) as caught:
        run("docs/bad.md", "# Bad\n\n```python\none = 1\n\none / 0\n```\n", tmp_path)
    last = caught.traceback[-1]
    assert str(last.path).endswith("docs/bad.md") and last.lineno + 1 == 6


@pytest.mark.parametrize("name", SHOWN)
def test_the_shell_takes_every_command(name):
    for where, words in commands(name, (ROOT / name).read_text()):
        assert not refused(words), f"{where}: {shlex.join(words)}: {refused(words)}"


def test_a_command_that_the_shell_refuses_is_seen():
    page = "    keraseq train forecast sales.csv --horizn 24\n"
    [(where, words)] = commands("docs/bad.md", page)
    assert where == "docs/bad.md, line 1"
    assert refused(words) == "exit code 2"
    assert not refused([*words[:4], "--horizon", "24"])


def test_what_costs_little_runs(desk):
    ran = []
    for where, words in commands("README.md", README):
        there = all(Path(one).exists() for one in words if one.startswith("saved_models/"))
        if words[1] in SEEN_RUNNING and there and "FOLDER" not in words:
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{where}: {shlex.join(words)}: {result.output}"
            ran.append(words[1])
    assert {"cells", "predict", "generate"} <= set(ran)


def test_links_lead_somewhere():
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_commands_of_make_exist():
    makefile = (ROOT / "Makefile").read_text()
    for command in ("make demo", "make test", "make docs"):
        assert command in README
        assert f"\n{command.split()[1]}:" in makefile


def test_readme_is_short():
    lines = README.splitlines()
    assert len(lines) <= 120
    assert not [line for line in lines if len(line) > 120]


def test_readme_names_every_cell_recipe_and_builder():
    builders = [name for name in keraseq.models.__all__ if name[0].islower()]
    words = set(re.findall(r"[\w-]+", README))
    missing = {*CELLS, *RECIPES, *builders} - words
    assert not missing, f"README.md does not name {', '.join(sorted(missing))}"


def test_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {keraseq.__version__}\n" in citation
