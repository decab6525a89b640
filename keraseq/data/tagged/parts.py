"""Sentences with tags in a training, a validation and a test part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of
from keraseq.data.labelled.parts import open_rate
from keraseq.data.labelled.table import again
from keraseq.data.parts import PARTS, InParts, Part
from keraseq.data.public import fetch
from keraseq.data.tagged import reading
from keraseq.data.tagged.schemes import OUTSIDE, SCHEMES, as_iob2, check_scheme

if TYPE_CHECKING:
    from keraseq.data.sets import PublicSet


@dataclass(frozen=True)
class TaggedSentences(InParts):
    """Sentences with a tag at every word, in three parts: what `tagged_sentences` gives.

    Attributes:
        name: Name of the data.
        tags: Their names, in the order of their numbers.
        scheme: `"iob2"` where tags mark entities, else `"none"`.
        train, validation, test: A `Part` each: lists of words, and arrays of the tags' numbers.
        split: How the parts were made, in words.
        sha256: Of all words and tags.
        options: Arguments with which the same function reads them again; empty if it cannot.

    Example:

    >>> rows = [[("Stop", "VERB"), (str(n), "NUM")] for n in range(9)]
    >>> print(keraseq.data.tagged_sentences(rows))
    sentences: train 7, validation 1, test 1 sentences; 14, 2, 2 words; 2 tags
    """

    name: str
    tags: tuple[str, ...]
    scheme: str
    train: Part
    validation: Part
    test: Part
    split: str = ""
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def __str__(self):
        words = ", ".join(f"{sum(map(len, self.part(name).inputs)):,}" for name in PARTS)
        entities = " (IOB2)" if self.scheme == "iob2" else ""
        return (
            f"{self.name}: {self.sizes()} sentences; {words} words; {len(self.tags)} tags{entities}"
        )


def tagged_sentences(
    source,
    *,
    token: str | None = None,
    tag: str | None = None,
    sentence: str | None = None,
    scheme: str | None = None,
    layout: str | None = None,
    validation=0.1,
    test=0.1,
    seed: int = 0,
    sep: str | None = None,
    header: str | None = None,
    encoding: str | None = None,
) -> TaggedSentences:
    """Reads sentences with a tag at every word, and cuts them into three parts.

    A sentence that stands there several times is in one part alone; sources of their own are kept
    as they are.

    Args:
        source: A file, also packed (`.gz`): CoNLL-U (`.conllu`; ranges and empty nodes are left
            out), a table with a token a row (`.csv`, `.tsv`, `.parquet`), or columns with tabs or
            blanks between them and a blank line after each sentence (all else). Or a pandas frame,
            or a list of sentences that are lists of `(token, tag)`.
        token: The column of the tokens, by its name or, from 1, its number. Default: `form` of
            CoNLL-U, `token` of a table, else the first.
        tag: The column of the tags. Default: `upos` of CoNLL-U, `tag` of a table, else the last.
        sentence: The column of a table that says which sentence a row is of; an empty cell is the
            sentence above. Default: `sentence` where there is such a column, else a sentence ends
            at a blank row.
        scheme: What tags are: `"iob2"`, entities that begin with B-; `"iob1"`, which is turned into
            it; `"none"`, labels of their own. Default: IOB2 if there are `O` and B- or I-.
        layout: Of a file, where its ending does not say it: `"conllu"`, `"columns"` or `"table"`.
        validation: Fraction of what is not test, for early stopping and choices, in (0, 1), or a
            source of its own. Defaults to 0.1.
        test: Fraction to report on, likewise. Defaults to 0.1.
        seed: Which sentences go where. Defaults to 0.
        sep, header, encoding: How a text file is read, see `keraseq.data.tables.read`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, a column is missing, a word has no tag, or a tag does not fit
            its scheme; the error says file and line.
        TypeError: It is nothing of this.

    Example:

    >>> rows = [[("Jo", "I-person"), (f"came{n}", "O")] for n in range(10)]
    >>> keraseq.data.tagged_sentences(rows, scheme="iob1").tags
    ('O', 'B-person')
    """
    how = {"token": token, "tag": tag, "sentence": sentence, "layout": layout}
    how |= {"sep": sep, "header": header, "encoding": encoding}
    if scheme is not None:
        one_of("scheme", scheme, SCHEMES)
    found, names = {}, {}
    for part, one in zip(PARTS, (source, validation, test), strict=True):
        if part == "train" or not isinstance(one, (int, float)):
            found[part], names[part] = reading.read(one, **how)
    known = {part: check_scheme(one, names[part], scheme) for part, one in found.items()}
    scheme = "none" if set(known.values()) == {"none"} else known["train"]
    if len(set(known.values())) > 1:
        raise ValueError(
            f"tags of {names['train']} look like {known['train']}, others do not: give scheme= (in "
            "a shell --scheme)"
        )
    pairs = {
        part: [
            (tuple(words), tuple(as_iob2(tags) if scheme == "iob1" else tags))
            for words, tags, _ in one
        ]
        for part, one in found.items()
    }
    split = []
    for part, fraction, drawn in (("test", test, seed), ("validation", validation, seed + 1)):
        if part in pairs:
            split.append(f"{part} as given")
            continue
        pairs["train"], pairs[part] = carved(pairs["train"], open_rate(part, fraction), drawn)
        rest = " of what is not test" if part == "validation" else ""
        split.append(f"{part} {fraction:.0%}{rest}, by sentence, seed {seed}")
    for part in PARTS:
        if not pairs[part]:
            raise ValueError(f"{names['train']}: too few sentences for the {part} part")
    kinds = {tag for one in pairs.values() for _, tags in one for tag in tags}
    tags = tuple(sorted(kinds, key=lambda tag: (tag != OUTSIDE, tag)))
    ids = {tag: i for i, tag in enumerate(tags)}
    options = {"source": source, "scheme": scheme if scheme != "iob2" else None, **how}
    return TaggedSentences(
        names["train"],
        tags,
        "none" if scheme == "none" else "iob2",
        *(
            Part(
                [list(words) for words, _ in pairs[part]],
                [np.array([ids[tag] for tag in tags], "int32") for _, tags in pairs[part]],
            )
            for part in PARTS
        ),
        split="; ".join(reversed(split)),
        sha256=hashlib.sha256(repr([pairs[part] for part in PARTS]).encode()).hexdigest(),
        options=again(**options, validation=validation, test=test, seed=seed),
    )


def whole(source, tags: Sequence[str], scheme: str, **how) -> Part:
    """All sentences of a source as one part, their tags among those that are known."""
    found, name = reading.read(source, **{k: one for k, one in how.items() if k != "scheme"})
    given = how.get("scheme") or (scheme if scheme == "none" else None)
    iob1 = check_scheme(found, name, given) == "iob1"
    ids = {tag: i for i, tag in enumerate(tags)}
    targets = []
    for _, its, places in found:
        its = as_iob2(its) if iob1 else its
        for tag, place in zip(its, places, strict=True):
            if tag not in ids:
                raise ValueError(
                    f"{name}, {place}: tag {tag!r} is none of the model's: {', '.join(tags)}"
                )
        targets.append(np.array([ids[tag] for tag in its], "int32"))
    return Part([words for words, *_ in found], targets)


def carved(pairs: Sequence, fraction: float, seed: int) -> tuple[list, list]:
    """What is left of sentences, and a fraction of the different ones, with all their repeats."""
    different = sorted(set(words for words, _ in pairs))
    count = max(round(len(different) * fraction), 1)
    drawn = np.random.default_rng(seed).permutation(len(different))[:count]
    chosen = {different[i] for i in drawn}
    return (
        [pair for pair in pairs if pair[0] not in chosen],
        [pair for pair in pairs if pair[0] in chosen],
    )


def public(row: PublicSet, data_dir: str | Path | None = None) -> TaggedSentences:
    """A public set with files for all parts."""
    files = {part: fetch(row.files[part], data_dir) for part in PARTS}
    found = tagged_sentences(
        files["train"], validation=files["validation"], test=files["test"], **row.options
    )
    return replace(found, name=Path(row.files["train"].path).parts[0], options={})
