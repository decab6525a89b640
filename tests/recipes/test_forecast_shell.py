"""`keraseq forecast` as a user calls it."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli

QUICK = "--horizon 7 --look-back 14 --epochs 2 --units 8 --dropout 0".split()


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    """The loop that needs no compiling; what is tested here is not the loop."""
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


def shell(*arguments):
    return CliRunner(env={"COLUMNS": "160"}).invoke(
        cli.app, ["forecast", *(str(one) for one in arguments)]
    )


def waves(rows=260):
    rng = np.random.default_rng(0)
    t = np.arange(rows)
    y = 50 + 5 * np.sin(2 * np.pi * t / 7) + 0.3 * rng.normal(size=rows)
    return pd.DataFrame({"date": pd.date_range("2026-01-01", periods=rows, freq="D"), "y": y})


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "waves.csv"
    waves().to_csv(path, index=False)
    return path


def test_a_csv_becomes_a_forecast_with_its_proof(table, tmp_path):
    out = tmp_path / "out"
    run = shell(table, "--target", "y", *QUICK, "--cell", "mut1", "--out", out)
    assert run.exit_code == 0, run.output
    for method in ("segment mut1", "repeat last", "AR(14)", "exponential smoothing", "linear"):
        assert method in run.output
    assert "A baseline is better" in run.output  # two epochs of eight units are no match
    found = pd.read_csv(out / "forecast.csv")
    assert list(found) == ["unique_id", "ds", "y", "y-0.1", "y-0.5", "y-0.9"]
    assert found["ds"].tolist()[0] == "2026-09-18" and len(found) == 7
    assert (found["y-0.1"] <= found["y"]).all() and (found["y"] <= found["y-0.9"]).all()
    assert (out / "forecast.png").stat().st_size > 10_000
    assert len(pd.read_csv(out / "errors.csv")) == 7
    again = shell(table, "--bundle", out / "model", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.output
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "again" / "forecast.csv"), found)


def test_future_covariates_come_from_a_file(tmp_path):
    frame = waves().assign(holiday=lambda f: (f.index % 7 == 0).astype(float))
    frame.iloc[:-7].to_csv(tmp_path / "waves.csv", index=False)
    frame.iloc[-7:][["date", "holiday"]].to_csv(tmp_path / "known.csv", index=False)
    columns = ["--target", "y", "--future-covariate", "holiday", "--calendar", "weekday,month"]
    call = [tmp_path / "waves.csv", *columns, *QUICK, "--quantiles", "0.05,0.95"]
    run = shell(*call, "--known", tmp_path / "known.csv", "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    assert list(pd.read_csv(tmp_path / "out" / "forecast.csv"))[3:] == ["y-0.05", "y-0.95"]
    run = shell(*call, "--out", tmp_path / "out2")
    assert run.exit_code == 2
    assert "'holiday' is missing over the horizon" in run.stderr


def as_text(frame):
    return frame.assign(y=frame["y"].astype(str).where(frame.index != 40, "many"))


@pytest.mark.parametrize(
    ("change", "arguments", "code", "message"),
    [
        (None, ["--target", "x"], 2, "Error: unknown target 'x'; "),
        (as_text, [], 2, "'many' in row 40, column 'y', is no number"),
        (lambda f: f.assign(y=np.nan), [], 2, "y"),
        (lambda f: f.iloc[:20], [], 2, "do not fit"),
        (lambda f: f.drop(index=range(30, 34)), [], 2, "fill='previous'"),
        (None, ["--freq", "h"], 2, "'h'"),
        (None, ["--cell", "grv"], 2, "Error: unknown cell 'grv'"),
        (None, ["--quantiles", "0.1,a"], 2, "--quantiles takes numbers"),
        (None, ["--fill", "zero"], 2, "Error: unknown fill 'zero'"),
        (None, ["--bundle", "nowhere"], 2, "--units is of the training"),
    ],
)
def test_bad_input_is_one_line(tmp_path, change, arguments, code, message):
    frame = waves() if change is None else change(waves())
    frame.to_csv(tmp_path / "waves.csv", index=False)
    run = shell(tmp_path / "waves.csv", *QUICK, *arguments, "--out", tmp_path / "out")
    assert run.exit_code == code, run.output
    [line] = [one for one in run.stderr.splitlines() if one]
    assert message in line
    assert not (tmp_path / "out" / "forecast.csv").exists()


def test_no_file_no_horizon_no_bundle(tmp_path, table):
    run = shell(tmp_path / "none.csv", *QUICK)
    assert run.exit_code == 1 and "none.csv" in run.stderr
    run = shell(table)
    assert run.exit_code == 2 and "give --horizon" in run.stderr
    run = shell(table, "--bundle", tmp_path / "none")
    assert run.exit_code != 0 and len(run.stderr.strip().splitlines()) == 1


def test_a_model_of_days_forecasts_no_hours(tmp_path, table):
    shell(table, *QUICK, "--out", tmp_path / "out")
    hours = waves()
    hours["date"] = pd.date_range("2026-01-01", periods=len(hours), freq="h")
    hours.to_csv(tmp_path / "hours.csv", index=False)
    run = shell(tmp_path / "hours.csv", "--bundle", tmp_path / "out" / "model")
    assert run.exit_code == 2
    assert "trained on rows of frequency 'D'; received 'h'" in run.stderr
