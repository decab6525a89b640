"""A text coloured by a number for each of its tokens, for notebooks and web pages."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from keraseq.checks import number

SHADES = 32  # colours of the scale: neighbours of one colour share a tag
EDGE = 0.15  # the ends of the scale are left out: black letters must stay legible on it


class ColouredText:
    """A text behind which a number is shown as a colour: brown below 0, white at 0, green above.

    A notebook shows it as it is; `html()` is the page's source. See `keraseq.plots.coloured_text`
    for the same as a figure.

    Args:
        text: A text, or the texts of its tokens.
        values: A number for each character, or token.
        limit: The number at which the colours end. Default: the greatest, sign aside.

    Raises:
        ValueError: The lengths differ, a value is no finite number, or `limit` is not above 0.

    Example:

    >>> keraseq.inspection.ColouredText("ab", [0.0, 1.0]).colours()
    ['#f4f5f5', '#1a7e76']
    """

    def __init__(self, text: str | Sequence[str], values, limit: float | None = None):
        self.tokens = list(text)
        self.values = np.asarray(values, float)
        if self.values.shape != (len(self.tokens),):
            raise ValueError(
                f"values must be a number for each of the {len(self.tokens)} characters or tokens; "
                f"received shape {self.values.shape}"
            )
        if not np.isfinite(self.values).all():
            raise ValueError("values must be finite numbers; received NaN or infinity")
        greatest = float(np.abs(self.values).max(initial=0.0)) or 1.0
        self.limit = greatest if limit is None else number("limit", limit)
        if self.limit <= 0:
            raise ValueError(f"limit must be a number above 0; received limit={limit!r}")

    def __len__(self) -> int:
        return len(self.tokens)

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, title: str = "") -> str:
        """The source of a `<figure>`, complete in itself.

        Args:
            title: A line above the text. Default: none.
        """
        caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
        colours = self.colours()
        spans = []
        for colour, group in groupby(range(len(self)), key=colours.__getitem__):
            text = html.escape("".join(self.tokens[i] for i in group))
            # A line break of its own colour would not be seen.
            text = text.replace("\n", "<i>↵</i>\n")
            spans.append(f'<span style="background:{colour}">{text}</span>')
        style = "white-space:pre-wrap;color:#000;background:#fff;padding:.5em;line-height:1.35"
        return f'<figure>{caption}<pre style="{style}">{"".join(spans)}</pre></figure>'

    def colours(self) -> list[str]:
        """The colour of each token, `#rrggbb`."""
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        steps = np.round((np.clip(self.values / self.limit, -1, 1) + 1) / 2 * SHADES).astype(int)
        scale = EDGE + (1 - 2 * EDGE) * np.arange(SHADES + 1) / SHADES
        shades = [to_hex(one) for one in colormaps["BrBG"](scale)]
        return [shades[step] for step in steps]
