import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import __version__, cells, cli
from keraseq.checks import few
from keraseq.cli import app, listed, shell

# As a newcomer has it: pytest asks TensorFlow for more of its notes than they do.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
KERASEQ = Path(sysconfig.get_path("scripts"), "keraseq")


def keraseq(*arguments, start=(KERASEQ,), **variables):
    return subprocess.run(
        [*start, *arguments],
        capture_output=True,
        text=True,
        env={**ENVIRONMENT, **variables},
        timeout=300,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "compare"),
        (["compare", "--help"], 0, "compare"),
        (["--version"], 0, f"keraseq {__version__}"),
        (["cels"], 2, "No such command 'cels'"),
        (["train", "write", "--epochs", "many"], 2, "Invalid value for '--epochs'"),
    ],
)
def test_the_shell_itself_is_fast(arguments, code, said):
    """No TensorFlow, no Keras before a command runs, whichever way the shell was started."""
    for start in ([KERASEQ], [sys.executable, "-m", "keraseq"]):
        run = keraseq(*arguments, start=start, PYTHONPROFILEIMPORTTIME="1")
        assert run.returncode == code
        imported = {line.rsplit("|", 1)[-1].strip() for line in run.stderr.splitlines()}
        assert "typer" in imported
        assert not imported & {"keras", "tensorflow", "jax", "torch", "pandas", "numpy"}
        assert said in run.stdout + run.stderr


def test_every_help_has_an_example_and_fits_a_terminal():
    commands = sorted(one.name or one.callback.__name__ for one in cli.app.registered_commands)
    for command in (*commands, "train write", "train classify", "train forecast"):
        run = CliRunner().invoke(cli.app, [*command.split(), "--help"])
        assert f"Example: keraseq {command.split()[0]}" in run.output, command
        assert max(map(len, run.output.splitlines())) <= 80, command


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_table_fits_the_terminal(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    frame = pd.DataFrame({f"measure_{i}": [i / 3, float("nan")] for i in range(9)})
    shell.show(frame)
    lines = capsys.readouterr().out.splitlines()
    end = next((i for i, one in enumerate(lines) if one.startswith("also")), len(lines))
    table, last = lines[:end], " ".join(lines[end:])
    assert max(map(len, table)) <= columns and "measure_0" in table[1]
    assert "…" not in "".join(table)
    hidden = [name for name in frame if name not in table[1]]
    assert last == (f"also: {few(hidden)}; --all shows them" if hidden else "")
    shell.show(frame, everything=True)
    assert "measure_8" in capsys.readouterr().out.splitlines()[1]


def test_a_column_that_does_not_fit_hides_no_other(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    row = {"cell": "lstm[forget_bias=0]", "test": "0.123 ± 0.001", "difference": "+0.1 [0.0, 0.2]"}
    shell.show(pd.DataFrame([row | {"long": "x" * 60, "units": "9"}]))
    *table, last = capsys.readouterr().out.splitlines()
    assert max(map(len, table)) <= 80 and last == "also: long; --all shows them"
    assert [one.strip() for one in table[1].split("┃")[1:-1]] == [*row, "units"]


def test_there_are_no_stubs():
    help = keraseq("--help").stdout
    assert "compare" in help and "cells" in help
    for later in ("translate",):
        assert keraseq(later).returncode == 2


def test_cells_lists_the_table():
    run = keraseq("cells", "--features", "3", "--units", "5", "--json")
    assert run.returncode == 0
    found = json.loads(run.stdout.splitlines()[-1])
    assert [row["name"] for row in found["cells"]] == cells.names()
    assert found["cells"][0]["parameters"] == (3 + 5 + 1) * 5
    for name in cells.names():
        assert name in run.stdout
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cells", "--units", "0"], "units must be a positive integer; received units=0"),
        (["compare", "--cells", "lstm,mut4"], "unknown cell 'mut4'; known cells: "),
        (["compare", "--tasks", "digit"], "unknown task 'digit'; known tasks: "),
        (["compare", "--cells", "lstm,nowhere:Cell"], "cannot load cell 'nowhere:Cell'"),
        (["compare", "--task", "digits", "--target", "y"], "there is no file among the tasks"),
        (["compare", "--seeds", "0"], "seeds must be a positive integer; received seeds=0"),
        (["compare", "--budget", "20"], "budget=20 is too small: language_model with cell "),
        (["compare", "--trials", "2", "--learning-rates", "0.1"], "give one of the two"),
        (["compare", "--sampler", "grid"], "unknown sampler 'grid'; accepted: 'random', 'tpe'"),
        (["compare", "--storage", "nonsense"], "'nonsense' is no URL of a database"),
        (["report", "nowhere"], "nowhere holds no comparison: there is no settings.json"),
        (["compare", "--learning-rates", "0.1,fast"], "takes numbers with commas"),
        (["compare", "--fast", "--steps", "3"], "give --fast or --steps, not both"),
    ],
)
def test_bad_input_is_one_line(tmp_path, arguments, message):
    out = ["--out", str(tmp_path / "run")] if arguments[0] == "compare" else []
    run = CliRunner().invoke(app, [*arguments, *out])
    assert run.exit_code == 2
    [line] = run.stderr.splitlines()
    assert line.startswith("Error: ") and message in line
    assert run.stdout == "" and not (tmp_path / "run").exists()


def test_a_comparison_ends_with_its_report_and_json(tmp_path):
    command = ["compare", "--tasks", "digits", "--cells", "gru", "--seeds", "1", "--steps", "3"]
    run = CliRunner().invoke(app, [*command, "--out", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.output
    *_, where, last = run.stdout.splitlines()
    assert where == f"report: {tmp_path / 'report.html'}"
    found = json.loads(last)
    assert set(found["tasks"]["digits"]["cells"]) == {"gru"}
    assert 0 <= found["tasks"]["digits"]["cells"]["gru"]["accuracy"] <= 1
    assert found["tasks"]["digits"]["baselines"]["majority class"] == {"accuracy": 0.1}
    assert "logistic regression" in run.stdout
    assert "[1/1] digits gru seed 1: accuracy" in run.stderr
    other = CliRunner().invoke(app, [*command[:-1], "4", "--out", str(tmp_path)])
    assert other.exit_code == 2
    assert "was made with tasks.digits.steps=3, this run has 4" in other.stderr


def test_names_with_commas_or_one_by_one():
    assert listed(["a,b", " c ,"]) == ["a", "b", "c"]
    assert listed(None) is None
