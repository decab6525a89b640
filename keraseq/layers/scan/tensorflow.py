"""The loop over time on TensorFlow: `tf.while_loop`."""

import functools

import keras
import tensorflow as tf
from keras import tree

# What a gradient tape is told of; TensorFlow exports it only as `tf.custom_gradient`, which keeps
# every gradient of a graph, and all that it refers to, for ever.
from tensorflow.python.eager import record

from keraseq.layers.scan import deferred

NEEDS_PLAN = True
PIECES_SEE_ALL = False  # what a checkpointed function closes over has no gradient


def scan(step, inputs, carry, constants, *, collect, reverse, unroll, span):
    """See `keraseq.layers.scan.scan`; the gradient is TensorFlow's own."""
    flat = [tf.convert_to_tensor(one) for one in tree.flatten(inputs)]
    length = flat[0].shape[0]
    steps = tf.shape(flat[0])[0] if length is None else length
    times = Times(steps, span, reverse)

    # The gradient of reading a row of a tensor is a whole tensor; that of a row of rows is a row.
    rows = flat if unroll is True else [Rows.of(x) for x in flat]

    def body(i, carried, kept):
        now, t = times(i)
        read = tree.pack_sequence_as(inputs, [one[now] for one in rows])
        output, new = step(read, carried, constants)
        return new, [one.write(t, output) for one in kept]

    kept = [Rows(steps, collect.dtype, collect.shape)] if collect is not None else []
    carry, kept = loop(times, body, carry, kept, unroll)
    return (kept[0].stack(length) if kept else None), carry


def scan_deferred(step, plan, inputs, carry, *, collect, reverse, unroll, span, compiled):
    """See `keraseq.layers.scan.scan`; the weights' gradient is computed after the loop."""
    inputs = deferred.Floats(tree.map_structure(tf.convert_to_tensor, inputs))
    length = inputs.flat[0].shape[0]
    steps = tf.shape(inputs.flat[0])[0] if length is None else length
    times = Times(steps, span, reverse)
    carry = tree.map_structure(tf.convert_to_tensor, carry)
    states = carry["states"]
    compile = tf.function(autograph=False, jit_compile=True) if compiled else lambda f: f

    def forward(values, floats, carry):
        blocks = deferred.blocks(plan, values)
        read = inputs.over(floats)
        widths = [block.shape[-1] for block in blocks]

        def body(i, carried, kept):
            now, t = times(i)
            results = []

            def product(j, operand, addend):
                result = tf.matmul(operand, blocks[j])
                results.append(result if addend is None else result + addend)
                return results[-1]

            output, new = step(values, product, read.at(now), carried, step.constants)
            wrote = [(now, one) for one in (*tree.flatten(carried["states"]), *results)]
            if collect is not None:
                wrote.append((t, output))
            return new, [a.write(*one) for a, one in zip(kept, wrote, strict=True)]

        batch = tree.flatten(states)[0].shape[0]
        kept = [Rows(steps, s.dtype, s.shape) for s in tree.flatten(states)]
        kept += [Rows(steps, one.dtype, (batch, n)) for one, n in zip(plan, widths, strict=True)]
        if collect is not None:
            kept.append(Rows(steps, collect.dtype, collect.shape))
        carry, kept = loop(times, body, carry, kept, unroll)
        saved, results, outputs = split(kept, len(tree.flatten(states)), len(plan))
        saved, results = ([one.stack() if compiled else one for one in x] for x in (saved, results))
        return [one.stack() for one in outputs], carry, saved, results

    def backward(values, transposed, floats, saved, results, d_outputs, d_carry):
        read = inputs.over(floats)
        twins = {}  # of what the loop would keep twice, the number of the first

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

                added = [] if addend is None else [addend]
                return with_gradient(given, [operand, kept_results[j], *added])[0]

            return operands, kept_results, product

        def body(i, carried, kept):
            d_carry, d_direct = carried
            now, t = times(times.count - 1 - i)
            before = [one[now] for one in saved]
            old = {"states": tree.pack_sequence_as(states, before)}
            if "output" in carry:
                old["output"] = tf.zeros_like(d_carry["output"])
            operands, kept_results, product = replay(now)
            x = read.floats_at(now)
            sources = [*x, *tree.flatten(old), *kept_results, *values]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                output, after = step(values, product, read.at(now, x), old, step.constants)
                targets = [*([output] if collect is not None else []), *tree.flatten(after)]
            d_targets = [
                *([d_outputs[0][t]] if collect is not None else []),
                *tree.flatten(d_carry),
            ]
            found = tape.gradient(targets, sources, output_gradients=d_targets)
            d_x, d_old, d_results, d_values = split(
                found, len(x), len(tree.flatten(old)), len(plan)
            )
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

        batch = tree.flatten(states)[0].shape[0]
        kept = [Rows(steps, x.dtype, x.shape[1:]) for x in floats]
        kept += [Rows(steps, z.dtype, z.shape[1:]) for z in results]
        kept += [
            Rows(steps, one.dtype, (batch, matrix.shape[-1]))
            for one, matrix in zip(plan, transposed, strict=True)
        ]
        direct = {i: tf.zeros_like(values[i]) for i in step.summed(plan)}
        (d_carry, direct), kept = loop(times, body, (d_carry, direct), kept, unroll)
        kept = deferred.with_twins(
            [*floats, *saved], [None if n in twins else one for n, one in enumerate(kept)], twins
        )
        kept = [one if tf.is_tensor(one) else one.stack() for one in kept]
        d_floats, d_results, operands = split(kept, len(floats), len(plan))
        return operands, d_results, direct, d_floats, d_carry

    forward, backward = compile(forward), only_once(compile(backward))

    def run(*flat):
        values, floats, given = split(flat, len(values_now), len(inputs.floats))
        outputs, after, saved, results = forward(
            values, floats, tree.pack_sequence_as(carry, given)
        )

        def gradient(*d):
            d = list(d)
            d_outputs, d_after = (d[:1], d[1:]) if collect is not None else ([], d)
            transposed = [tf.transpose(one) for one in deferred.blocks(plan, values)]
            operands, d_results, direct, d_floats, d_carry = backward(
                values,
                transposed,
                floats,
                saved,
                results,
                d_outputs,
                tree.pack_sequence_as(carry, d_after),
            )
            d_values = deferred.weight_gradients(plan, values, direct, operands, d_results)
            return [*d_values, *d_floats, *tree.flatten(d_carry)]

        return [*outputs, *tree.flatten(after)], gradient

    values_now = step.values(value_of)
    flat = with_gradient(run, [*values_now, *inputs.floats, *tree.flatten(carry)])
    outputs = None
    if collect is not None:
        outputs, flat = flat[0], flat[1:]
        outputs.set_shape([length, *collect.shape])
    return outputs, tree.pack_sequence_as(carry, flat)


def in_graph() -> bool:
    """Whether a graph is being made, as `fit` and `predict` do, instead of running step by step."""
    return not tf.executing_eagerly()


def projects_in_loop(loop: str) -> bool:
    """Whether a loop is faster where it projects each input itself.

    On a CPU what one step projects stays in the cache, and what all do together does not; only
    XLA's small products are so slow that one large product before the loop pays.
    """
    return loop != "compiled" and not tf.config.list_physical_devices("GPU")


def value_of(variable):
    """The value of a variable as a tensor."""
    return tf.convert_to_tensor(variable.value)


def seen(function, arguments) -> list:
    """The tensors and variables of floats that a function reads beside its arguments."""
    graph = SeeingGraph("seen")
    with graph.as_default():
        function(*arguments)
    known = {id(one) for one in tree.flatten(arguments)}
    return [one for one in graph.read if id(one) not in known and may_have_gradient(one)]


class SeeingGraph(tf.__internal__.FuncGraph):
    """A graph that is never run, and notes what its operations read from outside."""

    def __init__(self, name):
        super().__init__(name)
        self.read = []

    def capture(self, tensor, name=None, shape=None):
        """Notes a tensor that is not its own."""
        if isinstance(tensor, tf.__internal__.EagerTensor) or tensor.graph is not self:
            self.read.append(tensor)
        return super().capture(tensor, name, shape)


def may_have_gradient(tensor) -> bool:
    """Whether it is a tensor of floats, or the handle of a variable of floats."""
    if tensor.dtype != tf.resource:
        return tensor.dtype.is_floating
    held = tensor._handle_data.shape_and_type if tensor._handle_data is not None else []
    return any(tf.dtypes.as_dtype(one.dtype).is_floating for one in held)


def checkpointed(function, variables):
    """See `keraseq.layers.scan.checkpointed`.

    As functions of their own, forward and backward are in the graph once, and what XLA compiles
    inside is compiled once: sixteen pieces took sixteen times as long, and a gigabyte for programs.
    """
    made = []  # the results' structure

    def flat_function(values, arguments):
        with keras.StatelessScope(list(zip(variables, values, strict=True))):
            made[:] = [function(*arguments)]
        return tree.flatten(made[0])

    @functools.partial(tf.function, autograph=False)
    def forward(values, arguments):
        return flat_function(*in_turn(values, arguments))

    @functools.partial(tf.function, autograph=False)
    def backward(values, arguments, d):
        values, arguments, d = in_turn(values, arguments, d)
        sources = [*values, *tensors_of(arguments)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            results = flat_function(values, arguments)
        return filled(tape.gradient(results, sources, output_gradients=d), sources)

    def run(*arguments):
        values = [value_of(one) for one in variables]

        def both(*given):
            values_given, given = split(given, len(values))
            given = put_back(arguments, given)

            def gradient(*d):
                return backward(values_given, given, list(d))

            return forward(values_given, given), gradient

        flat = with_gradient(both, [*values, *tensors_of(arguments)])
        return tree.pack_sequence_as(made[0], flat)

    return run


def in_turn(*arguments):
    """The arguments, none of them before all are there.

    Once a function is inlined, parts of it would run long before the rest, and their results wait.
    """
    with tf.control_dependencies(tensors_of(arguments)):
        return put_back(arguments, [tf.identity(one) for one in tensors_of(arguments)])


def tensors_of(nested) -> list:
    """The tensors of a nested structure that may hold other things."""
    return [one for one in tree.flatten(nested) if tf.is_tensor(one)]


def put_back(nested, tensors):
    """The structure with other tensors."""
    tensors = iter(tensors)
    return tree.map_structure(lambda one: next(tensors) if tf.is_tensor(one) else one, nested)


GRADIENT = "KeraseqGradient"
GRADIENTS = "keraseq_gradients"  # of a graph: name of an operation -> gradient


@tf.RegisterGradient(GRADIENT)
def gradient_of(operation, *d):
    """The gradient that `with_gradient` left with the graph of an operation."""
    return getattr(operation.graph, GRADIENTS)[operation.name](*d)


def with_gradient(function, tensors: list) -> list:
    """`tf.custom_gradient` whose gradient lives as long as its graph.

    Args:
        function: `(*tensors) -> (results, gradient)`, results a list of tensors and `gradient`
            their gradients -> a list of those of the tensors.
        tensors: A list.

    Returns:
        The list of results.
    """
    results, gradient = function(*map(tf.stop_gradient, tensors))  # no outer tape looks inside

    def padded(*d):  # the operation has the tensors among its results too
        return [None] * len(results) + list(gradient(*d[: len(results)]))

    inside = [*results, *tensors]
    with record.stop_recording():
        if tf.executing_eagerly():
            outside = [tf.identity(one) for one in inside]
        else:
            graph = tf.compat.v1.get_default_graph()
            with graph.gradient_override_map({"IdentityN": GRADIENT}):
                outside = tf.identity_n(inside)
            if not hasattr(graph, GRADIENTS):
                setattr(graph, GRADIENTS, {})
            getattr(graph, GRADIENTS)[outside[0].op.name] = padded
    record.record_operation(GRADIENT, outside, inside, padded)
    return outside[: len(results)]


def only_once(gradient):
    """A gradient that says so instead of being wrong when it is differentiated again."""

    def guarded(*arguments):
        def run(*flat):
            structure[:] = [gradient(*put_back(arguments, flat))]
            return tree.flatten(structure[0]), refuse

        def refuse(*_):
            raise ValueError(
                "a second derivative through a deferred gradient; use loop='plain' in "
                "keraseq.layers.RNN"
            )

        structure = []
        flat = with_gradient(run, tensors_of(arguments))
        return tree.pack_sequence_as(structure[0], flat)

    return guarded


class Times:
    """Which step a loop does in its i-th round, and where its output stands: `times(i)`."""

    def __init__(self, steps, span, reverse):
        self.steps, self.reverse = steps, reverse
        self.first, self.stop = (0, steps) if span is None else span
        self.count = self.stop - self.first
        self.limit = steps if isinstance(steps, int) else None  # XLA wants one

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
        return Rows(self.steps, self.dtype, self.shape[1:], array)

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


def filled(gradients, sources):
    """Gradients, with zeros where nothing flowed."""
    return [
        tf.zeros_like(source) if one is None else one
        for one, source in zip(gradients, sources, strict=True)
    ]


def split(flat, *sizes):
    """A list cut into lists of these sizes and one of the rest."""
    ends = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return [list(flat[a:b]) for a, b in zip(ends, [*ends[1:], None], strict=True)]
