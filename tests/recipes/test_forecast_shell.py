"""`keraseq train forecast`, `evaluate` and `predict` as a user calls them."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from keraseq import cli, recipes

QUICK = "--horizon 7 --look-back 14 --epochs 2 --units 8 --dropout 0".split()


def shell(*arguments, **options):
    return CliRunner(env={"COLUMNS": "160"}).invoke(
        cli.app, [str(one) for one in arguments], **options
    )


def waves(rows=260):
    rng = np.random.default_rng(0)
    t = np.arange(rows)
    y = 50 + 5 * np.sin(2 * np.pi * t / 7) + 0.3 * rng.normal(size=rows)
    return pd.DataFrame({"date": pd.date_range("2026-01-01", periods=rows, freq="D"), "y": y})


def test_a_csv_becomes_a_forecast_with_its_proof(tmp_path):
    table, model, out = tmp_path / "waves.csv", tmp_path / "model", tmp_path / "out"
    waves().to_csv(table, index=False)
    run = shell(
        "train", "forecast", table, "--targets", "y", *QUICK, "--cell", "mut1", "--out", model
    )
    assert run.exit_code == 0, run.output
    for method in ("segment mut1", "repeat last", "AR(14)", "exponential smoothing", "linear"):
        assert method in run.output
    assert "A baseline is better" in run.output  # two epochs of eight units are no match
    again = shell("evaluate", model, table, "--json")
    assert again.exit_code == 0, again.output
    records = json.loads(again.output.splitlines()[-1])
    assert f"{min(one['mae'] for one in records):.4f}" in run.output
    assert "A baseline is better" in again.output
    told = shell("predict", model, table, "--out", out)
    assert told.exit_code == 0, told.output
    found = pd.read_csv(out / "forecast.csv")
    assert list(found) == ["unique_id", "ds", "y", "y-0.1", "y-0.5", "y-0.9"]
    assert found["ds"].tolist()[0] == "2026-09-18" and len(found) == 7
    assert (found["y-0.1"] <= found["y"]).all() and (found["y"] <= found["y-0.9"]).all()
    assert (out / "forecast.png").stat().st_size > 10_000
    assert found["ds"][0] in told.output
    piped = shell("predict", model, "--json", input=table.read_bytes())
    rows = [json.loads(line) for line in piped.stdout.splitlines()]
    np.testing.assert_allclose([row["y"] for row in rows], found["y"], rtol=1e-6)
    assert rows[0]["ds"].startswith("2026-09-18")
    hours = waves().assign(date=pd.date_range("2026-01-01", periods=260, freq="h"))
    hours.to_csv(tmp_path / "hours.csv", index=False)
    for arguments, code, message in (
        ([tmp_path / "hours.csv"], 2, "trained on rows of frequency 'D'; received 'h'"),
        ([tmp_path / "none.csv"], 1, "none.csv"),
        ([table, "--reading", "fil=linear"], 2, "unknown option of reading of forecast 'fil'"),
        ([table, table], 2, "forecast reads one table; received"),
    ):
        run = shell("predict", model, *arguments)
        assert run.exit_code == code, run.output
        [line] = run.stderr.splitlines()
        assert line.startswith("Error: ") and message in line


def test_forecasts_of_many_targets_fit_the_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    columns = {"unique_id": "series", "ds": pd.date_range("2026-09-18", periods=2)}
    for target in "abcdefg":
        columns |= {target: [1.5, 2e-5]} | {f"{target}-{q}": 1.0 for q in (0.1, 0.5, 0.9)}
    found = recipes.get("forecast").lines(pd.DataFrame(columns))
    shown = ["ds", *"abcdefg", *(f"{one}-{q}" for one in "abcdefg" for q in (0.1, 0.5, 0.9))]
    assert list(found) == shown and found["ds"].tolist() == ["2026-09-18", "2026-09-19"]
    cli.shell.show(found)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and lines[-1].endswith("more; --all shows them")
    names = [one.strip() for one in lines[1].strip("┃").split("┃")]
    assert names == shown[: len(names)] and len(names) > 5
    cells = [[one.strip() for one in line.strip("│").split("│")] for line in lines[3:5]]
    assert [one[:2] for one in cells] == [["2026-09-18", "1.5000"], ["2026-09-19", "2.000e-05"]]
    several = pd.DataFrame({"unique_id": ["a", "b"], "ds": [1, 1], "y": [1.0, 2.0]})
    assert list(recipes.get("forecast").lines(several)) == ["unique_id", "ds", "y"]


def test_future_covariates_come_from_a_file(tmp_path):
    frame = waves().assign(holiday=lambda f: (f.index % 7 == 0).astype(float))
    table, model, known = tmp_path / "waves.csv", tmp_path / "model", tmp_path / "known.csv"
    frame.iloc[:-7].to_csv(table, index=False)
    frame.iloc[-7:][["date", "holiday"]].to_csv(known, index=False)
    columns = ["--targets", "y", "--future-covariates", "holiday", "--calendar", "weekday,month"]
    quick = [*QUICK, "--quantiles", "0.05,0.95", "--no-baselines", "--out", model]
    run = shell("train", "forecast", table, *columns, *quick)
    assert run.exit_code == 0, run.output
    assert "repeat last" not in run.output and "segment gru" in run.output
    run = shell("predict", model, table, "--known", known, "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    assert list(pd.read_csv(tmp_path / "out" / "forecast.csv"))[3:] == ["y-0.05", "y-0.95"]
    run = shell("predict", model, table)
    assert run.exit_code == 2
    assert "'holiday' is missing over the horizon" in run.stderr


def as_text(frame):
    return frame.assign(y=frame["y"].astype(str).where(frame.index != 40, "many"))


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (None, ["--targets", "x"], "Error: unknown target 'x'; "),
        (as_text, [], "'many' in line 42, column 'y', is no number"),
        (lambda f: f.assign(y=np.nan), [], "y"),
        (lambda f: f.iloc[:20], [], "do not fit"),
        (lambda f: f.drop(index=range(30, 34)), [], "fill='previous'"),
        (None, ["--freq", "h"], "'h'"),
        (None, ["--fill", "zero"], "Error: unknown fill 'zero'"),
    ],
)
def test_bad_input_is_one_line(tmp_path, change, arguments, message):
    frame = waves() if change is None else change(waves())
    frame.to_csv(tmp_path / "waves.csv", index=False)
    arguments = [*QUICK, *arguments, "--out", tmp_path / "out"]
    run = shell("train", "forecast", tmp_path / "waves.csv", *arguments)
    assert run.exit_code == 2, run.output
    [line] = [one for one in run.stderr.splitlines() if one]
    assert message in line
    assert not (tmp_path / "out").exists()


def test_a_german_spreadsheet_of_two_shops(tmp_path):
    """Said once in training, kept in the bundle: ids, zone, category, and how cells are read."""
    table, model, known = tmp_path / "sales.csv", tmp_path / "model", tmp_path / "known.csv"
    frame = pd.concat([
        waves().assign(shop=shop, sky=["sun", "rain"] * 130) for shop in ("007", "NA")
    ])  # fmt: skip
    frame = frame.rename(columns={"date": "Tag"})
    written = {"sep": ";", "decimal": ",", "date_format": "%d.%m.%Y", "index": False}
    last = frame["Tag"] > frame["Tag"].max() - pd.Timedelta(days=7)
    frame[~last].to_csv(table, **written)
    frame[last][["sky", "shop", "Tag"]].iloc[::-1].to_csv(known, **written)
    said = "--id shop --tz Europe/Berlin --targets y --future-covariates sky --no-baselines".split()
    run = shell("train", "forecast", table, *QUICK, *said, "--out", model)
    assert run.exit_code == 0, run.output
    run = shell("predict", model, table, "--known", known, "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    found = pd.read_csv(tmp_path / "out" / "forecast.csv", keep_default_na=False, dtype=str)
    assert found["unique_id"].tolist() == ["007"] * 7 + ["NA"] * 7
    assert found["ds"][0] == "2026-09-11 00:00:00+02:00"
    assert found["y"].astype(float).between(35, 65).all()
    wrong = known.with_name("wrong.csv")
    wrong.write_text(known.read_text().replace("rain", "hail"))
    run = shell("predict", model, table, "--known", wrong)
    assert run.exit_code == 2 and "'hail' in line" in run.stderr
    run = shell("evaluate", model, table, "--reading", "decimal=.", "--no-baselines")
    assert run.exit_code == 2 and "give decimal=','" in run.stderr
