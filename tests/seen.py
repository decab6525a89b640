"""Tiny pictures with captions, and a network that looks at them, for tests."""

from itertools import product
from pathlib import Path

import numpy as np

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
CORNERS = ((0, 0), (0, 4), (4, 0), (4, 4))


def captioned(folder: Path) -> Path:
    """48 pictures of a coloured corner; captions `said.csv`, `others.csv`; network `eye.keras`."""
    import keras
    from PIL import Image

    rows = ["image,caption"]
    for at, (_, colour, (row, column)) in enumerate(product(range(3), COLOURS, CORNERS)):
        pixels = np.full((8, 8, 3), 10 * (at % 3), "uint8")
        pixels[row : row + 4, column : column + 4] = COLOURS[colour]
        Image.fromarray(pixels).save(folder / f"{at}.png")
        rows += [
            f"{at}.png,A {colour} corner is all there is .",
            f"{at}.png,{colour} on black",
        ]
    (folder / "said.csv").write_text("\n".join(rows) + "\n")
    (folder / "others.csv").write_text("\n".join(rows).replace("black", "dark") + "\n")
    eye = [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255)]
    keras.Sequential([*eye, keras.layers.AveragePooling2D(4)]).save(folder / "eye.keras")
    return folder
