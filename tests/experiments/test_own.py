"""Data of somebody's own as tasks."""

import numpy as np
import pandas as pd
import pytest
from pretending import in_this_process

import keraseq
from keraseq import experiments
from keraseq.data import Part, Parts
from keraseq.experiments import report, tasks
from keraseq.experiments.engine import progress
from keraseq.experiments.engine.trials import Trial
from keraseq.experiments.tasks import own

RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=210, freq="D")
WEEKLY = 10 + np.arange(210) % 7 + RNG.normal(0, 0.1, 210)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Tables in the working folder."""
    monkeypatch.chdir(tmp_path)
    sales = pd.DataFrame({"date": DAYS, "units": WEEKLY, "price": RNG.random(210)})
    sales.to_csv("sales.csv", index=False)
    words = ["good", "bad"] * 40
    frame = pd.DataFrame({"review": [f"a {w} film {i}" for i, w in enumerate(words)]})
    frame.assign(stars=[5, 1] * 40).to_csv("reviews.csv", index=False)
    steps = RNG.normal(size=(60, 5))
    kinds = np.where(steps[:, 0] > 0, "up", "down")
    pd.DataFrame(steps).assign(kind=kinds).to_csv("wide.csv", index=False)
    long = pd.DataFrame({"who": [f"r{i // 6}" for i in range(180)], "x": RNG.normal(size=180)})
    long.assign(kind=["up"] * 90 + ["down"] * 90).to_csv("long.csv", index=False)
    head = "@classLabel true a b\n@data\n"
    rows = [f"{i}.0,1.5,{i % 2}:{'ab'[i % 2]}" for i in range(30)]
    (tmp_path / "moves.ts").write_text(head + "\n".join(rows))
    return tmp_path


def test_a_table_to_forecast(folder):
    task = tasks.get("sales.csv[target=units]")
    assert (task.season, task.horizon, task.look_back, task.metric) == (7, 7, 14, "mase")
    assert task.floor == "seasonal naive (7 rows)" in task.baselines()
    assert task.options["features"] == 1 and "210 rows of units" in task.facts()["Data"]
    shaped = tasks.get("sales.csv[target=units,horizon=3,look_back=5]")
    assert shaped.parts["train"].inputs.shape[1:] == (5, 1) and shaped.horizon == 3
    series = keraseq.data.series(pd.DataFrame({"y": np.arange(60.0) ** 0.5}))
    plain = own.of(series)
    assert (plain.season, plain.floor, plain.horizon) == (1, "repeat last", 9)
    with pytest.raises(ValueError, match="every season=7 rows repeat exactly"):
        own.of(keraseq.data.series(pd.DataFrame({"y": np.arange(70.0) % 7}, DAYS[:70])))
    with pytest.raises(ValueError, match="rows are too few for look_back=40 and horizon=9"):
        own.OwnSeries(series, look_back=40)


def test_several_targets_and_several_series(folder):
    """Each target of each series counts in its own scale."""
    shops = pd.concat(
        pd.DataFrame({"date": DAYS, "shop": shop, "units": WEEKLY * size, "price": WEEKLY[::-1]})
        for shop, size in (("007", 1.0), ("NA", 1000.0))
    )
    written = {"sep": ";", "decimal": ",", "date_format": "%d.%m.%Y", "index": False}
    shops.to_csv("shops.csv", **written)
    [name] = own.with_options(
        ["shops.csv[id=shop]"], {"target": ["units", "price"], "id": "none", "decimal": ","}
    )
    assert name == 'shops.csv[target="units,price",id=shop,decimal=","]'
    task = tasks.get(name)
    assert list(task.series.frames) == ["007", "NA"] and task.scales.shape == (2, 2)
    assert task.scales[1, 0] == pytest.approx(1000 * task.scales[0, 0])
    assert "420 rows in 2 series of units, price" in task.facts()["Data"]
    assert task.parts["train"].inputs.shape[1:] == (14, 2)
    alone = [
        tasks.get(f'shops.csv[target={one},id=shop,decimal=","]').baselines()[task.floor]
        for one in ("units", "price")
    ]
    assert task.baselines()[task.floor] == pytest.approx(np.mean(alone))

    class RepeatLast:
        def predict(self, inputs, **options):
            return np.repeat(inputs[:, -1:], task.horizon, axis=1)

    assert task.score(RepeatLast(), "test") == pytest.approx(
        task.baselines()["repeat last"], rel=1e-4
    )
    model = task.build("gru", 3)
    assert model.predict(task.parts["test"].inputs, verbose=0).shape[1:] == (7, 2)


def test_a_comparison_reads_files_as_the_recipes_do(folder, monkeypatch):
    in_this_process(monkeypatch)
    table = pd.read_csv("sales.csv").rename(columns={"date": "year"})
    table.to_csv("german.csv", sep=";", decimal=",", index=False, encoding="utf-16-le")
    given = {"cells": "elman", "seeds": 1, "steps": 1, "progress": False}
    said = {"target": "units", "encoding": "utf-16-le", "sep": ";", "horizon": 3}
    found = experiments.compare("german.csv", **given, **said, out="out")
    [name] = found.tasks
    assert name == "german.csv[target=units,encoding=utf-16-le,sep=;,horizon=3]"
    again = experiments.config.read("out/config.toml")
    assert list(experiments.compare(**again, out="out", progress=False).tasks) == [name]
    for wrong, message in (
        ({"targt": "units"}, "unknown option of a task that is a file 'targt'.*'target'"),
        ({"target": "units", "decimal": ";"}, "unknown decimal ';'; accepted: '.', ','"),
        ({"target": "units", "label": "price"}, "a target to forecast or a label to tell"),
        ({"target": "units", "text": "price"}, "unknown option of german.csv 'text'"),
        ({"target": "units", "horizon": "many"}, "horizon must be a number; received 'many'"),
    ):
        with pytest.raises(ValueError, match=message):
            experiments.compare("german.csv", **given, **wrong, out="other")
    with pytest.raises(ValueError, match="sep=';' is of a file, and there is no file among"):
        experiments.compare("digits", **given, sep=";", out="other")


def test_labelled_tables(folder):
    texts, wide = tasks.get("reviews.csv[label=stars]"), tasks.get("wide.csv[label=kind]")
    archive, long = tasks.get("moves.ts"), tasks.get("long.csv[label=kind,id=who]")
    assert texts.options["vocabulary"] and texts.title == "reviews.csv: 2 classes of texts"
    assert wide.options["features"] == archive.options["features"] == 1
    assert (archive.options["length"], long.options["length"]) == (3, 6)
    for task in (texts, wide, archive, long):
        assert task.options["classes"] == 2 and task.metric == "accuracy"
        chance = task.baselines()["majority class"]
        assert task.floor == "majority class" and 0.3 < chance < 0.7
        model = task.build("gru", task.units("gru", task.budget))
        model.compile("adam", task.loss)
        model.train_on_batch(*task.training_rows(np.random.default_rng(0), 4))
        assert 0 <= task.score(model, "test") <= 1


def test_arrays_with_classes_and_with_numbers():
    x = RNG.normal(size=(30, 4, 2)).astype("float32")
    classes = own.of(Parts(*[Part(x, (x[:, 0, 0] > 0).astype(int))] * 3))
    numbers = own.of(Parts(*[Part(x, x.sum((1, 2)))] * 3), "sums")
    tokens = own.of(Parts(*[Part(np.arange(30).reshape(10, 3), np.arange(10) % 3)] * 3))
    assert classes.metric == "accuracy" and classes.options["classes"] == 2
    assert numbers.metric == "mse" and numbers.direction == "min" and numbers.name == "sums"
    assert numbers.baselines()["always the mean"] == pytest.approx(x.sum((1, 2)).var(), rel=1e-4)
    assert numbers.score(numbers.build("gru", 2), "test") > 0
    assert tokens.options["vocabulary"] == 30
    with pytest.raises(ValueError, match=r"arrays: inputs are .*received float32 \(30, 4\)"):
        own.of(Parts(*[Part(x[..., 0], np.zeros(30, int))] * 3))


def test_a_registered_name_stays_what_it_is():
    series = keraseq.data.series(pd.DataFrame({"units": WEEKLY}, DAYS))
    assert tasks.name_of(series, "co2") == "own co2"
    assert type(tasks.get("co2")) is tasks.CO2 and type(tasks.get("own co2")) is own.OwnSeries


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sales.csv", "say which column .* its columns are date, units, price"),
        ("sales.csv[target=unit]", "unknown target 'unit'.*Did you mean 'units'"),
        ("sales.csv[target=units,horizont=3]", "unknown option of sales.csv 'horizont'.*horizon"),
        ("reviews.csv[label=star]", "there is no column 'star'.*Did you mean 'stars'"),
        ("sales.csv[target=units,horizon=90]", "210 rows are too few"),
        ("long.csv[label=kind]", r"'who' may hold texts.* \(in a shell --text who or --id who\)"),
    ],
)
def test_what_is_wrong_is_one_line(folder, name, said):
    with pytest.raises(ValueError, match=said):
        tasks.get(name)
    with pytest.raises(FileNotFoundError, match=r"there is no file 'none.csv'"):
        tasks.get("none.csv[target=units]")


def test_other_data_in_the_same_folder_are_refused(folder, monkeypatch):
    in_this_process(monkeypatch)
    given = {"tasks": "sales.csv[target=units]", "cells": ["gru"], "seeds": 1, "progress": False}
    results = experiments.compare(**given, steps=2, out="out")
    assert results.settings["tasks"]["sales.csv[target=units]"]["data_sha256"]
    again = experiments.config.read("out/config.toml")
    assert experiments.compare(**again, out="out", progress=False).runs(given["tasks"])
    table = pd.read_csv("sales.csv")
    table.assign(units=table.units + 1).to_csv("sales.csv", index=False)
    with pytest.raises(ValueError, match=r"was made with .*data_sha256="):
        experiments.compare(**given, steps=2, out="out")


def test_workers_read_what_lies_in_memory(tmp_path):
    series = keraseq.data.series(pd.DataFrame({"units": WEEKLY}, DAYS))
    given = {"steps": 1, "seeds": 1, "progress": False, "workers": 1}
    found = experiments.compare({"mine": series}, ["elman"], **given, out=tmp_path)
    assert found.floor("mine")[0] == "seasonal naive (7 rows)" and not found.failed
    assert found.summary()["task"].tolist() == ["mine"]
    assert "floor" in (tmp_path / "report.html").read_text()


def test_columns_that_say_nothing_are_a_line(tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    found = experiments.compare("digits", ["gru", "lstm"], seeds=1, out=tmp_path, progress=False)
    [(title, rows, said)] = report.for_terminal(found)
    assert title.startswith("Digits") and "higher is better" in title
    assert "runs" not in rows[0] and "rank" not in rows[0]  # the same for all; of one seed
    assert said.startswith("the same for every cell: ") and "runs 1" in said
    assert "notes" not in rows[0]
    assert [row["cell"] for row in rows][2:] == [
        "logistic regression (baseline)",
        "majority class (floor)",
    ]
    assert all("[" not in row["difference"] for row in rows)  # one run has no interval


def test_notes_stand_below_the_table_in_full(tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    given = {"steps": 2, "seeds": 1, "learning_rates": [0.01, 0.02], "progress": False}
    found = experiments.compare("adding-10", ["gru", "lstm"], **given, out=tmp_path)
    [(_, rows, said)] = report.for_terminal(found)
    assert "notes" not in rows[0]
    lines = [line for line in said.splitlines() if "learning rate 0.0" in line]
    assert {cell for line in lines for cell in line.split(":")[0].split(", ")} == {"gru", "lstm"}
    assert all("0 of 1 solved" in line for line in lines)


def test_a_pipe_gets_a_line_now_and_then(capsys, monkeypatch):
    trial = Trial("digits", "gru", 1, 0.01, 100, 3, 80)
    with progress.Progress({trial.key: 1.0}, workers=1) as shown:
        shown.event({"event": "start", "key": trial.key}, trial)
        for step in (10, 20, 30):
            monkeypatch.setattr(progress, "QUIET", -1 if step == 20 else 1000)
            shown.event({"event": "look", "key": trial.key, "step": step}, trial)
    said = capsys.readouterr().err
    assert said.startswith("[0/1] digits gru seed 1: step 20 of 80, about ")
    assert said.count("\n") == 1 and "\r" not in said
