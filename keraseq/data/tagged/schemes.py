"""Tags that mark entities: IOB2 (`B-person`, `I-person`, `O`) and IOB1, which is turned into it.

In IOB2 every entity begins with B-. In IOB1 it begins with I-, and with B- only right after another
of its type.
"""

import re
from collections.abc import Sequence

SCHEMES = ("iob2", "iob1", "none")
IOB = re.compile(r"O|[BI]-.+")
OUTSIDE = "O"


def entities(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """The entities of a sentence's IOB2 tags, strictly: `(start, end, type)`, `end` exclusive.

    An I- that continues nothing of its type is no part of an entity (the strict mode of seqeval).

    Example:

    >>> keraseq.data.tagged.entities(["B-person", "I-person", "O", "I-person", "B-group"])
    [(0, 2, 'person'), (4, 5, 'group')]
    """
    found, start, kind = [], 0, None
    for at, tag in enumerate([*tags, OUTSIDE]):
        if kind is not None and tag != f"I-{kind}":
            found.append((start, at, kind))
            kind = None
        if tag.startswith("B-"):
            start, kind = at, tag[2:]
    return found


def forbidden(tags: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of tags `(before, tag)` that IOB2 never has, by number, -1 for the start.

    Example:

    >>> keraseq.data.tagged.forbidden(["O", "B-a", "I-a"])
    [(-1, 2), (0, 2)]
    """
    return [
        (before, at)
        for at, tag in enumerate(tags)
        if tag.startswith("I-")
        for before in range(-1, len(tags))
        if before < 0 or tags[before] not in (f"B-{tag[2:]}", tag)
    ]


def check_scheme(sentences: Sequence[tuple], name: str, scheme: str | None) -> str:
    """The scheme of tags: what is given, or what they look like; or an error that says where.

    Args:
        sentences: Words, tags and places of each.
        name: Of the source.
        scheme: One of `SCHEMES`. Default: IOB2 where there is an `O` and a tag with B- or I-.
    """
    kinds = {tag for _, tags, _ in sentences for tag in tags}
    if scheme is None:
        marked = OUTSIDE in kinds and any(re.match("[BI]-.", tag) for tag in kinds)
        scheme = "iob2" if marked else "none"
    if scheme == "none":
        return scheme
    for _, tags, places in sentences:
        for before, tag, place in zip([OUTSIDE, *tags], tags, places, strict=False):
            if not IOB.fullmatch(tag):
                raise ValueError(
                    f"{name}, {place}: tag {tag!r} is outside the scheme (O, B-..., I-...); give "
                    "scheme='none' (in a shell --scheme none) if tags mark no entities"
                )
            if scheme == "iob2" and tag[0] == "I" and before not in (tag, "B" + tag[1:]):
                raise ValueError(
                    f"{name}, {place}: {tag!r} after {before!r} begins an entity, which is B- in "
                    "IOB2: mend it, or give scheme='iob1' (in a shell --scheme iob1)"
                )
    return scheme


def as_iob2(tags: Sequence[str]) -> list[str]:
    """Tags of IOB1 in IOB2.

    Example:

    >>> from keraseq.data.tagged.schemes import as_iob2
    >>> as_iob2(["I-a", "I-a", "B-a", "O", "I-b"])
    ['B-a', 'I-a', 'B-a', 'O', 'B-b']
    """
    return [
        "B" + tag[1:] if tag[0] == "I" and before[1:] != tag[1:] else tag
        for before, tag in zip([OUTSIDE, *tags], tags, strict=False)
    ]
