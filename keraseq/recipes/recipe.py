"""What a recipe is, and its options, each said once.

A recipe turns raw input into a saved model that reads raw input. It says only what is its own;
`keraseq.recipes.run` trains every recipe alike. Nothing heavy is imported here or in a recipe's
`settings.py`, so that a shell can say what the options are at once.
"""

import importlib
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from keraseq.checks import boolean, one_of, positive_integer, positive_number, rate

# Groups of options, in the order of the help.
COMMON, MODEL, TRAINING, READING = "Most used", "Model", "Training", "Reading the data"
DERIVED = ""  # no option: it follows from the data


def registered_cell(name: str, value) -> str:
    """A name of `keraseq.cells`, or an error that names the nearest."""
    from keraseq import cells

    cells.get(value, 1)
    return value


def closed_rate(name: str, value) -> float:
    """A probability in [0, 1]."""
    return rate(name, value, closed=True)


def or_zero(check: Callable) -> Callable:
    """A check that 0, for none, passes as well."""
    return lambda name, value: (
        0 if type(value) in (int, float) and value == 0 else check(name, value)
    )


def fraction_or_file(name: str, value) -> float | str:
    """A fraction, or the path of what is kept aside."""
    try:
        value = float(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return str(value) if isinstance(value, Path) else rate(name, value)


Cell = Annotated[str, registered_cell, "Recurrent cell, see `keraseq cells`.", COMMON]
Units = Annotated[int | None, positive_integer, "Size of the state.", COMMON]
Dropout = Annotated[
    float | None, rate, "Fraction of the values to drop, also before what is told.", COMMON
]
Epochs = Annotated[int | None, positive_integer, "Times through the data, at most.", COMMON]
LearningRate = Annotated[float, positive_number, "Of Adam, at its highest.", COMMON]
Batch = Annotated[int | None, positive_integer, "Rows in a step.", COMMON]
Decay = Annotated[
    Literal["cosine", "plateau", "falling"],
    "How the rate falls: cosine, from a warm start to zero at the last epoch; plateau, halved "
    "after an epoch without a better validation loss; falling, by a fifth in each thirtieth of the "
    "epochs, after a tenth of them.",
    TRAINING,
]
Patience = Annotated[
    int | None,
    or_zero(positive_integer),
    "Epochs without a better validation loss after which to stop; 0 never stops.",
    TRAINING,
]
RecurrentDropout = Annotated[
    float | None,
    rate,
    "Of the operands of recurrent products, one mask a sequence (Gal & Ghahramani 2016).",
    MODEL,
]
Sep = Annotated[
    str | None, "What separates cells: ; , | tab or space. Default: by the file.", READING
]
Decimal = Annotated[
    Literal[".", ","] | None, "Decimal mark, . or , . Default: by the file.", READING
]
Header = Annotated[
    Literal["yes", "no"] | None, "no: the first line holds data, columns are 1, 2, ...", READING
]
Encoding = Annotated[str | None, "Of a text file, such as cp1252.", READING]
Layers = Annotated[int | None, positive_integer, "Number of recurrent layers.", COMMON]
ScheduledSampling = Annotated[
    float,
    closed_rate,
    "Rate in the last epoch at which words of the model's own are read; 0 is teacher forcing.",
    TRAINING,
]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a model is made of and how it is trained: the options that every recipe has.

    An option is a field `name: Annotated[type, check, "Line of help.", group] = default`. Its check
    (a function of `keraseq.checks`, or the choices of a `Literal`), its shell flag, its line in the
    help and its place in the bundle follow from that. `None` is accepted where it is the default;
    the recipe then fills in what follows from the data, as `follows` tells.
    """

    follows: ClassVar[dict[str, str]] = {}

    cell: Cell = "gru"
    units: Units = 128
    dropout: Dropout = 0.0
    epochs: Epochs = 30
    learning_rate: LearningRate = 1e-3
    batch_size: Batch = 32
    decay: Decay = "cosine"
    patience: Patience = 0
    clipnorm: Annotated[
        float, positive_number, "Largest norm of all gradients together.", TRAINING
    ] = 1.0
    weight_decay: Annotated[
        float, or_zero(positive_number), "Of AdamW, times the rate; none on biases.", TRAINING
    ] = 0.0
    precision: Annotated[
        Literal["float32", "mixed_bfloat16"],
        "Of the training: float32, or mixed_bfloat16, whose products are faster where the "
        "processor has instructions for them. What is kept is float32.",
        TRAINING,
    ] = "float32"
    seed: Annotated[int, or_zero(positive_integer), "Of weights, dropout and order.", TRAINING] = 0

    def __post_init__(self):
        for option in options(type(self)).values():
            object.__setattr__(self, option.name, option.checked(getattr(self, option.name)))
        self.check()

    def check(self) -> None:
        """Raises if options do not go together."""

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Settings":
        """The settings of what somebody gave, or an error that names what cannot be."""
        known = taken(cls)
        for name in given:
            if name not in known:
                refuse(name, list(known))
        for option in known.values():
            if option.default is MISSING and given.get(option.name) is None:
                raise ValueError(
                    f"give {option.name} (in a shell {option.flag}): "
                    f"{option.help[0].lower()}{option.help[1:]}"
                )
        return cls(**given)


@dataclass(frozen=True)
class Option:
    """One field of `Settings`, taken apart."""

    name: str
    kind: Any
    check: Callable | None
    help: str
    group: str
    default: Any
    follows: str = ""  # what the default `None` stands for

    @property
    def flag(self) -> str:
        """How a shell calls it."""
        return "--" + self.name.replace("_", "-")

    @property
    def shell_kind(self) -> Any:
        """The type in which a shell reads it; None is not given."""
        if self.several is not None:
            return list[str] | None
        return (self.kind if self.kind in (int, float, bool) else str) | None

    @property
    def said(self) -> str:
        """Its line of help, with its default."""
        default = self.default
        if default is MISSING:
            return f"{self.help} Must be given."
        if default is None:
            return f"{self.help} Default: {self.follows}." if self.follows else self.help
        if isinstance(default, bool):
            default = "yes" if default else "no"
        elif isinstance(default, tuple):
            default = ",".join(map(str, default))
        return f"{self.help} Default: {default}."

    @property
    def several(self) -> type | None:
        """The type of each value, where there are several."""
        return get_args(self.kind)[0] if get_origin(self.kind) is tuple else None

    def checked(self, value):
        """The value, or an error that names it and what is accepted."""
        if value is None and self.default is None:
            return None
        if get_origin(self.kind) is Literal:
            return one_of(self.name, value, get_args(self.kind))
        if self.kind is bool:
            return boolean(self.name, value)
        if self.several is not None:
            value = (value,) if isinstance(value, str) else value
            if not isinstance(value, (tuple, list)) or not all(
                isinstance(one, (self.several, int) if self.several is float else self.several)
                for one in value
            ):
                what = {str: "names", float: "numbers"}[self.several]
                raise ValueError(f"{self.name} must be {what}; received {self.name}={value!r}")
            value = tuple(value)
        elif self.kind is str and not isinstance(value, str):
            raise ValueError(f"{self.name} must be a name; received {self.name}={value!r}")
        return self.check(self.name, value) if self.check else value

    def parsed(self, value):
        """The value that was typed in a shell: numbers and names with commas, or repeated."""
        if self.several is not None:
            texts = [value] if isinstance(value, str) else value
            texts = [one.strip() for text in texts for one in text.split(",") if one.strip()]
            try:
                return tuple(map(self.several, texts))
            except ValueError:
                raise ValueError(
                    f"{self.flag} takes numbers with commas, such as 0.1,0.9; "
                    f"received {','.join(texts)!r}"
                ) from None
        return value


def options(settings: type[Settings]) -> dict[str, Option]:
    """Name -> option, of all that settings of a type have."""
    hints, found = get_type_hints(settings, include_extras=True), {}
    for one in fields(settings):
        kind, *said = get_args(hints[one.name])
        kinds = [other for other in get_args(kind) if other is not type(None)]
        union = type(None) in get_args(kind)
        checks = [other for other in said if callable(other)]
        help, group = [other for other in said if isinstance(other, str)]
        found[one.name] = Option(
            one.name,
            kinds[0] if union and len(kinds) == 1 else kind,
            next(iter(checks), None),
            help,
            group,
            one.default,
            settings.follows.get(one.name, ""),
        )
    return found


def taken(settings: type[Settings]) -> dict[str, Option]:
    """Name -> option, of those that somebody may give."""
    return {name: one for name, one in options(settings).items() if one.group != DERIVED}


def settings_of(recipe: str) -> type[Settings]:
    """The settings of a recipe, of which nothing else is imported."""
    from keraseq.recipes import RECIPES

    if not isinstance(RECIPES[recipe].place, str):
        return RECIPES[recipe].place.Settings
    return importlib.import_module(f"keraseq.recipes.{recipe}.settings").Settings


def refuse(given: str, accepted: list[str]) -> None:
    """Raises an error that says which recipe has an option, or which option is nearest.

    Args:
        given: What is no option, as Python or a shell calls it.
        accepted: The options, called likewise.
    """
    from keraseq.recipes import RECIPES

    name = given.removeprefix("--").replace("-", "_")
    others = [one for one in RECIPES if name in taken(settings_of(one))]
    if others and given not in accepted:
        raise ValueError(f"{given!r} is no option of this recipe, but of {' and '.join(others)}")
    one_of("option", given, accepted)


class Recipe:
    """A whole application: what `keraseq.recipes.run.train` asks of it.

    Args:
        start: A bundle, or its folder, to train further. Default: random weights.

    A recipe has `name`, `Settings`, `Data` (the class of what `read` gives) and

        read(source, settings)               parts of raw examples; `Data` as it is
        completed(parts, settings)           the settings, with what follows from the parts
        known(parts)                         what tells the data from others, see `run.digest`
        prepare(parts, settings)             what is fitted on the training part
        build(prepared, settings, training)  the model that is trained, or the one that is kept
        batches(prepared, part, settings)    for `fit`: a data set, or inputs, targets, weights
        compiling(settings)                  arguments of `keraseq.train.compile`
        ignorance(prepared, settings, check) loss of a model that has learned nothing
        finish(model, prepared, log, settings, say)     kept model, preprocessing, score
        title(parts, settings)               of the model; or `card`, where parts tell no more
        evaluate(bundle, source, baselines)  frame, a row a method
        predict(bundle, raw, **options)      frame, or text

    The other methods have a default.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[Settings]]
    Data: ClassVar[type]
    reads_by: ClassVar[tuple[str, ...]] = ()  # options of reading that stand in another group
    reads_again: ClassVar[tuple[str, ...]] = ()  # those that may be others after the training
    writes: ClassVar[bool] = False  # whether `predict` takes a length, a temperature and a seed

    def __init__(self, start=None):
        from keraseq.bundle import Bundle, load

        self.start = load(start) if start is not None and not isinstance(start, Bundle) else start

    def read_already(self, source, settings: Settings) -> bool:
        """Whether a source is what `read` gives; options of reading then come too late."""
        if not isinstance(source, self.Data):
            return False
        for name, value in self.reading(settings).items():
            raise ValueError(
                f"{name}={value!r} says how data are read, and these are read already: give it to "
                "`keraseq.data`, or give the source"
            )
        return True

    def reading(self, settings: Settings) -> dict[str, Any]:
        """The options of reading that were given, for a function of `keraseq.data`."""
        chosen = {
            name: getattr(settings, name)
            for name, one in options(self.Settings).items()
            if one.group == READING or name in self.reads_by
        }
        return {name: value for name, value in chosen.items() if value is not None}

    def completed(self, parts, settings: Settings) -> Settings:
        """The settings, with what follows from the parts."""
        return settings

    def begin(self, model, prepared, settings: Settings, folder, say) -> None:
        """What comes before the training: weights of a saved model, pretraining."""

    def compiling(self, settings: Settings) -> dict[str, Any]:
        """Arguments of `keraseq.train.compile`."""
        return {}

    def callbacks(self, settings: Settings) -> list:
        """Further callbacks of the training."""
        return []

    def best_by(self, settings: Settings) -> tuple[str, str]:
        """What the best epoch is best at, of what is logged, and whether that is `min` or `max`."""
        return "val_loss", "min"

    def worth(self, model, prepared, settings: Settings) -> dict[str, float]:
        """What the validation part says after an epoch beside its loss; logged as `val_` of it."""
        return {}

    def card(self, prepared, settings: Settings) -> dict[str, Any]:
        """What a reader must know of the data: fields of a `keraseq.bundle.Card`.

        Those of a public set may be used on terms of their own, which stand there too.
        """
        from keraseq.data.sets import SETS

        parts = prepared.parts
        terms = f"terms of the data: {SETS[parts.name].terms}" if parts.name in SETS else ""
        return {
            "title": self.title(parts, settings),
            "data": parts.name,
            "data_sha256": parts.sha256,
            "split": parts.split,
            "notes": terms,
        }

    def said(self, logs: dict[str, float], prepared) -> str:
        """How good the model is, by the logs of one part."""
        accuracy = f" accuracy {logs['accuracy']:.4f}" if "accuracy" in logs else ""
        return f"loss {logs['loss']:.4f}{accuracy}"

    def raw(self, given: list[str], stdin):
        """What `predict` reads, of the arguments of a shell or its standard input."""
        return given or [line.rstrip(b"\r\n") for line in stdin]

    def lines(self, found):
        """What was predicted, as a shell shows it: lines, or a frame for its table."""
        return str(found).splitlines()

    def draw(self, bundle, raw, found, path, **reading) -> None:
        """A figure of what was predicted, where there is one."""

    def verdict(self, bundle, table) -> str:
        """What a table of `evaluate` comes to, in a sentence."""
        return ""

    def sample(self, model, prepared, settings: Settings) -> str:
        """What the model makes, to be shown after each epoch."""
        return ""


def lazy(package: str, **modules: str) -> Callable[[str], Any]:
    """A `__getattr__` of a package whose names, by module, are imported when they are used."""
    places = {name: module for module, names in modules.items() for name in names.split()}

    def found(name: str):
        if name in places:
            return getattr(importlib.import_module(f"{package}.{places[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return found
