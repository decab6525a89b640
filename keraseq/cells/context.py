"""What a step finds while a layer runs it, beside its arguments and its weights.

A layer says it with `during`, a cell asks with `running`. Each thread has its own, so that several
may use models at the same time, and nothing of a sequence outlives its call.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple


class Masks(NamedTuple):
    """Dropout masks of a cell for one sequence; None where nothing is dropped."""

    inputs: Any = None  # (batch, features)
    operands: Any = None  # (batch, output_size), for the operand of every recurrent product


@dataclass(frozen=True)
class Running:
    """What is at work now.

    Args:
        product: Who does the matrix products: `(operand, weight, columns, addend) -> operand @
            weight[:, columns] + addend`. Default: nobody has taken them over.
        masks: `id` of a cell -> its dropout masks.
        keep: `id` of a cell -> for each of its states which units keep their old value at this
            step.
        context: Nested tensors that are the same at every step and have a gradient, such as the
            outputs of an encoder; what `keraseq.layers.RNN` was called with.
    """

    product: Callable | None = None
    masks: Mapping[int, Masks] = field(default_factory=dict)
    keep: Mapping[int, list] = field(default_factory=dict)
    context: Any = None


NOTHING = Running()
_running: ContextVar[Running] = ContextVar("keraseq_running", default=NOTHING)


def running() -> Running:
    """What is at work in this thread.

    Example:

    >>> from keraseq.cells import running
    >>> running().context is None
    True
    """
    return _running.get()


@contextlib.contextmanager
def during(**changes) -> Iterator[Running]:
    """Within this context `running()` says something else; the rest stays as it is."""
    token = _running.set(replace(_running.get(), **changes))
    try:
        yield _running.get()
    finally:
        _running.reset(token)
