"""What the gates and states of a cell do while it reads a sequence."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops, tree

from keraseq.cells import Cell
from keraseq.inspection.reading import symbols
from keraseq.layers import Stack

if TYPE_CHECKING:
    import pandas as pd


def activations(source, sequence) -> pd.DataFrame:
    """The values of every gate and state of a cell, step by step, for one sequence.

    No cell has its equation written a second time for this: `step` of every cell is the formula of
    its paper with the paper's symbols as variables, so its variables are read when it returns. The
    docstring's equation says what each symbol means. Nothing of it touches how layers run. (In a
    recurrent highway network, which computes its gates once a layer, they are those of the last.)

    Args:
        source: A built cell, a `keraseq.layers.RNN`, or a model: then its first recurrent layer
            (of a bidirectional one the forward half) is read, on what reaches it.
        sequence: One input without a batch axis: `(time, features)`, or for a model whatever it
            reads, such as tokens `(time,)`.

    Returns:
        A tidy frame with a row for each step (from 1), unit and name: columns `step`, `unit`,
        `name` (as `"update gate z"` or `"state h"`), `value`. Steps that the model masks, such as
        padding, are left out, as the layer leaves them out.

    Raises:
        ValueError: The model has no keraseq cell, the cell is not built, or the sequence is empty,
            of another width, or has a batch axis.

    Example:

    >>> cell = keraseq.cells.get("mgu", units=4)
    >>> cell.build((None, 3))
    >>> frame = keraseq.inspection.activations(cell, keras.ops.ones((5, 3)))
    >>> list(frame["name"].unique())
    ['forget gate f', 'candidate g', 'state h']
    """
    import pandas as pd

    cell, sequence, steps = reader_of(source, np.asarray(sequence))
    if not cell.built:
        raise ValueError(f"{type(cell).__name__} must be built before its gates can be read")
    if sequence.ndim != 2 or sequence.shape[1] != cell.features or not len(sequence):
        raise ValueError(
            f"sequence must have the shape (time >= 1, {cell.features}); "
            f"received {tuple(sequence.shape)}"
        )
    meaning = {k: v for k, v in symbols(cell).items() if not v.startswith("new ")}
    projected = cell.project(ops.convert_to_tensor(sequence[None], dtype=cell.compute_dtype))
    states = cell.get_initial_state(1)
    frames = []
    for t, step in enumerate(steps):
        with variables_of(type(cell).step) as variables:
            now = tree.map_structure(lambda x, t=t: x[:, t], projected)
            _, states = cell.advance(now, states)
        found = {f"{name} {s}": variables[s] for s, name in meaning.items() if s in variables}
        for name, state in zip(cell.state_names, states, strict=True):
            found[{"hidden": "state h", "cell": "cell state c"}.get(name, name)] = state
        for name, value in found.items():
            if isinstance(value, float):  # a gate that is removed is the number 1
                continue
            value = ops.convert_to_numpy(value)[0]
            units = np.arange(value.size)
            frames.append(pd.DataFrame({"step": step, "unit": units, "name": name, "value": value}))
    return pd.concat(frames, ignore_index=True)


def reader_of(source, sequence) -> tuple[Cell, np.ndarray, np.ndarray]:
    """The cell to read, what reaches it, and the numbers of these steps."""
    steps = np.arange(1, len(sequence) + 1) if sequence.ndim else sequence
    if isinstance(source, keras.Model):
        source, sequence, steps = first_recurrent(source, sequence)
    if isinstance(source, Stack):
        source = source.rnns[0]
    if isinstance(source, keras.layers.Bidirectional):
        source = source.forward_layer
    cell = source.cell if isinstance(source, keras.layers.RNN) else source
    if not isinstance(cell, Cell):
        raise ValueError(f"gates can be read of keraseq's cells; received {cell!r}")
    return cell, sequence, steps


def first_recurrent(model, sequence):
    """The first recurrent layer of a model, the steps that reach it, and their numbers."""
    for layer in model.layers:
        if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional, Stack)):
            read = keras.tree.flatten(layer.input)  # what it reads, then perhaps mask and states
            values = keras.tree.flatten(keras.Model(model.input, read)(sequence[None]))
            inputs, *others = (ops.convert_to_numpy(value)[0] for value in values)
            masks = [one for one in others if one.dtype == bool]
            valid = masks[0] if masks else np.ones(len(inputs), bool)
            return layer, inputs[valid], np.flatnonzero(valid) + 1
    raise ValueError(f"{model.name!r} has no recurrent layer")


@contextlib.contextmanager
def variables_of(function):
    """The local variables of a function when it returns, last call first, as a dictionary."""
    found: dict = {}
    before = sys.getprofile()

    def profile(frame, event, _):
        if event == "return" and frame.f_code is function.__code__:
            found.update(frame.f_locals)

    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(before)
