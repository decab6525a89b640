"""The loop over time on PyTorch: a plain loop, or PyTorch's own kernels for all steps."""

import os

import keras
import torch
from torch.autograd.function import once_differentiable

from keraseq.cells import products
from keraseq.cells.context import during
from keraseq.layers.scan import torch_graphs

NEEDS_PLAN = False  # autograd sees every tensor that a step reads, and its products as they come
PIECES_SEE_ALL = True


def scan(step, inputs, carry, *, collect, reverse, unroll, span):
    """See `keraseq.layers.scan.scan`; there is nothing to unroll."""
    flat = [torch.unbind(one) for one in keras.tree.flatten(inputs)]
    steps = len(flat[0])
    known = span is not None and not span[0].is_meta
    first, stop = map(int, span) if known else (0, steps)
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


def replayed(step, inputs, carry, *, collect, reverse, asked, in_piece):
    """A scan by a CUDA graph: `((outputs, carry), note)`, or `(None, why there is none)`."""
    if in_piece:
        return None, "checkpoint_every runs its pieces again"
    how = {"collect": collect, "reverse": reverse, "asked": asked}
    return torch_graphs.replayed(step, inputs, carry, **how)


def on_gpu() -> bool:
    """Whether it runs on a GPU that records graphs."""
    asked = os.environ.get("KERAS_TORCH_DEVICE", "cuda")
    return torch.cuda.is_available() and asked.startswith(("cuda", "gpu"))


def scan_fused(recurrence, kind, inputs, carry, constants, *, collect, reverse):
    """See `keraseq.layers.scan.scan`; all steps in one call of a kernel.

    A kernel knows no mask. The valid steps of each row are moved together first, which they are
    already where the padding is at the end, and the outputs are moved back.
    """
    cell = recurrence.cell
    x = recurrence.met(inputs, constants)["x"]
    valid = inputs.get("valid")
    if reverse:
        x, valid = x.flip(0), None if valid is None else valid.flip(0)
    if valid is None:
        outputs, states = kernel(kind, cell, x, carry["states"])
        last = outputs[-1]
    else:
        outputs, last, states = among_padding(kind, recurrence, x, valid, carry, collect)
    after = {"states": states} | ({"output": last} if "output" in carry else {})
    return (None if collect is None else outputs), after


def among_padding(kind, recurrence, x, valid, carry, collect):
    """Outputs of all steps, the last valid one, and the last states, of a kernel and any mask."""
    steps = len(valid)
    count = valid.cumsum(0)  # of valid steps, up to each
    lengths = count[-1]
    order = torch.argsort(valid.logical_not().byte(), dim=0, stable=True)
    times = torch.arange(steps, device=valid.device)[:, None]
    longest, shortest, moved = steps, 0, True
    if not valid.is_meta:  # one answer from the device
        facts = [lengths.max(), lengths.min(), (order != times).any()]
        longest, shortest, moved = torch.stack([one.long() for one in facts]).tolist()
    if moved:
        x = steps_of_rows(x, order)
    x = x[: max(longest, 1)]
    ended = times[: len(x)] >= lengths if kind == "lstm" and shortest < len(x) else None
    outputs, states = kernel(kind, recurrence.cell, x, carry["states"], ended)
    begun = lengths[:, None] > 0
    last = steps_of_rows(outputs, (lengths[None] - 1).clamp(min=0))[0]
    h = torch.where(begun, last, carry["states"][0])
    last = torch.where(begun, last, carry["output"])
    if collect is not None:
        outputs = steps_of_rows(outputs, (count - 1).clamp(min=0))
        outputs = torch.where((count > 0)[..., None], outputs, carry["output"])
        if recurrence.layer.zero_output_for_mask:
            outputs = torch.where(valid[..., None], outputs, 0.0)
    return outputs, last, [h, *states[1:]]


def steps_of_rows(x, times):
    """`x[times[i, row], row]` for `x` `(time, rows, ...)`."""
    rows = x.shape[1]
    places = (times * rows + torch.arange(rows, device=x.device)).reshape(-1)
    return x.reshape(-1, *x.shape[2:]).index_select(0, places).reshape(*times.shape, *x.shape[2:])


FOR_EVER = 1e30  # to a gate's sum: the gate is 0 or 1 to the last digit, its gradient 0


def kernel(kind, cell, x, states, ended=None):
    """`(outputs, states)` of PyTorch's kernel for a cell.

    Args:
        kind: What `fused.Kernel` says.
        cell: The cell.
        x: `(time, batch, features)`.
        states: Before the first step.
        ended: `(time, batch)`, where an LSTM keeps its cell state; its output may be anything
            there. One more feature of the input does it, which shuts the input gate and opens the
            forget gate.
    """
    width = cell.units
    weights = [cell.kernel, cell.recurrent_kernel, *([cell.bias] if cell.use_bias else [])]
    w, u, *b = (keras.ops.convert_to_tensor(one) for one in weights)
    x = x.to(w.dtype)
    if kind == "gru":  # Keras: update, reset, candidate; PyTorch: reset, update, candidate
        w, u, *b = (one[..., swapped(width, one.device)] for one in (w, u, *b))
        b = list(b[0]) if b else []
    elif b:
        b = [b[0], torch.zeros_like(b[0])]
    if ended is not None:
        gates = [-FOR_EVER, FOR_EVER, 0.0, 0.0]
        row = [torch.full((1, width), one, dtype=w.dtype, device=w.device) for one in gates]
        w = torch.cat([w, torch.cat(row, dim=1)])
        x = torch.cat([x, ended[..., None].to(x.dtype)], dim=-1)
    # In one piece, as cuDNN wants them: it would copy them together at every call, and say so.
    parts = [w.T, u.T, *b]
    whole = torch.cat([one.reshape(-1) for one in parts])
    pieces = whole.split([one.numel() for one in parts])
    weights = [piece.view(one.shape) for piece, one in zip(pieces, parts, strict=True)]
    before = [one[None].contiguous() for one in states]
    run = {"lstm": torch.lstm, "gru": torch.gru, "tanh": torch.rnn_tanh, "relu": torch.rnn_relu}
    options = (bool(b), 1, 0.0, torch.is_grad_enabled(), False, False)
    given = before if kind == "lstm" else before[0]
    outputs, *after = run[kind](x, given, weights, *options)
    return outputs, [one[0] for one in after]


def swapped(width, device):
    """The columns of three gates, the first two in the other order."""
    z, r, g = torch.arange(3 * width, device=device).split(width)
    return torch.cat([r, z, g])


def checkpointed(function, variables):
    """See `keraseq.layers.scan.checkpointed`."""
    return keras.remat(function)


def projects_in_loop(loop: str) -> bool:
    """Whether a loop is faster where it projects each input itself: not here."""
    return False


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
