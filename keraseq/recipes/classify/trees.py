"""Trees in brackets: every node is told its label, the root is what counts."""

import gzip
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from keraseq import data, models
from keraseq.bundle import Bundle
from keraseq.cells import TREE_CELLS
from keraseq.checks import one_of
from keraseq.data import labelled
from keraseq.data.labelled.table import FILES, OF_FILES
from keraseq.data.labelled.trees import (
    NEUTRAL,
    looks_like_trees,
    parsed,
    read,
    words_of,
)
from keraseq.data.tagged import read_vectors
from keraseq.evaluate import accuracy_interval, probabilities
from keraseq.files import checked_json
from keraseq.recipes.classify.evaluation import parts_of
from keraseq.recipes.classify.kinds import Kind
from keraseq.recipes.classify.naive_bayes import NaiveBayes
from keraseq.recipes.classify.settings import NONE, Settings
from keraseq.recipes.run import copy_weights

ENDING = ".trees"  # other files are of trees if they begin with one
WIDTH = 100  # of random vectors
MORE = 25_000  # further words of a file of vectors, the first ones
TOGETHER = 128  # trees in a batch, where nothing is trained
MULTIPLE = 8 if keras.backend.backend() == "jax" else 1  # which compiles anew for each shape


@dataclass(frozen=True)
class Stored:
    """What `keraseq.data.TreeEncoder.to_dict` writes."""

    words: list[str]
    more: list[str]
    arity: int


def roots(batch: dict) -> np.ndarray:
    """The place of each tree's root among its nodes: the last that is there."""
    inner = batch["children"].any(-1).reshape(len(batch["children"]), -1)
    there = np.concatenate([batch["tokens"] > 0, inner], axis=1)
    return there.shape[1] - 1 - there[:, ::-1].argmax(1)


class Trees(Kind):
    """Trees in brackets with a label at every node; see `Kind`."""

    name, Data, column = "trees", data.LabelledTrees, "tree"

    def __init__(self):
        self.vectors: dict[str, np.ndarray] = {}  # pretrained ones of the training that goes on

    def takes(self, source, settings: Settings) -> bool:
        """Files and lists that begin with a tree."""
        if isinstance(source, (list, tuple)):
            return bool(source) and isinstance(source[0], str) and looks_like_trees(source[0])
        if not isinstance(source, (str, Path)):
            return False
        path = str(source).lower().removesuffix(".gz")
        if path.endswith(ENDING):
            return True
        if not is_file(source) or (path.endswith(FILES) and not path.endswith(".txt")):
            return False
        try:
            with (gzip.open if str(source).endswith(".gz") else open)(source, "rb") as file:
                return looks_like_trees(file.read(200).decode("utf-8", "replace"))
        except (OSError, EOFError):
            return False

    def accepts(self, settings: Settings) -> None:
        """Raises if options do not go together."""
        one_of("cell of trees", settings.cell, TREE_CELLS)
        for name, value in (("layers", 1), ("class_weight", "none")):
            if getattr(settings, name) != value:
                raise ValueError(
                    f"{name} must be {value} for trees; received {name}={getattr(settings, name)!r}"
                )

    def read(self, source, **options) -> data.LabelledTrees:
        """A file of trees, or a list."""
        for name in OF_FILES:
            if name != "encoding" and name in options:
                raise ValueError(
                    f"{name}={options[name]!r} says how a table is read; these data are trees"
                )
        return data.labelled_trees(source, **options)

    def whole(self, source, encoder, options: dict) -> tuple[list, list, str]:
        """All trees of a source."""
        found, name = read(source, options.get("encoding"))
        return [str(one) for one in found], [str(one.labels[-1]) for one in found], name

    def raw(self, given, encoder, options: dict) -> tuple[list, list[str]]:
        """Trees in brackets, `str` or UTF-8 bytes, whose labels are not read; or a file of them."""
        if isinstance(given, (list, tuple)) and len(given) == 1 and is_file(given[0]):
            [given] = given
        if is_file(given):
            found, _ = read(given, options.get("encoding"))
        else:
            if isinstance(given, (str, bytes)):
                raise ValueError("trees must be a list of trees in brackets; received one text")
            found = [parsed(one, f"tree {i}") for i, one in enumerate(given)]
        return [encoder.encode(one, f"tree {i}") for i, one in enumerate(found)], [
            one.text for one in found
        ]

    def encoder(self, parts: data.LabelledTrees, settings: Settings) -> data.TreeEncoder:
        """The words of the training part, and further ones of a file of vectors."""
        trees = parts.train.inputs
        if settings.vectors not in (None, NONE):
            wanted = {word for tree in trees for word in words_of(tree)}
            self.vectors = read_vectors(settings.vectors, wanted, MORE)
            if settings.embedding not in (None, self.width(settings)):
                raise ValueError(
                    f"embedding must be {self.width(settings)}, the width of "
                    f"{settings.vectors!r}; received embedding={settings.embedding}"
                )
        return data.TreeEncoder.of(trees, self.vectors)

    def width(self, settings: Settings) -> int:
        """That of the words' vectors."""
        return len(next(iter(self.vectors.values()), ())) or settings.embedding or WIDTH

    def decoded(self, stored: dict) -> data.TreeEncoder:
        """The vocabulary that was kept."""
        return data.TreeEncoder(**asdict(checked_json(json.dumps(stored), Stored)))

    def check(self, model: keras.Model, encoder: data.TreeEncoder) -> None:
        """The model must have as many ids as the vocabulary."""
        wanted = [(None, None), (None, None, None, encoder.arity)]
        shapes = model.input_shape if isinstance(model.input_shape, list) else [model.input_shape]
        if list(map(tuple, shapes)) != wanted:
            raise ValueError(f"its model reads inputs of shapes {shapes}, no trees")
        layer = model.get_layer("embedding")
        ids = getattr(layer, "vocabulary", getattr(layer, "input_dim", None))
        if ids != len(encoder):
            raise ValueError(
                f"its vocabulary has {len(encoder):,} ids and its model {ids:,}: they do not "
                "belong together"
            )

    def batches(self, rows, labels=None, settings=None, weights=None, shuffle=False):
        """Batches of trees, in training with a label at every node."""
        size = TOGETHER if settings is None else settings.batch_size
        nodes = None if labels is None else "nodes"
        return labelled.tree_batches(rows, nodes, size, shuffle=shuffle, multiple=MULTIPLE)

    def build(self, encoder, classes: int, settings: Settings, nodes: bool = False) -> keras.Model:
        """The model; it gives the root's logits, or those of all nodes."""
        dropped = settings.recurrent_dropout
        return models.tree_classifier(
            classes,
            vocabulary=len(encoder),
            embedding=self.width(settings),
            fixed=len(encoder.more),
            pace=settings.pace,
            cell=settings.cell,
            units=settings.units,
            arity=encoder.arity,
            dropout=settings.dropout,
            embedding_dropout=settings.embedding_dropout,
            word_dropout=settings.word_dropout,
            nodes=nodes,
            cell_options={"recurrent_dropout": dropped} if dropped else {},
            name="classifier",
        )

    def trained(self, encoder, classes: int, settings: Settings) -> keras.Model:
        """The model that is trained: on all nodes."""
        return self.build(encoder, classes, settings, nodes=True)

    def begin(self, model, prepared, settings: Settings, folder, say, recipe) -> None:
        """Puts the vectors in; words without one are as long as Lample et al. have them."""
        encoder, layer, vectors = prepared.encoder, model.get_layer("embedding"), self.vectors
        tables = layer.get_weights()
        edge = math.sqrt(3 / tables[0].shape[1])
        every = np.random.uniform(-edge, edge, (len(encoder), tables[0].shape[1]))  # noqa: NPY002
        for at, word in enumerate([*encoder.words, *encoder.more], 2):
            if word in vectors:
                every[at] = vectors[word]
        every /= settings.pace
        layer.set_weights(np.split(every, [len(tables[0])])[: len(tables)])
        if vectors:
            have = sum(word in vectors for word in encoder.words)
            say(f"{have:,} of {len(encoder.words):,} words have a vector in {settings.vectors!r}")

    def compiling(self) -> dict:
        """No accuracy of all nodes: `worth` has that of the roots."""
        return {"metrics": []}

    def best_by(self) -> tuple[str, str]:
        """The accuracy of the roots."""
        return "val_accuracy", "max"

    def worth(self, model, prepared) -> dict[str, float]:
        """That accuracy; of all nodes it says little: most are neutral words."""
        rows, labels = prepared.rows["validation"], prepared.parts.validation.targets
        sets = labelled.tree_batches(rows, None, TOGETHER, multiple=MULTIPLE)
        named = []
        for batch in sets:
            found = model.predict_on_batch(batch).argmax(-1)
            named.append(found[np.arange(len(found)), roots(batch)])
        return {"accuracy": float((np.concatenate(named) == labels[sets.order]).mean())}

    def called(self, settings: Settings) -> str:
        """The cell, and whether its vectors are pretrained."""
        return settings.cell + ", pretrained vectors" * (settings.vectors not in (None, NONE))

    def more(self, chances_of, chances: np.ndarray, part: data.Part) -> dict:
        """Positive or negative, of the roots that are not neutral."""
        clear = part.targets != NEUTRAL
        if not clear.any():
            return {}
        of_its_own = getattr(chances_of, "positive", None)
        if of_its_own is None:
            positive = chances[:, NEUTRAL + 1 :].sum(1) > chances[:, :NEUTRAL].sum(1)
        else:
            positive = of_its_own(part.inputs) > 0.5
        right = float((positive == (part.targets > NEUTRAL))[clear].mean())
        low, high = accuracy_interval(right, int(clear.sum()))
        count = {"binary_examples": int(clear.sum())}
        return {"binary": right, "binary_low": low, "binary_high": high, **count}

    def baselines(self, parts: data.LabelledTrees, encoder, report, leave_out):
        """Naive Bayes."""
        report("naive Bayes")
        yield "naive Bayes", NaiveBayes(parts.train.inputs)


def nodes(bundle: Bundle, tree: str | bytes) -> pd.DataFrame:
    """What a model of trees says of every node of one.

    Args:
        bundle: What `train` made of trees.
        tree: One tree in brackets.

    Returns:
        A row a node, children before their parents, the root last, as
        `keraseq.data.labelled.LabelledTree.frame` has them: `text`, `start`, `end`, `parent`,
        `truth`, the label in the brackets; and `label`, what the model names, with its
        `probability`, calibrated on roots. `keraseq.plots.tree` draws it.

    Raises:
        ValueError: The bundle reads no trees, or the text is none.

    Example:

    >>> trees = keraseq.data.labelled_trees([f"({n % 5} (2 a{n}) (3 b))" for n in range(50)])
    >>> small = {"units": 2, "embedding": 2, "epochs": 1, "report": None}
    >>> bundle = keraseq.recipes.train("classify", trees, **small)
    >>> keraseq.recipes.classify.nodes(bundle, "(4 (3 lovely) (2 film))").text.tolist()
    ['lovely', 'film', 'lovely film']
    """
    parts = parts_of(bundle)
    encoder, kind = parts.encoder, parts.kind
    if kind.name != "trees":
        raise ValueError(f"nodes are of trees; this model reads {kind.name}")
    found = parsed(tree)
    row = encoder.encode(found)
    width = bundle.model.get_layer("embedding").get_weights()[0].shape[1]
    settings = replace(parts.settings, embedding=width)
    model = kind.trained(encoder, len(parts.classes), settings)
    copy_weights(bundle.model, model)
    [batch] = kind.batches([row])
    chances = probabilities(model.predict_on_batch(batch)[0], parts.temperature)
    leaf, inner = (
        iter(range(len(row.tokens))),
        iter(labelled.schedule(found.children, encoder.arity)[1]),
    )
    leaves = batch["tokens"].shape[1]
    at = [leaves + next(inner) if its else next(leaf) for its in found.children]
    chances = chances[at]
    return found.frame().assign(label=chances.argmax(-1), probability=chances.max(-1))


def is_file(given) -> bool:
    """Whether something is the path of a file; a long text is no path."""
    try:
        return isinstance(given, (str, Path)) and Path(given).is_file()
    except (OSError, ValueError):
        return False
