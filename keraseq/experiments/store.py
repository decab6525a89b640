"""The folder of a comparison: its settings, and a file for each finished piece of work.

Every file is written beside its place and renamed into it, so that whatever ends a run, each file
is there as a whole or not at all.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SETTINGS = "settings.json"
MADE_HERE = (SETTINGS, "trials", "logs", "figures", "results.csv", "curves.csv", "report.html")


class Run:
    """A folder that keeps the records of a comparison.

    Args:
        folder: The folder. It is made if it is not there.
        settings: What the numbers depend on, nested dictionaries of plain values.
        fresh: Whether to remove what an earlier comparison left there. Defaults to `False`.

    Raises:
        ValueError: The folder was made with other settings, or is no folder.
    """

    def __init__(self, folder: str | Path, settings: dict[str, Any], fresh: bool = False):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file; results need a folder")
        if fresh:
            for name in MADE_HERE:
                remove(self.folder / name)
        self.settings = json.loads(json.dumps(settings))  # as they come back from the file
        stored = self.folder / SETTINGS
        if stored.exists():
            self._refuse_other(read(stored))
        else:
            (self.folder / "trials").mkdir(parents=True, exist_ok=True)
            write(stored, json.dumps(self.settings, indent=1))

    @classmethod
    def at(cls, folder: str | Path) -> "Run":
        """The run that is stored in a folder, whatever its settings."""
        stored = Path(folder) / SETTINGS
        if not stored.exists():
            raise ValueError(f"{folder} holds no comparison: there is no {SETTINGS}")
        return cls(folder, read(stored))

    def records(self) -> dict[str, dict[str, Any]]:
        """All that is stored: key -> record."""
        files = sorted((self.folder / "trials").glob("*.json"))
        return {file.stem: read(file) for file in files}

    def save(self, key: str, record: dict[str, Any]) -> None:
        """Stores a record for good."""
        write(self.folder / "trials" / f"{key}.json", json.dumps(record, indent=1))

    def _refuse_other(self, stored):
        ours, theirs = dict(flat(self.settings)), dict(flat(stored))
        for name in [*ours, *theirs]:
            if ours.get(name) != theirs.get(name):
                raise ValueError(
                    f"{self.folder} was made with {name}={theirs.get(name)!r}, this run has "
                    f"{ours.get(name)!r}; choose another --out, or start over with --fresh"
                )


def flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as pairs of a dotted name and a value."""
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def write(path: Path, text: str) -> None:
    """Writes a text file beside its place and renames it into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError
        return found
    except ValueError:
        raise ValueError(f"{path} holds no JSON object; remove it to make it again") from None


def remove(path: Path) -> None:
    """Removes a file or a folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
