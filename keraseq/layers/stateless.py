"""A model of recurrent layers whose states are arguments and results: one step, or many at once."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from keraseq.cells import Cell
from keraseq.cells.context import during
from keraseq.keras_inside import graph_of, operations, run_graph
from keraseq.layers.attention import AttentionCell
from keraseq.layers.rnn import RNN
from keraseq.layers.stack import Stack


class Read(NamedTuple):
    """What a model says of tokens, and the states it is left in.

    `logits` are `(batch, [time,] vocabulary)`; `hidden`, the outputs of the last recurrent layer,
    `(batch, [time,] width)`; `states` nested tensors, as `Stateless.first_states` gives them.
    """

    logits: object
    hidden: object
    states: list


class Stateless:
    """A language model with explicit states, made once from a `keras.Model`; it shares its weights.

        logits_t, s_t = step(token_t, s_{t-1})           one step
        logits, s_T   = read(token_1 ... token_T, s_0)   the same for all steps at once

    The model's graph runs as it is, but for its recurrent layers: these run from the states that
    are given. Dropout is off, and the states of `stateful` layers are neither read nor changed.

    Args:
        model: A functional or sequential model with tokens `(batch, length)` as its one input and
            logits `(batch, length, vocabulary)` as its one output, such as
            `keraseq.models.language_model` builds. Its recurrent layers may be keraseq's or Keras'.

    Raises:
        ValueError: The model is none of that, has no recurrent layer, or one that reads backwards
            or returns its last output only; or a layer that is not recurrent looks at several
            steps, so that step by step the logits differ.

    Example:

    >>> from keraseq.layers.stateless import Stateless
    >>> model = keraseq.models.language_model(9, cell="mut1", units=4)
    >>> stateless = Stateless(model)
    >>> logits, _, states = stateless.step(keras.ops.array([3]), stateless.first_states(1))
    >>> tuple(logits.shape), [tuple(state.shape) for [state] in states]
    ((1, 9), [(1, 4)])
    """

    def __init__(self, model: keras.Model):
        self.model = model
        graph = graph_of(model)
        check_graph(model, graph)
        self.graph = graph
        self.vocabulary = graph.outputs[0].shape[-1]
        # One tower for each call of a recurrent layer, in the order in which the graph runs them.
        self.towers = [Tower(one) for one in operations(graph) if is_recurrent(one)]
        if not self.towers:
            raise ValueError(f"model {model.name!r} has no recurrent layer")
        self._check_steps()

    @property
    def variables(self) -> list[keras.Variable]:
        """Every variable that a step reads."""
        return self.model.variables

    def first_states(self, batch: int) -> list:
        """The states before the first token."""
        return [one for tower in self.towers for one in tower.first_states(batch)]

    def step(self, tokens, states) -> Read:
        """Reads one token `(batch,)` in each row."""
        logits, hidden, states = self._run(tokens[:, None], states, Tower.step)
        return Read(logits[:, 0], hidden[:, 0], states)

    def read(self, tokens, states, valid=None) -> Read:
        """Reads tokens `(batch, time)`.

        Args:
            tokens: Integers `(batch, time)`.
            states: Those before the first of them.
            valid: `(batch, time)`, `False` where a token is to be passed over: there the states
                stay as they are, and the logits mean nothing. Default: all are read.
        """

        def run(tower, x, states):
            return tower.read(x, states, valid)

        return self._run(tokens, states, run)

    def _run(self, tokens, states, run_tower) -> Read:
        """The model's graph, with `run_tower(tower, x, states)` in place of recurrent layers."""
        logits, hidden, after = through(self.graph, self.towers, [tokens], states, run_tower)
        return Read(tree.flatten(logits)[0], hidden, after)

    def _check_steps(self):
        """Raises unless the model says the same step by step as at once."""
        tokens = np.arange(4, dtype="int32")[None] * 7 % self.vocabulary
        first = self.first_states(1)
        whole = ops.convert_to_numpy(ops.cast(self.read(tokens, first).logits, "float32"))
        states, steps = first, []
        for t in range(tokens.shape[1]):
            logits, _, states = self.step(ops.convert_to_tensor(tokens[:, t]), states)
            steps.append(ops.convert_to_numpy(ops.cast(logits, "float32")))
        steps = np.stack(steps, axis=1)
        # As far apart as mixed precision brings them. A model that has diverged says NaN both ways.
        if not np.allclose(whole, steps, rtol=0.02, atol=0.02, equal_nan=True):
            raise ValueError(
                f"model {self.model.name!r} does not say the same step by step as at once (logits "
                f"{np.abs(whole - steps).max():.2g} apart): a layer that is not recurrent looks at "
                "more than one step"
            )


class Tower:
    """What a `Stack`, or a single recurrent layer, computes, from states that are given."""

    def __init__(self, layer: keras.layers.Layer):
        single = not isinstance(layer, Stack)
        self.residual = not single and layer.residual
        layers = [layer] if single else layer.rnns
        # Layers of their own around the same cells: a `stateful` layer would keep what it read.
        self.rnns = [
            RNN(one.cell, return_sequences=True, return_state=True, dtype=one.dtype_policy)
            for one in layers
        ]

    def first_states(self, batch, given=None) -> list:
        """Before the first step, of each layer: what is given, flat, or what its cell says."""
        if given is None:
            cells = [rnn.cell for rnn in self.rnns]
            return [as_lists(cell.get_initial_state(batch_size=batch)) for cell in cells]
        given, states = list(tree.flatten(given)), []
        for rnn in self.rnns:
            count = len(rnn.state_sizes)
            states.append(rnn.states_before(given[:count], batch))
            given = given[count:]
        return states

    def remember(self, context, mask=None):
        """What the steps find of a context that stays, see `keraseq.layers.RNN`."""
        cell = self.rnns[0].cell
        if context is None or not hasattr(cell, "remember"):
            return context
        return cell.remember(context, mask)

    def step(self, x, states):
        """One step, `(batch, 1, features)` -> `(batch, 1, width)` and the new states."""
        return self.look(x, states, None)[:2]

    def look(self, x, states, memory):
        """One step with what `remember` gave; also where it looked, None if nowhere."""
        looked = None

        def step(rnn, below, before):
            nonlocal looked
            x, cell = below[:, 0], rnn.cell
            if isinstance(cell, Cell):  # called as a layer it would have its states cast
                y, after = cell.advance(cell.project(x), before)
            elif isinstance(cell, AttentionCell):
                y, after, looked = cell.advance(x, before, memory)
            else:
                y, after = cell(x, before)
                after = list(after) if isinstance(after, (list, tuple)) else [after]
            return ops.cast(y, rnn.compute_dtype)[:, None], like(before, after)

        with during(context=memory):
            y, after = self._through(x, states, step)
        return y, after, looked

    def read(self, x, states, valid=None):
        """All steps, `(batch, time, features)` -> `(batch, time, width)` and the last states."""

        def read(rnn, below, before):
            # `call` itself: calling the layer casts the states, and ties the mask to its output.
            y, *after = rnn.call(below, initial_state=before, mask=valid)
            return y, like(before, after)

        return self._through(x, states, read)

    def _through(self, x, states, run):
        after = []
        for i, (rnn, before) in enumerate(zip(self.rnns, states, strict=True)):
            y, new = run(rnn, x, before)
            after.append(new)
            x = y + x if self.residual and i else y
        return x, after


def through(graph, towers, inputs: list, states, run_tower):
    """A graph with `run_tower(tower, x, states)` in place of its recurrent layers.

    Returns:
        `(outputs, hidden, states)`, `hidden` those of the last recurrent layer.
    """
    towers, before, after, hidden = iter(towers), iter(states), [], []

    def instead(operation):
        if not is_recurrent(operation):
            return operation

        def run(x, *_, **__):
            tower = next(towers)
            own = [next(before) for _ in tower.rnns]
            y, new = run_tower(tower, x, own)
            after.extend(new)
            hidden[:] = [y]
            return y if operation.return_sequences else y[:, -1]

        return run

    outputs = run_graph(graph, inputs, instead)
    return outputs, hidden[0], after


def is_recurrent(operation) -> bool:
    """Whether an operation of a graph carries states from step to step."""
    kinds = (keras.layers.RNN, keras.layers.Bidirectional, Stack)
    return isinstance(operation, kinds)


def as_lists(states) -> list:
    """The states of a cell as (nested) lists: cells give tuples, lists, or a single tensor."""
    if not isinstance(states, (list, tuple)):
        return [states]
    return [as_lists(one) if isinstance(one, (list, tuple)) else one for one in states]


def like(before, after):
    """The states `after` in the nesting and the types of those `before`."""
    pairs = zip(tree.flatten(before), tree.flatten(after), strict=True)
    return tree.pack_sequence_as(before, [ops.cast(new, old.dtype) for old, new in pairs])


def check_graph(model, graph):
    """Raises a one-line error if the model cannot be a language model."""
    if graph is None:
        raise ValueError(
            f"a language model must be a functional or sequential keras.Model; received {model!r}"
        )
    shapes = [tuple(one.shape) for one in (*graph.inputs, *graph.outputs)]
    if [len(shape) for shape in shapes] != [2, 3] or "int" not in graph.inputs[0].dtype:
        raise ValueError(
            "a language model reads integer tokens (batch, length) and gives logits (batch, "
            f"length, vocabulary); received model {model.name!r} with inputs and outputs {shapes}"
        )
    for layer in graph.layers:
        if getattr(layer, "mask_zero", False):
            raise ValueError(
                f"layer {layer.name!r} of model {model.name!r} takes token 0 for padding "
                "(mask_zero=True); a language model reads every token"
            )
    check_recurrent(model, graph.layers)


def check_recurrent(model, layers, every_step: bool = True) -> None:
    """Raises a one-line error if a recurrent layer cannot go step by step.

    Args:
        model: The model, for the message.
        layers: Its layers.
        every_step: Whether the output of every step is needed. Defaults to `True`.
    """
    for layer in layers:
        if not is_recurrent(layer):
            continue
        backward = isinstance(layer, keras.layers.Bidirectional) or getattr(
            layer, "bidirectional", getattr(layer, "go_backwards", False)
        )
        if backward:
            raise ValueError(
                f"layer {layer.name!r} of model {model.name!r} reads backwards: a sequence "
                "that is still to come has no end to start from"
            )
        if (every_step and not layer.return_sequences) or layer.return_state:
            raise ValueError(
                f"layer {layer.name!r} of model {model.name!r} must return the output of every "
                "step and nothing else (return_sequences=True, return_state=False)"
            )
