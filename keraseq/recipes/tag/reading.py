"""Tagged text to look at, and what a tagger has learned."""

import html

import numpy as np
import pandas as pd

from keraseq.bundle import Bundle, BundleError
from keraseq.data import tagged
from keraseq.evaluate import accuracy_interval
from keraseq.plots import COLOURS
from keraseq.recipes.tag.evaluation import parts_of

COUNTS = (0, 1, 2, 3, 6, 11, 101)  # where groups of words begin, by how often they were seen


class Coloured:
    """Tagged sentences for a notebook: entities, or all tags, on colours of their kind.

    Args:
        frame: What `keraseq.recipes.predict` gave.

    Example:

    >>> import pandas as pd
    >>> words = {"sentence": 0, "token": ["Jo", "left"], "tag": ["B-person", "O"]}
    >>> coloured = keraseq.recipes.tag.Coloured(pd.DataFrame(words))
    >>> "Jo <sub>person</sub>" in coloured.html()
    True
    """

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame
        names = set(frame.tag)
        self.iob2 = "O" in names or any(tag.startswith("B-") for tag in names)
        kinds = {tag[2:] if self.iob2 else tag for tag in names if not (self.iob2 and tag == "O")}
        self.colours = {
            kind: COLOURS[1 + i % (len(COLOURS) - 1)] for i, kind in enumerate(sorted(kinds))
        }

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """The source: a line a sentence."""
        lines = []
        for _, one in self.frame.groupby("sentence"):
            words, tags = one.token.tolist(), one.tag.tolist()
            spans = tagged.entities(tags) if self.iob2 else enumerated(tags)
            parts, at = [], 0
            for start, end, kind in spans:
                parts += map(html.escape, words[at:start])
                parts.append(self.marked(" ".join(words[start:end]), kind))
                at = end
            lines.append(f"<p>{' '.join([*parts, *map(html.escape, words[at:])])}</p>")
        return f'<div style="color:#000;background:#fff;padding:.5em">{"".join(lines)}</div>'

    def marked(self, text: str, kind: str) -> str:
        """A piece of text on its colour, its kind below."""
        style = f"background:{self.colours[kind]}40;border-bottom:2px solid {self.colours[kind]}"
        return f'<span style="{style}">{html.escape(text)} <sub>{html.escape(kind)}</sub></span>'


def enumerated(tags: list[str]) -> list[tuple[int, int, str]]:
    """Each tag as a span of its own."""
    return [(at, at + 1, tag) for at, tag in enumerate(tags)]


def transitions(bundle: Bundle) -> pd.DataFrame:
    """The scores of tags that follow each other, in a tagger with a conditional random field.

    Args:
        bundle: What `keraseq.recipes.train` made.

    Returns:
        A row a tag before, and `start`; a column a tag, and `end`; `NaN` for what never is.

    Raises:
        BundleError: The tagger has none.
    """
    stored, _ = parts_of(bundle)
    if not any(layer.name == "crf" for layer in bundle.model.layers):
        raise BundleError("the tagger has no conditional random field (crf=False)")
    field = bundle.model.get_layer("crf")
    scores, start, end = map(np.array, field.get_weights())
    table = np.vstack([np.append(start, np.nan), np.column_stack([scores, end])])
    for before, tag in field.forbidden:
        table[before + 1, tag] = np.nan
    return pd.DataFrame(table, ["start", *stored.tags], [*stored.tags, "end"])


def accuracy_by_count(frame: pd.DataFrame) -> pd.DataFrame:
    """The accuracy of words that were seen so often in training.

    Args:
        frame: What `keraseq.recipes.tag.predictions` gave.

    Returns:
        A row a group, strange words first: `seen`, such as `3-5`; `accuracy` with its 95 %
        interval `low` to `high`; `words`, their number.

    Example:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"count": [0, 0, 4], "right": [True, False, True]})
    >>> keraseq.recipes.tag.accuracy_by_count(frame)[["seen", "accuracy"]].values.tolist()
    [['0', 0.5], ['3-5', 1.0]]
    """
    ends = [*(start - 1 for start in COUNTS[1:]), None]
    names = [
        f"{start}+" if end is None else str(start) if start == end else f"{start}-{end}"
        for start, end in zip(COUNTS, ends, strict=True)
    ]
    groups = np.searchsorted(COUNTS, frame["count"], side="right") - 1
    rows = []
    for group, right in frame.right.groupby(groups):
        low, high = accuracy_interval(right.mean(), len(right))
        rows.append((names[group], right.mean(), low, high, len(right)))
    return pd.DataFrame(rows, columns=["seen", "accuracy", "low", "high", "words"])
