"""How the recurrent layers of a model run, why, and what would make them faster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import keras

from keraseq.cells import Cell, LinearCell
from keraseq.checks import positive_integer
from keraseq.keras_inside import as_in_xla, layers_inside
from keraseq.layers import RNN, scan
from keraseq.layers.recurrence import Recurrence
from keraseq.layers.scan import precision

if TYPE_CHECKING:
    import pandas as pd

# What a loop of `keraseq.layers.scan` is called here.
PATHS = {"plain": "plain loop", "deferred": "deferred gradient", "compiled": "compiled scan"}
PATHS |= {"fused": "fused kernel", "parallel": "parallel scan"}
OF_KERAS, CUDNN, UNKNOWN = "Keras' own loop", "cuDNN", "not run yet"
# The registered name of a layer of Keras: the layer of keraseq that takes its weights.
EQUAL = {
    keras.layers.SimpleRNN: lambda layer: "elman",
    keras.layers.LSTM: lambda layer: "lstm",
    keras.layers.GRU: lambda layer: "gru-after" if layer.reset_after else "gru",
}


@dataclass(frozen=True)
class Path:
    """How one recurrent layer runs.

    Attributes:
        layer: Its path inside the model, as `"recurrent/rnn_1"`.
        kind: Its class, as `"keraseq.layers.RNN"`.
        cell: The class of its cell.
        path: `"plain loop"`, `"deferred gradient"`, `"compiled scan"`, `"fused kernel"`,
            `"parallel scan"`, `"Keras' own loop"`, `"cuDNN"`, or `"not run yet"`.
        reason: Why this path.
        faster: What would make it faster; empty where nothing is known to.
        products: The type in which its matrix products are computed on this device; GPUs round
            float32 to TF32 unless they are asked not to, and this says how to ask.
    """

    layer: str
    kind: str
    cell: str
    path: str
    reason: str
    faster: str = ""
    products: str = ""

    def __str__(self):
        lines = [
            f"{self.layer}: {self.cell} in {self.kind}",
            f"    runs      {self.path}",
            f"    because   {self.reason}",
            f"    products  {self.products}",
        ]
        return "\n".join([*lines, f"    faster    {self.faster}"] if self.faster else lines)


class Explanation(list):
    """A `Path` for each recurrent layer; prints as text."""

    def __str__(self):
        return "\n".join(map(str, self)) or "no recurrent layer"

    __repr__ = __str__

    def frame(self) -> pd.DataFrame:
        """A row a layer."""
        import pandas as pd

        return pd.DataFrame(map(asdict, self), columns=list(Path.__dataclass_fields__))


def explain(
    model: keras.layers.Layer,
    *,
    training: bool | None = True,
    batch: int | None = None,
    steps: int | None = None,
) -> Explanation:
    """Which path each recurrent layer of a model takes, why, and what would make it faster.

    The model is traced, not computed, with the shapes that its inputs declare, so that the layers
    decide as they do in `fit` or `predict`: nothing in the model changes. What knows no inputs (a
    layer by itself, a subclassed model) is told from its last call instead.

    Args:
        model: A model, or a layer: `keraseq.layers.RNN` or `Stack`, `keras.layers.RNN`, `LSTM`,
            `GRU`, `SimpleRNN`, `Bidirectional`, or anything that holds such.
        training: Whether to explain training (as in `fit`) or inference (as in `predict`); None
            stands for whatever the last call was. Defaults to `True`.
        batch: Rows of a batch, where the inputs leave them open. Default: open, as `fit` does on
            TensorFlow.
        steps: Steps of a sequence, where the inputs leave them open. Default: open.

    Returns:
        One `Path` a recurrent layer, in the order of the layers. Printed, it is a text; `frame()`
        makes a table of it.

    Raises:
        ValueError: `batch` or `steps` is no positive integer.

    Example:

    >>> model = keraseq.models.sequence_classifier(2, features=3, length=9, cell="gru", units=4)
    >>> [path] = keraseq.inspection.explain(model)
    >>> path.cell, path.kind
    ('GRUCell', 'keraseq.layers.RNN')
    """
    sizes = {
        axis: positive_integer(name, size)
        for axis, (name, size) in enumerate({"batch": batch, "steps": steps}.items())
        if size is not None
    }
    layers = dict(recurrent_layers(model))
    eager = bool(getattr(model, "run_eagerly", False))
    whole = bool(getattr(model, "jit_compile", False)) and keras.backend.backend() == "tensorflow"
    if training is None or eager or not getattr(model, "inputs", None):
        looped = None  # nobody has looked
        found = {one: last_choice(one) for one in layers}
        if eager and training is not None:
            found = {one: eager_choice(one, training) for one in layers}
    else:
        with as_in_xla(whole):
            looped, found = traced(model, layers, training, sizes)
    return Explanation(
        path_of(one, name, found[one], looped, eager=eager, whole=whole)
        for one, name in layers.items()
    )


def recurrent_layers(layer, above: tuple[str, ...] = ()) -> Iterator[tuple[keras.layers.RNN, str]]:
    """The layers inside a layer that run a cell over time, in order, with their paths.

    A path starts inside a model, and at a layer that is none.
    """
    here = above or (() if isinstance(layer, keras.Model) else (layer.name,))
    if isinstance(layer, keras.layers.RNN):
        yield layer, "/".join(here)
        return
    if isinstance(layer, keras.layers.Bidirectional):
        inside = [layer.forward_layer, layer.backward_layer]
    else:
        inside = layers_inside(layer, itself=False, deep=False)
    for one in inside:
        yield from recurrent_layers(one, (*here, one.name))


# What the layers decide.


def traced(model, layers, training, sizes):
    """A trace of the model: the layers that ran a loop of Keras, and each layer's choice."""

    class Run(keras.Operation):
        """The model as `fit` or `predict` calls it."""

        def call(self, inputs):
            return model(inputs, training=training)

    def opened(tensor):
        """The input with open sizes set: batch first, then steps."""
        shape = [
            sizes.get(axis) if size is None and axis < 2 else size
            for axis, size in enumerate(tensor.shape)
        ]
        return keras.KerasTensor(shape, tensor.dtype, name=tensor.name)

    ours = [one for one in layers if isinstance(one, RNN)]
    before = {one: (one.loop_taken, one.loop_reason) for one in ours}
    for one in ours:
        one.loop_taken = one.loop_reason = None
    given = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.map_structure(opened, given)
    try:
        with noted_loops() as looped:
            Run().compute_output_spec(inputs)
        return looped, {one: last_choice(one) for one in layers}
    finally:
        for one, (taken, reason) in before.items():
            one.loop_taken, one.loop_reason = taken, reason


@contextlib.contextmanager
def noted_loops() -> Iterator[set[int]]:
    """The layers, by `id`, that run the loop of `keras.layers.RNN` meanwhile."""
    found: set[int] = set()
    loop = keras.layers.RNN.inner_loop

    def noted(self, *args, **kwargs):
        found.add(id(self))
        return loop(self, *args, **kwargs)

    keras.layers.RNN.inner_loop = noted
    try:
        yield found
    finally:
        keras.layers.RNN.inner_loop = loop


def last_choice(layer) -> tuple[str, str] | None:
    """The loop that a layer of keraseq took in its last call, and why; None before the first."""
    if isinstance(layer, RNN) and layer.loop_taken:
        return layer.loop_taken, layer.loop_reason
    return None


def eager_choice(layer, training) -> tuple[str, str] | None:
    """What a layer of keraseq does when steps run from Python, as with `run_eagerly=True`."""
    if not isinstance(layer, RNN):
        return None
    return scan.choose(
        layer.loop,
        length=None,
        training=training,
        unroll=layer.unroll,
        products=(lambda: [(layer.compute_dtype, 0)]) if isinstance(layer.cell, Cell) else None,
        states=1,
        size=None,
        width=0,
        kernel=scan.Kernel.of(Recurrence(layer, training)),
        linear=isinstance(layer.cell, LinearCell),
    )


# What is said of it.


def path_of(layer, name, choice, looped, *, eager, whole) -> Path:
    """How a layer runs, from what it chose, and from the layers that ran a loop of Keras."""
    said = {"layer": name, "kind": kind_of(layer), "cell": cell_of(layer)}
    dtype, gpu = layer.compute_dtype, on_gpu(layer)
    if not isinstance(layer, RNN):
        path, reason = of_keras(layer, looped)
    elif choice is None:
        reason = "it has not been called, and knows no inputs"
        return Path(**said, path=UNKNOWN, reason=reason, products=precision.products(dtype, gpu))
    else:
        path, reason = PATHS[choice[0]], choice[1]
    if whole and path != CUDNN:
        reason += "; XLA compiles the whole model (jit_compile=True)"
    faster = advice(layer, path, reason, eager)
    kernel = path in (CUDNN, PATHS.get("fused"))
    products = precision.products(dtype, gpu, kernel)
    return Path(**said, path=path, reason=reason, faster=faster, products=products)


def of_keras(layer, looped) -> tuple[str, str]:
    """Path and reason of a layer of Keras."""
    if not isinstance(layer, (keras.layers.LSTM, keras.layers.GRU)):
        return OF_KERAS, f"{kind_of(layer)} has no other"
    if not layer.use_cudnn:
        return OF_KERAS, "use_cudnn=False"
    if not on_gpu(layer):
        return OF_KERAS, "no GPU, and cuDNN is for GPUs"
    if looped is not None and id(layer) not in looped:
        return CUDNN, "a GPU, and nothing that cuDNN lacks"
    if looped is None:
        return OF_KERAS, "unless its last call was one for cuDNN: see explain(model)"
    return OF_KERAS, (
        "cuDNN needs tanh and sigmoid, a bias, no recurrent dropout, no unroll, and on JAX and "
        "PyTorch no mask"
    )


def advice(layer, path, reason, eager) -> str:
    """What would make a layer faster."""
    if not isinstance(layer, RNN):
        return "" if path == CUDNN else instead_of_keras(layer)
    forced = os.environ.get(scan.FORCED, "auto")
    if layer.unroll is True:
        return "unroll=4, or another small number: a loop all the same, with fewer rounds"
    if not any(isinstance(one, Cell) for one in layers_inside(layer)):
        return "a cell of keraseq: its input products and its gradient are done for many steps"
    if layer.loop != "auto":
        return 'loop="auto": it takes the fastest of those measured'
    if forced != "auto":
        return f"{scan.FORCED} unset: then the fastest of those measured runs"
    if eager:
        return "run_eagerly=False: a graph instead of a call for every operation"
    if layer.checkpoint_every:
        return "checkpoint_every=None, if memory allows: each piece runs once more in the gradient"
    if path == PATHS["deferred"] and "steps=None" in reason:
        return "a known number of steps, such as keras.Input((100, ...)), which XLA can compile"
    return ""


def instead_of_keras(layer) -> str:
    """The layer of keraseq that does the same."""
    for kind, name in EQUAL.items():
        if isinstance(layer, kind):
            cell = f'keraseq.cells.get("{name(layer)}", units={layer.units})'
            return f"keraseq.layers.RNN({cell}): it takes the same weights"
    if isinstance(layer.cell, Cell):
        return "keraseq.layers.RNN with the same cell: it takes the same weights"
    return "a cell of keraseq in keraseq.layers.RNN"


def kind_of(layer) -> str:
    """The public name of a layer's class, as far as there is one."""
    kind = type(layer)
    room = kind.__module__.split(".")[0]
    return f"{room}.layers.{kind.__name__}" if room in ("keras", "keraseq") else kind.__qualname__


def cell_of(layer) -> str:
    """The class of a layer's cell, and of the cells that it is made of."""
    cell = layer.cell
    inside = getattr(cell, "cells", [])
    listed = ", ".join(type(one).__name__ for one in inside)
    return type(cell).__name__ + (f"({listed})" if listed else "")


def on_gpu(layer) -> bool:
    """Whether a layer's weights lie on a GPU."""
    if not layer.weights:
        return False
    where = str(getattr(layer.weights[0].value, "device", "")).lower()
    return "gpu" in where or "cuda" in where
