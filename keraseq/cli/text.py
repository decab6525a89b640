"""`keraseq train text`."""

from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import fail, quiet_backend, terminal, train


@train.command("text")
def text(
    source: Annotated[
        list[str],
        typer.Argument(help="Files, folders or patterns; or a text of `keraseq data`."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the finished model.")] = Path("runs/text"),
    start: Annotated[
        Path | None, typer.Option(help="A saved model to train further; its size and tokens stay.")
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="character (default), word or wordpiece.")
    ] = None,
    cell: Annotated[str | None, typer.Option(help="See `keraseq cells`.")] = None,
    units: Annotated[int | None, typer.Option(help="Size of the state.")] = None,
    layers: Annotated[int | None, typer.Option(help="Number of recurrent layers.")] = None,
    embedding: Annotated[
        int | None, typer.Option(help="Width of the tokens' vectors; 0 for one-hot vectors.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Between layers, before logits.")] = None,
    recurrent_dropout: Annotated[float | None, typer.Option(help="Of the old state.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Times through the text.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows side by side.")] = None,
    length: Annotated[int | None, typer.Option(help="Steps of a window.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its highest.")] = None,
    decay: Annotated[str | None, typer.Option(help="cosine or plateau.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without progress after which to stop; 0: never.")
    ] = None,
    scheduled_sampling: Annotated[
        float | None, typer.Option(help="Rate of the model's own words in the last epoch.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32 or mixed_bfloat16, of the training.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed trains the same model.")] = None,
    validation: Annotated[float | None, typer.Option(help="Fraction of the text.")] = None,
    test: Annotated[float | None, typer.Option(help="Fraction of the text.")] = None,
    limit: Annotated[int | None, typer.Option(help="Read only so many characters.")] = None,
    vocabulary_size: Annotated[int | None, typer.Option(help="For words and pieces.")] = None,
) -> None:
    """Train a language model on any text.

    After each epoch the loss and a sample are printed; at the end the model is measured on the
    validation and test parts, beside n-grams. A training that was stopped goes on when the command
    is repeated: it is kept in the folder OUT.training. Without options the settings are those that
    the recipe found good for the level.
    """
    settings = {
        "cell": cell,
        "units": units,
        "layers": layers,
        "embedding": embedding,
        "dropout": dropout,
        "recurrent_dropout": recurrent_dropout,
        "epochs": epochs,
        "batch_size": batch_size,
        "length": length,
        "learning_rate": learning_rate,
        "decay": decay,
        "patience": patience,
        "scheduled_sampling": scheduled_sampling,
        "precision": precision,
        "seed": seed,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    quiet_backend()
    from keraseq import data, recipes
    from keraseq.bundle import load
    from keraseq.cli.bundles import show
    from keraseq.recipes.runs import finish

    console = terminal()
    kept = out.with_name(out.name + ".training")
    try:
        bundle, tokenizer = None, None
        if start is not None:
            bundle = load(start)
            level, tokenizer = recipes.text.what_it_reads(bundle, level)
        corpus = data.text_corpus(
            source[0] if len(source) == 1 else source,
            level or "character",
            tokenizer=tokenizer,
            validation=validation,
            test=test,
            limit=limit,
            vocabulary_size=vocabulary_size,
        )
        print(corpus)
        bundle = recipes.text.train(
            corpus,
            folder=kept,
            hold=True,
            start=bundle,
            report=lambda text: print(text, flush=True),
            verbose=1 if console.is_terminal else 0,
            **settings,
        )
        bundle.save(out, optimizer=False)
        show(recipes.text.evaluate(bundle))
        finish(kept)
    except (ValueError, TypeError, FloatingPointError, OSError) as error:
        fail(error)
    except KeyboardInterrupt:
        fail(f"stopped; the run is kept in {kept}, and the same command goes on from there", 130)
    console.print(f"model: {out}", soft_wrap=True)
