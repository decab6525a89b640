"""`keraseq export`: a saved model for runtimes without Keras."""

from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import Grouped, app, fail, quiet_backend


@app.command(cls=Grouped)
def export(
    bundle: Annotated[Path, typer.Argument(help="Folder of the saved model.")],
    out: Annotated[
        Path,
        typer.Option(help="Where to: FILE.onnx, FILE.tflite, or a folder.", show_default=False),
    ],
    format: Annotated[
        str | None,
        typer.Option(help="saved-model, onnx or litert. Default: what the end of --out says."),
    ] = None,
    streaming: Annotated[
        bool,
        typer.Option("--streaming", help="One step at a time, its states inputs and outputs."),
    ] = False,
) -> None:
    """Write a saved model for TensorFlow, ONNX or LiteRT, its vocabulary beside it as JSON.

    Example: keraseq export runs/reviews --out reviews.onnx
    """
    quiet_backend()
    from keraseq.bundle import load
    from keraseq.exporting import export

    try:
        path = export(load(bundle), out, format, streaming=streaming)
    except (ValueError, OSError) as error:
        fail(error)
    print(f"model: {path}")
    print(f"what it reads and gives: {path}.json")
