"""Forecasting: the next values of a series, all of the horizon at once."""

from collections.abc import Sequence

import keras
from keras import ops

from keraseq.checks import boolean, positive_integer
from keraseq.layers import stack
from keraseq.models.inputs import drop, full_precision
from keraseq.models.sequence_model import SequenceModel


def forecaster(
    horizon: int,
    *,
    features: int,
    targets: int = 1,
    length: int | None = None,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    bidirectional: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    subtract_last: bool = False,
    cell_options: dict | None = None,
    name: str = "forecaster",
) -> SequenceModel:
    """A model that reads a window of a series and gives the next `horizon` values directly.

        features -> [minus the last value] -> recurrent tower -> dense -> [plus the last value]

    One dense layer makes all steps of the horizon from the tower's last output, so no forecast is
    fed back. The series to forecast are the first `targets` of the features; the others only help.

    With `subtract_last` the last value of each target series in the window is subtracted from that
    series before the tower and added to its forecast: the model then forecasts the change, and a
    level that drifts out of the range of training does no harm.

    Args:
        horizon: Number of steps to forecast, a positive integer.
        features: Number of series in the window.
        targets: Number of series to forecast: the first ones. Defaults to 1.
        length: Number of steps in the window, where it is fixed. Default: any.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        bidirectional: Whether each layer reads the window both ways. Defaults to `False`.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop between the layers and before the dense layer, in
            [0, 1). Defaults to 0.
        subtract_last: Whether to forecast the change from the last value. Defaults to `False`.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `features`, `(batch, length, features)`. Output
        `(batch, horizon, targets)`, in the unit of the input.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, or more targets
            than features.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.forecaster(24, features=7, targets=2, units=16, subtract_last=True)
    >>> model.output_shape
    (None, 24, 2)

    References:
        Zeng, Chen, Zhang & Xu 2023, "Are Transformers Effective for Time Series Forecasting?",
        arXiv:2205.13504 (NLinear subtracts the last value).
    """
    horizon = positive_integer("horizon", horizon)
    features = positive_integer("features", features)
    targets = positive_integer("targets", targets)
    length = None if length is None else positive_integer("length", length)
    if targets > features:
        raise ValueError(
            f"targets are the first of the features: at most {features}; received targets={targets}"
        )
    dtype = full_precision()
    inputs = x = keras.Input((length, features), name="features")
    if boolean("subtract_last", subtract_last):
        last = LastValue(targets, dtype=dtype, name="last_value")(inputs)
        x = SubtractLast(dtype=dtype, name="subtract_last")([inputs, last])
    x = stack(
        cell,
        units,
        layers=layers,
        bidirectional=bidirectional,
        residual=residual,
        dropout=dropout,
        cell_options=cell_options,
        name="recurrent",
    )(x)
    x = drop(x, dropout, "dropout")
    x = keras.layers.Dense(horizon * targets, dtype=dtype, name="dense")(x)
    reshaped = keras.layers.Reshape(
        (horizon, targets), dtype=dtype, name="change" if subtract_last else "forecast"
    )(x)
    if not subtract_last:
        return SequenceModel(inputs, reshaped, name=name)
    forecast = keras.layers.Add(dtype=dtype, name="forecast")([reshaped, last])
    return SequenceModel(inputs, forecast, name=name)


@keras.saving.register_keras_serializable("keraseq")
class LastValue(keras.layers.Layer):
    """The first `targets` series at the last step of a window.

    `(batch, length, features)` -> `(batch, 1, targets)`.

    Example:

    >>> layer = keraseq.models.forecasting.LastValue(2)
    >>> tuple(layer(keras.ops.ones((5, 9, 3))).shape)
    (5, 1, 2)
    """

    def __init__(self, targets: int, **kwargs):
        super().__init__(**kwargs)
        self.targets = positive_integer("targets", targets)

    def call(self, inputs):
        """Takes the last step."""
        return inputs[:, -1:, : self.targets]

    def compute_output_shape(self, input_shape):
        """One step of the targets."""
        return (input_shape[0], 1, self.targets)

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "targets": self.targets}


@keras.saving.register_keras_serializable("keraseq")
class SubtractLast(keras.layers.Layer):
    """A window minus the value that its first series end with; the other series stay.

    `[(batch, length, features), (batch, 1, targets)]` -> `(batch, length, features)`.

    Example:

    >>> window = keras.ops.array([[[1.0, 1.0], [3.0, 3.0]]])
    >>> keras.ops.convert_to_numpy(SubtractLast()([window, LastValue(1)(window)])).tolist()
    [[[-2.0, 1.0], [0.0, 3.0]]]
    """

    def call(self, inputs):
        """Subtracts."""
        window, last = inputs
        others = window.shape[-1] - last.shape[-1]
        return window - ops.pad(last, ((0, 0), (0, 0), (0, others)))

    def compute_output_shape(self, input_shape):
        """The window's shape."""
        return input_shape[0]
