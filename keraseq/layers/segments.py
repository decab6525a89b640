"""Forecasting segment by segment: few steps of any recurrent cell, the whole horizon at once."""

import keras
from keras import ops, tree

from keraseq import cells
from keraseq.cells import Cell
from keraseq.checks import boolean, positive_integer, rate
from keraseq.keras_inside import serialized
from keraseq.layers.feedback import regularized
from keraseq.layers.holding import Holding
from keraseq.layers.rnn import RNN, run_options


@keras.saving.register_keras_serializable("keraseq")
class SegmentRNN(Holding, keras.layers.Layer):
    """The recurrent part of `segment_forecaster`: windows -> `width` numbers for each value.

        e_i     = relu(dense(segment i of one series))       i = 1 ... length / segment
        s_i     = cell(e_i, s_{i-1})
        p_j     = [position j, channel]                       j = 1 ... horizon / segment
        h_j     = cell(p_j, s_last)                           all j from the same state
        y_j     = dense(dropout(h_j))                         the values of segment j

    Args:
        horizon: Number of steps to forecast.
        cell: A registered name, a cell class, or an instance as a pattern.
        units: Size of the state.
        targets: Number of series to forecast: the first ones.
        segment: Steps in a segment. Defaults to 24.
        width: Numbers to give for each value. Defaults to 1.
        dropout: Fraction of the values to drop before the last dense layer. Defaults to 0.
        channel_embedding: Whether each series has a vector of its own. Defaults to `True`.
        regularizer: Of all kernels. Default: none.
        cell_options: Options of the cell, a dictionary.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, features)`, or a list of it and the future covariates
            `(batch, horizon, future)`.
        training: Whether dropout is at work.

    Returns:
        `(batch, horizon, targets, width)`.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, or a window that
            is no multiple of the segment.

    Example:

    >>> layer = keraseq.layers.SegmentRNN(30, "gru", 8, targets=2, segment=12)
    >>> tuple(layer(keras.ops.ones((5, 24, 3))).shape)
    (5, 30, 2, 1)
    """

    def __init__(
        self,
        horizon,
        cell,
        units,
        *,
        targets,
        segment=24,
        width=1,
        dropout=0.0,
        channel_embedding=True,
        regularizer=None,
        cell_options=None,
        rnn_options=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.horizon = positive_integer("horizon", horizon)
        self.units = positive_integer("units", units)
        self.targets = positive_integer("targets", targets)
        self.segment = positive_integer("segment", segment)
        self.width = positive_integer("width", width)
        self.dropout = rate("dropout", dropout)
        self.channel_embedding = boolean("channel_embedding", channel_embedding)
        self.regularizer = keras.regularizers.get(regularizer)
        self.rnn_options = run_options(rnn_options)
        options = regularized(cell_options, self.regularizer)
        self.cell = cells.get(cell, self.units, dtype=self.dtype_policy, **options)
        self.encoder = RNN(
            self.cell,
            return_state=True,
            dtype=self.dtype_policy,
            name="encoder",
            **self.rnn_options,
        )
        self.embed = self._dense(self.units, "embedding", activation="relu")
        self.answer = self._dense(self.segment * self.width, "values")
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.known = None  # made by `build` where there are future covariates

    @property
    def segments(self) -> int:
        """Segments of the horizon, the last of which may reach beyond it."""
        return -(-self.horizon // self.segment)

    def build(self, input_shape):
        """Builds embeddings, cell and dense layers."""
        shapes = input_shape if isinstance(input_shape[0], (list, tuple)) else [input_shape]
        _, length, features = shapes[0]
        if length is None or length % self.segment:
            raise ValueError(
                f"length must be a multiple of segment={self.segment}; received length={length}"
            )
        read = self.segment * (1 + features - self.targets)
        self.embed.build((None, length // self.segment, read))
        self.encoder.build((None, length // self.segment, self.units))
        self.answer.build((None, self.cell.output_size))
        own = self.units // 2 if self.channel_embedding else 0
        self.position = self.add_weight(
            name="position", shape=(self.segments, self.units - own), initializer=unit_normal()
        )
        if own:
            self.channel = self.add_weight(
                name="channel", shape=(self.targets, own), initializer=unit_normal()
            )
        if len(shapes) > 1:
            self.known = self._dense(self.units, "future_embedding")
            self.known.build((None, self.segments, self.segment * shapes[1][-1]))
        super().build(input_shape)

    def call(self, inputs, training=False):
        """Reads the window and answers for the horizon."""
        window, future = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        states = self._read(window, training)
        hidden = self._decode(states, future, training)
        values = self.answer(self.drop(hidden, training=training))
        # (batch, targets, segments, segment, width) -> (batch, horizon, targets, width)
        shape = (-1, self.targets, self.segments * self.segment, self.width)
        return ops.transpose(ops.reshape(values, shape)[:, :, : self.horizon], (0, 2, 1, 3))

    def compute_output_shape(self, input_shape):
        """`(batch, horizon, targets, width)`."""
        shape = input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
        return (shape[0], self.horizon, self.targets, self.width)

    def get_config(self):
        """Configuration for serialisation."""
        names = ("horizon", "units", "targets", "segment", "width", "dropout", "channel_embedding")
        pattern = cells.get(self.cell, self.units)
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "cell": serialized(pattern),
            "rnn_options": dict(self.rnn_options),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }

    def _read(self, window, training):
        """The last states after all segments, each `(batch * targets, size)`."""
        steps = window.shape[1] // self.segment
        series = ops.transpose(window[:, :, : self.targets], (0, 2, 1))
        read = ops.reshape(series, (-1, self.targets, steps, self.segment))
        if window.shape[2] > self.targets:  # every target reads the covariates of its segments
            others = window[:, :, self.targets :]
            others = ops.reshape(others, (-1, 1, steps, self.segment * others.shape[2]))
            read = ops.concatenate([read, ops.repeat(others, self.targets, axis=1)], axis=-1)
        read = ops.reshape(read, (-1, steps, read.shape[-1]))
        _, *states = self.encoder(self.embed(read), training=training)
        return tree.flatten(states)

    def _places(self):
        """What stands for each segment of each series: `(targets * segments, units)`."""
        places = ops.tile(self.position, (self.targets, 1))
        if not self.channel_embedding:
            return places
        return ops.concatenate([places, ops.repeat(self.channel, self.segments, axis=0)], axis=-1)

    def _decode(self, states, future, training):
        """One step of the cell for each segment: `(batch * targets * segments, output_size)`."""
        batch = ops.shape(states[0])[0] // self.targets
        places = ops.cast(self._places(), self.compute_dtype)
        states = [ops.repeat(state, self.segments, axis=0) for state in states]
        if future is None and isinstance(self.cell, Cell) and not (training and self._draws):
            # The embeddings are the same for the whole batch: a product of a few rows, not of all.
            projected = self.cell.project(places)
            projected = tree.map_structure(lambda one: ops.tile(one, (batch, 1)), projected)
            states = [ops.cast(state, self.cell.variable_dtype) for state in states]
            output, _ = self.cell.advance(projected, states)
            return ops.cast(output, self.compute_dtype)
        places = ops.tile(places, (batch, 1))
        if future is not None:
            places = places + self._known_places(future)
        output, *_ = self.encoder(places[:, None], initial_state=states, training=training)
        return output

    def _known_places(self, future):
        """What the future covariates add to each place: `(batch * targets * segments, units)`."""
        rest = self.segments * self.segment - self.horizon
        future = ops.pad(future, ((0, 0), (0, rest), (0, 0)))
        read = ops.reshape(future, (-1, self.segments, self.segment * future.shape[-1]))
        known = ops.repeat(self.known(read)[:, None], self.targets, axis=1)
        return ops.reshape(known, (-1, self.units))

    @property
    def _draws(self):
        """Whether the cell itself draws random numbers in training."""
        return bool(self.cell.dropout or self.cell.recurrent_dropout or any(self.cell.zoneout))

    def _dense(self, size, name, activation=None):
        return keras.layers.Dense(
            size,
            activation,
            kernel_regularizer=self.regularizer,
            dtype=self.dtype_policy,
            name=name,
        )


def unit_normal():
    """Initial values of embeddings."""
    return keras.initializers.RandomNormal(stddev=1.0)
