"""Models leave Keras: files that run where neither Keras nor keraseq is.

    keraseq.export(model, "out/reviews.onnx")

writes `out/reviews.onnx`, which onnxruntime runs, and `out/reviews.onnx.json`, which says what it
reads and gives and, for a bundle, how raw input becomes that: vocabulary, classes, scaler.
"""

import contextlib
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keraseq.bundle import Bundle
from keraseq.checks import one_of
from keraseq.files import replacing, write
from keraseq.keras_inside import layers_inside
from keraseq.layers import RNN, Tree
from keraseq.layers.scan.formats import FORMATS, exporting, refuse_states
from keraseq.models.one_step import streaming as one_step

__all__ = ["export"]


def __dir__():
    return __all__


def export(
    model: keras.Model | Bundle,
    path: str | Path,
    format: str | None = None,
    *,
    streaming: bool = False,
) -> Path:
    """Writes a model for a runtime without Keras, and beside it what people must know to feed it.

    The file holds the forward pass for batches of any size. Padding is where it was: tokens 0, or
    steps of NaN with `masked=True`.

    Args:
        model: A model with layers of keraseq, or a bundle.
        path: Where to: a folder for `"saved-model"`, a file that ends in `.onnx` or `.tflite` for
            the others. What is there is replaced, a folder only if it holds a SavedModel.
        format: `"saved-model"` (TensorFlow), `"onnx"` or `"litert"` (which was TensorFlow Lite).
            Default: what the end of the path says; `"saved-model"` where it has none.
        streaming: Whether to write the model of one step, its states inputs and outputs, see
            `keraseq.models.streaming`. Defaults to `False`.

    Returns:
        The path. `path.json` beside it names inputs and outputs with their shapes, with
        `streaming` also the states to begin with, and for a bundle holds its preprocessing.

    Raises:
        ValueError: `model` is none, or has no layer of keraseq; an unknown format, one that is not
            made on this backend, that needs a package, or that cannot hold a layer; a path that
            does not fit; a `stateful` layer; with `streaming`, a layer that reads backwards.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(2, vocabulary=9, units=4)
    >>> keraseq.export(model, "reviews.pb", format="onnx")
    Traceback (most recent call last):
    ValueError: the path of format 'onnx' must end in '.onnx'; received 'reviews.pb'
    """
    bundle = model if isinstance(model, Bundle) else None
    model = model.model if bundle else model
    if not isinstance(model, keras.Model):
        raise ValueError(f"export takes a keras.Model or a bundle of keraseq; received {model!r}")
    if not any(isinstance(one, (RNN, Tree)) for one in layers_inside(model)):
        raise ValueError(
            f"model {model.name!r} has no recurrent layer of keraseq; Keras exports it: "
            "model.export(path, format=...)"
        )
    path = Path(path)
    format = by_suffix(path) if format is None else one_of("format", format, FORMATS)
    made = FORMATS[format]
    if made.suffix != (path.suffix if made.suffix else ""):
        raise ValueError(
            f"the path of format {format!r} must end in {made.suffix!r}; received {str(path)!r}"
        )
    folder = not made.suffix
    if path.exists() and (folder or path.is_dir()) and not (path / "saved_model.pb").is_file():
        raise ValueError(f"{str(path)!r} exists and is no SavedModel: it is not replaced")
    if not streaming:
        refuse_states(model)
    model = one_step(model) if streaming else with_name(model)
    with replacing(path, folder=folder) as partial:
        convert(model, partial, format)
    write(f"{path}.json", json.dumps(facts(model, bundle, format), indent=1, ensure_ascii=False))
    return path


def with_name(model: keras.Model) -> keras.Model:
    """The model with its output by name: `output`, or `output_1`, `output_2`, ..."""
    if isinstance(model.output, dict):
        return model
    many = len(model.outputs) > 1
    names = [f"output_{i}" for i in range(1, len(model.outputs) + 1)] if many else ["output"]
    outputs = dict(zip(names, model.outputs, strict=True))
    return keras.Model(model.input, outputs, name=model.name)


def by_suffix(path: Path) -> str:
    """The format that the end of a path says."""
    ends = {made.suffix: name for name, made in FORMATS.items() if made.suffix}
    if re.search("[a-z]", path.suffix):  # not that of reviews-1.2
        return ends[one_of("end of the path", path.suffix, ends)]
    return "saved-model"


def convert(model: keras.Model, partial: Path, format: str) -> None:
    """Writes the file, or says in one line what it cannot hold."""
    options = {"format": FORMATS[format].keras, "verbose": False}
    with exporting(model, format) as further:
        try:
            keras.Model.export(model, partial, **options, **further)
            if format == "onnx":
                check_onnx(partial)
        except Exception as error:  # of converters, which say it on many lines
            unknown = sorted(
                set(re.findall(r"tf\.(\w+)' op is|No Op registered for (\w+)", str(error)))
            )
            what = f"that has no {', '.join(map(''.join, unknown))}" if unknown else said(error)
            others = ", ".join(repr(one) for one in FORMATS if one != format)
            raise ValueError(
                f"model {model.name!r} cannot be exported as {format!r}: {what}; other formats: "
                f"{others}"
            ) from error


def said(error: Exception) -> str:
    """The first line of an error."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"


def check_onnx(path: Path) -> None:
    """Raises unless ONNX knows all that is in a file: tf2onnx writes what it does not know."""
    import onnx

    onnx.checker.check_model(onnx.load(path))


def facts(model: keras.Model, bundle: Bundle | None, format: str) -> dict[str, Any]:
    """What somebody without keraseq must know to feed the file."""
    backend = keras.backend.backend()
    found = {
        "format": format,
        "inputs": [described(one.name, one) for one in model.inputs],
        "outputs": [described(name, one) for name, one in sorted(model.output.items())],
        "made with": {
            "keraseq": sys.modules["keraseq"].__version__,
            "keras": keras.__version__,
            backend: sys.modules[backend].__version__,
        },
    }
    if "step" in {one.name for one in model.layers}:
        first = model.get_layer("step").first_states(1)
        found["first states"] = {k: plain(keras.ops.convert_to_numpy(s)) for k, s in first.items()}
    if bundle is not None:
        found |= {"preprocessing": plain(bundle.preprocessing), "card": asdict(bundle.card)}
    return found


def described(name: str, tensor: keras.KerasTensor) -> dict[str, Any]:
    """An input or output; an axis of any size is null."""
    return {"name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype)}


def plain(value):
    """A value as JSON holds it: arrays as lists, and JSON within JSON as what it says."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str) and value[:1] == "{":
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value.tolist() if isinstance(value, np.ndarray) else value
