"""What a model does while it reads: gates, states, text in colours, where it looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import positive_integer
from keraseq.plots.axes import (
    new_axes,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def gates(
    frame: pd.DataFrame,
    *,
    names: Iterable[str] | None = None,
    labels: Iterable | None = None,
    xlabel: str = "step",
    ax: Axes | Iterable[Axes] | None = None,
) -> np.ndarray:
    """What the gates and states of a cell do along a sequence: a heat map each, a row a unit.

    Units stand in the order of their mean in the first map, so that what goes together is seen
    together. Gates, between 0 and 1, are drawn from white to blue; what has a sign from brown over
    white to green.

    Args:
        frame: What `keraseq.inspection.activations` returns.
        names: Which to show. Default: all.
        labels: A text for each step, such as the characters read. Default: its number.
        xlabel: What a step is.
        ax: Axes, one for each name. Default: a new figure, one map below the other.

    Returns:
        An array of Axes.

    Raises:
        ValueError: A name is not in the frame.
    """
    import seaborn

    known = list(dict.fromkeys(frame["name"]))
    names = known if names is None else list(names)
    for name in names:
        if name not in known:
            raise ValueError(f"unknown gate {name!r}; the frame has: {', '.join(known)}")
    if ax is None:
        import matplotlib.pyplot as plt

        size = (9, 1.7 * len(names) + 0.4)
        _, ax = plt.subplots(len(names), 1, figsize=size, sharex=True, layout="constrained")
    panels = np.atleast_1d(np.asarray(ax, dtype=object))
    order = None
    for panel, name in zip(panels, names, strict=True):
        values = frame[frame["name"] == name].pivot(index="unit", columns="step", values="value")
        if order is None or len(order) != len(values):
            order = values.mean(axis=1).sort_values(ascending=False).index
        signed = values.to_numpy().min() < 0
        reach = max(1.0, float(np.abs(values.to_numpy()).max()))
        seaborn.heatmap(
            values.loc[order],
            ax=panel,
            cmap="BrBG" if signed else "Blues",
            vmin=-reach if signed else 0,
            vmax=reach,
            yticklabels=False,
            xticklabels=10 if labels is None else [str(label) for label in labels],
            cbar_kws={"pad": 0.01},
        )
        panel.set(xlabel="", ylabel="units")
        panel.set_title(name, loc="left", fontsize="medium")
        panel.tick_params(axis="x", rotation=0, length=0)
    panels[-1].set_xlabel(xlabel)
    return panels


def coloured_text(
    text: str | Sequence[str],
    values,
    *,
    width: int = 80,
    limit: float | None = None,
    label: str = "activation",
    ax: Axes | None = None,
) -> Axes:
    """A text with a number behind each character: brown below 0, white at 0, green above.

    Lines break where the text breaks, and at the width, but not within a word that fits a line. A
    figure takes some hundred characters; for more, and in notebooks, see
    `keraseq.inspection.ColouredText`.

    Args:
        text: A text, or the texts of its tokens; a token as wide as its characters.
        values: A number for each character, or token.
        width: Characters in a line, a positive integer. Defaults to 80.
        limit: The number at which the colours end. Default: the greatest, sign aside.
        label: What the numbers are. Defaults to `"activation"`.
        ax: Where to draw. Default: a new figure.

    Raises:
        ValueError: There is no text, the lengths differ, or `width` is no positive integer.

    Example:

    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> ax = keraseq.plots.coloured_text("ab de", [0, 1, -1, 0.5, 0.2], width=3)
    >>> [text.get_text() for text in ax.texts]
    ['a', 'b', ' ', 'd', 'e']
    """
    width = positive_integer("width", width)
    values = np.asarray(values, float)
    tokens = list(text)
    if not tokens or values.shape != (len(tokens),):
        raise ValueError(
            f"values must be a number for each of the characters or tokens, at least one; received "
            f"{len(tokens)} and shape {values.shape}"
        )
    lines: list[list[tuple[str, float]]] = [[]]
    for word in words(tokens, values):
        if lines[-1] and len(lines[-1]) + len(word) - word[-1][0].isspace() > width >= len(word):
            lines.append([])
        for character, value in word:
            if len(lines[-1]) == width and not character.isspace():
                lines.append([])
            shown = {"\n": "↵", "\t": "→"}.get(character, character)
            lines[-1].append((shown, value))
            if character == "\n":
                lines.append([])
    lines = [line for line in lines if line]
    grid = np.full((len(lines), max(map(len, lines))), np.nan)
    for row, line in enumerate(lines):
        grid[row, : len(line)] = [value for _, value in line]
    ax = new_axes(ax, width=0.078 * grid.shape[1] + 1.2, height=0.19 * len(lines) + 0.7)
    limit = float(np.nanmax(np.abs(grid))) or 1.0 if limit is None else limit
    reach = limit / 0.7  # the dark ends of the scale would hide the letters
    image = ax.imshow(grid, cmap="BrBG", vmin=-reach, vmax=reach, aspect="auto")
    for row, line in enumerate(lines):
        for column, (character, _) in enumerate(line):
            look = {"fontfamily": "monospace", "fontsize": 8, "parse_math": False}
            ax.text(column, row, character, ha="center", va="center", **look)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, label=label)
    bar.ax.set_ylim(-limit, limit)
    ax.set(xticks=[], yticks=[])
    ax.set_frame_on(False)
    return ax


def words(tokens: list[str], values: np.ndarray) -> Iterator[list[tuple[str, float]]]:
    """The characters of each word with their numbers; a word ends with the blank after it."""
    word: list[tuple[str, float]] = []
    for token, value in zip(tokens, values, strict=True):
        word += [(character, value) for character in token]
        if token[-1:].isspace():
            yield word
            word = []
    if word:
        yield word


def alignment(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Where a decoder looked: a row a word that it wrote, a column a word that it read.

    Args:
        frame: What `keraseq.recipes.translate.look` gives: shares of attention, 1 in each row.
        ax: Where to draw. Default: a new figure.

    Example:

    >>> import matplotlib, pandas as pd
    >>> matplotlib.use("agg")
    >>> frame = pd.DataFrame([[0.9, 0.1], [0.2, 0.8]], ["A", "dog"], ["Ein", "Hund"])
    >>> keraseq.plots.alignment(frame).get_xlabel()
    'read'
    """
    rows, columns = frame.shape
    ax = new_axes(ax, 0.42 * columns + 1.6, 0.3 * rows + 1.2)
    image = ax.imshow(frame.to_numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(columns), frame.columns, rotation=60, ha="left", rotation_mode="anchor")
    ax.set_yticks(range(rows), frame.index)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_parse_math(False)  # a dollar is a dollar
    ax.set(xlabel="read", ylabel="written")
    ax.set_frame_on(False)
    ax.figure.colorbar(image, ax=ax, pad=0.02, label="share of attention")
    return ax


def looks(picture, look, *, columns: int = 5) -> np.ndarray:
    """Where a model looked while it wrote a caption: a picture a word, light where it looked.

    Args:
        picture: A path, a member of a zip archive, or pixels `(height, width, 3)` from 0 to 255.
        look: What `keraseq.recipes.caption.look` gives: words, and maps of shares of attention.
        columns: Pictures beside each other. Defaults to 5.

    Returns:
        The Axes, one for the picture as it is and one for each word.

    Example:

    >>> import matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> look = ["a", "dog"], np.full((2, 7, 7), 1 / 49)
    >>> [ax.get_title() for ax in keraseq.plots.looks(np.zeros((50, 80, 3)), look)]
    ['', 'a', 'dog']
    """
    import matplotlib.pyplot as plt
    from PIL import Image, ImageOps

    from keraseq.data.pictures import opened

    words, maps = look
    if not isinstance(picture, np.ndarray):
        with opened(picture) as image:
            picture = ImageOps.exif_transpose(image).convert("RGB")
    pixels, columns = np.asarray(picture, "uint8"), positive_integer("columns", columns)
    height, width = pixels.shape[:2]
    rows = -(-(len(words) + 1) // columns)
    size = (2.1 * columns, rows * (2.1 * height / width + 0.35))
    _, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in grid.flat:
        ax.set_axis_off()
    axes = grid.ravel()[: len(words) + 1]
    axes[0].imshow(pixels)
    for ax, word, shares in zip(axes[1:], words, maps, strict=True):
        shares = Image.fromarray(np.asarray(shares, "float32") / np.max(shares))
        light = np.clip(shares.resize((width, height), Image.Resampling.BICUBIC), 0, 1)
        ax.imshow(np.uint8(pixels * (0.2 + 0.8 * light[..., None])))
        ax.set_title(word, fontsize="medium", parse_math=False)
    return axes
