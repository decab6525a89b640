"""The data that a bundle was trained on, as it names them, and how they come back."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from keraseq import data

Fraction = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Again:
    """Arguments that read data again, of `keraseq.data.load` or of what read them in training."""

    source: str | None = None
    validation: Fraction | str | None = None
    test: Fraction | str | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    sep: str | None = None
    header: str | None = None
    encoding: str | None = None


Arguments = TypeVar("Arguments", bound=Again)


@dataclass(frozen=True)
class Source(Generic[Arguments]):
    """The data of a training."""

    name: str
    sha256: str
    options: Arguments

    @property
    def known(self) -> dict[str, Any]:
        """The arguments that read it again."""
        return {name: one for name, one in asdict(self.options).items() if one is not None}

    def found(self, source, reading: dict, kind: type, read: Callable):
        """The parts to score, given or read again; `None` where the source is other data."""
        if isinstance(source, kind):
            return source
        known = self.known
        if isinstance(source, (list, tuple)) and all(isinstance(one, str | Path) for one in source):
            given = list(map(str, source))
        else:
            given = str(source) if isinstance(source, str | Path) else None
        same = source is None or (given and given in (known.get("source"), self.name))
        if same and self.name in data.sets.SETS:
            found = data.load(self.name, **known)
        elif source is None and "source" not in known:
            raise ValueError(
                f"the model was trained on data in memory ({self.name!r}), which cannot be read "
                "again; give the data"
            )
        elif same and not reading:
            found = read(**known)
        else:
            return None
        if found.sha256 != self.sha256:
            raise ValueError(f"the data {self.name!r} have changed since the model was trained")
        return found
