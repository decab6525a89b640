"""`keraseq app`: saved models as pages in a browser."""

import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from keraseq.cli.shell import Grouped, app, fail, quiet_backend


@app.command("app", cls=Grouped)
def pages(
    bundles: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders of saved models, or names of those that come with keraseq. Default: "
            "those in the folder; where there are none, those that come with keraseq."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where saved models and comparisons are looked for. Default: here."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 shows the pages to others.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 7860,
    open: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
) -> None:
    """Use saved models in a browser: a page each, and one that watches comparisons.

    Example: keraseq app runs/reviews --open
    """
    quiet_backend()
    from keraseq.app.server import serving

    try:
        with serving(bundles or (), folder, host=host, port=port) as address:
            print(f"{address} (Ctrl+C ends it)", flush=True)
            if open:
                webbrowser.open(address)
            threading.Event().wait()
    except (ValueError, TypeError, OSError, ImportError) as error:
        fail(error)
    except KeyboardInterrupt:
        print()
