"""`keraseq forecast`: a table of measurements in, a forecast with its proof out."""

from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import app, fail, listed, numbers, quiet_backend, terminal

PANELS = 6  # of the figure, at most


@app.command()
def forecast(
    source: Annotated[
        str, typer.Argument(help="CSV or Parquet file; or a series of `keraseq data`.")
    ],
    target: Annotated[
        list[str] | None, typer.Option(help="Column to forecast; may be repeated.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(help="Rows to forecast.")] = None,
    look_back: Annotated[int | None, typer.Option(help="Rows that the model sees.")] = None,
    cell: Annotated[str | None, typer.Option(help="See `keraseq cells`.")] = None,
    model: Annotated[
        str | None, typer.Option(help="segment, direct, recursive or encoder-decoder.")
    ] = None,
    units: Annotated[int | None, typer.Option(help="Size of the state.")] = None,
    head: Annotated[str | None, typer.Option(help="point, quantiles or gaussian.")] = None,
    quantiles: Annotated[
        str | None, typer.Option(help="Such as 0.1,0.5,0.9; pairs are intervals.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Fraction of the values.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed trains the same model.")] = None,
    past_covariate: Annotated[
        list[str] | None, typer.Option(help="Column that is known up to now; may be repeated.")
    ] = None,
    future_covariate: Annotated[
        list[str] | None, typer.Option(help="Column that is known beforehand; may be repeated.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="CSV of the future covariates over the horizon.")
    ] = None,
    calendar: Annotated[
        list[str] | None,
        typer.Option(help="minute, hour, weekday, day, month or yearday; with commas."),
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column of times.")] = None,
    freq: Annotated[str | None, typer.Option(help="Such as h, D or MS. Default: inferred.")] = None,
    tz: Annotated[str | None, typer.Option(help="Such as Europe/Berlin.")] = None,
    fill: Annotated[str | None, typer.Option(help="previous or linear. Default: an error.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a saved forecaster: nothing is trained.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for all results.")] = Path("runs/forecast"),
) -> None:
    """Train a forecaster, measure it beside every baseline, and forecast what comes.

    The last 15 % of the rows are the test, the 15 % before them choose the epoch and calibrate the
    intervals. OUT gets `forecast.csv`, `forecast.png`, `errors.csv` and the model in `model`. A
    training that was stopped goes on when the command is repeated. With --bundle the model is one
    that was saved.
    """
    quiet_backend()
    import pandas as pd

    from keraseq import data, recipes
    from keraseq.bundle import load
    from keraseq.cli.bundles import show
    from keraseq.recipes.runs import finish

    settings = {
        "cell": cell,
        "model": model,
        "units": units,
        "head": head,
        "quantiles": None if quantiles is None else tuple(numbers("--quantiles", quantiles)),
        "epochs": epochs,
        "learning_rate": learning_rate,
        "dropout": dropout,
        "seed": seed,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    reading = {"time": time, "freq": freq, "tz": tz, "fill": fill}
    reading = {name: value for name, value in reading.items() if value is not None}
    console = terminal()
    try:
        if bundle is not None:
            refuse(settings, target, horizon, look_back)
            saved = load(bundle)
            recipes.of(saved)
            series = recipes.forecast.series_of(saved, source, **reading)
        else:
            if horizon is None:
                raise ValueError("give --horizon: the number of rows to forecast")
            series = data.series(
                source,
                targets=target,
                past_covariates=past_covariate or (),
                future_covariates=future_covariate or (),
                calendar=listed(calendar) or (),
                **reading,
            )
            verbose = 1 if console.is_terminal else 0
            kept = {"folder": out / "training", "hold": True}
            saved = recipes.forecast.train(
                series, horizon, look_back, **kept, verbose=verbose, **settings
            )
            saved.save(out / "model")
        forecaster = recipes.forecast.Forecaster.of(saved)
        errors = recipes.forecast.evaluate(saved, series)
        coming = None if known is None else pd.read_csv(known)
        found = forecaster.forecast(series, coming)
        out.mkdir(parents=True, exist_ok=True)
        errors.to_csv(out / "errors.csv", index=False)
        found.to_csv(out / "forecast.csv", index=False)
        draw(series, found, out / "forecast.png")
        if bundle is None:
            finish(out / "training")
    except (ValueError, TypeError, FloatingPointError, OSError) as error:
        fail(error)
    except KeyboardInterrupt:
        fail(f"stopped; the run is kept in {out}, and the same command goes on from there", 130)
    show(errors)
    print(recipes.forecast.verdict(errors, forecaster))
    console.print(f"forecast: {out / 'forecast.csv'}", soft_wrap=True)
    console.print(f"figure:   {out / 'forecast.png'}", soft_wrap=True)


def refuse(settings: dict, target, horizon, look_back) -> None:
    """Raises if somebody wants a saved model to be another."""
    given = {**settings, "target": target or None, "horizon": horizon, "look_back": look_back}
    for name, value in given.items():
        if value is not None:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} is of the training; a saved model (--bundle) has its own")


def draw(series, found, path: Path) -> None:
    """The forecasts of the first few targets as fan charts, one below the other."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from keraseq import plots

    shown = [(name, target) for name in series.frames for target in series.targets][:PANELS]
    figure, panels = plt.subplots(
        len(shown), 1, figsize=(9, 3.0 * len(shown) + 0.4), layout="constrained", squeeze=False
    )
    for panel, (name, target) in zip(panels[:, 0], shown, strict=True):
        ours = found[found["unique_id"] == name]
        history = series.frames[name][target].iloc[-3 * len(ours) :]
        plots.fan_chart(ours, history, target=target, ax=panel)
        if len(series.frames) > 1:
            panel.set_title(name, loc="left", fontsize="medium")
    figure.savefig(path, dpi=150)
    plt.close(figure)
