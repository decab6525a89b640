"""Trees in brackets with a label at every node, as the Stanford Sentiment Treebank has them.

(3 (2 It) (4 (4 (2 's) (4 (3 (2 a) (4 (3 lovely) (2 film))))) (2 .)))
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from keraseq.data import tables
from keraseq.data.labelled.parts import Labelled, carved, fingerprint, open_rate, taken
from keraseq.data.labelled.table import again
from keraseq.data.parts import PARTS, Part
from keraseq.data.public import fetch

if TYPE_CHECKING:
    import pandas as pd

    from keraseq.data.sets import PublicSet

LABELS = ("0", "1", "2", "3", "4")  # very negative to very positive
NEUTRAL = 2
BLANK = r" \t\r\n"  # others may stand in a word: SST has "8 1/2" with one that does not break
PIECE = re.compile(rf"[()]|[^{BLANK}()]+")
BEGINS = re.compile(rf"[{BLANK}]*\([{BLANK}]*[^{BLANK}()]+[{BLANK}(]")
WORD = re.compile(rf"[^{BLANK}()]+(?=\))")


class LabelledTree(NamedTuple):
    """A tree, its nodes numbered children first, the root last.

    Attributes:
        words: The words of the leaves, in the order of the sentence.
        labels: A label at every node.
        children: At every node the numbers of its children; none at a leaf.
    """

    words: list[str]
    labels: list[int]
    children: list[tuple[int, ...]]

    @property
    def text(self) -> str:
        """The sentence."""
        return " ".join(self.words)

    def spans(self) -> list[tuple[int, int]]:
        """At every node the first of its words, and the one after the last."""
        found, leaf = [], 0
        for children in self.children:
            if children:
                found.append((found[children[0]][0], found[children[-1]][1]))
            else:
                found.append((leaf, leaf + 1))
                leaf += 1
        return found

    def frame(self) -> pd.DataFrame:
        """A row a node: `text`, its words; `start` and `end`, from which word to before which;
        `parent`, a row, -1 of the root; `truth`, its label. `keraseq.plots.tree` draws it.
        """
        import pandas as pd

        parents = [-1] * len(self.children)
        for parent, its in enumerate(self.children):
            for child in its:
                parents[child] = parent
        spans = self.spans()
        texts = [" ".join(self.words[start:end]) for start, end in spans]
        places = pd.DataFrame(spans, columns=["start", "end"])
        return pd.DataFrame({"text": texts}).join(places).assign(parent=parents, truth=self.labels)

    def __str__(self):
        written, words = [], iter(self.words)
        for label, children in zip(self.labels, self.children, strict=True):
            inside = " ".join(written[one] for one in children) if children else next(words)
            written.append(f"({label} {inside})")
        return written[-1]


@dataclass(frozen=True)
class LabelledTrees(Labelled):
    """Trees in brackets in three parts, see `Labelled`: what `labelled_trees` gives.

    An example is a text, which `parsed` takes apart; its label is that of the root.
    """

    what: ClassVar[str] = "trees"


def labelled_trees(
    source: str | Path | Sequence[str],
    *,
    validation: float | str | Path | Sequence[str] = 0.1,
    test: float | str | Path | Sequence[str] = 0.1,
    seed: int = 0,
    encoding: str | None = None,
) -> LabelledTrees:
    """Reads trees in brackets, and cuts them into three parts.

    A sentence that stands in the validation or the test part is not trained on; `dropped` counts
    them. Sources of their own are kept as they are.

    Args:
        source: A file, also packed (`.gz`), or a list of trees. A tree begins on a line of its own,
            further lines of it are indented. A node is `(label word)` or `(label tree tree ...)`,
            its label 0 (very negative) to 4 (very positive).
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1), or a
            source of its own. Defaults to 0.1.
        test: Fraction to report on, likewise. Defaults to 0.1.
        seed: Which trees go where. Defaults to 0.
        encoding: Of a file. Default: UTF-8.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file is empty or no text, brackets do not match, a node has no label, one
            beyond 0 to 4, or nothing else; the error says file and line.

    Example:

    >>> trees = [f"({n % 5} (2 word{n}) (2 !))" for n in range(50)]
    >>> print(keraseq.data.labelled_trees(trees))
    trees: train 40, validation 5, test 5 trees; classes 0, 1, 2, 3, 4
    """
    given = {"train": source, "validation": validation, "test": test}
    found, name = {}, ""
    for part, one in given.items():
        if part == "train" or not isinstance(one, (int, float)):
            trees, called = read(one, encoding)
            found[part] = as_part(trees)
            name = name or called
    split, before = [], len(found["train"].inputs)
    kept = {sentence_of(one) for part in PARTS[1:] if part in found for one in found[part].inputs}
    here = [i for i, one in enumerate(found["train"].inputs) if sentence_of(one) not in kept]
    found["train"] = taken(found["train"], here)
    for part, fraction, drawn in (("test", test, seed), ("validation", validation, seed + 1)):
        if part in found:
            split.append(f"{part} as given")
            continue
        rate = open_rate(part, fraction)
        if len(found["train"].inputs) < 3:
            raise ValueError(f"{name}: too few trees for the {part} part")
        found["train"], found[part] = carved(found["train"], rate, drawn)
        rest = " of what is not test" if part == "validation" else ""
        split.append(f"{part} {rate:.0%}{rest}, stratified, seed {drawn}")
    for part in PARTS:
        if not found[part].inputs:
            raise ValueError(f"{name}: too few trees for the {part} part")
    options = {"source": source, "validation": validation, "test": test, "seed": seed}
    if not all(isinstance(one, (str, Path, int, float)) for one in options.values()):
        options = {}
    return LabelledTrees(
        name,
        LABELS,
        *(found[part] for part in PARTS),
        split="; ".join(reversed(split)),
        dropped=before - len(here),
        sha256=fingerprint(found),
        options=again(**options, encoding=encoding) if options else {},
    )


def public(row: PublicSet, data_dir: str | Path | None = None) -> LabelledTrees:
    """A public set with files for all parts."""
    files = {part: fetch(row.files[part], data_dir) for part in PARTS}
    found = labelled_trees(files["train"], validation=files["validation"], test=files["test"])
    return replace(found, name=Path(row.files["train"].path).parts[0], options={})


def as_part(trees: Sequence[LabelledTree]) -> Part:
    """Trees as texts, and the labels of their roots."""
    return Part([str(one) for one in trees], np.array([one.labels[-1] for one in trees], "int32"))


def sentence_of(tree: str) -> str:
    """The words of a tree that has been read."""
    return " ".join(WORD.findall(tree))


def plain(word: str) -> str:
    """A word without case; brackets as they are written in texts."""
    return {"-LRB-": "(", "-RRB-": ")"}.get(word, word.replace("\\", "")).lower()


def words_of(tree: str) -> list[str]:
    """The words of a tree that has been read, as an encoder knows them."""
    return [plain(word) for word in WORD.findall(tree)]


def read(source, encoding: str | None = None) -> tuple[list[LabelledTree], str]:
    """The trees of a source, and its name."""
    if not isinstance(source, (str, Path)):
        try:
            texts = list(source)
        except TypeError:
            raise TypeError(
                f"trees come from a path or a list of texts; received {type(source).__name__}"
            ) from None
        return [parsed(one, f"tree {i}") for i, one in enumerate(texts)], "trees"
    path = Path(source)
    if path.is_dir():
        raise FileNotFoundError(f"{str(path)!r} is a folder, and no file")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        if not raw.strip():
            raise ValueError("there is nothing in it")
        text = tables.decoded(raw, encoding)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from None
    return list(trees_of(text, path.name)), path.name


def looks_like_trees(text: str) -> bool:
    """Whether a text begins as a tree in brackets does."""
    return BEGINS.match(text) is not None


def parsed(text: str, name: str = "the tree") -> LabelledTree:
    """One tree in brackets.

    Example:

    >>> tree = keraseq.data.labelled.parsed("(4 (3 lovely) (2 film))")
    >>> tree.words, tree.labels, tree.children
    (['lovely', 'film'], [3, 2, 4], [(), (), (0, 1)])
    """
    if isinstance(text, bytes):
        text = tables.decoded(text, None)
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a text; received {type(text).__name__}")
    found = list(trees_of(text, name, lines=False))
    if len(found) != 1:
        raise ValueError(f"{name} must be one tree, such as (4 (3 lovely) (2 film)); {shown(text)}")
    return found[0]


def shown(text: str) -> str:
    """What was received, shortened."""
    return f"received {text[:40] + '…' if len(text) > 40 else text!r}"


def trees_of(text: str, name: str, lines: bool = True) -> Iterator[LabelledTree]:
    """The trees of a text, without recursion: trees may be as deep as they like."""
    tree, open_nodes, begun = LabelledTree([], [], []), [], 1
    for number, line in enumerate(text.split("\n"), 1):
        place = f"{name}, line {number}" if lines else name
        if lines and open_nodes and line[:1] == "(":
            raise ValueError(f"{name}, line {begun}: {unclosed(open_nodes)}")
        for found in PIECE.finditer(line):
            piece = found.group()
            if piece == "(":
                if not open_nodes:
                    tree, begun = LabelledTree([], [], []), number
                open_nodes.append([])
            elif not open_nodes:
                what = "a ) closes nothing" if piece == ")" else "text that is in no tree"
                raise ValueError(
                    f"{place}: {what}; a tree is written (4 (3 lovely) (2 film)); "
                    f"{shown(line.strip())}"
                )
            elif piece == ")":
                finish(tree, open_nodes, place)
                if not open_nodes:
                    yield tree
            else:
                open_nodes[-1].append(piece)
    if open_nodes:
        raise ValueError(f"{name}{f', line {begun}' if lines else ''}: {unclosed(open_nodes)}")


def unclosed(open_nodes: list) -> str:
    """How many brackets are not closed."""
    count = len(open_nodes)
    return f"{count} bracket{'s are' if count > 1 else ' is'} not closed"


def finish(tree: LabelledTree, open_nodes: list, place: str) -> None:
    """Adds the innermost open node to a tree; it holds a label, and a word or numbers of nodes."""
    inside = open_nodes.pop()
    label, *inside = inside or [None]
    if not isinstance(label, str) or (not label.lstrip("+-").isdigit() and not inside):
        what = "nothing" if label is None else repr(label) if isinstance(label, str) else "trees"
        raise ValueError(f"{place}: a node has no label; it holds {what}")
    if label not in LABELS:
        raise ValueError(f"{place}: label {label!r}; accepted: {', '.join(LABELS)}")
    words = [one for one in inside if isinstance(one, str)]
    if not inside or (words and len(inside) > 1):
        what = "nothing" if not inside else f"the word {words[0]!r} and something else"
        raise ValueError(
            f"{place}: a node with label {label} holds {what}; accepted: a word, or trees"
        )
    tree.words.extend(words)
    tree.labels.append(int(label))
    tree.children.append(() if words else tuple(inside))
    if open_nodes:
        open_nodes[-1].append(len(tree.labels) - 1)
