"""The same functions from a shell: `keraseq compare`, `keraseq train text`, `keraseq forecast`, ...

One file a command (or a few that belong together); each registers itself with `shell.app`. Nothing
heavy is imported before a command runs, so that `keraseq --help` answers at once.
"""

from keraseq.cli import bundles, cells, compare, data, forecast, generate, imdb, text  # noqa: F401 - the commands, in the order of the help
from keraseq.cli.shell import app, listed


def main() -> None:
    """Entry point of the command `keraseq`."""
    app()


__all__ = ["app", "listed", "main"]
