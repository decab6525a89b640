"""`keraseq train imdb` and `keraseq predict`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import app, fail, listed, quiet_backend, terminal, train


@train.command("imdb")
def imdb(
    source: Annotated[
        str | None,
        typer.Argument(
            help="The archive or folder of the IMDB reviews, or a table (.csv, .tsv, .parquet). "
            "Default: the IMDB reviews, stored, from KERASEQ_DATA, or downloaded."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the finished model.")] = Path("runs/imdb"),
    text: Annotated[str, typer.Option(help="Column of the texts of a table.")] = "text",
    label: Annotated[str, typer.Option(help="Column of the labels of a table.")] = "label",
    cell: Annotated[str | None, typer.Option(help="See `keraseq cells`.")] = None,
    units: Annotated[int | None, typer.Option(help="Size of the state.")] = None,
    layers: Annotated[int | None, typer.Option(help="Number of recurrent layers.")] = None,
    bidirectional: Annotated[
        bool | None, typer.Option("--bidirectional/--one-way", help="Whether to read both ways.")
    ] = None,
    embedding: Annotated[int | None, typer.Option(help="Width of the words' vectors.")] = None,
    pairs: Annotated[int | None, typer.Option(help="Vectors for pairs of words; 0: none.")] = None,
    wide: Annotated[
        int | None, typer.Option(help="Runs of words that vote by themselves; 0: none.")
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="last, or of max, mean, attention, with commas.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="word or wordpiece.")] = None,
    vocabulary_size: Annotated[int | None, typer.Option(help="Number of tokens.")] = None,
    length: Annotated[int | None, typer.Option(help="Tokens read of a text, at most.")] = None,
    keep: Annotated[
        str | None, typer.Option(help="What is read of a longer one: start, end or both.")
    ] = None,
    word_dropout: Annotated[float | None, typer.Option(help="Of whole words.")] = None,
    embedding_dropout: Annotated[float | None, typer.Option(help="Of words' vectors.")] = None,
    recurrent_dropout: Annotated[float | None, typer.Option(help="Of the old state.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Before the decision.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of AdamW.")] = None,
    pretraining: Annotated[
        int | None, typer.Option(help="Epochs as a language model before; 0: none.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="Of the training: float32 or mixed_bfloat16.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Times through the texts.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Texts in a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed trains the same model.")] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Train the simple methods too.")
    ] = True,
) -> None:
    """Train a classifier of reviews, or of any texts with a label.

    After each epoch loss and accuracy are printed; at the end the model is measured on the
    validation and test parts, beside simple methods. A training that was stopped goes on when the
    command is repeated: it is kept in the folder OUT.training. Without options the settings are
    those that the recipe found good.
    """
    settings = {
        "cell": cell,
        "units": units,
        "layers": layers,
        "bidirectional": bidirectional,
        "embedding": embedding,
        "pairs": pairs,
        "wide": wide,
        "pooling": listed(None if pooling is None else [pooling]),
        "level": level,
        "vocabulary_size": vocabulary_size,
        "length": length,
        "keep": keep,
        "word_dropout": word_dropout,
        "embedding_dropout": embedding_dropout,
        "recurrent_dropout": recurrent_dropout,
        "dropout": dropout,
        "weight_decay": weight_decay,
        "pretraining": pretraining,
        "precision": precision,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    quiet_backend()
    from keraseq import data, recipes
    from keraseq.cli.bundles import show
    from keraseq.data.labelled.table import FILES
    from keraseq.recipes.runs import finish

    console = terminal()
    kept = out.with_name(out.name + ".training")
    try:
        if source is not None and source.lower().endswith(FILES):
            reviews = data.reviews(source, text=text, label=label)
        else:
            reviews = data.load("imdb", source=source)
        print(reviews, flush=True)
        bundle = recipes.imdb.train(
            reviews,
            folder=kept,
            hold=True,
            report=lambda line: print(line, flush=True),
            verbose=1 if console.is_terminal else 0,
            **settings,
        )
        bundle.save(out, optimizer=False)
        frame = recipes.imdb.evaluate(
            bundle, reviews, baselines=baselines, report=lambda line: print(line, file=sys.stderr)
        )
        show(frame)
        finish(kept)
    except (ValueError, TypeError, FloatingPointError, OSError) as error:
        fail(error)
    except KeyboardInterrupt:
        fail(f"stopped; the run is kept in {kept}, and the same command goes on from there", 130)
    console.print(f"model: {out}", soft_wrap=True)


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="Folder of a saved classifier of texts.")],
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts. Default: the lines of the standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON a text.")] = False,
) -> None:
    """Say the class of raw texts, and how likely it is."""
    lines = texts or [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
    quiet_backend()
    from keraseq import recipes
    from keraseq.bundle import load

    try:
        loaded = load(bundle)
        frame = recipes.imdb.predict(loaded, lines)
    except (ValueError, TypeError, OSError) as error:
        fail(error)
    for row in frame.to_dict("records"):
        if as_json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(f"{row['label']} {row['probability']:.3f}  {shortened(row['text'])}")


def shortened(text: str, length: int = 80) -> str:
    """A text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
