"""Pictures: any file that Pillow knows -> float pixels, and features that a network finds there.

    maps = keraseq.data.pictures.features("photographs/", cache="features.h5")    # (n, 49, 320)

What a network makes of a picture never changes while it is not trained: it looks once, and what it
found lies in one file.
"""

from __future__ import annotations

import functools
import hashlib
import io
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of, positive_integer
from keraseq.files import remove, replacing

if TYPE_CHECKING:
    import keras
    from PIL import Image

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
KINDS = ("map", "pooled")
BLOCK, BATCH = 256, 32  # pictures in a file while a pass goes on, and at a time
Picture = str | Path | zipfile.Path


def content(picture: Picture) -> bytes:
    """What is in a file, or in a member of a zip archive."""
    place = picture if isinstance(picture, zipfile.Path) else Path(picture)
    if not place.is_file():
        raise FileNotFoundError(f"there is no picture {str(picture)!r}")
    return place.read_bytes()


@contextmanager
def opened(picture: Picture) -> Iterator[Image.Image]:
    """A picture while it is read; whatever is wrong with it is one line with its name."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content(picture))) as image:
            yield image
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's readers raise many kinds
        reason = str(error).split(" <_io")[0]
        raise ValueError(f"{str(picture)!r} cannot be read as a picture: {reason}") from None


def read_picture(picture: Picture, size: int = 224) -> np.ndarray:
    """The pixels of a picture, brought to one size, whatever its own and its sides are.

    Args:
        picture: A path, or a member of a zip archive, a `zipfile.Path`. Grey pictures get three
            equal channels, also those of 16 bits; palettes and CMYK become red, green and blue;
            what is transparent shows white; a camera that was turned is turned back; of a moving
            picture it is the first frame.
        size: Pixels of a side. Defaults to 224.

    Returns:
        float32 `(size, size, 3)`, from 0 to 255.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no picture, or not a whole one; the error names it.

    Example:

    >>> from PIL import Image
    >>> Image.new("L", (3, 1), 200).save("grey.png")
    >>> keraseq.data.pictures.read_picture("grey.png", 4)[0, 0].tolist()
    [200.0, 200.0, 200.0]
    """
    from PIL import Image, ImageOps

    size = positive_integer("size", size)
    with opened(picture) as image:
        if image.mode == "F":
            raise ValueError("its pixels are no whole numbers")
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits
            grey = np.clip(np.asarray(image, "float32") / 257, 0, 255)
            image = Image.fromarray(np.round(grey).astype("uint8"))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, "float32")


def pictures_in(source: str | Path) -> Sequence[Path | zipfile.Path]:
    """The pictures in a folder or a zip archive, with all that is below, by name; or one itself."""
    path, found = Path(source), []
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if is_picture(one.relative_to(path)))
    elif not path.is_file():
        raise FileNotFoundError(f"there is no picture, folder or archive of them {str(path)!r}")
    elif is_picture(PurePosixPath(path.name)):
        found = [path]
    else:
        try:
            archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{str(path)!r} cannot be read as a zip: {error}") from None
        root = zipfile.Path(archive)
        names = sorted(archive.namelist())
        found = [root.joinpath(one) for one in names if is_picture(PurePosixPath(one))]
    if not found:
        raise ValueError(f"{str(path)!r} holds no pictures ({', '.join(PICTURES)})")
    return found


def is_picture(name: PurePosixPath | Path) -> bool:
    """Whether a name in a folder or an archive is that of a picture, and of no hidden file."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in PICTURES and not hidden


def features(
    pictures: str | Path | Iterable[Picture],
    model: keras.Model | None = None,
    cache: str | Path | None = None,
    kind: str = "map",
) -> np.ndarray:
    """What a network finds in pictures, region by region, or in each as a whole.

    A pass gives both, for every picture that the cache does not know yet by its content, in blocks
    that stay when it is killed: the next call goes on. The 8,091 pictures of Flickr8k took 128 s
    with one thread of TensorFlow.

    Args:
        pictures: Paths, or members of a zip archive; or one path: of a picture, or of a folder or
            a zip archive, whose pictures are taken in the order of their names.
        model: A `keras.Model` that reads pixels from 0 to 255 and gives a map `(batch, height,
            width, channels)`, such as those of `keras.applications` with `include_top=False`.
            Default: `keraseq.models.efficientnet_lite0("imagenet")`, which needs the extra
            `captions`.
        cache: An `.h5` file in which all features are kept, also those of other pictures. Those of
            another network or size are replaced. Default: none.
        kind: `"map"` for a vector a region, or `"pooled"` for one a picture. Defaults to `"map"`.

    Returns:
        float16 `(n, regions, channels)`, by default `(n, 49, 320)`, row by row from the top left;
        or `(n, channels)`, by default `(n, 1280)`.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ImportError: No model is given, and the package of the default one is not installed.
        ValueError: A file is no picture, the cache is another kind of file, or the model gives no
            map.

    Example:

    >>> import keras
    >>> from PIL import Image
    >>> Image.new("RGB", (8, 8)).save("black.png")
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 4, 4)])
    >>> keraseq.data.pictures.features(["black.png"], model).shape
    (1, 4, 5)
    """
    one_of("kind", kind, KINDS)
    if isinstance(pictures, (str, Path)):
        pictures = pictures_in(pictures)
    pictures = list(pictures)
    if not pictures:
        raise ValueError("there are no pictures")
    network = lite0() if model is None else looking(model)
    return looked_up(pictures, network, None if cache is None else Path(cache), kind)


def looked_up(pictures: list[Picture], network, cache: Path | None, kind: str) -> np.ndarray:
    """The features of pictures out of a cache, if there is one, which has all of them then."""
    import h5py

    if cache is None:
        with tempfile.TemporaryDirectory() as folder:
            return looked_up(pictures, network, Path(folder, "features.h5"), kind)
    key, size = identity(network), network.input_shape[1] or 224
    marks = [hashlib.sha256(content(one)).digest() for one in pictures]
    known = rows_of(cache, key)
    missing = {mark: one for mark, one in zip(marks, pictures, strict=True) if mark not in known}
    if missing:
        blocks = cache.with_name(f"{cache.name}.blocks")
        files = list(passed(missing, network, size, key, blocks))
        with replacing(cache) as partial, h5py.File(partial, "w", locking=False) as file:
            file.attrs["key"] = key
            total, at = len(known) + len(missing), 0
            for piece in ([cache] if known else []) + files:
                with h5py.File(piece) as source:
                    end = at + len(source["pictures"])
                    for name, values in source.items():
                        shape = (total, *values.shape[1:])
                        file.require_dataset(name, shape, values.dtype)[at:end] = values[:]
                    at = end
        remove(blocks)
        known = rows_of(cache, key)
    rows = np.array([known[mark] for mark in marks])
    first = rows.min()
    with h5py.File(cache) as file:
        values = file[kind][first : rows.max() + 1]
    rows -= first
    return values if np.array_equal(rows, np.arange(len(values))) else values[rows]


def passed(
    missing: dict[bytes, Picture], network: keras.Model, size: int, key: str, folder: Path
) -> Iterator[Path]:
    """A file of features for each block of pictures, made now or before the pass was killed."""
    import h5py

    marks, start, here = list(missing), time.monotonic(), 0
    for at in range(0, len(marks), BLOCK):
        block = marks[at : at + BLOCK]
        path = folder / f"{hashlib.sha256(key.encode() + b''.join(block)).hexdigest()[:16]}.h5"
        if not path.exists():
            found = []
            for first in range(0, len(block), BATCH):
                some = [missing[mark] for mark in block[first : first + BATCH]]
                pixels = np.stack([read_picture(one, size) for one in some])
                found.append(network.predict_on_batch(pixels))
            with replacing(path) as partial, h5py.File(partial, "w", locking=False) as file:
                file["pictures"] = np.array([list(mark) for mark in block], "uint8")
                for kind in KINDS:
                    file[kind] = np.concatenate([one[kind] for one in found]).astype("float16")
            here += len(block)
        if len(marks) > BLOCK:
            done = at + len(block)
            left = (time.monotonic() - start) / max(here, 1) * (len(marks) - done)
            print(
                f"features: {done:,} of {len(marks):,} pictures, {left:.0f} s left", file=sys.stderr
            )
        yield path


def rows_of(cache: Path, key: str) -> dict[bytes, int]:
    """Which row of a cache has which picture; none where it is not there or of another network."""
    import h5py

    if not cache.exists():
        return {}
    try:
        with h5py.File(cache) as file:
            if file.attrs["key"] != key:
                print(
                    f"{cache} has features of another network: they are replaced", file=sys.stderr
                )
                return {}
            return {bytes(mark): row for row, mark in enumerate(file["pictures"][:])}
    except (OSError, KeyError) as error:
        raise ValueError(
            f"{str(cache)!r} is no cache of features ({error}): remove it, or name another"
        ) from None


@functools.cache
def lite0() -> keras.Model:
    """The network that is taken where none is given."""
    from keraseq.models import efficientnet_lite0

    return looking(efficientnet_lite0("imagenet", include_top=False, pooling="avg"))


def looking(model: keras.Model) -> keras.Model:
    """A model of pictures that gives the vectors of regions as `map`, and of the whole `pooled`."""
    import keras

    layers = {layer.name: layer for layer in model.layers}
    if {"regions", "pooled"} <= set(layers):  # keraseq's own
        outputs = [layers["regions"].output, layers["pooled"].output]
    else:
        outputs = model.outputs
    maps = [one for one in outputs if len(one.shape) == 4]
    vectors = [one for one in outputs if len(one.shape) == 2]
    shape = model.inputs[0].shape
    if not maps or len(model.inputs) > 1 or len(shape) != 4 or shape[1] != shape[2]:
        raise ValueError(
            "model must read square pictures and give a map (batch, height, width, channels), as "
            "those of keras.applications do with include_top=False; received "
            f"{[one.shape for one in model.inputs]} to {[one.shape for one in outputs]}"
        )
    pooled = vectors[0] if vectors else keras.layers.GlobalAveragePooling2D()(maps[0])
    regions = keras.layers.Reshape((-1, maps[0].shape[-1]))(maps[0])
    return keras.Model(model.inputs[0], {"map": regions, "pooled": pooled})


def identity(network: keras.Model) -> str:
    """SHA-256 of a network's layers, weights and size of pictures."""
    digest = hashlib.sha256(repr(network.input_shape).encode())
    for layer in network.layers:
        digest.update(type(layer).__name__.encode())
    for array in network.get_weights():
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
