"""`keraseq evaluate` and `keraseq predict`: what a saved model is worth, and what it says."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import ALL, Grouped, app, fail, quiet_backend, show

READING = Annotated[
    list[str] | None,
    typer.Option(
        "--reading",
        help="How the data are read, as NAME=VALUE: an option of `keraseq train`; may be repeated.",
    ),
]


@app.command(cls=Grouped)
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the saved model.")],
    data: Annotated[
        str | None, typer.Argument(help="Raw data. Default: the data it was made for.")
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Measure simple methods too.")
    ] = True,
    reading: READING = None,
    everything: ALL = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Measure a saved model again from raw data, baselines beside it.

    Example: keraseq evaluate runs/sales sales.csv
    """
    quiet_backend()
    from keraseq import recipes
    from keraseq.bundle import load

    try:
        loaded = load(bundle)
        recipe = recipes.of(loaded)
        options = read_by(recipe, reading)
        frame = recipe.evaluate(loaded, data, baselines=baselines, **options)
        said = recipe.verdict(loaded, frame) if baselines else ""
    except (ValueError, TypeError, OSError, ImportError) as error:
        fail(error)
    show(frame, everything)
    if said:
        print(said)
    if as_json:
        print(json.dumps(frame.to_dict("records")))


@app.command(cls=Grouped)
def predict(
    bundle: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    raw: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts, or files of series, skeletons, frames, WAV or FASTA, pictures, sentences "
            "to tag, a prompt, a MIDI file to go on from, or a table. Default: standard input."
        ),
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="CSV of the future covariates over the horizon.")
    ] = None,
    reading: READING = None,
    length: Annotated[
        int | None, typer.Option(help="Tokens of text, or frames of music, to write.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Of what is written: below 1 likelier, above 1 wilder.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is drawn at random.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the answer as CSV, a figure of forecasts or music, a MIDI."),
    ] = None,
    everything: ALL = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON a row.")] = False,
) -> None:
    """Say what a saved model makes of raw input: a class, the text that follows, a forecast.

    Example: keraseq predict runs/reviews "A gem." "Far too long."
    """
    quiet_backend()
    from keraseq import recipes
    from keraseq.bundle import load

    try:
        loaded = load(bundle)
        recipe = recipes.of(loaded)
        options = read_by(recipe, reading)
        written = {"length": length, "temperature": temperature, "seed": seed}
        written = {name: value for name, value in written.items() if value is not None}
        if written and not recipe.writes:
            raise ValueError(f"{recipe.name} writes nothing: it takes no --{next(iter(written))}")
        given = recipe.raw(raw or [], sys.stdin.buffer)
        asked = written | ({"known": known} if known else {})
        found = recipe.predict(loaded, given, **options, **asked)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            frame_of(found).to_csv(out / f"{recipe.name}.csv", index=False)
            recipe.draw(loaded, given, found, out / f"{recipe.name}.png", **options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        fail(error)
    if as_json:
        for row in json.loads(frame_of(found).to_json(orient="records", date_format="iso")):
            print(json.dumps(row, ensure_ascii=False))
    elif isinstance(lines := recipe.lines(found), list):
        print(*lines, sep="\n", end="\n" * bool(lines))
    else:
        show(lines, everything)
    if out is not None:
        print(f"answer: {out / f'{recipe.name}.csv'}")


def frame_of(found):
    """What was predicted as a table."""
    import pandas as pd

    return found if isinstance(found, pd.DataFrame) else pd.DataFrame({"text": [found]})


def read_by(recipe, reading: list[str] | None) -> dict:
    """Options of reading, from `NAME=VALUE`."""
    from keraseq.checks import one_of
    from keraseq.recipes.recipe import options

    known = {k: one for k, one in options(recipe.Settings).items() if k in recipe.reads_again}
    found = {}
    for text in reading or ():
        name, _, value = text.partition("=")
        name = name.replace("-", "_")
        one = known[one_of(f"option of reading of {recipe.name}", name, known)]
        found[name] = one.checked(one.parsed(value))
    return found
