"""CUDA graphs of a scan on PyTorch: recorded once for its shapes, then one launch each way."""

import contextlib
import functools
import gc
import textwrap
import threading
import weakref

import keras
import torch
from keras import tree
from torch.autograd.function import once_differentiable

from keraseq.keras_inside import in_stateless_scope
from keraseq.layers.scan import deferred
from keraseq.layers.scan.torch_programs import Program, Untraceable

MOST = 8  # graphs of a layer, each with the memory of a training step
# Calls with the same shapes before Inductor joins their operations. On an H100 that took 2 to 9
# seconds, and saved 5 to 7 milliseconds of 12 to 19 a training step.
PATIENCE = 100
recorded = weakref.WeakKeyDictionary()  # a recurrence -> what determines a graph -> `Shapes`
recording = threading.RLock()  # one at a time


def replayed(step, inputs, carry, *, collect, reverse, asked):
    """A scan by a CUDA graph.

    Args:
        step: A `keraseq.layers.scan.deferred.Step` that does not project.
        inputs, carry, collect, reverse: See `keraseq.layers.scan.scan`.
        asked: Whether somebody asked for graphs: shapes are recorded when they are met first, and
            Inductor, which takes some seconds, joins the operations of a step. Otherwise they are
            recorded the second time as they are, and joined once that is likely to pay.

    Returns:
        `((outputs, carry), note)`, or `(None, why)`: why no graph can run here, in a few words; the
        empty text where only shapes are asked for. The note says what is not as it should be.
    """
    if inputs["x"].is_meta:
        return None, ""
    floats = deferred.Floats(inputs)
    given = [*floats.floats, *tree.flatten(carry), *step.values(keras.ops.convert_to_tensor)]
    others = [*floats.rest, *(one for one in tree.flatten(step.constants) if one is not None)]
    if why := forbidden(given, inputs):
        return None, why
    found = recorded.setdefault(step.recurrence(), {})
    start = len(floats.floats) + len(tree.flatten(carry))
    fixed = range(start, start + len(step.variables))  # the weights among them
    wanted = [torch.is_grad_enabled() and one.requires_grad for one in given]
    key = (
        collect is not None,
        reverse,
        tuple(wanted),
        *(tuple((one.shape, one.dtype, one.device) for one in some) for some in (given, others)),
        tuple(given[i].data_ptr() for i in fixed),
        *settings(),
        asked,
    )
    shapes = found.setdefault(key, Shapes())
    shapes.calls += 1
    if shapes.calls == 1 and not asked:
        return None, "the first call with these shapes; the next is recorded"
    if shapes.why:
        return None, shapes.why
    with recording:
        join = Recording.joins and (asked or shapes.calls > PATIENCE)
        if join and not shapes.joined:
            shapes.graphs, shapes.joined = [], True
        graph = next((one for one in shapes.graphs if one.free()), None)
        if graph is None:
            if sum(len(one.graphs) for one in found.values()) >= MOST:
                return None, f"{MOST} CUDA graphs of this layer are kept already"
            try:
                how = {"collect": collect is not None, "reverse": reverse, "wanted": wanted}
                program = Program(step, inputs, carry, **how, generate=join)
                graph = Graph(program, given, others, fixed)
            except Exception as error:  # whatever it is, another loop can run
                shapes.why = f"no CUDA graph: {said(error)}"
                return None, shapes.why
            shapes.graphs.append(graph)
        results = Replay.apply(graph, others, *given) if any(wanted) else graph.run(given, others)
    results = list(results)
    outputs = results.pop(0) if collect is not None else None
    note = "Inductor has joined the operations of a step" if shapes.joined else None
    if why := graph.program.ungenerated:
        note = f"Inductor could not join the operations of a step ({why})"
    return (outputs, tree.pack_sequence_as(carry, results)), note


class Shapes:
    """What is kept for a layer's calls with the same shapes: graphs, or why there are none."""

    def __init__(self):
        self.calls, self.graphs, self.joined, self.why = 0, [], False, None


def forbidden(given, inputs) -> str | None:
    """Why a scan of these tensors cannot be recorded or replayed."""
    if {one.device.type for one in given} != {Recording.device}:
        return "not all tensors are on a GPU"
    if in_stateless_scope():
        return "inside a stateless scope, whose weights come and go"
    if not deferred.is_float(inputs["x"]):
        return "the inputs are no floats"
    if Recording.under_way():
        return "inside a capture"
    if torch.compiler.is_compiling() or torch.is_autocast_enabled(Recording.device):
        return "inside torch.compile or torch.autocast"
    return None


def settings() -> tuple:
    """What else a recording holds on to: the precision of products, and the stream."""
    precision = getattr(torch.backends.cuda.matmul, "fp32_precision", None)
    stream = torch.cuda.current_stream().cuda_stream if Recording.device == "cuda" else 0
    return precision, stream


def said(error) -> str:
    """An error in one line."""
    text = textwrap.shorten(str(error).strip().split("\n")[0], 160)
    return text if isinstance(error, Untraceable) else f"{type(error).__name__}: {text}"


class Recording:
    """A CUDA graph of one function without arguments, which reads and writes the same tensors.

    Args:
        stream: Where it is recorded, the one that has run the function before.
        pool: The memory that it shares with others which run in the order of their recording.
    """

    device, joins = "cuda", True

    def __init__(self, stream, pool=None):
        self.graph, self.stream, self.given_pool = torch.cuda.CUDAGraph(), stream, pool

    def record(self, function):
        """The function's results, which every replay fills anew."""
        # Another thread may go on with what a recording forbids, such as loading the next batch.
        options = {"pool": self.given_pool, "capture_error_mode": "thread_local"}
        with torch.cuda.graph(self.graph, stream=self.stream, **options), no_garbage():
            return function()

    def replay(self):
        """Runs it."""
        self.graph.replay()

    def pool(self):
        """Its memory."""
        return self.graph.pool()

    @staticmethod
    def under_way() -> bool:
        """Whether somebody records now."""
        return torch.cuda.is_current_stream_capturing()

    @staticmethod
    @contextlib.contextmanager
    def apart():
        """A stream of its own to try the functions on: what libraries make once must be there."""
        stream = side_stream(torch.cuda.current_device())
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            yield stream
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()


@functools.cache
def side_stream(device: int):
    """The stream on which graphs are recorded: cuBLAS keeps memory for every one it has met."""
    return torch.cuda.Stream(device)


@contextlib.contextmanager
def no_garbage():
    """Nothing is collected meanwhile: a graph that went to pieces would break the recording."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Graph:
    """A program recorded: forward, and backward where a gradient is wanted.

    Tensors are copied in and out, so that the next call, which writes into the same memory, changes
    nothing that anybody holds. What the gradient needs lies in that memory, too: a graph whose
    gradient is still to come is not free, and another is recorded for a second call.

    Args:
        program: The `Program`.
        given: Its tensors of floats.
        others: Its other tensors.
        fixed: Which of `given` are weights. They are not copied: they stay where they are.
    """

    def __init__(self, program, given, others, fixed):
        self.program, self.fixed, self.waiting = program, fixed, None
        self.given = [
            one.detach() if i in self.fixed else one.detach().clone() for i, one in enumerate(given)
        ]
        self.others = [one.clone() for one in others]
        with torch.no_grad():
            with Recording.apart() as stream:
                for _ in range(2):
                    results, kept = program.forward(self.given, self.others)
                    self.d = [torch.zeros_like(one) for one in results]
                    if program.training:
                        program.backward(kept, self.d)
                    del results, kept
            self.ahead = Recording(stream)
            self.results, kept = self.ahead.record(lambda: program.forward(self.given, self.others))
            self.back = self.gradients = None
            if program.training:
                self.back = Recording(stream, self.ahead.pool())
                self.gradients = self.back.record(lambda: program.backward(kept, self.d))

    def free(self) -> bool:
        """Whether nobody waits for a gradient."""
        return self.waiting is None or self.waiting() is None

    def run(self, given, others):
        """The results."""
        for i, one in enumerate(given):
            if i not in self.fixed:
                self.given[i].copy_(one)
        for mine, one in zip(self.others, others, strict=True):
            mine.copy_(one)
        self.ahead.replay()
        return [one.clone() for one in self.results]

    def differentiate(self, d):
        """The gradients of `given`."""
        for mine, one in zip(self.d, d, strict=True):
            mine.copy_(one)
        self.back.replay()
        return [None if one is None else one.clone() for one in self.gradients]


class Turn:
    """A call of a graph whose gradient may still be asked for: it lives as long as that may be."""


class Replay(torch.autograd.Function):
    """A graph's results, with its gradients."""

    @staticmethod
    def forward(ctx, graph, others, *given):
        with torch.no_grad():
            results = graph.run(given, others)
        ctx.graph, ctx.turn = graph, Turn()
        graph.waiting = weakref.ref(ctx.turn)
        return tuple(results)

    @staticmethod
    @once_differentiable
    def backward(ctx, *d):
        if ctx.turn is None:
            raise RuntimeError(
                "a second gradient of one call of a CUDA graph; use loop='deferred' in "
                "keraseq.layers.RNN"
            )
        with recording, torch.no_grad():
            gradients = ctx.graph.differentiate(d)
            ctx.turn = None
        return None, None, *gradients
