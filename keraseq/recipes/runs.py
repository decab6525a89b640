"""The folder of a training that may be killed: whose it is, until the training is over."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from keraseq.files import read_json, remove, write
from keraseq.train import Resume

SETTINGS, KEPT = "settings.json", "resume.npz"
PRETRAINING = "pretraining"  # folder of a training before the training, inside that of the run
MADE = (KEPT, "best.keras", "log.csv", PRETRAINING, SETTINGS)


@contextmanager
def claimed(
    folder: str | Path | None, recipe: str, settings: dict, data: str, hold: bool = False
) -> Iterator[Path]:
    """The folder of a run, which is that run's until the block has ended.

    A run that a kill ended goes on if it is begun again with the same recipe, settings and data; in
    between the folder is refused to any other. A training that diverged leaves nothing in it.

    Args:
        folder: The folder, made if need be; `None` is one that is removed after the block.
        recipe: Name of the recipe.
        settings: What the run is made with, as JSON can hold it.
        data: What tells its data from others, see `digest`.
        hold: Whether the folder stays the run's after the block, until `finish`: who saves what
            came of the run calls it after that. Defaults to `False`.

    Raises:
        ValueError: The folder holds another run that is not finished.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    folder = Path(folder)
    claim(folder, {"recipe": recipe, "data": data, **settings})
    try:
        yield folder
    except FloatingPointError:  # going on would end there again
        for name in MADE:
            remove(folder / name)
        raise
    if not hold:
        finish(folder)


def claim(folder: Path, settings: dict) -> None:
    """Notes the settings of a run in its folder, or says that another run is there."""
    path = folder / SETTINGS
    settings = json.loads(json.dumps(settings, default=float))  # as they come back
    before = read_json(path) if path.is_file() else None
    if (folder / KEPT).is_file() or (before and any(folder.glob(f"{PRETRAINING}/*.npz"))):
        if before is None:
            raise ValueError(
                f"{str(folder)!r} holds an unfinished run that no recipe began; remove it, or "
                "choose another folder"
            )
        for name, value in settings.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{str(folder)!r} holds an unfinished run with {name}={before.get(name)!r}, "
                    f"this one has {name}={value!r}; go on with that one, or remove the folder"
                )
        return
    for name in MADE:  # of a run that is over, or had not come to the end of an epoch
        remove(folder / name)
    write(path, json.dumps(settings))


def finish(folder: str | Path) -> None:
    """Says that a run is over: another may begin in its folder."""
    for name in (KEPT, SETTINGS):
        remove(Path(folder) / name)


def wall_time(begin: float, callbacks: Sequence) -> float:
    """Seconds since `time.monotonic()` was `begin`, and those of the run before it was killed."""
    earlier = sum(one.earlier for one in callbacks if isinstance(one, Resume))
    return time.monotonic() - begin + earlier


def digest(*parts) -> str:
    """What tells some data from others: 16 digits of the SHA-256 of plain values and bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(repr(part).encode())
    return found.hexdigest()[:16]
