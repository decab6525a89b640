"""The equations: every recurrent cell of keraseq, and the one table of their names.

Adding a cell is a class in one family file and one row in `CELLS`; names, options, the shell, the
documentation and the whole conformance suite derive from that row.
"""

from math import prod
from typing import Any

import keras

from keraseq.cells.cell import Cell
from keraseq.cells.context import running
from keraseq.cells.elman import ElmanCell
from keraseq.cells.gru import GRUCell
from keraseq.cells.indrnn import IndRNNCell
from keraseq.cells.initializers import ChronoInitializer
from keraseq.cells.janet import JANETCell
from keraseq.cells.ligru import LiGRUCell
from keraseq.cells.linear import LinearCell
from keraseq.cells.lru import LRUCell
from keraseq.cells.lstm import LSTMCell
from keraseq.cells.mgu import MGUCell
from keraseq.cells.min_gru import MinGRUCell, MinLSTMCell
from keraseq.cells.minimal_rnn import MinimalRNNCell
from keraseq.cells.mut import MUT1Cell, MUT2Cell, MUT3Cell
from keraseq.cells.rhn import RHNCell
from keraseq.cells.slstm import SLSTMCell
from keraseq.cells.tree import (
    TREE_CELLS,
    ChildSumTreeLSTMCell,
    TreeCell,
    TreeElmanCell,
    TreeLSTMCell,
    tree_cell,
)
from keraseq.cells.ugrnn import UGRNNCell
from keraseq.checks import did_you_mean

CELLS: dict[str, tuple[type[Cell], dict[str, Any]]] = {  # name: (class, options it presets)
    "elman": (ElmanCell, {}),
    "irnn": (ElmanCell, {"activation": "relu", "recurrent_initializer": "identity"}),
    "lstm": (LSTMCell, {}),
    "lstm-peephole": (LSTMCell, {"peephole": True}),
    "lstm-coupled": (LSTMCell, {"coupled": True}),
    "gru": (GRUCell, {}),
    "gru-after": (GRUCell, {"reset": "after"}),
    "mut1": (MUT1Cell, {}),
    "mut2": (MUT2Cell, {}),
    "mut3": (MUT3Cell, {}),
    "mgu": (MGUCell, {}),
    "ugrnn": (UGRNNCell, {}),
    "indrnn": (IndRNNCell, {}),
    "ligru": (LiGRUCell, {}),
    "janet": (JANETCell, {}),
    "rhn": (RHNCell, {}),
    "minimal-rnn": (MinimalRNNCell, {}),
    "slstm": (SLSTMCell, {}),
    "min-gru": (MinGRUCell, {}),
    "min-lstm": (MinLSTMCell, {}),
    "lru": (LRUCell, {}),
}


def names() -> list[str]:
    """The registered names, in the order of the table."""
    return list(CELLS)


def get(cell, units: int | None = None, **options) -> keras.layers.Layer:
    """A cell from its name, its class, or an instance.

    Args:
        cell: A registered name (see `names`), a class whose first argument is `units`, or an
            instance. An instance is returned as it is, or, where `units` or options are given,
            copied with these changed.
        units: Size of the state, a positive integer. Needed for a name or a class.
        **options: Options of the cell; they win over those that the name presets.

    Returns:
        The cell, a `keras.layers.Layer`.

    Raises:
        ValueError: The name is unknown, an option is unknown or out of its range, or `units` is
            missing.
        TypeError: `cell` is none of the three.

    Example:

    >>> import keraseq
    >>> keraseq.cells.get("mut1", units=8).gates
    ('update', 'reset', 'candidate')
    """
    if isinstance(cell, str):
        if cell not in CELLS:
            raise ValueError(
                f"unknown cell {cell!r}; known cells: {', '.join(CELLS)}."
                f"{did_you_mean(cell, CELLS)}"
            )
        kind, preset = CELLS[cell]
        options = {**preset, **options}
    elif isinstance(cell, type) and issubclass(cell, keras.layers.Layer):
        kind = cell
    elif isinstance(cell, keras.layers.Layer):
        if units is None and not options:
            return cell
        changes = options if units is None else {"units": units, **options}
        config = {**cell.get_config(), **changes}
        del config["name"]
        return type(cell).from_config(config)
    else:
        raise TypeError(f"cell must be a name, a class or an instance; received {cell!r}")
    if units is None:
        raise ValueError(f"cell {cell!r} needs units, a positive integer; received units=None")
    return kind(units, **options)


def table(features: int = 64, units: int = 64) -> list[dict[str, Any]]:
    """All registered cells, a row each: what they have, and how many parameters for given sizes.

    Args:
        features: Width of the inputs.
        units: Size of the state.

    Returns:
        Rows with the keys name, class, options, gates, states, parameters (trainable), reference.
    """
    rows = []
    for name, (kind, preset) in CELLS.items():
        cell = get(name, units=units)
        cell.build((None, features))
        rows.append(
            {
                "name": name,
                "class": kind.__name__,
                "options": dict(preset),
                "gates": list(cell.gates),
                "states": list(cell.state_names),
                "parameters": sum(prod(weight.shape) for weight in cell.trainable_weights),
                "reference": cell.reference,
            }
        )
    return rows


__all__ = [
    "CELLS",
    "TREE_CELLS",
    "Cell",
    "ChildSumTreeLSTMCell",
    "ChronoInitializer",
    "ElmanCell",
    "GRUCell",
    "IndRNNCell",
    "JANETCell",
    "LRUCell",
    "LSTMCell",
    "LiGRUCell",
    "LinearCell",
    "MGUCell",
    "MUT1Cell",
    "MUT2Cell",
    "MUT3Cell",
    "MinGRUCell",
    "MinLSTMCell",
    "MinimalRNNCell",
    "RHNCell",
    "SLSTMCell",
    "TreeCell",
    "TreeElmanCell",
    "TreeLSTMCell",
    "UGRNNCell",
    "get",
    "names",
    "running",
    "table",
    "tree_cell",
]


def __dir__():
    return __all__
