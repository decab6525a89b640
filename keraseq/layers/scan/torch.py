"""The loop over time on PyTorch: a plain loop."""

import keras
import torch
from torch.autograd.function import once_differentiable

from keraseq.cells import products
from keraseq.cells.context import during

NEEDS_PLAN = False  # autograd sees every tensor that a step reads, and its products as they come
PIECES_SEE_ALL = True


def scan(step, inputs, carry, *, collect, reverse, unroll, span):
    """See `keraseq.layers.scan.scan`; there is nothing to unroll."""
    flat = [torch.unbind(one) for one in keras.tree.flatten(inputs)]
    steps = len(flat[0])
    first, stop = (0, steps) if span is None else map(int, span)
    outputs = []
    for t in reversed(range(first, stop)) if reverse else range(first, stop):
        output, carry = step(keras.tree.pack_sequence_as(inputs, [x[t] for x in flat]), carry)
        if collect is not None:
            outputs.append(output)
    if collect is None:
        return None, carry
    silent = torch.zeros_like(outputs[0])
    before, after = (steps - stop, first) if reverse else (first, steps - stop)
    return torch.stack([*[silent] * before, *outputs, *[silent] * after]), carry


def scan_deferred(step, plan, inputs, carry, *, collect, reverse, unroll, span, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop.

    Autograd runs backward through the steps by itself. Each product only notes its operand and the
    gradient of its result; `Collect`, on which all products depend, comes last and multiplies.
    """
    cut = {}  # (weight, columns, type) -> its block and the notes of its products

    def product(operand, weight, columns, addend):
        key = (id(weight), columns and (columns.start, columns.stop), operand.dtype)
        if key not in cut:
            matrix = products.block(keras.ops.convert_to_tensor(weight), columns, operand.dtype)
            notes = []
            cut[key] = (matrix.detach(), Collect.apply(matrix, notes), notes)
        result = NotedProduct.apply(operand, *cut[key])
        return result if addend is None else result + addend

    options = {"collect": collect, "reverse": reverse, "unroll": unroll, "span": span}
    with during(product=product):
        return scan(step.plain, inputs, carry, **options)


def checkpointed(function, variables):
    """See `keraseq.layers.scan.checkpointed`."""
    return keras.remat(function)


def solves_by() -> str:
    """What solves a linear recurrence fastest, see `keraseq.layers.scan.parallel`."""
    return "chunks"


def projects_in_loop(loop: str) -> bool:
    """Whether a loop is faster where it projects each input itself: not here."""
    return False


def with_own_gradient(function, tensors: list) -> list:
    """`results` of `(results, gradient) = function(*tensors)`, lists of tensors; see JAX's."""
    return list(OwnGradient.apply(function, *tensors))


class OwnGradient(torch.autograd.Function):
    """A function that says its gradient."""

    @staticmethod
    def forward(ctx, function, *tensors):
        results, ctx.gradient = function(*tensors)
        # `gradient` holds the results: as other tensors, they do not hold it.
        return tuple(one.detach() for one in results)

    @staticmethod
    @once_differentiable
    def backward(ctx, *d):
        return None, *ctx.gradient(*d)


class Collect(torch.autograd.Function):
    """A token that all products with a matrix depend on, so that its gradient comes after theirs.

    The token is a zero. What flows back through it says nothing; the notes of the products do.
    """

    @staticmethod
    def forward(ctx, matrix, notes):
        ctx.notes = notes
        return matrix.new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx, _):
        operands, gradients = (torch.cat(one) for one in zip(*ctx.notes, strict=True))
        ctx.notes.clear()
        return operands.T @ gradients, None


class NotedProduct(torch.autograd.Function):
    """`operand @ matrix`, which leaves the matrix' gradient to `Collect`."""

    @staticmethod
    def forward(ctx, operand, matrix, token, notes):
        ctx.save_for_backward(operand, matrix, token)
        ctx.notes = notes
        return operand @ matrix

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        operand, matrix, token = ctx.saved_tensors
        ctx.notes.append((operand, gradient))
        return gradient @ matrix.T, None, torch.zeros_like(token), None
