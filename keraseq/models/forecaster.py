"""Forecasting: the next values of a series, directly or step by step."""

from collections.abc import Sequence

import keras
from keras import ops, tree

from keraseq import cells
from keraseq.checks import one_of, positive_integer, rate
from keraseq.layers import RNN, stack
from keraseq.layers.holding import Holding
from keraseq.models.heads import NORMALIZATIONS, make_head, normalized
from keraseq.models.inputs import drop, full_precision
from keraseq.models.sequence_model import SequenceModel

DECODERS = ("own", "same")


def forecaster(
    horizon: int,
    *,
    features: int,
    targets: int = 1,
    future: int = 0,
    length: int | None = None,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    bidirectional: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    normalize: str | None = None,
    season: int | None = None,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    regularizer=None,
    cell_options: dict | None = None,
    name: str = "forecaster",
) -> SequenceModel:
    """A model that reads a window of a series and gives the next `horizon` values directly.

        features -> [normalise] -> recurrent tower -> dense -> [undo the normalisation]

    One dense layer makes all steps of the horizon from the tower's last output, so no forecast is
    fed back. The series to forecast are the first `targets` of the features; the others only help.
    Covariates that are known over the horizon add to each of its steps what a dense layer makes of
    them.

    With `normalize="last"` the last value of each target series in the window is subtracted from
    that series before the tower and added to its forecast: the model then forecasts the change, and
    a level that drifts out of the range of training does no harm.

    Args:
        horizon: Number of steps to forecast, a positive integer.
        features: Number of series in the window.
        targets: Number of series to forecast: the first ones. Defaults to 1.
        future: Number of covariates that are known over the horizon. Defaults to 0.
        length: Number of steps in the window, where it is fixed. Default: any.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        bidirectional: Whether each layer reads the window both ways. Defaults to `False`.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop between the layers and before the dense layer, in
            [0, 1). Defaults to 0.
        normalize: How to normalise each window: `"last"`, `"mean"`, `"standard"`, `"season"` (see
            `keraseq.models.WindowNormalization`) or `None`. Defaults to `None`.
        season: Steps in a season, for `normalize="season"`.
        head: `"point"`, `"quantiles"` or `"gaussian"`. Defaults to `"point"`.
        quantiles: The probabilities of the head of that name.
        regularizer: Of the kernels of dense layers and cells, such as
            `keraseq.models.gaussian_prior(...)`. Default: none.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `features`, `(batch, length, features)`; with future
        covariates a dictionary of it and `future`, `(batch, horizon, future)`. Output
        `(batch, horizon, targets)`, in the unit of the input; with the heads of distributions one
        axis more.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, or more targets
            than features.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.forecaster(24, features=7, targets=2, units=16, normalize="last")
    >>> model.output_shape
    (None, 24, 2)

    References:
        Zeng, Chen, Zhang & Xu 2023, "Are Transformers Effective for Time Series Forecasting?",
        arXiv:2205.13504 (NLinear subtracts the last value).
    """
    horizon, features, targets = sizes(horizon, features, targets)
    length = None if length is None else positive_integer("length", length)
    dtype = full_precision()
    inputs = keras.Input((length, features), name="features")
    window, statistics = normalized(inputs, targets, normalize, season, horizon, dtype)
    x = stack(
        cell,
        units,
        layers=layers,
        bidirectional=bidirectional,
        residual=residual,
        dropout=dropout,
        cell_options=regularized(cell_options, regularizer),
        name="recurrent",
    )(window)
    x = drop(x, dropout, "dropout")
    last = make_head(head, quantiles, dtype)
    size = targets * last.width
    dense = {"kernel_regularizer": regularizer, "dtype": dtype}
    x = keras.layers.Dense(horizon * size, name="dense", **dense)(x)
    wanted = inputs
    if future:
        known = future_input(horizon, future)
        wanted = {"features": inputs, "future": known}
        x = keras.layers.Reshape((horizon, size), dtype=dtype, name="steps")(x)
        effect = keras.layers.Dense(size, use_bias=False, name="future_effect", **dense)(known)
        x = keras.layers.Add(dtype=dtype, name="with_future")([x, effect])
    raw = keras.layers.Reshape((horizon, targets, last.width), dtype=dtype, name="values")(x)
    return SequenceModel(wanted, last([raw, *statistics] if statistics else raw), name=name)


def step_forecaster(
    horizon: int,
    *,
    features: int,
    targets: int = 1,
    future: int = 0,
    length: int | None = None,
    decoder: str = "own",
    cell="lstm",
    units: int = 64,
    dropout: float = 0.0,
    normalize: str | None = "last",
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    regularizer=None,
    cell_options: dict | None = None,
    name: str = "step_forecaster",
) -> SequenceModel:
    """A model that writes the horizon step by step, each step reading the forecast before it.

        features -> [normalise] -> cell over the window -> states
        y_t = dense(cell([y_{t-1}, covariates known at t], states))       t = 1 ... horizon

    With `decoder="own"` it is an encoder and a decoder, two cells. With `decoder="same"` it is one
    recursive model: the cell that read the window goes on, on its own forecasts. Both train on what
    they do in use, that is on their own forecasts, not by teacher forcing, so that they learn to
    live with their errors. The first `y_0` is the last value of the window. Where no step needs the
    one before, `forecaster` is quicker and usually better.

    Args:
        horizon: Number of steps to forecast, a positive integer.
        features: Number of series in the window.
        targets: Number of series to forecast: the first ones. Defaults to 1.
        future: Number of covariates that are known over the horizon; they are the last of the
            features. Defaults to 0.
        length: Number of steps in the window, where it is fixed. Default: any.
        decoder: `"own"` (encoder-decoder) or `"same"` (recursive). Defaults to `"own"`.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state. Defaults to 64.
        dropout: Fraction of the values of the cells' inputs to drop, in [0, 1). Defaults to 0.
        normalize, head, quantiles, regularizer, cell_options: As in `forecaster`; `normalize`
            defaults to `"last"` and cannot be `"season"`, for a step must read what it writes. With
            a distribution the step reads its mean or middle quantile.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` with the inputs and outputs of `forecaster`.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, more targets than
            features, or, with `decoder="same"`, past covariates, which nobody knows over the
            horizon.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.step_forecaster(12, features=2, targets=2, units=8, decoder="same")
    >>> model.output_shape
    (None, 12, 2)

    References:
        Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural Networks",
        arXiv:1409.3215.
    """
    horizon, features, targets = sizes(horizon, features, targets)
    length = None if length is None else positive_integer("length", length)
    one_of("decoder", decoder, DECODERS)
    if normalize is not None:
        one_of("normalize", normalize, [one for one in NORMALIZATIONS if one != "season"])
    if decoder == "same" and features != targets + future:
        raise ValueError(
            f"decoder='same' forecasts all that it reads but future covariates: features must be "
            f"targets + future = {targets + future}; received features={features}. "
            "With past covariates give decoder='own'"
        )
    dtype = full_precision()
    inputs = keras.Input((length, features), name="features")
    window, statistics = normalized(inputs, targets, normalize, None, horizon, dtype)
    last = make_head(head, quantiles, dtype)
    known = future_input(horizon, future) if future else None
    raw = FeedbackRNN(
        horizon,
        cell,
        units,
        targets=targets,
        width=last.width,
        read=getattr(last, "middle", 0),
        decoder=decoder,
        dropout=dropout,
        regularizer=regularizer,
        cell_options=cell_options,
        name="feedback",
    )(window if known is None else [window, known])
    wanted = inputs if known is None else {"features": inputs, "future": known}
    return SequenceModel(wanted, last([raw, *statistics] if statistics else raw), name=name)


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
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, features)`, or a list of it and the future covariates
            `(batch, horizon, future)`.
        training: Whether dropout is at work.

    Returns:
        `(batch, horizon, targets, width)`.

    Example:

    >>> layer = keraseq.models.FeedbackRNN(6, "gru", 8, targets=2)
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
        options = regularized(cell_options, self.regularizer)
        if self.dropout:
            options["dropout"] = self.dropout
        same = {"dtype": self.dtype_policy}
        self.cell = cells.get(cell, self.units, **same, **options)
        self.encoder = RNN(self.cell, return_state=True, name="encoder", **same)
        following = self.cell if decoder == "same" else cells.get(self.cell, self.units)
        dense = keras.layers.Dense(
            self.targets * self.width, kernel_regularizer=self.regularizer, name="values", **same
        )
        self.writer = RNN(
            FeedbackCell(following, dense, self.targets, self.read, **same),
            return_sequences=True,
            name="writer",
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
            "cell": keras.saving.serialize_keras_object(pattern),
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


def sizes(horizon, features, targets) -> tuple[int, int, int]:
    """The three as integers, or an error that says what is wrong with them."""
    horizon = positive_integer("horizon", horizon)
    features = positive_integer("features", features)
    targets = positive_integer("targets", targets)
    if targets > features:
        raise ValueError(
            f"targets are the first of the features: at most {features}; received targets={targets}"
        )
    return horizon, features, targets


def future_input(horizon: int, future: int):
    """The input of covariates that are known over the horizon."""
    return keras.Input((horizon, positive_integer("future", future)), name="future")


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
