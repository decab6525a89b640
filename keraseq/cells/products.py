"""Who does a cell's matrix products: the plain product here, or a loop that keeps them.

A cell multiplies through `product`. A loop over time may take the products of a step over for the
time of that step, to slice the matrices once instead of at every step, and to compute the weights'
gradient of all steps in one product.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras
from keras import ops

# (operand, weight, columns, addend) -> operand @ weight[:, columns] + addend; columns None stands
# for all, addend None for nothing.
Product = Callable[..., object]


def plain(operand, weight: keras.Variable, columns: slice | None, addend=None):
    """`operand @ weight[:, columns] + addend` in the operand's type."""
    return matmul(operand, block(ops.convert_to_tensor(weight), columns, operand.dtype), addend)


def matmul(operand, matrix, addend=None):
    """`(..., n) @ (n, m)` as one product of two matrices, plus the addend if there is one.

    `keras.ops.matmul` is a batch of products on TensorFlow, and the matrix' gradient a batch too.
    """
    if len(operand.shape) <= 2:
        result = ops.matmul(operand, matrix)
    else:
        flat = ops.matmul(ops.reshape(operand, (-1, operand.shape[-1])), matrix)
        result = ops.reshape(flat, (*ops.shape(operand)[:-1], matrix.shape[-1]))
    return result if addend is None else result + addend


def block(matrix, columns: slice | None, dtype):
    """Columns of a matrix in a type."""
    if columns is not None and columns != slice(0, matrix.shape[-1]):
        matrix = matrix[:, columns]
    return ops.cast(matrix, dtype)


_taken_over: list[Product] = []


@contextlib.contextmanager
def taken_over(by: Product) -> Iterator[None]:
    """Within this context every cell's products are done by `by`."""
    _taken_over.append(by)
    try:
        yield
    finally:
        _taken_over.pop()


def product(operand, weight: keras.Variable, columns: slice | None = None, addend=None):
    """`operand @ weight[:, columns] + addend`, by whoever does the products now."""
    do = _taken_over[-1] if _taken_over else plain
    return do(operand, weight, columns, addend)
