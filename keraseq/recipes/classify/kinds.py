"""What `classify` reads: one row a kind of input. Nothing heavy is imported here."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from keraseq.checks import one_of


@dataclass(frozen=True)
class Row:
    """A kind of input.

    Args:
        place: `"module:class"` of its `Kind`.
        sets: The kind of the public data sets of `keraseq.data.sets` that are of it.
        defaults: The options that it has, of those whose default depends on the kind; `None` where
            it follows from the data. An option that stands in no other row is of this kind alone.
    """

    place: str
    sets: str
    defaults: Mapping[str, Any]


KINDS = {
    "texts": Row(
        "keraseq.recipes.classify.texts:Texts",
        "reviews",
        {
            "cell": "gru",
            "units": 128,
            "bidirectional": False,
            "pretraining": 0,
            # The last state alone must carry a word of the start to the end.
            "pooling": ("max", "mean"),
            "level": "word",
            "vocabulary_size": None,
            "length": 400,  # 87 % of the IMDB reviews are read whole
            "keep": "both",
            "embedding": 128,
            "pairs": 50_000,
            "wide": 100_000,
            "dropout": 0.5,
            "word_dropout": 0.2,
            # Most weights are these vectors, and they learn the training texts by heart.
            "embedding_dropout": 0.5,
            "batch_size": 64,
            "learning_rate": 2e-3,
            "epochs": 2,
            "text": None,
            "label": None,
            "validation": None,
            "test": None,
        },
    ),
    "trees": Row(
        "keraseq.recipes.classify.trees:Trees",
        "labelled trees",
        {
            "cell": "tree-lstm",
            "units": 150,
            "vectors": None,
            "pace": 0.5,
            "embedding": None,
            "dropout": 0.5,
            "word_dropout": 0.0,
            "embedding_dropout": 0.3,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "epochs": 9,
            "validation": None,
            "test": None,
        },
    ),
    "signals": Row(
        "keraseq.recipes.classify.signals:Signals",
        "labelled signals",
        {
            "cell": "gru",
            "units": 64,
            "bidirectional": True,
            "pooling": ("max", "mean"),
            "varied": True,
            "dropout": 0.3,
            "batch_size": 32,
            "learning_rate": 4e-3,
            "epochs": 16,
            "path": None,
            "label": None,
            "group": None,
            "held_out": None,
            "rate": None,
            "validation": None,
            "test": None,
        },
    ),
    "dna": Row(
        "keraseq.recipes.classify.dna:Dna",
        "labelled dna",
        {
            "cell": "gru",
            "units": 32,
            "bidirectional": True,
            "pooling": ("max", "mean"),
            "dropout": 0.5,
            "word_dropout": 0.15,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "epochs": 16,
            "sequence": None,
            "label": None,
            "validation": None,
            "test": None,
        },
    ),
    "skeletons": Row(
        "keraseq.recipes.classify.moving:Skeletons",
        "labelled skeletons",
        {
            "cell": "lstm",
            "units": 64,
            "bidirectional": True,
            "pooling": ("mean",),
            "length": 256,
            "dropout": 0.5,
            "batch_size": 16,
            "learning_rate": 3e-3,
            "epochs": 60,
            "validation": None,
            "test": None,
        },
    ),
    "frames": Row(
        "keraseq.recipes.classify.moving:Frames",
        "labelled frames",
        {
            "cell": "lstm",
            "units": 64,
            "bidirectional": False,
            "pooling": ("average",),
            "length": 64,
            "embedding": 64,
            "dropout": 0.3,
            "batch_size": 16,
            "learning_rate": 2e-3,
            "epochs": 15,
            "validation": None,
            "test": None,
        },
    ),
    "series": Row(
        "keraseq.recipes.classify.series:Series",
        "labelled series",
        {
            "cell": "gru",
            # Few examples are soon known by heart: 64 units and less dropout did worse on folds
            # of BasicMotions' training part.
            "units": 32,
            "bidirectional": True,
            "pooling": ("max", "mean"),
            "dropout": 0.5,
            "batch_size": None,
            "learning_rate": 3e-3,
            "epochs": None,
            "label": None,
            "id": None,
            "time": None,
            "channels": None,
            "decimal": None,
            "validation": None,
            "test": None,
        },
    ),
}


class Kind:
    """What depends on the kind of input. All else is written once, for all kinds.

    A kind has `name`, `Data` (the class of what `read` gives), `column` (of `predict`, which shows
    the input), `fill` (what pads the rows of a batch) and

        takes(source, settings)         whether raw data look as if they were of this kind
        read(source, **options)         parts of raw examples
        whole(source, encoder, options) all examples, their labels, and a name
        raw(given, encoder, options)    rows of examples to predict, and how each is shown
        encoder(parts, settings)        what turns examples into rows, fitted on the training part
        decoded(stored)                 the encoder that its `to_dict` described
        build(encoder, classes, settings)            the model
        baselines(parts, encoder, report, leave_out) names of simple methods, and what gives the
            probabilities of inputs; `report` gets a line before each, `leave_out` why there is none

    The other methods have a default. An encoder has `rows(inputs) -> list of arrays`,
    `lengths(inputs)`, `len()` and `to_dict()`.
    """

    name: ClassVar[str]
    Data: ClassVar[type]
    column: ClassVar[str]
    fill: ClassVar[float] = 0

    def archive(self, source) -> bool:
        """Whether a path is no table, but a public set in another place."""
        return False

    def accepts(self, settings) -> None:
        """Raises if options do not go together."""
        from keraseq.recipes.recipe import registered_cell

        registered_cell("cell", settings.cell)

    def check(self, model, encoder) -> None:
        """Raises if a model does not read what the encoder gives, `len(encoder)` values a step."""
        if model.input_shape != (None, None, len(encoder)):
            raise ValueError(
                f"its model reads inputs of shape {model.input_shape}, its encoder gives "
                f"{len(encoder)} values a step: they do not belong together"
            )

    def batches(self, rows, labels=None, settings=None, weights=None, shuffle=False):
        """Batches for `fit`; without settings batches of rows alone, in the order of `order`."""
        from keraseq.data import labelled
        from keraseq.recipes.classify.baselines import TOGETHER, multiple_of

        size = TOGETHER if settings is None else settings.batch_size
        how = {"weights": weights, "shuffle": shuffle, "fill": self.fill}
        return labelled.batches(rows, labels, size, multiple=multiple_of(rows), **how)

    def logits(self, model, rows):
        """The logits `(n, classes)` of rows, in their order."""
        from keraseq.recipes.classify.baselines import logits_by

        return logits_by(model, self.batches(rows))

    def trained(self, encoder, classes: int, settings):
        """The model that is trained, where it is another than the one that is kept."""
        return self.build(encoder, classes, settings)

    def compiling(self) -> dict[str, Any]:
        """Arguments of `keraseq.train.compile`."""
        return {}

    def best_by(self) -> tuple[str, str]:
        """What the best epoch is best at, see `keraseq.recipes.recipe.Recipe`."""
        return "val_loss", "min"

    def worth(self, model, prepared) -> dict[str, float]:
        """What the validation part says after an epoch beside its loss."""
        return {}

    def called(self, settings) -> str:
        """The model in a few words."""
        words = [f"{'bidirectional ' * settings.bidirectional}{settings.cell}"]
        words.append(" and ".join(settings.pooling) + " pooling")
        return ", ".join([*words, *(["pretrained"] if settings.pretraining else [])])

    def more(self, chances_of, chances, part) -> dict[str, Any]:
        """Further columns of a row of `evaluate`."""
        return {}

    def follows(self, parts) -> dict[str, Any]:
        """Options that follow from the data."""
        return {}

    def begin(self, model, prepared, settings, folder, say, recipe) -> None:
        """What comes before the training."""

    def finish(self, model, prepared, settings, say):
        """The trained model as it is kept."""
        return model

    def methods(self, model, name: str, rows) -> dict:
        """The logits of the model by its name, and of parts of it."""
        return {name: self.logits(model, rows)}


def get(name: str) -> Kind:
    """The kind of a name."""
    module, _, place = KINDS[one_of("kind", name, KINDS)].place.partition(":")
    return getattr(importlib.import_module(module), place)()


def kind_of(source, settings) -> Kind:
    """The kind of some raw data or parts: as the settings say, or as they look."""
    from keraseq.data.sets import SETS

    every = {name: get(name) for name in KINDS}
    looks = next((name for name, one in every.items() if isinstance(source, one.Data)), None)
    if looks is None and isinstance(source, str) and source in SETS:
        sets = {row.sets: name for name, row in KINDS.items()}
        if SETS[source].kind not in sets:
            known = [name for name, row in SETS.items() if row.kind in sets]
            raise ValueError(
                f"{source!r} has no labels to classify; data sets that have: {', '.join(known)}"
            )
        looks = sets[SETS[source].kind]
    if looks and settings.kind not in (None, looks):
        raise ValueError(f"kind={settings.kind!r} is given, and these data are {looks}")
    looks = looks or settings.kind
    looks = looks or next((n for n, one in every.items() if one.takes(source, settings)), "texts")
    for name in dict.fromkeys(name for row in KINDS.values() for name in row.defaults):
        value = getattr(settings, name)
        if value is not None and name not in KINDS[looks].defaults:
            others = ", ".join(kind for kind, row in KINDS.items() if name in row.defaults)
            raise ValueError(f"{name}={value!r} is an option of {others}; these data are {looks}")
    return every[looks]


def completed(settings, kind: Kind, parts):
    """The settings, with the defaults of a kind where nothing is given."""
    values = {**KINDS[kind.name].defaults, **kind.follows(parts)}
    missing = {name: one for name, one in values.items() if getattr(settings, name) is None}
    whole = replace(settings, kind=kind.name, **missing)
    kind.accepts(whole)
    return whole


def check_complete(settings) -> None:
    """Raises if settings of a saved model lack what a model is made of."""
    for name, value in KINDS[settings.kind or "texts"].defaults.items():
        if value is not None and getattr(settings, name) is None:
            raise ValueError(f"its settings have no {name}")


def said(name: str, help: str) -> str:
    """A line of help, with the defaults of an option by kind, and which kinds have it."""
    has = {kind: row.defaults[name] for kind, row in KINDS.items() if name in row.defaults}
    written = {kind: shown(value) for kind, value in has.items() if value is not None}
    if len(has) < len(KINDS):
        help += f" Of {' and '.join(has)} alone."
    if not written:
        return help
    [first, *others] = dict.fromkeys(written.values())
    alike = not others and len(written) == len(has)
    each = ", ".join(f"{value} of {kind}" for kind, value in written.items())
    return f"{help} Default: {first if alike else each}."


def shown(value) -> str:
    """A default as a shell takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)
