"""Files of the UEA and UCR archives of labelled series, `.ts`."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

YES_OR_NO = {"true": True, "false": False}


def read(path: Path) -> Iterator[tuple[str, np.ndarray, str | None]]:
    """Where each example stands, its values `(steps, channels)`, and its label, where there is one.

        @classLabel true walking running
        @data
        1.2,0.9,?:0.1,0.2,0.2:walking          channels with colons, steps with commas, label last

    `?` is a missing value, `NaN`. Examples and, within one, channels may be of unequal length: the
    shorter ones then end in `NaN`.

    Raises:
        ValueError: It is no such file, or a line of it is none: the line is named.
    """
    content = path.read_bytes()
    try:
        lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise ValueError(f"{str(path)!r} cannot be read as .ts: {error}") from None
    head, classes, body = {}, None, False
    for number, line in enumerate(lines.splitlines(), 1):
        where, line = f"{path.name}: line {number}", line.strip()
        if not line or line.startswith(("#", "%")):
            continue
        if body:
            yield where, *parsed(where, line, classes)
        elif line.lower() == "@data":
            if YES_OR_NO.get(head.get("timestamps", "false")):
                raise ValueError(
                    f"{where}: series with time stamps are not read; give values alone"
                )
            body = True
        elif line.startswith("@"):
            name, *values = line[1:].split()
            head[name.lower()] = " ".join(values).lower()
            if name.lower() == "classlabel" and YES_OR_NO.get(values[0].lower() if values else ""):
                classes = values[1:]
        else:
            raise ValueError(f"{where} is neither a comment nor a line that begins with @")
    if not body:
        raise ValueError(f"{str(path)!r} cannot be read as .ts: it has no line @data")


def parsed(where: str, line: str, classes: list[str] | None) -> tuple[np.ndarray, str | None]:
    """The values and the label of a line."""
    *channels, label = line.split(":") if classes is not None else [*line.split(":"), None]
    if classes and label.strip() not in classes:
        raise ValueError(
            f"{where}: label {label.strip()!r} is none of the file's: {', '.join(classes)}"
        )
    rows = []
    for i, channel in enumerate(channels, 1):
        try:
            texts = [text.strip() for text in channel.split(",")]
            rows.append([float("nan" if text == "?" else text) for text in texts])
        except ValueError as error:
            raise ValueError(f"{where}, channel {i}: {error}") from None
    if not rows:
        raise ValueError(f"{where} holds no values before its label")
    values = np.full((max(map(len, rows)), len(rows)), np.nan)
    for i, row in enumerate(rows):
        values[: len(row), i] = row
    return values, None if label is None else label.strip()
