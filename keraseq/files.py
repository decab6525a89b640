"""Files and folders that are there as a whole or not at all, and JSON that is what it should be.

    with replacing("runs/mine/best.npz") as partial:    # a file beside it, of the same suffix
        np.savez(partial, **arrays)                     # renamed into its place after the block

Whatever ends the process, what was in the place before stays until all of the new is on the disk. A
partial that a killed process left is removed by the next one that writes to the same place. Which
ones are left over is told by a lock: the system gives up those of a process that has ended.
"""

import functools
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: nothing is taken for a leftover
    fcntl = None


HERE = Path(__file__).parent
# What comes with keraseq: inside the package of a wheel (`setup.py`), in a checkout beside it.
MODELS, RESULTS = (
    inside if (inside := HERE / Path(folder).name).is_dir() else HERE.parent / folder
    for folder in ("saved_models", "benchmarks/results")
)


class DamagedError(ValueError):
    """A file that is not, or no longer, what it should be."""


@contextmanager
def replacing(target: str | Path, folder: bool = False) -> Iterator[Path]:
    """A new file or folder beside the target, which takes its place if the block ends well.

    Args:
        target: What is to be replaced, or made; the folder above is made if need be.
        folder: Whether it is a folder. Of a folder that is replaced, a kill between two renames
            leaves the old one where `standing` finds it. Defaults to `False`.

    Yields:
        The path to write to: empty, of the target's suffix. If the block removes it, the target
        stays as it is.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in leftovers(target):
        remove(left)
    partial, lock = begun(target, folder)
    try:
        yield partial
        if partial.exists():
            for path in (*partial.rglob("*"), partial):
                flush(path)
            (swap if folder else os.replace)(partial, target)
            flush(target.parent)
    finally:
        remove(partial)
        os.close(lock)


def write(path: str | Path, text: str) -> None:
    """Writes a text file as a whole."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def standing(folder: Path) -> Path:
    """Where a folder is: in its place, or where a kill between the two renames left it."""
    previous = folder.with_name(f".{folder.name}.previous")
    return previous if previous.is_dir() and not folder.exists() else folder


def named(place: str | Path, shipped: Path, suffix: str = "") -> Path:
    """A place that a user names: what lies there, else what comes with keraseq under that name.

    Args:
        place: A path, or the name of something in `shipped`.
        shipped: A folder such as `MODELS`.
        suffix: What its files end with, which a name leaves out.
    """
    place = Path(place)
    inside = shipped / f"{place}{suffix}"
    return inside if len(place.parts) == 1 and not place.exists() and inside.exists() else place


def names(shipped: Path, suffix: str = "") -> list[str]:
    """The names of what comes with keraseq in a folder."""
    return sorted(path.name.removesuffix(suffix) for path in shipped.glob(f"[!.]*{suffix}"))


def swap(partial: Path, folder: Path) -> None:
    """Puts a finished folder into its place; what was there stays until that has happened."""
    previous = folder.with_name(f".{folder.name}.previous")
    if folder.exists():
        remove(previous)
        folder.rename(previous)
        try:
            partial.rename(folder)
        except OSError:
            previous.rename(folder)
            raise
    else:
        partial.rename(folder)
    remove(previous)


def begun(target: Path, folder: bool) -> tuple[Path, int]:
    """An empty partial and the lock on it, which is held by whoever has its number open."""
    while True:
        partial = target.with_name(f".partial-{secrets.token_hex(4)}.{target.name}")
        partial.mkdir() if folder else partial.touch(exist_ok=False)
        with suppress(FileNotFoundError):  # another process took it for a leftover just now
            lock = os.open(partial, os.O_RDONLY if folder else os.O_RDWR)
            if locked(lock) is not False and partial.exists():
                return partial, lock
            os.close(lock)


def leftovers(target: Path) -> Iterator[Path]:
    """The partials of a target that no process writes to any more."""
    name = re.compile(rf"\.partial-[0-9a-f]{{8}}\.{re.escape(target.name)}")
    for path in filter(lambda path: name.fullmatch(path.name), target.parent.iterdir()):
        with suppress(OSError):  # it is gone, or another user's
            lock = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
            try:
                if locked(lock):
                    yield path
            finally:
                os.close(lock)


def locked(number: int) -> bool | None:
    """Whether this process could lock an open file: no if another has; `None`: there are none."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nothing is taken for a leftover
        return None
    return True


def flush(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Removes a file or a folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal: what a card says of its data."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: str | Path, schema: Any = dict[str, Any], finite: bool = True) -> Any:
    """What a JSON file holds, checked.

    Args:
        path: The file.
        schema: A type of Python, such as a dataclass, see `checked_json`. Default: any object.
        finite: Whether NaN, infinity and numbers beyond 64 bits are refused. Defaults to `True`.

    Raises:
        DamagedError: The file is no JSON, or holds something else.
        OSError: It cannot be read.
    """
    try:
        return checked_json(Path(path).read_bytes(), schema, finite)
    except ValueError as error:
        raise DamagedError(f"{path} cannot be read: {error}") from None


def checked_json(text: str | bytes, schema: Any, finite: bool = True, **context) -> Any:
    """What a JSON text says, if it is of a type: nothing is converted.

    Args:
        text: The text.
        schema: The type. Fields of dataclasses may be bounded as pydantic does it, with
            `Annotated[int, Field(gt=0)]`; what they do not name is left out.
        finite: See `read_json`.
        **context: For validators in the type.

    Raises:
        ValueError: In one line, what is wrong and where.
    """
    from pydantic import ValidationError
    from pydantic_core import from_json

    for number in numbers(from_json(text, allow_inf_nan=not finite)):
        if finite and abs(number) >= 2**63:
            raise ValueError(f"it holds the number {number:.3g}, which no part of it can be")
    try:
        return validator(schema).validate_json(text, strict=True, context=context)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        where = ".".join(map(str, first["loc"])) or "its top"
        if first["type"] == "missing":
            raise ValueError(f"{where} is missing") from None
        received = " ".join(repr(first["input"]).split())
        if len(received) > 60:
            received = f"{received[:59]}…"
        raise ValueError(f"{where}: {said}; received {received}") from None


@functools.cache
def validator(schema: Any):
    """What checks a type, made once: that takes as long as to check a large text."""
    from pydantic import TypeAdapter

    return TypeAdapter(schema)


def numbers(value) -> Iterator[int | float]:
    """All numbers in what JSON can hold."""
    if isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from numbers(one)
    elif isinstance(value, (int, float)):
        yield value
