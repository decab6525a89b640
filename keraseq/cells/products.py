"""Who does a cell's matrix products: the plain product here, or a loop that keeps them.

A cell multiplies through `product`. A loop over time may take the products of a step over for the
time of that step, to slice the matrices once instead of at every step, and to compute the weights'
gradient of all steps in one product.
"""

import keras
from keras import ops

from keraseq.cells.context import running


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


def fits(addend, shape: tuple) -> bool:
    """Whether an addend has the shape of a product, as far as both are known."""
    given = tuple(getattr(addend, "shape", ()))
    return len(given) == len(shape) and all(
        have in (want, None) or (want is None and have != 1)
        for have, want in zip(given, shape, strict=True)
    )


def product(operand, weight: keras.Variable, columns: slice | None = None, addend=None):
    """`operand @ weight[:, columns] + addend`, by whoever does the products now.

    `columns` None stands for all of them, `addend` None for nothing; another has the shape of the
    product, since a loop gives it the product's gradient.
    """
    return (running().product or plain)(operand, weight, columns, addend)
