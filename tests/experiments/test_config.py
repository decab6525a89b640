"""A comparison as one small file."""

import pytest
import tiny_tasks  # noqa: F401 - the tasks that the files name
from pretending import in_this_process
from typer.testing import CliRunner

from keraseq import experiments
from keraseq.cli import app
from keraseq.experiments.engine import config
from keraseq.experiments.engine.plan import Plan

FILE = """
tasks = ["adding-20", "xml"]
cells = ["lstm[forget_bias=0]", "mut1"]
seeds = 2
learning_rates = [1e-3, 3e-3]
reference = "mut1"
[steps]
adding-20 = 5
[budget]
xml = 3000
"""


def test_a_file_and_its_plan_are_the_same(tmp_path):
    (tmp_path / "study.toml").write_text(FILE)
    found = config.read(tmp_path / "study.toml")
    reference = found.pop("reference")
    plan = Plan(found.pop("tasks"), found.pop("cells"), **found)
    assert (plan.of("adding-20", "steps"), plan.of("xml", "steps")) == (5, 5000)
    assert (plan.of("adding-20", "budget"), plan.of("xml", "budget")) == (5000, 3000)
    config.write(tmp_path / "again.toml", {**plan.arguments(), "reference": reference})
    again = config.read(tmp_path / "again.toml")
    assert again.pop("reference") == "mut1"
    assert Plan(again.pop("tasks"), again.pop("cells"), **again).settings() == plan.settings()


def test_names_of_any_script_come_back(tmp_path):
    arguments = {"tasks": ["module:Ähre🌾", 'a "b"\\n'], "steps": {"module:Ähre🌾": 3}}
    config.write(tmp_path / "odd.toml", arguments)
    assert config.read(tmp_path / "odd.toml") == arguments


def test_a_shell_reads_it_what_is_given_wins_and_it_lies_beside_the_results(tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    monkeypatch.setenv("KERASEQ_LOOP", "plain")
    (tmp_path / "study.toml").write_text(
        'tasks = ["tiny_tasks:Sums"]\ncells = ["gru"]\nseeds = 4\nsteps = 3\n'
    )
    place = ["--out", str(tmp_path / "run"), "--workers", "1"]
    first = ["compare", "--config", str(tmp_path / "study.toml"), "--seeds", "1", *place]
    told = CliRunner().invoke(app, first)
    assert told.exit_code == 0, told.output
    kept = config.read(tmp_path / "run" / "config.toml")
    assert (kept["cells"], kept["seeds"], kept["steps"]) == (["gru"], 1, {"tiny_tasks:Sums": 3})
    again = ["compare", "--config", str(tmp_path / "run" / "config.toml"), *place]
    assert CliRunner().invoke(app, again).exit_code == 0  # the same plan: else it is refused
    results = experiments.Results.read(tmp_path / "run")
    assert list(results.finished("tiny_tasks:Sums")["seed"]) == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = ", "is no TOML: Invalid value"),
        ("seed = 3", "unknown setting 'seed'; .*Did you mean 'seeds'"),
        ("[steps]\nxlm = 3", "unknown task of steps 'xlm'; accepted: 'xml'"),
        ("[steps]\nxml = 0", "steps of xml must be a positive integer"),
        ("cells = [3]", "cell must be a name, a class or an instance; received 3"),
    ],
)
def test_files_that_cannot_be(tmp_path, text, message):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises((ValueError, TypeError), match=message) as error:
        experiments.compare(
            **{"tasks": "xml", **config.read(tmp_path / "study.toml")}, out=tmp_path / "never"
        )
    assert "\n" not in str(error.value)
    assert not (tmp_path / "never").exists()


def test_a_file_that_is_not_there(tmp_path):
    told = CliRunner().invoke(app, ["compare", "--config", str(tmp_path / "none.toml")])
    assert told.exit_code == 1 and "No such file" in told.output
