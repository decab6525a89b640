"""Gradients of the loops on TensorFlow: what a step reads, pieces, functions of tensors."""

import functools
import weakref

import keras
import tensorflow as tf
from keras import tree

from keraseq.keras_inside import tape_record


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
    method, held = weakref.WeakMethod(function), [weakref.ref(one) for one in variables]
    made = []  # the results' structure

    def flat_function(values, arguments):
        pairs = [(one(), value) for one, value in zip(held, values, strict=True)]
        with keras.StatelessScope(pairs):
            made[:] = [method()(*arguments)]
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
        values = [value_of(one()) for one in held]

        def both(*given):
            values_given, given = split(given, len(values))
            given = put_back(arguments, given)

            def gradient(*d):
                return backward(values_given, given, list(d))

            return forward(values_given, given), gradient

        flat = with_gradient(both, [*values, *tensors_of(arguments)], keeping=method())
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


def with_gradient(function, tensors: list, keeping=None) -> list:
    """`tf.custom_gradient` whose gradient lives as long as its graph.

    Args:
        function: `(*tensors) -> (results, gradient)`, results a list of tensors and `gradient`
            their gradients -> a list of those of the tensors.
        tensors: A list.
        keeping: What `gradient` refers to weakly: a tape that records it now keeps it.

    Returns:
        The list of results.
    """
    results, gradient = function(*map(tf.stop_gradient, tensors))  # no outer tape looks inside

    def padded(*d):  # the operation has the tensors among its results too
        return [None] * len(results) + list(gradient(*d[: len(results)]))

    inside = [*results, *tensors]
    record = tape_record()
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
    taped = functools.partial(lambda keeping, *d: padded(*d), keeping)
    record.record_operation(GRADIENT, outside, inside, taped)
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
