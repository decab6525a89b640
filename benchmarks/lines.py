"""Long runs as lines of a CSV file: a run whose line is there is not repeated."""

import csv
from pathlib import Path


def there(path: Path, key: dict) -> bool:
    """Whether a line has these values; a column that it has not counts as None."""
    wanted = {name: "" if value is None else str(value) for name, value in key.items()}
    return any(
        all((line.get(name) or "") == value for name, value in wanted.items())
        for line in read(path)
    )


def read(path: Path) -> list[dict]:
    """The lines of a file, none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def add(path: Path, line: dict) -> None:
    """Adds a line, as a whole; what other lines have not stays empty there."""
    lines = [*read(path), line]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial.{path.name}")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for one in lines for name in one)))
        writer.writeheader()
        writer.writerows(lines)
    partial.replace(path)
