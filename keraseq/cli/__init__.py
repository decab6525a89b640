"""The same functions from a shell: `keraseq compare`, `keraseq train NAME`, `keraseq predict`, ...

One file a command (or a few that belong together); each registers itself with `shell.app`. Nothing
heavy is imported before a command runs, so that `keraseq --help` answers at once.
"""

import sys

from keraseq.cli import bundles, cells, compare, data, export, generate, pages, train  # noqa: F401 - the commands, in the order of the help
from keraseq.cli.shell import app, listed


def main() -> None:
    """Entry point of the command `keraseq`."""
    for stream in (sys.stdout, sys.stderr):  # which may not know every character
        stream.reconfigure(errors="backslashreplace")
    app()


__all__ = ["app", "listed", "main"]
