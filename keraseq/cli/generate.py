"""`keraseq generate`: a saved language model writes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import Grouped, app, fail, quiet_backend


@app.command(cls=Grouped)
def generate(
    bundle: Annotated[Path, typer.Argument(help="Folder of a saved language model.")],
    prompt: Annotated[str, typer.Option(help="The text to continue.")] = "",
    length: Annotated[int, typer.Option(help="Tokens to write.")] = 500,
    temperature: Annotated[
        float, typer.Option(help="Below 1 likelier, above 1 wilder; 0 is greedy.")
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Choose from the K most probable.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Choose from the fewest that have this probability.")
    ] = None,
    sampler: Annotated[
        str, typer.Option(help="greedy, random, top_k, top_p, beam or contrastive.")
    ] = "random",
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="Text at which to stop; may be repeated.")
    ] = None,
    streams: Annotated[int, typer.Option(help="Texts to write, side by side.")] = 1,
) -> None:
    """Continue a text with a saved language model; it appears while it is written.

    Example: keraseq generate runs/notes --prompt "Dear diary, " --temperature 0.8
    """
    quiet_backend()
    from keraseq import generation
    from keraseq.bundle import load
    from keraseq.checks import positive_integer

    options = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "sampler": sampler,
        "seed": seed,
        "stop": stop,
    }
    try:
        positive_integer("streams", streams)
        loaded = load(bundle)
        if loaded.card.recipe not in ("", "write"):
            raise ValueError(
                f"a model of the recipe {loaded.card.recipe!r} writes no text; ask it with "
                f"`keraseq predict {bundle}`"
            )
        _, tokenizer = generation.text.parts_of(loaded, None)
        if strange := generation.text.unknown(tokenizer, prompt):
            print(f"The model has never seen: {' '.join(strange)}", file=sys.stderr)
        if streams > 1:
            texts = generation.generate(loaded, [prompt] * streams, length, **options)
            for i, text in enumerate(texts, start=1):
                print(f"--- {i} ---\n{prompt}{text}")
            return
        if sampler in generation.WHOLE:
            pieces = [generation.generate(loaded, prompt, length, **options)]
        else:
            pieces = generation.stream(loaded, prompt, length, **options)
        write(prompt)
        for piece in pieces:
            write(piece)
    except (ValueError, TypeError, OSError) as error:
        fail(error)
    except KeyboardInterrupt:
        print()
        raise typer.Exit(130) from None
    print()


def write(text: str) -> None:
    """Text on the screen at once, and no line ended."""
    sys.stdout.write(text)
    sys.stdout.flush()
