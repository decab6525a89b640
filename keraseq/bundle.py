"""A model, what turns raw input into its input, and a card that says what it is, in one folder.

    bundle = Bundle(model, preprocessing={"vocabulary": words}, card=Card(data="IMDB reviews"))
    bundle.save("saved_models/reviews")

    bundle = load("saved_models/reviews")       # in another process, after `import keraseq`
    bundle.model, bundle.preprocessing["vocabulary"], print(bundle.card)

    load("shakespeare")                         # one that comes with keraseq, by its name

The folder holds `model.keras`, `preprocessing.json` (and `arrays.npz`), `card.json`, `card.md` (the
same for people) and `manifest.json`, with the size and the SHA-256 of each file. Nothing in it is
pickled, and nothing is unpickled.
"""

import json
import math
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np

import keraseq.models  # noqa: F401 - a saved model finds its classes only where they are imported
from keraseq.archives import KINDS, load_arrays, load_model
from keraseq.checks import did_you_mean
from keraseq.files import (
    MODELS,
    DamagedError,
    checked_json,
    named,
    names,
    replacing,
    sha256,
    standing,
)

FORMAT, VERSION = "keraseq bundle", 1
__all__ = ["Bundle", "BundleError", "Card", "Score", "load"]


def __dir__():
    return __all__


REQUIRED = ("model.keras", "preprocessing.json", "card.json", "card.md")
OPTIONAL = ("arrays.npz",)
ARRAY = "__array__"  # in preprocessing.json: the name of an array in arrays.npz


class BundleError(DamagedError):
    """A folder that is no bundle, is damaged or was changed, or a bundle of another kind."""


@dataclass(frozen=True)
class Score:
    """A number with its spread over runs that differ in their seed alone.

    Args:
        name: What was measured, with its unit and the part of the data: `"test accuracy"`.
        mean: Its mean.
        sd: Its standard deviation over the runs. Default: unknown.
        runs: Number of runs. Defaults to 1.

    Example:

    >>> print(keraseq.bundle.Score("test accuracy", 0.8741, sd=0.0032, runs=5))
    test accuracy 0.8741 ± 0.0032 (5 runs)
    """

    name: str
    mean: float
    sd: float | None = None
    runs: int = 1

    def __str__(self):
        spread = "" if self.sd is None else f" ± {self.sd:.2g}"
        return f"{self.name} {self.mean:.4g}{spread} ({self.runs} run{'s'[: self.runs > 1]})"


@dataclass(frozen=True)
class Card:
    """What a reader must know to trust a saved model; `print(card)` shows it as Markdown.

    All is optional, and what is missing is shown as not recorded.

    Args:
        title: Name of the model.
        data: Name of the data.
        data_sha256: Its SHA-256, see `sha256`.
        split: How training, validation and test data were parted.
        seeds: The seeds of the runs.
        epochs: Number of epochs trained.
        wall_time: Duration of training, in seconds.
        metric: The result, a `Score`.
        baseline: The result of a simple method on the same data, a `Score`.
        recipe: The recipe of `keraseq.recipes` that made it, so that `keraseq evaluate` can repeat
            its evaluation.
        notes: Anything else, such as limits of use.
        device: Where it was trained. Default: what Keras finds when the bundle is saved.
        parameters: Number of parameters. Default: counted when the bundle is saved.
        versions: Name -> version. Default: those at work when the bundle is saved.
        created: Date and time, UTC. Default: when the bundle is saved.

    Example:

    >>> print(keraseq.bundle.Card(data="digits").markdown().splitlines()[4])
    | data | digits |
    """

    title: str = ""
    data: str = ""
    data_sha256: str = ""
    split: str = ""
    seeds: tuple[int, ...] = ()
    epochs: int | None = None
    wall_time: float | None = None
    metric: Score | None = None
    baseline: Score | None = None
    recipe: str = ""
    notes: str = ""
    device: str = ""
    parameters: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""

    def __str__(self):
        return self.markdown()

    def markdown(self) -> str:
        """The card as a Markdown table."""
        shown = {f.name.replace("_", " "): getattr(self, f.name) for f in fields(self)}
        del shown["title"]
        shown["seeds"] = ", ".join(map(str, self.seeds))
        shown["wall time"] = "" if self.wall_time is None else f"{self.wall_time:.1f} s"
        shown["parameters"] = "" if self.parameters is None else f"{self.parameters:,}"
        shown["versions"] = ", ".join(f"{key} {value}" for key, value in self.versions.items())
        rows = [
            f"| {key} | {'not recorded' if value in (None, '') else value} |"
            for key, value in shown.items()
        ]
        return "\n".join([f"# {self.title or 'Model'}", "", "| | |", "|---|---|", *rows, ""])


@dataclass(frozen=True)
class Entry:
    """What the manifest says of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says of the files, besides its format and version."""

    files: dict[str, Entry]


@dataclass
class Bundle:
    """A model with its preprocessing and its card.

    Args:
        model: The model.
        preprocessing: What recipes need to turn raw input into the model's input and its output
            into an answer: a dictionary of None, bool, int, finite float, str, NumPy arrays, and
            lists and dictionaries of these, up to 200 deep. Tuples come back as lists.
        card: The card. Default: an empty one.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(2, vocabulary=3, units=4)
    >>> bundle = keraseq.bundle.Bundle(model, {"words": ["", "good", "bad"]})
    >>> bundle.preprocessing["words"][1]
    'good'
    """

    model: keras.Model
    preprocessing: dict[str, Any] = field(default_factory=dict)
    card: Card = field(default_factory=Card)

    @contextmanager
    def reading(self, schema: type, kind: str) -> Iterator[Any]:
        """Its preprocessing as a recipe knows it, for a block that makes parts of it.

            with bundle.reading(Stored, "classifier of texts") as stored:
                encoder = TextEncoder.from_dict(stored.encoder)

        Args:
            schema: A dataclass, see `keraseq.files.checked_json`; arrays are of type `array()`.
            kind: What the bundle should be, for the message.

        Raises:
            BundleError: The preprocessing is not of that type, or the block raised: what it makes
                of it does not fit.
        """
        with damage(f"the bundle is no {kind}, or is damaged"):
            arrays: dict[str, np.ndarray] = {}
            values = without_arrays(self.preprocessing, "preprocessing", arrays)
            yield checked_json(json.dumps(values), schema, arrays=arrays)

    def save(self, folder: str | Path, *, optimizer: bool = True) -> Path:
        """Writes the bundle, and replaces a bundle that is there, as a whole.

        All files are written into a folder beside the target, which is then renamed. A process that
        is killed on the way leaves the earlier bundle in its place, or, between two renames, beside
        it, where `load` finds it.

        Args:
            folder: Where to; the folder above is made if need be.
            optimizer: Whether to keep the optimizer and the rest of what `compile` set, to go on
                training. Without it the file is a third as large. Defaults to `True`.

        Returns:
            The folder.

        Raises:
            BundleError: Something is in the place that is no bundle.
            TypeError: `preprocessing` holds what it cannot hold, or the card is no `Card`.
            ValueError: It is nested more than 200 deep, or holds an integer beyond 64 bits.
        """
        folder = Path(folder)
        if not isinstance(self.card, Card):
            raise TypeError(f"card must be a keraseq.bundle.Card; received {self.card!r}")
        arrays: dict[str, np.ndarray] = {}
        values = without_arrays(self.preprocessing, "preprocessing", arrays)
        checked_json(json.dumps(values), dict[str, Any])  # or it could not be loaded
        if folder.exists() and not (folder / "manifest.json").is_file():
            raise BundleError(f"{str(folder)!r} exists and is no bundle: it is not replaced")
        with replacing(folder, folder=True) as partial:
            model = self.model
            if not optimizer:
                model = type(model).from_config(model.get_config())
                model.set_weights(self.model.get_weights())
            model.save(partial / "model.keras")
            write_json(partial / "preprocessing.json", values)
            if arrays:
                np.savez(partial / "arrays.npz", allow_pickle=False, **arrays)
            card = completed(self.card, self.model)
            write_json(partial / "card.json", asdict(card))
            (partial / "card.md").write_text(card.markdown(), encoding="utf-8")
            write_json(partial / "manifest.json", manifest(partial))
        return folder


def load(folder: str | Path) -> Bundle:
    """The bundle in a folder, after every file was compared with the manifest.

    The comparison finds files that are cut off, lost or changed. It is no signature: whoever can
    write the folder can write a manifest that fits. So what the files say is checked besides. No
    code of theirs runs, no file outside the folder is read (symbolic links are not followed, layers
    of KerasHub are refused: they fetch files), and no layer is made that is far larger than what
    the file holds.

    Args:
        folder: A folder that `Bundle.save` wrote; or, where there is none of that name, the name of
            a saved model that comes with keraseq, such as `"imdb"` or `"shakespeare"`.

    Returns:
        The bundle, its model loaded with `safe_mode=True`.

    Raises:
        BundleError: The folder is no bundle, is of another format version, or is damaged.

    Example:

    >>> import keraseq
    >>> keraseq.bundle.load("README.md")
    Traceback (most recent call last):
    keraseq.bundle.BundleError: 'README.md' is no bundle: there is no folder of that name
    """
    where = place(folder)
    check(where)
    preprocessing, card = described(where)
    with damage(f"bundle {str(folder)!r} cannot be loaded: model.keras"):
        model = load_model(where / "model.keras")
    return Bundle(model, preprocessing, card)


def place(folder: str | Path) -> Path:
    """Where a bundle lies: in its folder, or among those that come with keraseq."""
    where = standing(Path(folder))
    return where if where.is_dir() else named(folder, MODELS)


def described(place: Path) -> tuple[dict[str, Any], Card]:
    """All of a bundle that was checked, but its model: preprocessing and card."""
    name = f"bundle {str(place)!r}"
    arrays = {}
    if (place / "arrays.npz").is_file():
        with damage(f"{name} cannot be loaded: arrays.npz"):
            arrays = load_arrays(place / "arrays.npz")
    with damage(f"{name} is damaged"):
        preprocessing = with_arrays(said(place, "preprocessing.json", dict[str, Any]), arrays)
    return preprocessing, said(place, "card.json", Card)


def said(place: Path, file: str, schema: Any) -> Any:
    """What one of a bundle's JSON files holds, checked."""
    with damage(f"bundle {str(place)!r} is damaged: {file} cannot be read"):
        return checked_json((place / file).read_bytes(), schema)


@contextmanager
def damage(what: str) -> Iterator[None]:
    """Whatever goes wrong in the block is a `BundleError` of one line that begins so."""
    try:
        yield
    except BundleError:
        raise
    except Exception as error:  # files from anybody: there is no list of what they may do
        # Keras puts the reason behind all of the config.
        lines = str(error).rpartition("Exception encountered:")[2].strip().split("\n")
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise BundleError(f"{what}: {kind}{lines[0][:300]}") from error


def check(folder: Path) -> None:
    """Raises unless the folder is a whole and unchanged bundle of this format."""
    name = repr(str(folder))
    if not folder.is_dir():
        near = did_you_mean(folder.name, names(MODELS))
        raise BundleError(
            f"{name} is no bundle: there is no folder of that name{'.' if near else ''}{near}"
        )
    if not regular(folder / "manifest.json"):
        raise BundleError(f"{name} is no bundle: it has no manifest.json")
    found = said(folder, "manifest.json", dict[str, Any])
    kind, version = found.get("format"), found.get("version")
    if kind != FORMAT:
        raise BundleError(f"{name} is no bundle: its manifest says {kind!r:.60}, not {FORMAT!r}")
    if version != VERSION:
        raise BundleError(
            f"bundle {name} has format version {version!r:.60}; "
            f"this keraseq reads version {VERSION}"
        )
    files = said(folder, "manifest.json", Manifest).files
    for file in (*REQUIRED, *OPTIONAL):
        path = folder / file
        if file not in files:
            if file in REQUIRED or path.exists():
                raise BundleError(f"bundle {name} is damaged: its manifest does not name {file}")
        elif not regular(path):
            raise BundleError(f"bundle {name} is damaged: {file} is missing")
        elif path.stat().st_size != files[file].bytes:
            raise BundleError(
                f"bundle {name} is damaged: {file} has {path.stat().st_size} bytes, "
                f"its manifest says {files[file].bytes}"
            )
        elif sha256(path) != files[file].sha256:
            raise BundleError(
                f"bundle {name} was changed after it was saved: the SHA-256 of {file} is not the "
                "one in its manifest"
            )


def regular(path: Path) -> bool:
    """Whether a file lies there itself: a link would lead to any other."""
    return path.is_file() and not path.is_symlink()


def manifest(folder: Path) -> dict[str, Any]:
    """Format, version, and the size and hash of every file of a folder."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(folder.iterdir())
    }
    return {"format": FORMAT, "version": VERSION, "files": files}


def completed(card: Card, model: keras.Model) -> Card:
    """The card with what the saving process knows where it says nothing."""
    backend = keras.backend.backend()
    known = {
        "title": model.name,
        "parameters": model.count_params(),
        "device": device(model),
        "versions": {
            "keraseq": sys.modules["keraseq"].__version__,
            "keras": keras.__version__,
            backend: sys.modules[backend].__version__,
            "python": platform.python_version(),
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return replace(
        card, **{key: value for key, value in known.items() if getattr(card, key) in (None, "", {})}
    )


def device(model: keras.Model) -> str:
    """Where a model's weights are, in the backend's words."""
    if not model.weights:
        return ""
    place = model.weights[0].value.device
    return str(place).rpartition("device:")[2]  # TensorFlow puts job and task before it


def without_arrays(value, path: str, arrays: dict[str, np.ndarray]):
    """The value as JSON can hold it; arrays go into `arrays`, and their names into their places."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in KINDS:
        name = path.removeprefix("preprocessing.")
        name = name if name not in arrays else f"{name} ({len(arrays)})"
        arrays[name] = value
        return {ARRAY: name}
    if isinstance(value, (list, tuple)):
        return [without_arrays(one, f"{path}.{i}", arrays) for i, one in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) and key != ARRAY for key in value):
        return {key: without_arrays(one, f"{path}.{key}", arrays) for key, one in value.items()}
    raise TypeError(
        f"{path} must be None, bool, int, finite float, str, a NumPy array of these, a list, or a "
        f"dict with str keys; received {type(value).__name__} {str(value)[:60]!r}"
    )


def with_arrays(value, arrays: dict[str, np.ndarray]):
    """What `without_arrays` took apart."""
    if isinstance(value, list):
        return [with_arrays(one, arrays) for one in value]
    if isinstance(value, dict):
        if list(value) == [ARRAY]:
            return arrays[value[ARRAY]]
        return {key: with_arrays(one, arrays) for key, one in value.items()}
    return value


def array() -> Any:
    """The type of an array in a schema of preprocessing, whose numbers are finite."""
    from pydantic import PlainValidator, ValidationInfo

    def found(value, info: ValidationInfo):
        if not isinstance(value, dict) or list(value) != [ARRAY]:
            raise ValueError("Input should be an array")
        numbers = info.context["arrays"][value[ARRAY]]
        if numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
            raise ValueError("Input should be an array of finite numbers")
        return numbers

    return Annotated[Any, PlainValidator(found)]


def write_json(path: Path, value) -> None:
    """Writes JSON that people can read and compare."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
