"""Forecasting: the next values of a series, directly, step by step or segment by segment."""

from collections.abc import Sequence

import keras

from keraseq.checks import one_of, positive_integer
from keraseq.layers import (
    FeedbackRNN,
    GaussianHead,
    PointHead,
    QuantileHead,
    SegmentRNN,
    WindowNormalization,
    stack,
)
from keraseq.layers.feedback import DECODERS, regularized
from keraseq.layers.heads import HEADS, NORMALIZATIONS, Head
from keraseq.models.inputs import drop, full_precision
from keraseq.models.sequence_model import SequenceModel


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
    normalize: str | None = "last",
    season: int | None = None,
    head: str = "point",
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    regularizer=None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "forecaster",
) -> SequenceModel:
    """A model that reads a window of a series and gives the next `horizon` values directly.

        features -> [normalise] -> recurrent tower -> dense -> [undo the normalisation]

    One dense layer makes all steps of the horizon from the tower's last output, so no forecast is
    fed back. The series to forecast are the first `targets` of the features; the others only help.
    Covariates that are known over the horizon add to each of its steps what a dense layer makes of
    them.

    With `normalize="last"`, the default, the last value of each target series in the window is
    subtracted from that series before the tower and added to its forecast: the model then forecasts
    the change, and a level that drifts out of the range of training does no harm.

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
            `keraseq.layers.WindowNormalization`) or `None`. Defaults to `"last"`.
        season: Steps in a season, for `normalize="season"`.
        head: `"point"`, `"quantiles"` or `"gaussian"`. Defaults to `"point"`.
        quantiles: The probabilities of the head of that name.
        regularizer: Of the kernels of dense layers and cells, such as
            `keraseq.losses.gaussian_prior(...)`. Default: none.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
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
        rnn_options=rnn_options,
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
    rnn_options: dict | None = None,
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
        normalize, head, quantiles, regularizer, cell_options, rnn_options: As in `forecaster`;
            `normalize` cannot be `"season"`, for a step must read what it writes. With a
            distribution the step reads its mean or middle quantile.
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
        rnn_options=rnn_options,
        name="feedback",
    )(window if known is None else [window, known])
    wanted = inputs if known is None else {"features": inputs, "future": known}
    return SequenceModel(wanted, last([raw, *statistics] if statistics else raw), name=name)


def segment_forecaster(
    horizon: int,
    *,
    features: int,
    length: int,
    targets: int = 1,
    future: int = 0,
    segment: int = 24,
    cell="lstm",
    units: int = 64,
    dropout: float = 0.0,
    channel_embedding: bool = True,
    normalize: str | None = "last",
    season: int | None = None,
    head: str = "point",
    quantiles=(0.1, 0.5, 0.9),
    regularizer=None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "segment_forecaster",
) -> SequenceModel:
    """SegRNN with any cell: segments instead of steps in, all segments of the horizon at once out.

        [normalise the window] -> cut into segments -> dense, ReLU -> cell over the segments
        for each segment of the horizon, all at once: position and channel embedding -> one step
        of the same cell from the last state -> dropout -> dense -> [undo the normalisation]

    Each target series is read on its own with the same weights, and knows itself by its channel
    embedding. Twenty-four hours a step turn a window of 96 values into 4 steps, so that
    gradients are short and training is quick; nothing that is forecast is fed back.

    Departs from the paper: any cell; the horizon may end inside a segment, whose rest is cut off;
    covariates (past ones are read with the segments of every target, future ones become part of
    the embedding of their segment); other heads. Glorot, orthogonal and unit normal initial values.

    Args:
        horizon: Number of steps to forecast, a positive integer.
        features: Number of series in the window.
        length: Number of steps in the window, a multiple of `segment`.
        targets: Number of series to forecast: the first ones. Defaults to 1.
        future: Number of covariates that are known over the horizon. Defaults to 0.
        segment: Steps in a segment. Defaults to 24.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state, also the width of the segments' vectors. Defaults to 64.
        dropout: Fraction of the values to drop before the last dense layer, in [0, 1). Defaults
            to 0.
        channel_embedding: Whether each target series has a learned vector of its own. Without it
            the model treats all series alike. Defaults to `True`.
        normalize: How to normalise each window: `"last"`, `"mean"`, `"standard"`, `"season"` (see
            `keraseq.layers.WindowNormalization`) or `None`. Defaults to `"last"`.
        season: Steps in a season, for `normalize="season"`.
        head: `"point"`, `"quantiles"` or `"gaussian"`. Defaults to `"point"`.
        quantiles: The probabilities of the head of that name.
        regularizer: Of the kernels of dense layers and cell, such as
            `keraseq.losses.gaussian_prior(...)`. Default: none.
        cell_options: Further options of the cell, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `features`, `(batch, length, features)`; with future
        covariates a dictionary of it and `future`, `(batch, horizon, future)`. Output
        `(batch, horizon, targets)`, with the heads of distributions one axis more.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, a window that is
            no multiple of the segment, or more targets than features.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.segment_forecaster(96, features=7, targets=7, length=96, units=16)
    >>> model.output_shape
    (None, 96, 7)

    References:
        Lin, Lin, Wu, Zhao, Mo & Zhang 2023, "SegRNN: Segment Recurrent Neural Network for Long-Term
        Time Series Forecasting", arXiv:2308.11200.
    """
    horizon, features, targets = sizes(horizon, features, targets)
    length = positive_integer("length", length)
    dtype = full_precision()
    inputs = keras.Input((length, features), name="features")
    window, statistics = normalized(inputs, targets, normalize, season, horizon, dtype)
    known = future_input(horizon, future) if future else None
    last = make_head(head, quantiles, dtype)
    raw = SegmentRNN(
        horizon,
        cell,
        units,
        targets=targets,
        segment=segment,
        width=last.width,
        dropout=dropout,
        channel_embedding=channel_embedding,
        regularizer=regularizer,
        cell_options=cell_options,
        rnn_options=rnn_options,
        name="segments",
    )(window if known is None else [window, known])
    forecast = last([raw, *statistics] if statistics else raw)
    wanted = inputs if known is None else {"features": inputs, "future": known}
    return SequenceModel(wanted, forecast, name=name)


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


def make_head(head: str, quantiles, dtype) -> Head:
    """The head of that name, which is the model's layer `forecast`."""
    one_of("head", head, HEADS)
    if head == "quantiles":
        return QuantileHead(quantiles, dtype=dtype, name="forecast")
    return {"point": PointHead, "gaussian": GaussianHead}[head](dtype=dtype, name="forecast")


def normalized(inputs, targets: int, normalize: str | None, season, horizon: int, dtype):
    """The window to read, and what the head needs to undo the normalisation: `(window, [...])`."""
    if normalize is None:
        return inputs, []
    one_of("normalize", normalize, NORMALIZATIONS)
    layer = WindowNormalization(
        targets, normalize, season, horizon, dtype=dtype, name="normalization"
    )
    window, *statistics = layer(inputs)
    return window, statistics
