"""Attention: what a query finds in a memory, such as the outputs of an encoder."""

import keras
from keras import ops, tree

from keraseq.cells import Cell
from keraseq.cells.context import running
from keraseq.cells.products import matmul, product
from keraseq.checks import boolean, one_of, positive_integer, positive_number
from keraseq.keras_inside import apart, serialized
from keraseq.layers.holding import Holding

SCORES = ("additive", "dot", "general")


def shares_of(scores, mask=None):
    """Softmax over the last axis of the scores that a mask lets through.

    Where there is none, all shares are zeros: an empty memory has nothing to tell, where a softmax
    would be NaN. Both, mask and scores, are `(..., places)`.
    """
    if mask is None:
        return ops.softmax(scores, axis=-1)
    scores = ops.where(mask, scores, -float("inf"))
    highest = ops.max(scores, axis=-1, keepdims=True)
    highest = ops.where(ops.isfinite(highest), highest, 0.0)
    parts = ops.exp(scores - ops.stop_gradient(highest))
    return parts / ops.maximum(ops.sum(parts, axis=-1, keepdims=True), 1e-30)


class Attending(Holding, keras.layers.Layer):
    """Scores, shares and what they find: what the layers of this file have in common.

        additive   e_j = v' tanh(W q + U m_j)      Bahdanau et al. 2015
        dot        e_j = q' m_j                    Luong et al. 2015
        general    e_j = q' U m_j                  Luong et al. 2015
        a = softmax(e) over the places with a mask,   c = sum_j a_j m_j

    `U m_j` does not depend on the query: `remember` computes it once a sequence.
    """

    def __init__(self, score, units, **kwargs):
        super().__init__(autocast=False, **kwargs)  # states stay in the variable dtype
        self.score = one_of("score", score, SCORES)
        self.units = None if units is None else positive_integer("units", units)
        if self.units is not None and self.score != "additive":
            raise ValueError(
                f"units is the width of the additive score; received score={score!r}, units={units}"
            )

    def build_score(self, query: int, memory: int) -> None:
        """The weights, for queries and memories of these widths."""
        if self.score == "dot" and query != memory:
            raise ValueError(
                f"score='dot' needs a memory as wide as the query, {query}; received {memory}. "
                "Accepted for any widths: 'general', 'additive'"
            )
        if self.score == "additive":
            units = self.units or query
            self.query_kernel = self._matrix("query_kernel", query, units)
            self.key_kernel = self._matrix("key_kernel", memory, units)
            self.v = self._matrix("v", units, 1)
        elif self.score == "general":
            self.key_kernel = self._matrix("key_kernel", memory, query)

    def _matrix(self, name, rows, columns):
        return self.add_weight((rows, columns), name=name, autocast=False)

    def remember(self, memory, mask=None) -> dict:
        """What does not depend on a query: keys, values and mask of a memory.

        Args:
            memory: `(batch, places, width)`; what stands under the mask does not matter.
            mask: `(batch, places)`, `True` where there is something. Default: everywhere.
        """
        values = ops.cast(memory, self.variable_dtype)
        if mask is not None:
            mask = ops.cast(mask, "bool")
            values = ops.where(ops.expand_dims(mask, -1), values, 0.0)
        keys = values
        if self.score != "dot":
            kernel = ops.cast(self.key_kernel, self.compute_dtype)
            keys = matmul(ops.cast(values, self.compute_dtype), kernel)
            keys = ops.cast(keys, self.variable_dtype)
        return {"keys": keys, "values": values, "mask": mask}

    def attend(self, query, memory: dict):
        """What a query finds in what `remember` gave.

        Args:
            query: `(batch, width)`, or with more axes between them, `(batch, time, width)`.
            memory: What `remember` gave.

        Returns:
            `(found, shares)`: `(batch, [time,] memory width)` and `(batch, [time,] places)`.
        """
        keys, values, mask = memory["keys"], memory["values"], memory["mask"]
        if len(query.shape) > 2:
            mask = None if mask is None else ops.expand_dims(mask, 1)
        if self.score == "additive":
            query = self._product(query, self.query_kernel)
            keys = keys[:, None] if len(query.shape) > 2 else keys
            v = ops.convert_to_tensor(self.v)[:, 0]
            scores = ops.sum(v * ops.tanh(query[..., None, :] + keys), axis=-1)
        elif len(query.shape) > 2:
            scores = ops.matmul(query, ops.transpose(keys, (0, 2, 1)))
        else:
            scores = ops.sum(query[:, None] * keys, axis=-1)
        shares = shares_of(scores, mask)
        if len(query.shape) > 2:
            return ops.matmul(shares, values), shares
        return ops.sum(ops.expand_dims(shares, -1) * values, axis=1), shares

    def _product(self, operand, weight):
        operand = ops.cast(operand, self.compute_dtype)
        return ops.cast(product(operand, weight), self.variable_dtype)

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "score": self.score, "units": self.units}


@keras.saving.register_keras_serializable("keraseq")
class Attention(Attending):
    """What every step of a sequence finds in a memory: global attention after a decoder.

        e_tj = score(h_t, m_j)                  see `score`
        a_t  = softmax(e_t) over the places     zeros where the memory is empty
        c_t  = sum_j a_tj m_j
        y_t  = tanh(W_c [c_t; h_t])             as wide as h_t

    All steps at once: nothing goes from step to step. Where the next step shall know what this one
    found (input feeding), the loop itself attends: `AttentionCell`.

    `keras.layers.Attention` and `AdditiveAttention` have no weights for query and key, and give a
    row without a place the mean of its padding.

    Args:
        score: `"additive"`, `"dot"` or `"general"`.
            additive  e = v' tanh(W h + U m);   dot  e = h' m;   general  e = h' U m.
            Defaults to `"general"`.
        units: Width of the additive score. Default: that of the queries.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        query: `(batch, time, width)`.
        memory: `(batch, places, memory width)`.
        memory_mask: `(batch, places)`, `True` where there is something. Default: the mask that
            `memory` carries.

    Returns:
        `(batch, time, width)`.

    Raises:
        ValueError: An unknown score, or `"dot"` with a memory of another width.

    Example:

    >>> layer = keraseq.layers.Attention("dot")
    >>> tuple(layer(keras.ops.ones((2, 5, 8)), keras.ops.ones((2, 7, 8))).shape)
    (2, 5, 8)

    References:
        Luong, Pham & Manning 2015, "Effective Approaches to Attention-based Neural Machine
        Translation", arXiv:1508.04025.
    """

    def __init__(self, score="general", units=None, **kwargs):
        super().__init__(score, units, **kwargs)
        self.supports_masking = True

    def build(self, query_shape, memory_shape):
        """Makes the weights."""
        width, found = query_shape[-1], memory_shape[-1]
        self.build_score(width, found)
        self.kernel = self._matrix("kernel", found + width, width)
        super().build(None)

    def call(self, query, memory, memory_mask=None):
        """Attends at every step."""
        return self.look(query, self.remember(memory, memory_mask))[0]

    def look(self, query, memory: dict):
        """`call` with what `remember` gave: `(y, shares)`."""
        query = ops.cast(query, self.variable_dtype)
        found, shares = self.attend(query, memory)
        both = ops.concatenate([found, query], axis=-1)
        y = ops.tanh(self._product(both, self.kernel))
        return ops.cast(y, self.compute_dtype), shares

    def compute_mask(self, query, mask=None):
        """The mask of the queries."""
        return mask[0] if isinstance(mask, (list, tuple)) else mask

    def compute_output_shape(self, query_shape, memory_shape):
        """That of the queries."""
        return tuple(query_shape)


@keras.saving.register_keras_serializable("keraseq")
class AttentionCell(Attending):
    """A recurrent cell that looks at a memory at every step; any cell, in `keraseq.layers.RNN`.

    With the additive score it looks before its step, with its state, and the cell reads what it
    found (Bahdanau et al. 2015):

        a_t, c_t   = attend(s_{t-1})
        o_t, s_t   = cell([x_t; c_t], s_{t-1})
        y_t        = [o_t; c_t]

    With the others it looks after it, with the cell's output, and the next step reads what came of
    that (Luong et al. 2015, with input feeding):

        o_t, s_t   = cell([x_t; y_{t-1}], s_{t-1})
        a_t, c_t   = attend(o_t)
        y_t        = tanh(W_c [c_t; o_t])              y_0 = 0

    With a gate what is found counts as much as the query says (Xu et al. 2015), for any score:

        c_t        = sigmoid(w' q_t + b) sum_j a_tj m_j          q_t: s_{t-1}, or o_t

    The memory is the `context` of the layer, and what it holds is projected once a sequence.

    Departs from the papers: Bahdanau's readout (a maxout layer) is left to what stands above; the
    additive score has no bias; Luong's decoder feeds its lowest layer, here it is the cell itself.

    Args:
        cell: The cell, `keraseq.cells`' or another. `s` above is the first of its states, in a
            `keras.layers.StackedRNNCells` the first of the top cell.
        score: `"additive"`, `"dot"` or `"general"`, see `Attention`. Defaults to `"additive"`.
        units: Width of the additive score. Default: that of the state.
        gate: Whether there is that gate. Defaults to `False`.
        give_shares: Whether a_t stands behind y_t in the output, as `EvenAttention` reads it; needs
            a memory of a known number of places. Defaults to `False`.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, features)`.
        states: Those of the cell, and for `"dot"` and `"general"` y_{t-1} behind them.
        training: Whether dropout is at work.

    Returns:
        `(y_t, states)`.

    Raises:
        ValueError: An unknown score; `"dot"` with a memory of another width than the cell's
            output; `give_shares` with any number of places; in use, a layer that was called without
            `context=`.

    Example:

    >>> cell = keraseq.layers.AttentionCell(keraseq.cells.GRUCell(8), "general")
    >>> decoder = keraseq.layers.RNN(cell, return_sequences=True)
    >>> target, memory = keras.ops.ones((2, 5, 3)), keras.ops.ones((2, 7, 6))
    >>> tuple(decoder(target, context=memory).shape)
    (2, 5, 8)

    References:
        Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and
        Translate", arXiv:1409.0473. Luong, Pham & Manning 2015, arXiv:1508.04025. Xu et al. 2015,
        "Show, Attend and Tell", arXiv:1502.03044 (gate).
    """

    def __init__(self, cell, score="additive", units=None, gate=False, give_shares=False, **kwargs):
        super().__init__(score, units, **kwargs)
        self.cell = cell
        self.gate, self.give_shares = boolean("gate", gate), boolean("give_shares", give_shares)

    @property
    def feeds(self) -> bool:
        """Whether a step reads what the step before made of its memory."""
        return self.score != "additive"

    @property
    def width(self) -> int:
        """Width of what the cell itself gives."""
        size = getattr(self.cell, "output_size", None)
        return tree.flatten(self.cell.state_size)[0] if size is None else size

    @property
    def output_size(self) -> int:
        """Width of y, and of the shares where they stand behind it."""
        width = self.width if self.feeds else self.width + self.found
        return width + self.places if self.give_shares else width

    @property
    def state_size(self):
        """The cell's states, and what is fed."""
        return [*tree.flatten(self.cell.state_size), *([self.width] if self.feeds else [])]

    @property
    def state_dtype(self) -> str:
        """The dtype of the states."""
        return self.variable_dtype

    def build(self, input_shape, context_shape=None):
        """Makes the weights and builds the cell."""
        self.found, self.places = memory_width(context_shape), context_shape[1]
        if self.give_shares and self.places is None:
            raise ValueError(
                "give_shares=True needs a memory of a known number of places; received shape "
                f"{context_shape}"
            )
        features = input_shape[-1] + (self.width if self.feeds else self.found)
        if not self.cell.built:
            self.cell.build((input_shape[0], features))
            self.cell.built = True
        query = self.width if self.feeds else self._query_width()
        self.build_score(query, self.found)
        if self.gate:
            self.gate_kernel = self._matrix("gate_kernel", query, 1)
            self.gate_bias = self.add_weight((1,), "zeros", name="gate_bias", autocast=False)
        if self.feeds:
            self.kernel = self._matrix("kernel", self.found + self.width, self.width)
        super().build(None)

    def get_initial_state(self, batch_size=None):
        """The cell's, and zeros for what is fed."""
        states = tree.flatten(self.cell.get_initial_state(batch_size=batch_size))
        states = [ops.cast(one, self.state_dtype) for one in states]
        if self.feeds:
            states.append(ops.zeros((batch_size, self.width), dtype=self.state_dtype))
        return states

    def call(self, inputs, states, training=False):
        """One step."""
        memory = running().context
        if memory is None:
            raise ValueError("an AttentionCell needs a memory: give its layer context=")
        output, states, _ = self.advance(inputs, states, memory, training)
        return output, states

    def advance(self, inputs, states, memory: dict, training=False):
        """One step with what `remember` gave: `(y_t, states, shares)`."""
        inputs = ops.cast(inputs, self.state_dtype)
        if not self.feeds:
            found, shares = self._find(self._query(states), memory)
            output, states = self._step(ops.concatenate([inputs, found], -1), states, training)
            y = ops.concatenate([output, found], -1)
        else:
            *states, fed = states
            output, states = self._step(ops.concatenate([inputs, fed], -1), states, training)
            found, shares = self._find(output, memory)
            both = ops.concatenate([found, output], axis=-1)
            y = ops.tanh(self._product(both, self.kernel))
            states = [*states, y]
        return (ops.concatenate([y, shares], -1) if self.give_shares else y), states, shares

    def _find(self, query, memory):
        found, shares = self.attend(query, memory)
        if self.gate:
            found = ops.sigmoid(self._product(query, self.gate_kernel) + self.gate_bias) * found
        return found, shares

    def _step(self, inputs, states, training):
        nested = tree.pack_sequence_as(self.cell.state_size, list(states))
        if not tree.is_nested(nested):
            nested = [nested]
        # keraseq's own are called past Keras, which would cast their states.
        call = self.cell.call if isinstance(self.cell, Cell) else self.cell
        output, after = call(inputs, nested, training=training)
        return ops.cast(output, self.state_dtype), tree.flatten(after)

    def _top(self):
        """Number of the first state of the cell, of the top cell where there are several."""
        cells = getattr(self.cell, "cells", None) or [self.cell]
        return sum(len(tree.flatten(one.state_size)) for one in cells[:-1])

    def _query(self, states):
        return states[self._top()]

    def _query_width(self):
        return tree.flatten(self.cell.state_size)[self._top()]

    def get_config(self):
        """Configuration for serialisation."""
        own = {"gate": self.gate, "give_shares": self.give_shares}
        return {**super().get_config(), "cell": serialized(self.cell), **own}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The cell that `get_config` describes."""
        with apart():
            return super().from_config(config, custom_objects)


def memory_width(shape) -> int:
    """The width of a memory of a shape, or an error."""
    if shape is None or len(shape) != 3 or shape[-1] is None:
        raise ValueError(
            "an AttentionCell needs a memory (batch, places, width): give its layer context=; "
            f"received shape {shape}"
        )
    return shape[-1]


@keras.saving.register_keras_serializable("keraseq")
class EvenAttention(keras.layers.Layer):
    """Asks an attention to look at every place about once: doubly stochastic attention.

        cost = weight / T  sum_j (1 - sum_t a_tj)^2        t: the T steps that are no padding

    It reads what `AttentionCell(..., give_shares=True)` gave, adds that cost to the loss in
    training, the mean over all steps of a batch, and hands the rest on.

    Departs from the paper: there cost and cross-entropy are sums over the words of a caption; both
    are divided by the number of words here, as Keras' cross-entropy is.

    Args:
        places: Number of places.
        weight: How much the cost counts. Defaults to 1.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        outputs: `(batch, time, width + places)`.
        mask: `(batch, time)`, `False` for padding. Default: none is.
        training: Whether the cost is added.

    Returns:
        `(batch, time, width)`.

    Example:

    >>> layer = keraseq.layers.EvenAttention(places=2)
    >>> y = layer(keras.ops.array([[[7.0, 0.5, 0.5], [8.0, 1.0, 0.0]]]), training=True)
    >>> tuple(y.shape), float(layer.losses[0])
    ((1, 2, 1), 0.25)

    References:
        Xu et al. 2015, "Show, Attend and Tell: Neural Image Caption Generation with Visual
        Attention", arXiv:1502.03044, equation 14.
    """

    def __init__(self, places, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self.places = positive_integer("places", places)
        self.weight = positive_number("weight", weight)
        self.supports_masking = True

    def call(self, outputs, mask=None, training=False):
        """Adds the cost and cuts the shares off."""
        if training:
            self.add_loss(self.weight * unevenness(outputs[..., -self.places :], mask))
        return outputs[..., : -self.places]

    def compute_output_shape(self, outputs_shape):
        """The shares are gone."""
        return (*outputs_shape[:-1], outputs_shape[-1] - self.places)

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "places": self.places, "weight": self.weight}


def unevenness(shares, mask=None):
    """How far the shares `(batch, time, places)` are from 1 at each place, for each step."""
    mask = ops.ones_like(shares[..., 0]) if mask is None else ops.cast(mask, shares.dtype)
    away = 1.0 - ops.sum(shares * mask[..., None], axis=1)
    return ops.sum(ops.square(away)) / ops.maximum(ops.sum(mask), 1.0)
