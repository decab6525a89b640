"""What the gates and states of a cell do while it reads a sequence."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from keraseq.cells import Cell
from keraseq.inspection.reading import symbols
from keraseq.layers import RNN, Bidirectional, Stack

if TYPE_CHECKING:
    import pandas as pd


def activations(source, sequence) -> pd.DataFrame:
    """The values of every gate and state of a cell, step by step, for one sequence.

    No cell has its equation written a second time for this: `step` of every cell is the formula of
    its paper with the paper's symbols as variables, so its variables are read when it returns. The
    docstring's equation says what each symbol means. Nothing of it touches how layers run.

    Args:
        source: A built cell, a `keraseq.layers.RNN`, or a model: then its first recurrent layer
            (of a bidirectional one the forward half) is read, on what reaches it.
        sequence: One input without a batch axis: `(time, features)`, or for a model whatever it
            reads, such as tokens `(time,)`.

    Returns:
        A tidy frame with a row for each step (from 1), unit and name: columns `step`, `unit`,
        `name` (as `"update gate z"` or `"state h"`), `value`.

    Raises:
        ValueError: The model has no keraseq cell, or the cell is not built.

    Example:

    >>> cell = keraseq.cells.get("mgu", units=4)
    >>> cell.build((None, 3))
    >>> frame = keraseq.inspection.activations(cell, keras.ops.ones((5, 3)))
    >>> list(frame["name"].unique())
    ['forget gate f', 'candidate g', 'state h']
    """
    import pandas as pd

    cell, sequence = reader_of(source, np.asarray(sequence))
    if not cell.built:
        raise ValueError(f"{type(cell).__name__} must be built before its gates can be read")
    meaning = {k: v for k, v in symbols(cell).items() if not v.startswith("new ")}
    projected = cell.project(ops.convert_to_tensor(sequence[None], dtype=cell.compute_dtype))
    states = cell.get_initial_state(1)
    frames = []
    for t in range(len(sequence)):
        with variables_of(type(cell).step) as variables:
            _, states = cell.advance(projected[:, t], states)
        found = {f"{name} {s}": variables[s] for s, name in meaning.items() if s in variables}
        for name, state in zip(cell.state_names, states, strict=True):
            found[{"hidden": "state h", "cell": "cell state c"}.get(name, name)] = state
        for name, value in found.items():
            value = np.ravel(ops.convert_to_numpy(value))
            if value.size > 1 or cell.units == 1:  # a gate that is removed is the number 1
                units = np.arange(value.size)
                frames.append(
                    pd.DataFrame({"step": t + 1, "unit": units, "name": name, "value": value})
                )
    return pd.concat(frames, ignore_index=True)


def reader_of(source, sequence) -> tuple[Cell, np.ndarray]:
    """The cell to read, and what reaches it."""
    if isinstance(source, keras.Model):
        for layer in source.layers:
            if isinstance(layer, (RNN, Bidirectional, Stack)):
                reaches_it = keras.tree.flatten(layer.input)[0]  # a mask may come second
                below = keras.Model(source.input, reaches_it)
                inputs = ops.convert_to_numpy(below(sequence[None]))[0]
                return reader_of(layer, inputs)
        raise ValueError(f"{source.name!r} has no recurrent layer of keraseq")
    if isinstance(source, Stack):
        return reader_of(source.rnns[0], sequence)
    if isinstance(source, Bidirectional):
        return reader_of(source.forward_layer, sequence)
    cell = source.cell if isinstance(source, keras.layers.RNN) else source
    if not isinstance(cell, Cell):
        raise ValueError(f"gates can be read of keraseq's cells; received {cell!r}")
    return cell, sequence


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
