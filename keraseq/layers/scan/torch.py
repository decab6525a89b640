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


def lacks(kernel) -> str | None:
    """Why PyTorch does not compute what `fused.Kernel` says; None where it does."""
    if kernel.dtype == "float16":
        return "PyTorch's kernels were tried in float32 and float64"
    return None


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
    bias = cell.bias.value if cell.use_bias else None
    weights = Packed.apply(
        kind, ended is not None, cell.kernel.value, cell.recurrent_kernel.value, bias
    )
    x = x.to(weights[0].dtype)
    if ended is not None:
        x = torch.cat([x, ended[..., None].to(x.dtype)], dim=-1)
    before = [one[None].contiguous() for one in states]
    run = {"lstm": torch.lstm, "gru": torch.gru, "tanh": torch.rnn_tanh, "relu": torch.rnn_relu}
    options = (cell.use_bias, 1, 0.0, torch.is_grad_enabled(), False, False)
    given = before if kind == "lstm" else before[0]
    outputs, *after = run[kind](x, given, weights, *options)
    return outputs, [one[0] for one in after]


class Packed(torch.autograd.Function):
    """The weights of a cell as a kernel wants them: gates first, and in its order.

    They lie in one piece of memory, as cuDNN wants them: it would copy them together at every call,
    and say so.
    """

    @staticmethod
    def forward(ctx, kind, ends, kernel, recurrent, bias):
        (features, width), units = kernel.shape, len(recurrent)
        ctx.gru, ctx.features, ctx.units = kind == "gru", features, units
        sizes = [width * (features + ends), width * units, *[width] * (0 if bias is None else 2)]
        pieces = kernel.new_empty(sum(sizes)).split(sizes)
        w, u = (one.view(-1, units, one.numel() // width) for one in pieces[:2])
        for place, one in ((w[..., :features], kernel), (u, recurrent)):
            place.copy_(Packed.turned(ctx, one.T))
        if ends:
            for gate, value in zip(w[..., features], (-FOR_EVER, FOR_EVER, 0.0, 0.0), strict=True):
                gate.fill_(value)
        if bias is not None and ctx.gru:
            for place, one in zip(pieces[2:], bias, strict=True):
                place.view(-1, units).copy_(Packed.turned(ctx, one))
        elif bias is not None:
            pieces[2].copy_(bias)
            pieces[3].zero_()
        return w.flatten(0, 1), u.flatten(0, 1), *pieces[2:]

    @staticmethod
    @once_differentiable
    def backward(ctx, d_w, d_u, *d_b):
        d_w, d_u, *d_b = (Packed.turned(ctx, one).flatten(0, 1) for one in (d_w, d_u, *d_b))
        d_bias = torch.stack(d_b) if d_b and ctx.gru else (d_b[0] if d_b else None)
        return None, None, d_w[:, : ctx.features].T, d_u.T, d_bias

    @staticmethod
    def turned(ctx, rows):
        """`(gates, units, ...)`; of a GRU, Keras' update, reset, candidate, or the other way."""
        gates = rows.unflatten(0, (-1, ctx.units))
        return torch.cat([gates[1:2], gates[:1], gates[2:]]) if ctx.gru else gates


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
