"""Files in which a model leaves Keras, and what a loop in them must be.

While one is made, layers take a loop that it can hold. `compiled` loops are XLA's alone, kernels
(`fused`) are not in other runtimes, and loops with a gradient of their own (`deferred`, `parallel`)
need Python for it.
"""

import contextlib
import importlib.util
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import NamedTuple

import keras

from keraseq.checks import one_of
from keraseq.keras_inside import graph_of, layers_inside, of_litert, where_in_onnx


class Format(NamedTuple):
    """One kind of file."""

    keras: str  # its name in `keras.Model.export`
    suffix: str  # of its path
    runs: str  # where it runs
    backends: Mapping[str, tuple[str, ...]]  # on which it is made, with what it needs there besides


FORMATS = {
    "saved-model": Format(
        "tf_saved_model", "", "TensorFlow", {"tensorflow": (), "jax": ("tensorflow",)}
    ),
    "onnx": Format("onnx", ".onnx", "onnxruntime", {"tensorflow": ("onnx", "tf2onnx")}),
    "litert": Format("litert", ".tflite", "LiteRT", {"tensorflow": ()}),
}
OPSET = 18  # of ONNX: the last that tf2onnx knows
_exported: ContextVar[str | None] = ContextVar("keraseq_exported", default=None)


def exported() -> str | None:
    """The format of the file that is being made, one of `FORMATS`; None while none is."""
    return _exported.get()


@contextlib.contextmanager
def exporting(model: keras.Model, format: str) -> Iterator[dict]:
    """Within this context layers run in loops that a file of this format can hold.

    Yields further options of `keras.Model.export`.

    Args:
        model: The model that the file is to hold.
        format: One of `FORMATS`.

    Raises:
        ValueError: An unknown format, one that is not made on this backend or whose packages are
            missing, or a layer that computes in less than float32.
    """
    made = FORMATS[one_of("format", format, FORMATS)]
    backend = keras.backend.backend()
    if backend not in made.backends:
        raise ValueError(
            f"format {format!r} is not made on {backend}; a saved model loads on every backend, "
            f"so save it and export it with KERAS_BACKEND={next(iter(made.backends))}"
        )
    missing = [one for one in made.backends[backend] if importlib.util.find_spec(one) is None]
    if missing:
        raise ValueError(f"format {format!r} needs {missing[0]}: pip install 'keraseq[export]'")
    low = {one.compute_dtype for one in layers_inside(model)} & {"float16", "bfloat16"}
    if low and format != "saved-model":
        raise ValueError(
            f"format {format!r} holds float32, and model {model.name!r} computes in {low.pop()}: "
            "build it under keras.config.set_dtype_policy('float32') and give it the weights"
        )
    token = _exported.set(format)
    try:
        with where_in_onnx() if format == "onnx" else contextlib.nullcontext():
            further = {"litert": of_litert, "onnx": lambda: {"opset_version": OPSET}}
            yield {"input_signature": signature(model)} | further.get(format, dict)()
    finally:
        _exported.reset(token)


def refuse_states(model: keras.Model) -> None:
    """Raises if a layer keeps states from batch to batch."""
    for layer in layers_inside(model):
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"layer {layer.name!r} of model {model.name!r} is stateful, and a file keeps no "
                "states: build the model with stateful=False; keraseq.export(..., streaming=True) "
                "makes states inputs and outputs"
            )


def signature(model: keras.Model) -> list | None:
    """The inputs of a functional model for batches of any size; Keras wants others to be called."""
    if graph_of(model) is None:
        return None

    def spec(one):
        return keras.InputSpec(dtype=one.dtype, shape=(None, *one.shape[1:]), name=one.name)

    return [keras.tree.map_structure(spec, model.input)]
