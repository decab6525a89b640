"""A text ready for a language model: parts, tokens, and what brings text back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keraseq.checks import one_of, positive_integer, rate
from keraseq.data import sets
from keraseq.data.parts import PARTS
from keraseq.data.text import sources
from keraseq.data.text.tokenizers import Tokenizer, learned

SPLIT = {"validation": 0.05, "test": 0.05}  # of texts that come without one


@dataclass(frozen=True)
class Corpus:
    """Texts in a training, a validation and a test part, and their tokenizer.

    Attributes:
        name: Name or path of the source.
        train, validation, test: The documents of each part, in reading order; a part may have none.
        tokenizer: Learned on the training part; `encode`, `decode`, `to_json`.
        level: `"character"`, `"word"` or `"wordpiece"`.
        split: How the parts were made, in words.
        skipped: File -> why it is not among the documents.
        sha256: Of the bytes of all files, one after the other.
        options: What `text_corpus` needs to read it again, but for the tokenizer.

    Example:

    >>> import keraseq
    >>> corpus = keraseq.data.text_corpus("python_docs", limit=10_000)
    >>> [len(tokens) for tokens in corpus.tokens("test")]
    [500]
    """

    name: str
    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str]
    tokenizer: Tokenizer
    level: str = "character"
    split: str = ""
    skipped: dict[str, str] = field(default_factory=dict)
    sha256: str = ""
    options: dict = field(default_factory=dict)

    def tokens(self, part: str) -> list[np.ndarray]:
        """Token ids of each document of a part, int32 `(n,)`."""
        return [self.tokenizer.encode(text) for text in self.texts(part)]

    def texts(self, part: str) -> Sequence[str]:
        """The documents of a part, `"train"`, `"validation"` or `"test"`."""
        return getattr(self, one_of("part", part, PARTS))

    def __str__(self):
        sizes = ", ".join(
            f"{part} {sum(map(len, self.texts(part))):,} characters in {len(self.texts(part)):,}"
            for part in PARTS
            if self.texts(part)
        )
        lines = [f"{self.name}: {sizes}; {len(self.tokenizer):,} tokens ({self.level})"]
        return "\n".join(
            [*lines, *(f"skipped {name}: {why}" for name, why in self.skipped.items())]
        )


def text_corpus(
    source: str | Path | Iterable[str | Path],
    level: str = "character",
    *,
    validation: float | None = None,
    test: float | None = None,
    vocabulary_size: int | None = None,
    limit: int | None = None,
    tokenizer: Tokenizer | None = None,
    data_dir: str | Path | None = None,
) -> Corpus:
    """Reads texts, cuts them into parts, and learns their tokenizer on the training part.

    Text is cut by position, so that the later parts are the end of what was read, in the order of
    the files' names; a document on the border is cut in two. Two sources have a split that
    everybody uses: `"tinyshakespeare"` nanoGPT's (first 90 % and last 10 %, no test part) and
    `"ptb"` the given files (Mikolov's version: 10,000 words).

    Args:
        source: A file, a folder (with all below it), a pattern such as `"notes/*.txt"`, or several
            of them; UTF-8. In folders and patterns files that are binary, empty or not UTF-8 are
            skipped, and `skipped` says why. Or the name of a public text, see `keraseq data`.
        level: What a token is: `"character"`; `"word"`, see `WordVocabulary`; or `"wordpiece"`,
            see `WordPieceVocabulary`. Defaults to `"character"`.
        validation: Fraction of the text for choices during training. Defaults to 0.05.
        test: Fraction at the end of the text. Defaults to 0.05.
        vocabulary_size: Number of tokens, for words (default: 10,000) and pieces (default: 8,000).
        limit: Keep only the first so many characters of what was read. Default: all.
        tokenizer: One that is there already, as a bundle's. Default: learned on the training part,
            with an id for characters or words that are not in it.
        data_dir: Folder with the public texts. Default: what the environment variable
            `KERASEQ_DATA` names; without it they are downloaded once and compared with a checksum.

    Raises:
        FileNotFoundError: There is no such file, folder or name.
        ValueError: A file named itself is no text, nothing is left, a part has no character, or an
            argument is out of its range.

    Example:

    >>> import keraseq
    >>> corpus = keraseq.data.text_corpus("python_docs", level="word", vocabulary_size=500)
    >>> len(corpus.tokenizer), len(corpus.train) > 50
    (500, True)
    """
    if limit is not None:
        limit = positive_integer("limit", limit)
    is_name = isinstance(source, str) and source in sets.names("text") and not Path(source).exists()
    given = sources.named(source, data_dir) if is_name else {"whole": sources.found(source)}
    skipped = {name: why for one in given.values() for name, why in one.skipped.items()}
    if "whole" in given:
        usual = SPLIT | (sets.SETS[source].options if is_name else {})
        fractions = [
            usual[name] if own is None else rate(name, own)
            for name, own in (("validation", validation), ("test", test))
        ]
        texts = first_characters(given["whole"].texts, limit)
        parts = cut(texts, *fractions)
        split = "by position: first {:.0%} train, then {:.0%} validation, last {:.0%} test".format(
            1 - sum(fractions), *fractions
        )
    else:
        if (validation, test) != (None, None):
            raise ValueError(f"{source!r} comes with its parts; validation and test cannot be set")
        parts = {part: first_characters(one.texts, limit) for part, one in given.items()}
        split = "as given"
    if tokenizer is None:
        tokenizer = learned(level, parts["train"], vocabulary_size)
    return Corpus(
        name=str(source) if isinstance(source, (str, Path)) else ", ".join(map(str, source)),
        **parts,
        tokenizer=tokenizer,
        level=level,
        split=split,
        skipped=skipped,
        sha256=" ".join(one.sha256 for one in given.values()),
        options={
            "source": source if is_name else paths(source),
            "level": level,
            "validation": validation,
            "test": test,
            "limit": limit,
        },
    )


def paths(source) -> str | list[str]:
    """Paths as text, absolute: they mean the same wherever they are read again."""
    if isinstance(source, (str, Path)):
        return str(Path(source).absolute())
    return [paths(one) for one in source]


def first_characters(texts: Sequence[str], limit: int | None) -> list[str]:
    """The first `limit` characters of texts that are read one after the other."""
    return list(texts) if limit is None else between(texts, 0, limit)


def cut(texts: Sequence[str], validation: float, test: float) -> dict[str, list[str]]:
    """The parts of texts that are read one after the other, cut by position."""
    total = sum(map(len, texts))
    first, last = (
        int(round(total * fraction, 6)) for fraction in (1 - validation - test, 1 - test)
    )  # rounded, since 1 - 0.05 - 0.05 is a little less than 0.9
    borders = {"train": (0, first), "validation": (first, last), "test": (last, total)}
    parts = {part: between(texts, *border) for part, border in borders.items()}
    for part, fraction in (("train", 1.0), ("validation", validation), ("test", test)):
        if fraction and not parts[part]:
            raise ValueError(
                f"validation={validation} and test={test} leave the {part} part of "
                f"{total} characters empty; it needs at least one"
            )
    return parts


def between(texts: Sequence[str], start: int, stop: int) -> list[str]:
    """What of texts, read one after the other, lies between two positions."""
    pieces, at = [], 0
    for text in texts:
        pieces.append(text[max(start - at, 0) : max(stop - at, 0)])
        at += len(text)
    return [piece for piece in pieces if piece]
