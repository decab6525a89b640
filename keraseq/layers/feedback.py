"""Forecasting step by step: each step reads the forecast before it."""

import keras
from keras import ops, tree

from keraseq import cells
from keraseq.checks import one_of, positive_integer, rate
from keraseq.keras_inside import serialized
from keraseq.layers.holding import Holding
from keraseq.layers.rnn import RNN, run_options

DECODERS = ("own", "same")


@keras.saving.register_keras_serializable("keraseq")
class FeedbackRNN(Holding, keras.layers.Layer):
    """The recurrent part of `step_forecaster`: windows -> `width` numbers for each value.

    Args:
        horizon: Number of steps to forecast.
        cell: A registered name, a cell class, or an instance as a pattern.
        units: Size of the state.
        targets: Number of series to forecast: the first ones.
        width: Numbers to give for each value. Defaults to 1.
        read: Which of these the next step reads. Defaults to 0.
        decoder: `"own"` or `"same"`. Defaults to `"own"`.
        dropout: Fraction of the values of the cells' inputs to drop. Defaults to 0.
        regularizer: Of all kernels. Default: none.
        cell_options: Options of the cells, a dictionary.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, features)`, or a list of it and the future covariates
            `(batch, horizon, future)`.
        training: Whether dropout is at work.

    Returns:
        `(batch, horizon, targets, width)`.

    Example:

    >>> layer = keraseq.layers.FeedbackRNN(6, "gru", 8, targets=2)
    >>> tuple(layer(keras.ops.ones((5, 24, 3))).shape)
    (5, 6, 2, 1)
    """

    def __init__(
        self,
        horizon,
        cell,
        units,
        *,
        targets,
        width=1,
        read=0,
        decoder="own",
        dropout=0.0,
        regularizer=None,
        cell_options=None,
        rnn_options=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.horizon = positive_integer("horizon", horizon)
        self.units = positive_integer("units", units)
        self.targets = positive_integer("targets", targets)
        self.width = positive_integer("width", width)
        self.read = read
        self.decoder = one_of("decoder", decoder, DECODERS)
        self.dropout = rate("dropout", dropout)
        self.regularizer = keras.regularizers.get(regularizer)
        self.rnn_options = run_options(rnn_options)
        options = regularized(cell_options, self.regularizer)
        if self.dropout:
            options["dropout"] = self.dropout
        same = {"dtype": self.dtype_policy}
        self.cell = cells.get(cell, self.units, **same, **options)
        self.encoder = RNN(self.cell, return_state=True, name="encoder", **self.rnn_options, **same)
        following = self.cell if decoder == "same" else cells.get(self.cell, self.units)
        dense = keras.layers.Dense(
            self.targets * self.width, kernel_regularizer=self.regularizer, name="values", **same
        )
        self.writer = RNN(
            FeedbackCell(following, dense, self.targets, self.read, **same),
            return_sequences=True,
            name="writer",
            **self.rnn_options,
            **same,
        )

    def build(self, input_shape):
        """Builds both loops."""
        shapes = input_shape if isinstance(input_shape[0], (list, tuple)) else [input_shape]
        future = shapes[1][-1] if len(shapes) > 1 else 1
        self.encoder.build(shapes[0])
        self.writer.cell.covariates = len(shapes) > 1
        self.writer.build((shapes[0][0], self.horizon, future))
        super().build(input_shape)

    def call(self, inputs, training=False):
        """Reads the window and writes the horizon."""
        window, future = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        last = window[:, -1, : self.targets]
        _, *states = self.encoder(window, training=training)
        if future is None:  # a loop needs something to loop over
            future = ops.repeat(ops.zeros_like(last[:, None, :1]), self.horizon, axis=1)
        values = self.writer(future, initial_state=[*tree.flatten(states), last], training=training)
        return ops.reshape(values, (-1, self.horizon, self.targets, self.width))

    def compute_output_shape(self, input_shape):
        """`(batch, horizon, targets, width)`."""
        shape = input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
        return (shape[0], self.horizon, self.targets, self.width)

    def get_config(self):
        """Configuration for serialisation."""
        names = ("horizon", "units", "targets", "width", "read", "decoder")
        pattern = cells.get(self.cell, self.units)  # holds dropout and regularisers
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "dropout": self.dropout,
            "rnn_options": dict(self.rnn_options),
            "cell": serialized(pattern),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }


class FeedbackCell(keras.layers.Layer):
    """A cell that reads, besides its input, the forecast of the step before.

        [o_t, states_t] = cell([y_{t-1}, covariates_t], states_{t-1})
        values_t        = dense(o_t),   y_t one of them for each target

    Lives inside `FeedbackRNN`, which saves and restores it.
    """

    def __init__(self, cell, dense, targets, read, covariates=False, **kwargs):
        super().__init__(**kwargs)
        self.cell, self.dense = cell, dense
        self.targets, self.read, self.covariates = targets, read, covariates
        self.output_size = dense.units

    @property
    def state_size(self):
        """The cell's states, and the last forecast."""
        return [*tree.flatten(self.cell.state_size), self.targets]

    def build(self, input_shape):
        """Builds cell and dense layer; the recursive model's cell is built already."""
        if not self.cell.built:
            features = self.targets + (input_shape[-1] if self.covariates else 0)
            self.cell.build((None, features))
        self.dense.build((None, self.cell.output_size))
        super().build(input_shape)

    def call(self, inputs, states, training=False):
        """One step."""
        *states, last = states
        read = ops.concatenate([last, inputs], axis=-1) if self.covariates else last
        output, states = self.cell(read, states, training=training)
        values = self.dense(output)
        shaped = ops.reshape(values, (-1, self.targets, self.output_size // self.targets))
        forecast = ops.cast(shaped[:, :, self.read], last.dtype)
        return values, [*tree.flatten(states), forecast]


def regularized(cell_options: dict | None, regularizer) -> dict:
    """Options of cells, their kernels regularised unless they say otherwise."""
    options = dict(cell_options or {})
    if regularizer is None:
        return options
    return {
        "kernel_regularizer": regularizer,
        "recurrent_regularizer": regularizer,
        **options,
    }
