"""Archives of arrays and of models, read without trust: they come from anybody.

What NumPy and Keras write is stored without compression, so nothing in an archive can be larger
than the archive. A model's layers may hold as many numbers as its file does, and not many more:
who asks for a layer of a billion units must send it. A pickle may make tensors and nothing else.
"""

import io
import json
import math
import pickle
import struct
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import keras
import numpy as np

KINDS = "biufcUSmM"  # of arrays: no objects, which would be pickled
# Variables beside the weights that a file holds: an optimizer's that was never used (two or three
# numbers a weight), metrics, seeds, states; and layers.
TIMES, MORE_NUMBERS, MORE_THINGS = 8, 2**20, 1_000
# Layers of these packages read files, and fetch them, while they are made.
OUTSIDE = ("keras_hub", "keras_nlp", "keras_cv")
LOADING = threading.Lock()
MAGIC = 0x1950A86A20F9469CFC6C  # of PyTorch's files before its version 1.6
STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
}


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, none of them pickled, each as large as what is stored of it.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    arrays = {}
    for name, content in stored(path).items():
        array = np.lib.format.read_array(content, allow_pickle=False)
        if array.dtype.kind not in KINDS or content.read(1):
            raise ValueError(f"{name} holds no array of numbers or texts")
        arrays[name.removesuffix(".npy")] = array
    return arrays


class Tensors(pickle.Unpickler):
    """What a PyTorch file says of its tensors: nothing in it can run anything else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, *where: (storage, *where[:3])
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise ValueError(f"it asks for {module}.{name}, which is no tensor")

    def persistent_load(self, pid):
        _, kind, key, *_ = pid
        return kind, key


def load_pytorch(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a `.pth` file as PyTorch wrote it before its version 1.6; without PyTorch.

    Raises:
        ValueError: The file is of another kind, is damaged, or holds something else than tensors.
    """
    try:
        whole = Path(path).stat().st_size
        with Path(path).open("rb") as file:
            magic, _, _ = (Tensors(file).load() for _ in range(3))
            if magic != MAGIC:
                raise ValueError("it is no such file")
            described, keys = Tensors(file).load(), Tensors(file).load()
            types = {key: np.dtype(kind) for (kind, key), *_ in described.values()}
            stored = {}
            for key in keys:
                [count] = struct.unpack("<q", file.read(8))
                stored[key] = file.read(min(max(count, 0) * types[key].itemsize, whole))
        tensors = {}
        for name, ((kind, key), offset, shape, strides) in described.items():
            size = np.dtype(kind).itemsize
            steps = [step * size for step in strides]  # NumPy refuses what leaves the storage
            tensors[name] = np.ndarray(shape, kind, stored[key], offset * size, steps)
        return tensors
    except Exception as error:  # what is in it decides which one
        reason = str(error).split("\n")[0]
        raise ValueError(f"{str(path)!r} cannot be read as PyTorch's weights: {reason}") from None


def load_model(path: Path) -> keras.Model:
    """The model of a `.keras` file: no code of its own, no other file, no more than it holds.

    Raises:
        Exception: Whatever Keras raises for a file that it does not understand.
    """
    files = stored(path)
    config = json.loads(files["config.json"].read())
    for one in dictionaries(config):
        for key in ("module", "registered_name"):
            if str(one.get(key)).split(".")[0].split(">")[0] in OUTSIDE:
                raise ValueError(f"its layers must be Keras' own or yours; received {one[key]!r}")
    count, sizes = weights(files["model.weights.h5"])
    with limited(TIMES * count + MORE_THINGS, TIMES * sizes + MORE_NUMBERS):
        model = keras.saving.load_model(path, safe_mode=True)
    if not isinstance(model, keras.Model):
        raise ValueError(f"it holds no model, but {type(model).__name__}")
    return model


def stored(path: Path) -> dict[str, io.BytesIO]:
    """What lies in an archive, by name, every byte compared with its checksum."""
    with zipfile.ZipFile(path) as archive:
        found = archive.infolist()
        for one in found:
            name = PurePosixPath(one.filename)
            if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
                raise ValueError(f"{one.filename} is compressed, which keraseq does not do")
            if name.is_absolute() or ".." in name.parts or "\\" in one.filename:
                raise ValueError(f"{one.filename} lies outside of it")
        if sum(one.file_size for one in found) > path.stat().st_size:
            raise ValueError("it holds more than its size")
        if len({one.filename for one in found}) < len(found):
            raise ValueError("it holds two files of one name")
        return {one.filename: io.BytesIO(archive.read(one)) for one in found}


def dictionaries(value) -> Iterator[dict]:
    """All dictionaries in what JSON can hold."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from dictionaries(one)


def weights(content: io.BytesIO) -> tuple[int, int]:
    """How many arrays an HDF5 file holds, and how many numbers, all of them in the file itself."""
    import h5py

    sizes = []

    def look(name, one):
        if isinstance(one, h5py.Dataset):
            if one.external or one.is_virtual or one.nbytes > one.id.get_storage_size():
                raise ValueError(f"{name} holds less than it says")
            sizes.append(one.size)

    with h5py.File(content, "r") as file:
        file.visititems(look)
    return len(sizes), sum(sizes)


@contextmanager
def limited(things: int, size: int) -> Iterator[None]:
    """While the block runs, this thread makes no more layers and variables, nor larger ones.

    Keras knows no such limit, and a variable takes its memory as soon as it is made.

    Args:
        things: Number of layers and variables.
        size: Numbers in all variables together.
    """
    variable, layer = keras.Variable.__init__, keras.Layer.__new__
    own, thread = "__init__" in vars(keras.Variable), threading.get_ident()

    def count(numbers: int) -> None:
        nonlocal things, size
        if threading.get_ident() == thread:
            things, size = things - 1, size - numbers
            if things < 0 or size < 0:
                raise ValueError("its layers ask for far more weights than it holds")

    def counted_variable(self, initializer, shape=None, *args, **kwargs):
        count(math.prod(np.shape(initializer) if shape is None else shape))
        variable(self, initializer, shape, *args, **kwargs)

    def counted_layer(cls, *args, **kwargs):
        count(0)
        return layer(cls, *args, **kwargs)

    with LOADING:
        keras.Variable.__init__, keras.Layer.__new__ = counted_variable, counted_layer
        try:
            yield
        finally:
            keras.Variable.__init__, keras.Layer.__new__ = variable, layer
            if not own:  # it is inherited
                del keras.Variable.__init__
