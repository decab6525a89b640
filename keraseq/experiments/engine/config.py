"""What is compared, as one small file: the arguments of `compare` in TOML."""

import json
import tomllib
from pathlib import Path
from typing import Any

from keraseq import files
from keraseq.checks import one_of
from keraseq.experiments.engine.plan import CHOSEN

NAMES = ("tasks", *CHOSEN, "learning_rates", "reference", "steps", "budget")


def read(path: str | Path) -> dict[str, Any]:
    """The arguments in a file, for `keraseq.experiments.compare(**arguments)`.

        tasks = ["adding-100", "xml"]
        cells = ["lstm", "lstm[forget_bias=0]", "mut1"]
        seeds = 5
        learning_rates = [1e-3, 3e-3]
        [steps]
        adding-100 = 3000
        xml = 1000

    Args:
        path: A TOML file with any of `tasks`, `cells`, `seeds`, `trials`, `sampler`, `pruning`,
            `learning_rates`, `reference`, `steps` and `budget`.

    Returns:
        The arguments by name. Their values are checked by `compare`.

    Raises:
        ValueError: The file is no TOML, or names something else.
        OSError: It cannot be read.
    """
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of TOML or of UTF-8
        raise ValueError(f"{path} is no TOML: {error}") from None
    for name in found:
        try:
            one_of("setting", name, NAMES)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return found


def write(path: Path, arguments: dict[str, Any]) -> None:
    """Writes such a file; arguments that are `None` are left out."""
    files.write(path, "".join(lines(arguments)))


def lines(arguments: dict[str, Any]):
    """The lines of the file, tables last: what stands behind one would belong to it."""
    given = {name: value for name, value in arguments.items() if value is not None}
    for name, value in given.items():
        if not isinstance(value, dict):
            yield f"{name} = {written(value)}\n"
    for name, value in given.items():
        if isinstance(value, dict):
            yield f"\n[{name}]\n"
            yield from (f"{written(key)} = {written(one)}\n" for key, one in value.items())


def written(value) -> str:
    """A string, a number or a list of such: JSON is TOML there."""
    return json.dumps(value, ensure_ascii=False)
