"""What keraseq uses of Keras and TensorFlow that they do not export, each with its reason.

Another release may change these; `tests/test_keras_inside.py` says what each must do.
"""

import contextlib
import logging
import warnings
from collections.abc import Callable
from contextvars import ContextVar

import keras
from keras.src.backend.common import global_state

# The mask that a tensor carries: a layer that is called with several tensors is not told.
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask

# The scope around a scope, and whether variable updates are being recorded already: a loop must
# read the variables as the code around it sees them.
from keras.src.backend.common.stateless_scope import get_stateless_scope, in_stateless_scope

# `keras.layers.RNN` prepares the dropout masks of a sequence for this class alone, before its loop;
# without it a cell with dropout leaks tracers on JAX (see ARCHITECTURE.md).
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

__all__ = [
    "DropoutRNNCell",
    "KeptState",
    "apart",
    "before",
    "begin_at",
    "calls",
    "expected_batch",
    "get_keras_mask",
    "get_stateless_scope",
    "give_masks",
    "graph_of",
    "in_stateless_scope",
    "layers_inside",
    "made_by",
    "of_litert",
    "operations",
    "rate_of",
    "read_by",
    "run_graph",
    "serialized",
    "set_keras_mask",
    "takes_training",
    "tape_record",
    "where_in_onnx",
    "without_advice_on_tracing",
]


@contextlib.contextmanager
def apart():
    """What is serialized or made here is no part of the model that Keras saves or loads around it.

    While it does, Keras knows things by their `id`. That of a layer which lived for a moment goes
    to the next, and Keras takes the two for one: the second would be made like the first.
    """
    names = ("shared_objects/id_to_obj_map", "shared_objects/id_to_config_map")
    known = [global_state.get_global_attribute(name) for name in names]
    try:
        for name in names:
            global_state.set_global_attribute(name, None)
        yield
    finally:
        for name, one in zip(names, known, strict=True):
            global_state.set_global_attribute(name, one)


def serialized(thing):
    """`keras.saving.serialize_keras_object` of a thing that may be gone a moment later."""
    with apart():
        return keras.saving.serialize_keras_object(thing)


def layers_inside(layer: keras.layers.Layer, itself: bool = True, deep: bool = True) -> list:
    """The layers in a layer or model, however deep: `Model.layers` names the uppermost only."""
    return list(layer._flatten_layers(recursive=deep, include_self=itself))


def graph_of(model) -> keras.Model | None:
    """The functional model of a functional or sequential one: only that has a graph to run."""
    graph = getattr(model, "_functional", None) or model
    return graph if isinstance(graph, keras.Model) and hasattr(graph, "_nodes_by_depth") else None


def operations(graph: keras.Model) -> list:
    """The layers of a functional model, once for each call, in the order in which it runs them."""
    return [layer for layer, _ in calls(graph)]


def calls(graph: keras.Model) -> list:
    """`operations` with the tensors that each reads, in the same order."""
    nodes = graph._nodes_by_depth
    order = [node for depth in sorted(nodes, reverse=True) for node in nodes[depth]]
    return [(node.operation, node.input_tensors) for node in order]


def run_graph(graph: keras.Model, inputs: list, instead: Callable):
    """Runs a functional model with `instead(layer)` for each layer.

    There is no public way: `keras.models.clone_model` would add nodes to the shared layers.
    """
    return graph._run_through_graph(inputs, instead)


def before(graph: keras.Model, tensor: keras.KerasTensor) -> list:
    """The tensors of a graph that do not follow from one of its inputs, where they meet it."""
    nodes, found, follow = graph._nodes_by_depth, {}, {id(tensor)}
    for depth in sorted(nodes, reverse=True):
        for node in nodes[depth]:
            if any(id(one) in follow for one in node.input_tensors):
                follow.update(id(one) for one in node.outputs)
                found |= {id(one): one for one in node.input_tensors if id(one) not in follow}
    return list(found.values())


def made_by(tensor: keras.KerasTensor):
    """The layer that a tensor of a functional model comes from; the model lists layers alone."""
    return tensor._keras_history.operation


def read_by(layer: keras.layers.Layer) -> keras.KerasTensor:
    """The first tensor that a layer of a functional model reads; `Layer.input` needs one call."""
    return layer._inbound_nodes[0].input_tensors[0]


@contextlib.contextmanager
def without_advice_on_tracing():
    """TensorFlow does not say here that a function is traced often.

    It counts the first run of each of several models as one function that is traced again.
    """
    logger, spare = logging.getLogger("tensorflow"), "triggered tf.function retracing"

    def other(record):
        return spare not in record.getMessage()

    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


@contextlib.contextmanager
def where_in_onnx():
    """Within this context `where` is ONNX's `Where`, whatever it chooses from.

    tf2onnx writes `x * condition + y * (1 - condition)`, which lets a NaN through that is masked.
    """
    from tf2onnx import onnx_opset  # noqa: F401 - where the writers are registered
    from tf2onnx.handler import tf_op

    names = ("Select", "SelectV2")
    known = tf_op.get_opsets()[""][9]
    before = {name: known[name] for name in names}
    write, options = before["SelectV2"]

    def keeping_nan(graph, node, **kwargs):
        node.set_attr("handles_nan", True)
        write(graph, node, **kwargs)

    known.update({name: (keeping_nan, options) for name in names})
    try:
        with warnings.catch_warnings():  # Keras gives NumPy a name that tf2onnx wants
            warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
            yield
    finally:
        known.update(before)


def of_litert() -> dict:
    """Options of `keras.Model.export`: operations of LiteRT alone, or an error.

    Keras lets operations of TensorFlow in too, which the runtime of LiteRT does not have.
    """
    import tensorflow as tf

    return {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}


def tape_record():
    """What a gradient tape of TensorFlow is told of, which exports it as `tf.custom_gradient` only.

    That keeps every gradient of a graph, and all that it refers to, for ever.
    """
    from tensorflow.python.eager import record

    return record


_compiled: ContextVar = ContextVar("keraseq_compiled", default=False)


@contextlib.contextmanager
def as_in_xla(compiled: bool):
    """Within this context `in_xla` says so, whatever graph is being made."""
    token = _compiled.set(compiled)
    try:
        yield
    finally:
        _compiled.reset(token)


def in_xla() -> bool:
    """Whether XLA will compile the graph of TensorFlow that is being made."""
    if _compiled.get():
        return True
    from tensorflow.python.framework import ops
    from tensorflow.python.ops import control_flow_util

    return control_flow_util.GraphOrParentsInXlaContext(ops.get_default_graph())


def expected_batch(layer: keras.layers.RNN) -> int | None:
    """The batch size that a `stateful` layer was built for; only its states' shapes say it."""
    return layer._expected_batch_size


def takes_training(layer: keras.layers.Layer) -> bool:
    """Whether a layer's `call` has the argument `training`, as Keras itself decides it."""
    return layer._call_has_training_arg


def give_masks(cell: keras.layers.Layer, inputs, operands) -> None:
    """Hands a cell of Keras its dropout masks; it looks for them on itself and draws others."""
    cell._dropout_mask, cell._recurrent_dropout_mask = inputs, operands


def begin_at(model: keras.Model, epoch: int | None) -> None:
    """The epoch with which `fit` begins, told by a callback, as `BackupAndRestore` tells it."""
    model._initial_epoch = epoch


def rate_of(optimizer: keras.optimizers.Optimizer):
    """The variable or schedule of an optimizer; `learning_rate` is the number of the next step."""
    return optimizer._learning_rate


class KeptState:
    """Mixin of a `keras.Model`, before it: no weights are lost where a step of JAX fails.

    Keras' trainer takes them out of the model and gives them back at the end.
    """

    def _symbolic_build(self, iterator=None, data_batch=None):
        """Keras', for data as they come: `tf.distribute` gives their mean over the devices."""
        if data_batch is not None:
            x, *rest = data_batch
            data_batch = (self.with_its_dtypes(x), *rest)
        super()._symbolic_build(iterator=iterator, data_batch=data_batch)

    def _get_jax_state(self, **asked):
        """Keras', and kept: the weights are nowhere else until the first step is done."""
        state = super()._get_jax_state(**asked)
        order = ("trainable", "non_trainable", "optimizer", "metrics")  # Keras'
        taken = [f"{one}_variables" for one in order if asked.get(f"{one}_variables")]
        self._jax_state = dict(zip(taken, state, strict=True))
        return state

    def come_back(self):
        """Gives the model its weights again, on JAX, where `fit` and `predict` stopped halfway."""
        if hasattr(self, "jax_state_sync"):
            self.jax_state_sync()
            self._jax_state = None
