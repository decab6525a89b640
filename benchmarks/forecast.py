"""Forecasts on public data: errors by the published protocol, cells beside each other, speed.

    python benchmarks/forecast.py ett    [--look-back 96] [--horizon 96] [--cell gru] [--units 256]
    python benchmarks/forecast.py cells  [--cells elman,lstm,gru,mut1,mut2,mut3] [--seeds 0,1,2]
    python benchmarks/forecast.py m4     [--look-back 336] [--units 128]
    python benchmarks/forecast.py speed  [--units 512]

Data: the folder named by `KERASEQ_DATA`, else a download. ETTh1 as everybody reports it: rows
0-8639 train, 8640-11519 validation, 11520-14399 test, columns scaled by mean and deviation of the
training rows, all 7 columns, every window, errors in scaled units. Epoch and settings are chosen on
validation (`--only-validation` prints that and writes nothing); a run looks at the test part once,
when it is over.

Every run prints one JSON object and adds it to `--csv`; runs that are in the file are not repeated,
and a run that was killed goes on from its last epoch (`--runs`, default `runs/forecast`).
"""

import argparse
import json
import os
import time
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
FILES = {"ett": "ett-targets.csv", "cells": "ett-cells.csv", "m4": "m4-hourly.csv"}
CELLS = "elman,lstm,gru,mut1,mut2,mut3"


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("ett", "cells", "m4", "speed"))
    parser.add_argument("--look-back", type=int)
    parser.add_argument("--horizon", type=int, default=96)
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--units", type=int)
    parser.add_argument("--segment", type=int)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--loss", default="mae")
    parser.add_argument("--head", default="point")
    parser.add_argument("--normalize")
    parser.add_argument("--transform", choices=("log",))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--only-validation", action="store_true", help="To choose settings.")
    parser.add_argument("--save", type=Path, help="Folder for the bundle.")
    parser.add_argument("--runs", type=Path, default=Path("runs/forecast"))
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    {"ett": ett, "cells": cells, "m4": m4, "speed": speed}[given.what](given)


def ett(given) -> None:
    """One model, seed by seed."""
    for seed in map(int, given.seeds.split(",")):
        run(given, "etth1", options(given, given.cell, seed), given.csv or results("ett"))


def cells(given) -> None:
    """The table of cells: every cell, every seed, then mean and spread."""
    path = given.csv or results("cells")
    for seed in map(int, given.seeds.split(",")):
        for cell in given.cells.split(","):
            run(given, "etth1", options(given, cell, seed), path)
    print(table(path).to_string())


def m4(given) -> None:
    """One model for all 414 series."""
    given.horizon, given.look_back = 48, given.look_back or 336
    for seed in map(int, given.seeds.split(",")):
        run(given, "m4-hourly", options(given, given.cell, seed), given.csv or results("m4"))


def options(given, cell: str, seed: int) -> dict:
    """Settings of the recipe for one run."""
    return {
        "horizon": given.horizon,
        "look_back": given.look_back or 96,
        "cell": cell,
        "units": given.units or 128,
        "segment": given.segment or 24,
        "dropout": given.dropout,
        "learning_rate": given.learning_rate,
        "batch_size": given.batch_size or 256,
        "loss": given.loss,
        "head": given.head,
        "normalize": given.normalize or ("season" if given.what == "m4" else "last"),
        "transform": given.transform,
        "epochs": given.epochs,
        "stride": given.stride,
        "seed": seed,
    }


def run(given, source: str, chosen: dict, path: Path) -> None:
    """Trains, measures on validation and test, and writes a line; nothing if it is there."""
    key = {"data": source, **chosen}
    if lines.there(path, key) and not given.only_validation:
        return
    from keraseq import data, recipes

    series = data.series(source)
    name = "-".join(str(value) for value in key.values())
    busy = time.process_time()
    bundle = recipes.train("forecast", series, folder=given.runs / name, verbose=2, **chosen)
    busy = time.process_time() - busy
    epochs = bundle.card.epochs
    found = {
        "parameters": bundle.model.count_params(),
        "epochs_run": epochs,
        "seconds_an_epoch": round(bundle.card.wall_time / epochs, 2),
        "processor_seconds_an_epoch": round(busy / epochs, 2),
    }
    for part in ("validation",) if given.only_validation else ("validation", "test"):
        for metric, value in errors(bundle, series, part).items():
            found[f"{part}_{metric}"] = round(value, 5)
    print(json.dumps({**key, **found}), flush=True)
    if not given.only_validation:
        lines.add(path, {**key, **found})
    if given.save:
        bundle.save(given.save, optimizer=False)


def errors(bundle, series, part: str) -> dict[str, float]:
    """Errors over all windows of a part: scaled, and for M4 those of the competition."""
    from keraseq import evaluate, recipes

    forecaster = recipes.forecast.Forecaster.of(bundle)
    [row] = (
        evaluate.backtest(
            forecaster.recalibrated(series, part),
            series,
            forecaster.settings.horizon,
            part=part,
            scaler=None if len(series.frames) > 1 else forecaster.scaler,
        )
        .summary()
        .to_dict("records")
    )
    if len(series.frames) == 1:
        return {
            "mse": row["scaled_mse"],
            "mae": row["scaled_mae"],
            "cover80": row["coverage-0.8"],
        }
    return {"mase": row["mase"], "smape": row["smape"]}


def speed(given) -> None:
    """Seconds of an epoch, and the share of it that the input pipeline takes."""
    import keras

    from keraseq import data, recipes, train

    given.units = given.units or 512
    series = data.series("etth1")
    recipe = recipes.get("forecast")
    settings = recipe.completed(series, recipe.Settings(**options(given, given.cell, 0)))
    prepared = recipe.prepare(series, settings)
    model = recipe.build(prepared, settings, training=True)
    train.compile(model, settings.loss, metrics=[])
    batches = recipe.batches(prepared, "train", settings)
    model.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False)  # compiles
    pipeline = seconds(lambda: [None for _ in batches])
    epoch = seconds(lambda: model.fit(batches, verbose=0, shuffle=False))
    found = {
        "cell": given.cell,
        "units": given.units,
        "parameters": model.count_params(),
        "windows": len(prepared.windows["train"]),
        "epoch_seconds": round(epoch, 2),
        "pipeline_seconds": round(pipeline, 3),
        "pipeline_share": round(pipeline / epoch, 4),
        "processors": os.cpu_count(),
        "backend": keras.backend.backend(),
    }
    print(json.dumps(found))


def seconds(call, repeats: int = 3) -> float:
    """The smallest wall time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def table(path: Path):
    """Mean and spread of each cell over its seeds."""
    import pandas as pd

    frame = pd.read_csv(path)
    grouped = frame.groupby("cell", sort=False)
    return pd.DataFrame(
        {
            "seeds": grouped.size(),
            "test MSE": grouped["test_mse"].mean().round(4),
            "spread (sd)": grouped["test_mse"].std().round(4),
            "test MAE": grouped["test_mae"].mean().round(4),
            "validation MSE": grouped["validation_mse"].mean().round(4),
            "parameters": grouped["parameters"].first(),
            "processor seconds an epoch": grouped["processor_seconds_an_epoch"].median(),
        }
    ).sort_values("test MSE")


def results(what: str) -> Path:
    """Where lines go."""
    return Path(__file__).parent / "results" / FILES[what]


if __name__ == "__main__":
    main()
