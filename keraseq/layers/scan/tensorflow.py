"""The loop over time on TensorFlow: `tf.while_loop`."""

import contextlib
import functools
from contextvars import ContextVar

import tensorflow as tf
from keras import tree

from keraseq.layers.scan import deferred
from keraseq.layers.scan.formats import exported
from keraseq.layers.scan.tensorflow_cudnn import on_gpu
from keraseq.layers.scan.tensorflow_fused import lacks, scan_fused
from keraseq.layers.scan.tensorflow_gradients import (
    checkpointed,
    filled,
    only_once,
    seen,
    split,
    value_of,
    with_gradient,
)

__all__ = [
    "NEEDS_PLAN",
    "PIECES_SEE_ALL",
    "checkpointed",
    "in_graph",
    "lacks",
    "on_gpu",
    "projects_in_loop",
    "scan",
    "scan_deferred",
    "scan_fused",
    "seen",
    "solves_by",
    "value_of",
    "with_own_gradient",
]

NEEDS_PLAN = True
PIECES_SEE_ALL = False  # what a checkpointed function closes over has no gradient


def scan(step, inputs, carry, *, collect, reverse, unroll, span):
    """See `keraseq.layers.scan.scan`; the gradient is TensorFlow's own."""
    flat = [tf.convert_to_tensor(one) for one in tree.flatten(inputs)]
    times = Times(flat[0], span, reverse)

    # The gradient of reading a row of a tensor is a whole tensor; that of a row of rows is a row.
    whole = unroll is True or exported() == "litert"
    rows = flat if whole else [Rows.of(x) for x in flat]

    def body(i, carried, kept):
        now, t = times(i)
        read = tree.pack_sequence_as(inputs, [one[now] for one in rows])
        output, new = step(read, carried)
        return new, [one.write(t, output) for one in kept]

    kept = []
    if collect is not None and exported() == "litert":
        shape = (times.steps, tf.shape(flat[0])[1], *collect.shape[1:])
        kept = [Whole(times.steps, collect.dtype, collect.shape, tf.zeros(shape, collect.dtype))]
    elif collect is not None:
        kept = [Rows(times.steps, collect.dtype, collect.shape)]
    carry, kept = loop(times, body, carry, kept, unroll)
    return (kept[0].stack(flat[0].shape[0]) if kept else None), carry


def scan_deferred(step, plan, inputs, carry, *, collect, reverse, unroll, span, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop."""
    inputs = deferred.Floats(tree.map_structure(tf.convert_to_tensor, inputs))
    carry = tree.map_structure(tf.convert_to_tensor, carry)
    others = (inputs.rest, step.constants, span)
    given = (step.values(value_of), inputs.floats, tree.flatten(carry))
    kind = {"collect": collect, "reverse": reverse, "unroll": unroll, "compiled": compiled}
    loops = Loops.of(step, plan, inputs, carry, kind, (given, others))
    sizes = [len(one) for one in given[:-1]]

    def run(*flat):
        values, floats, carried = split(flat, *sizes)
        blocks = deferred.blocks(plan, values)  # cut out here: XLA would compile that, too
        with replaying(step):
            outputs, after, saved, results = loops.forward(values, blocks, floats, carried, others)

        def gradient(*d):
            d_outputs, d_after = split(d, len(outputs))
            transposed = [tf.transpose(one) for one in blocks]
            with replaying(step):
                operands, d_results, direct, d_floats, d_carry = only_once(loops.backward)(
                    values, transposed, floats, saved, results, d_outputs, d_after, others
                )
            d_values = deferred.weight_gradients(plan, values, direct, operands, d_results)
            return [*d_values, *d_floats, *d_carry]

        return [*outputs, *after], gradient

    flat = with_gradient(run, [one for group in given for one in group], keeping=step.recurrence())
    outputs = None
    if collect is not None:
        outputs, flat = flat[0], flat[1:]
        outputs.set_shape([inputs.flat[0].shape[0], *collect.shape])
    return outputs, tree.pack_sequence_as(carry, flat)


_replayed: ContextVar = ContextVar("keraseq_replayed")  # the step that `Loops` run now
_shared: dict = {}  # what is known to be alike -> its `Loops`


@contextlib.contextmanager
def replaying(step):
    """Within this context `Loops` run this step."""
    token = _replayed.set(step)
    try:
        yield
    finally:
        _replayed.reset(token)


class Loops:
    """The loops forward and backward, as functions of tensors alone.

    They hold no tensor, no weight and no layer, so that compiled ones serve every layer that is
    alike. XLA keeps what it compiled for ever, some 25 MB a pair: a process that trained one model
    after the other grew by as much each time, and waited for the compiler each time.

    Args:
        plan: The products of a step.
        inputs: What a step reads, a `Floats` without tensors.
        carry: What goes from step to step, nested, without tensors.
        collect, reverse, unroll, compiled: See `keraseq.layers.scan.scan`.
    """

    def __init__(self, plan, inputs, carry, collect, reverse, unroll, compiled):
        self.plan, self.inputs, self.carry = plan, inputs, carry
        self.collect, self.reverse, self.unroll = collect, reverse, unroll
        self.compiled = compiled
        self.states = len(tree.flatten(carry["states"]))
        if compiled:  # a partial function is known by itself: TensorFlow warns of code traced often
            compile = functools.partial(tf.function, autograph=False, jit_compile=True)
            self.forward = compile(functools.partial(self.forward))
            self.backward = compile(functools.partial(self.backward))

    @classmethod
    def of(cls, step, plan, inputs, carry, kind, tensors) -> "Loops":
        """Those of a layer that is alike, if there was one, else new ones."""
        empty, carry = inputs.empty(), tree.map_structure(lambda _: None, carry)
        alike = step.recurrence().alike() if kind["compiled"] else None
        if alike is None:
            return cls(plan, empty, carry, **kind)
        shapes = tree.map_structure(
            lambda one: (str(one.dtype), str(one.shape)) if tf.is_tensor(one) else None, tensors
        )
        nested = (empty.nested, carry, step.context.empty().nested)
        collect = kind["collect"]  # whose name tells nothing
        if collect is not None:
            collect = (collect.shape, collect.dtype)
        key = (alike, repr((shapes, nested, plan, kind | {"collect": collect})))
        return _shared.get(key) or _shared.setdefault(key, cls(plan, empty, carry, **kind))

    def forward(self, values, blocks, floats, carried, others):
        """All steps: outputs, the last carry, and states and products' results of every step."""
        step, plan, collect = _replayed.get(), self.plan, self.collect
        rest, constants, span = others
        read = self.inputs.over(floats, rest)
        times = Times(read.flat[0], span, self.reverse)
        carry = tree.pack_sequence_as(self.carry, carried)

        def body(i, carried, kept):
            now, t = times(i)
            results = []

            def product(j, operand, addend):
                result = tf.matmul(operand, blocks[j])
                results.append(result if addend is None else result + addend)
                return results[-1]

            output, new = step(values, product, read.at(now), carried, constants)
            wrote = [(now, one) for one in (*tree.flatten(carried["states"]), *results)]
            if collect is not None:
                wrote.append((t, output))
            return new, [a.write(*one) for a, one in zip(kept, wrote, strict=True)]

        states = tree.flatten(carry["states"])
        kept = [Rows(times.steps, one.dtype, one.shape) for one in states]
        kept += [
            Rows(times.steps, one.dtype, (states[0].shape[0], matrix.shape[-1]))
            for one, matrix in zip(plan, blocks, strict=True)
        ]
        if collect is not None:
            kept.append(Rows(times.steps, collect.dtype, collect.shape))
        carry, kept = loop(times, body, carry, kept, self.unroll)
        saved, results, outputs = split(kept, len(states), len(plan))
        if self.compiled:
            saved, results = ([one.stack() for one in x] for x in (saved, results))
        return [one.stack() for one in outputs], tree.flatten(carry), saved, results

    def backward(self, values, transposed, floats, saved, results, d_outputs, d_carry, others):
        """All steps backwards: what the weights' gradient needs, and all other gradients."""
        step, plan, collect = _replayed.get(), self.plan, self.collect
        rest, constants, span = others
        read = self.inputs.over(floats, rest)
        times = Times(read.flat[0], span, self.reverse)
        twins = {}  # of what the loop would keep twice, the number of the first
        summed = set()  # weights that the step has read by itself

        def replay(now):
            """The products of a step as the tape sees them: their results, and how they came."""
            operands = [None] * len(plan)
            kept_results = [one[now] for one in results]

            def product(j, operand, addend):
                operands[j] = operand

                def given(operand, result, *addend):
                    def gradient(d):
                        return [tf.matmul(d, transposed[j]), d, *[d] * len(addend)]

                    return [result], gradient

                added = [] if addend is None else [tf.convert_to_tensor(addend)]
                return with_gradient(given, [operand, kept_results[j], *added])[0]

            return operands, kept_results, product

        def body(i, carried, kept):
            d_carry, d_direct = carried
            now, t = times(times.count - 1 - i)
            before = [one[now] for one in saved]
            old = {"states": tree.pack_sequence_as(self.carry["states"], before)}
            if "output" in self.carry:
                old["output"] = tf.zeros_like(d_carry["output"])
            operands, kept_results, product = replay(now)
            x = read.floats_at(now)
            sources = [*x, *tree.flatten(old), *kept_results, *values]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                output, after = step(values, product, read.at(now, x), old, constants)
                targets = [*([output] if collect is not None else []), *tree.flatten(after)]
            d_targets = [
                *([d_outputs[0][t]] if collect is not None else []),
                *tree.flatten(d_carry),
            ]
            found = tape.gradient(targets, sources, output_gradients=d_targets)
            d_x, d_old, d_results, d_values = split(
                found, len(x), len(tree.flatten(old)), len(plan)
            )
            summed.update(i for i in d_direct if d_values[i] is not None)
            d_direct = {
                i: d if d_values[i] is None else d + d_values[i] for i, d in d_direct.items()
            }
            wrote = [*filled(d_x, x), *filled(d_results, kept_results), *operands]
            twins.update(deferred.twins([*x, *before], wrote))
            kept = [
                k if n in twins else k.write(now, one)
                for n, (k, one) in enumerate(zip(kept, wrote, strict=True))
            ]
            d_old = tree.pack_sequence_as(old, filled(d_old, tree.flatten(old)))
            return (d_old, d_direct), kept

        d_carry = tree.pack_sequence_as(self.carry, d_carry)
        batch = tree.flatten(d_carry["states"])[0].shape[0]
        kept = [Rows(times.steps, x.dtype, x.shape[1:]) for x in floats]
        kept += [Rows(times.steps, z.dtype, z.shape[1:]) for z in results]
        kept += [
            Rows(times.steps, one.dtype, (batch, matrix.shape[-1]))
            for one, matrix in zip(plan, transposed, strict=True)
        ]
        direct = {i: tf.zeros_like(values[i]) for i in step.summed(plan)}
        (d_carry, direct), kept = loop(times, body, (d_carry, direct), kept, self.unroll)
        kept = deferred.with_twins(
            [*floats, *saved], [None if n in twins else one for n, one in enumerate(kept)], twins
        )
        kept = [one if tf.is_tensor(one) else one.stack() for one in kept]
        d_floats, d_results, operands = split(kept, len(floats), len(plan))
        direct = {i: one for i, one in direct.items() if i in summed}
        return operands, d_results, direct, d_floats, tree.flatten(d_carry)


def with_own_gradient(function, tensors: list) -> list:
    """See JAX's; differentiated again, the gradient says so."""

    def run(*tensors):
        results, gradient = function(*tensors)
        return results, only_once(gradient)

    return with_gradient(run, tensors)


def in_graph() -> bool:
    """Whether a graph is being made, as `fit` and `predict` do, instead of running step by step."""
    return not tf.executing_eagerly()


def solves_by() -> str:
    """What solves a linear recurrence fastest, see `keraseq.layers.scan.parallel`."""
    return "chunks"


def projects_in_loop(loop: str) -> bool:
    """Whether a loop is faster where it projects each input itself.

    On a CPU what one step projects stays in the cache, and what all do together does not; only
    XLA's small products are so slow that one large product before the loop pays.
    """
    return loop != "compiled" and not on_gpu()


class Times:
    """Which step a loop over `one` does in its i-th round, and where its output stands."""

    def __init__(self, one, span, reverse):
        steps = one.shape[0]
        self.limit = steps  # XLA wants one
        self.steps = tf.shape(one)[0] if steps is None else steps
        self.reverse = reverse
        self.first, self.stop = (0, self.steps) if span is None else span
        self.count = self.stop - self.first

    def __call__(self, i):
        now = self.stop - 1 - i if self.reverse else self.first + i
        return now, self.steps - 1 - now if self.reverse else now


def loop(times, body, carry, kept, unroll):
    """`carry, kept = body(i, carry, kept)` for i = 0 ... count - 1, shapes held as they are.

    With `unroll` a number, so many steps make a round of the loop; with `True` there is no loop.
    """
    flat = [tf.convert_to_tensor(one) for one in tree.flatten(carry)]

    def step(i, carried, arrays):
        rows = [k.with_array(a) for k, a in zip(kept, arrays, strict=True)]
        new, rows = body(i, tree.pack_sequence_as(carry, carried), rows)
        new = [tf.ensure_shape(n, o.shape) for n, o in zip(tree.flatten(new), flat, strict=True)]
        return i + 1, new, [one.array for one in rows]

    def rounds(now, together):
        """As many rounds of `together` steps as there are."""
        return tf.while_loop(
            lambda i, *_: i + together <= times.count,
            lambda *now: functools.reduce(lambda now, _: step(*now), range(together), now),
            now,
            maximum_iterations=times.limit and times.limit // together,
        )

    now = (tf.constant(0), flat, [one.array for one in kept])
    if unroll is not True:
        now = rounds(now, int(unroll) or 1)
    if isinstance(times.count, int):
        done = 0 if unroll is True else times.count // (unroll or 1) * (unroll or 1)
        for i in range(done, times.count):
            now = step(i, *now[1:])
    elif unroll:
        now = rounds(now, 1)
    _, flat, arrays = now
    kept = [k.with_array(a) for k, a in zip(kept, arrays, strict=True)]
    return tree.pack_sequence_as(carry, flat), kept


class Rows:
    """A tensor `(time, ...)` that one loop writes and another reads, no row of it ever copied."""

    def __init__(self, steps, dtype, shape, array=None):
        self.steps, self.dtype, self.shape = steps, dtype, tf.TensorShape([None, *shape])
        if array is None:
            array = tf.TensorArray(
                dtype, size=steps, element_shape=tuple(shape), clear_after_read=False
            )
        self.array = array

    @classmethod
    def of(cls, tensor) -> "Rows":
        """The rows of a tensor."""
        rows = cls(tf.shape(tensor)[0], tensor.dtype, tensor.shape[1:])
        return rows.with_array(rows.array.unstack(tensor))

    def with_array(self, array) -> "Rows":
        """The same, over the array of another round of the loop."""
        return type(self)(self.steps, self.dtype, self.shape[1:], array)

    def __getitem__(self, t):
        return tf.ensure_shape(self.array.read(t), self.shape[1:])

    def write(self, t, value) -> "Rows":
        """With a row written."""
        return self.with_array(self.array.write(t, value))

    def stack(self, length=None):
        """All rows as one tensor."""
        whole = self.array.stack()
        whole.set_shape([length, *self.shape[1:]])
        return whole


class Whole(Rows):
    """Rows as one tensor, made anew for each row: LiteRT has no arrays for an open batch size."""

    def write(self, t, value):
        """With a row written."""
        whole = tf.tensor_scatter_nd_update(self.array, [[t]], value[None])
        return self.with_array(tf.ensure_shape(whole, self.array.shape))

    def stack(self, length=None):
        """All rows."""
        self.array.set_shape([length, *self.shape[1:]])
        return self.array
