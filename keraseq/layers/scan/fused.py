"""Which cells a backend's own kernel computes, all steps in one call, and with which options."""

from typing import NamedTuple

import keras

from keraseq.cells.elman import ElmanCell
from keraseq.cells.gru import GRUCell
from keraseq.cells.lstm import LSTMCell

GATES = {"activation": keras.activations.tanh, "recurrent_activation": keras.activations.sigmoid}
WHOLE = {"input_gate": True, "forget_gate": True, "output_gate": True}
# A cell -> the option values that its kernel has; what is not named may be anything.
KERNELS = {
    LSTMCell: {"peephole": False, "coupled": False, **WHOLE, "projection": None, **GATES},
    GRUCell: {"reset": "after", **GATES},
    ElmanCell: {},
}
ALWAYS = {"layer_norm": False}
TYPES = ("float16", "float32", "float64")
OF_ELMAN = {keras.activations.tanh: "tanh", keras.activations.relu: "relu"}


class Kernel(NamedTuple):
    """A kernel for a cell, or why there is none.

    Args:
        kind: `"lstm"`, `"gru"`, `"tanh"` or `"relu"` (Elman's network with that activation); None
            where there is none.
        lacks: Why there is none.
        dtype: Of the cell.
    """

    kind: str | None
    lacks: str | None = None
    dtype: str | None = None

    @classmethod
    def of(cls, recurrence) -> "Kernel":
        """The kernel for a `keraseq.layers.recurrence.Recurrence`."""
        cell = recurrence.cell
        options = KERNELS.get(type(cell))
        if options is None or not recurrence.of_cell:
            return cls(None, f"there is no kernel for {type(cell).__name__}")
        for name, value in {**options, **ALWAYS}.items():
            if getattr(cell, name) != value:
                return cls(None, f"the kernel has no {said(name, getattr(cell, name))}")
        if any(cell.zoneout):
            return cls(None, "the kernel has no zoneout")
        if recurrence.training and cell.recurrent_dropout:
            return cls(None, "the kernel has no recurrent_dropout")
        if cell.compute_dtype != cell.variable_dtype or cell.compute_dtype not in TYPES:
            return cls(None, f"the kernel has no {said('dtype', cell.dtype_policy.name)}")
        if type(cell) is ElmanCell:
            kind = OF_ELMAN.get(cell.activation)
            lacks = f"the kernel has no {said('activation', cell.activation)}"
            return cls(kind, None if kind else lacks, cell.compute_dtype)
        return cls("lstm" if type(cell) is LSTMCell else "gru", dtype=cell.compute_dtype)


def said(name: str, value) -> str:
    """An option as a caller writes it."""
    return f"{name}={getattr(value, '__name__', value)!r}"
