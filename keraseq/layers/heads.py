"""What a forecaster says of each value to come: one number, quantiles, or a normal distribution.

A head is the last layer of a forecaster. It undoes the normalisation of the window, so that the
forecast stands in the unit of the input, and says the loss that fits it, `head.loss()`:

    head            output                                loss
    "point"         (batch, horizon, targets)             any of Keras; the usual: squared errors
    "quantiles"     (batch, horizon, targets, quantiles)  losses.PinballLoss(quantiles)
    "gaussian"      (batch, horizon, targets, 2)          losses.GaussianLoss()
"""

from collections.abc import Sequence

import keras
from keras import ops

from keraseq import losses
from keraseq.checks import increasing, one_of, positive_integer

HEADS = ("point", "quantiles", "gaussian")
NORMALIZATIONS = ("last", "mean", "standard", "season")


@keras.saving.register_keras_serializable("keraseq")
class WindowNormalization(keras.layers.Layer):
    """The target series of a window, moved and scaled by what the window itself shows.

        y = (x - level) / spread                  what the model reads
        forecast = raw * scale + center           what the head makes of what it writes

        method        level           spread     center                   scale
        "last"        last value      1          last value               1
        "mean"        mean            1          mean                     1
        "standard"    mean            deviation  mean                     deviation
        "season"      mean            deviation  last season, repeated    1

    The deviation is the standard deviation, 1 where the window never changes. With `"season"` the
    model writes how the horizon differs from the seasonal naive forecast.

    Only the first `targets` series are normalised. A window is known when the forecast is made, so
    nothing of the future enters; `center` and `scale` go on to the head.

    Args:
        targets: Number of series to normalise: the first ones.
        method: `"last"`, `"mean"`, `"standard"` or `"season"`. Defaults to `"last"`.
        season: Steps in a season, for the method of that name.
        horizon: Steps to forecast, for `"season"`.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        window: `(batch, length, features)`.

    Returns:
        The window `(batch, length, features)`, center `(batch, 1, targets)` (with `"season"`
        `(batch, horizon, targets)`) and scale `(batch, 1, targets)`.

    Raises:
        ValueError: An unknown method, a size that is no positive integer, or a season that is
            longer than the window.

    Example:

    >>> layer = keraseq.layers.WindowNormalization(1)
    >>> window, center, scale = layer(keras.ops.array([[[1.0, 7.0], [3.0, 9.0]]]))
    >>> keras.ops.convert_to_numpy(window).tolist(), float(center[0, 0, 0])
    ([[[-2.0, 7.0], [0.0, 9.0]]], 3.0)

    References:
        Zeng, Chen, Zhang & Xu 2023, "Are Transformers Effective for Time Series Forecasting?",
        arXiv:2205.13504 (the last value); Kim et al. 2022, "Reversible Instance Normalization for
        Accurate Time-Series Forecasting against Distribution Shift" (mean and deviation).
    """

    def __init__(
        self,
        targets: int,
        method: str = "last",
        season: int | None = None,
        horizon: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.targets = positive_integer("targets", targets)
        self.method = one_of("method", method, NORMALIZATIONS)
        self.season, self.horizon = season, horizon
        if method == "season":
            positive_integer("season", season)
            positive_integer("horizon", horizon)

    def build(self, input_shape):
        """Compares season and window."""
        length = input_shape[1]
        if self.method == "season" and length is not None and length < self.season:
            raise ValueError(
                f"normalize='season' needs a season in the window: season={self.season}; "
                f"received length={length}"
            )
        super().build(input_shape)

    def call(self, window):
        """Measures and normalises."""
        ours, others = window[:, :, : self.targets], window[:, :, self.targets :]
        if self.method == "last":
            level = ours[:, -1:]
        else:
            level = ops.mean(ours, axis=1, keepdims=True)
        ones = ops.ones_like(level)
        spread = deviation(ours) if self.method in ("standard", "season") else ones
        center, scale = level, ones
        if self.method == "standard":
            scale = spread
        if self.method == "season":
            seasons = -(-self.horizon // self.season)
            center = ops.tile(ours[:, -self.season :], (1, seasons, 1))[:, : self.horizon]
        return ops.concatenate([(ours - level) / spread, others], axis=-1), center, scale

    def compute_output_shape(self, input_shape):
        """The window's shape, and those of center and scale."""
        ahead = self.horizon if self.method == "season" else 1
        batch = input_shape[0]
        return input_shape, (batch, ahead, self.targets), (batch, 1, self.targets)

    def get_config(self):
        """Configuration for serialisation."""
        names = ("targets", "method", "season", "horizon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def deviation(series):
    """Standard deviation of each series of windows, 1 where it never changes."""
    found = ops.std(series, axis=1, keepdims=True)
    # Rounding gives a constant window a deviation that is tiny, not 0.
    floor = 1e-5 * ops.max(ops.abs(series), axis=1, keepdims=True)
    return ops.where(found > floor, found, ops.ones_like(found))


class Head(keras.layers.Layer):
    """The base of the heads: raw numbers -> forecast in the unit of the input.

    Call arguments:
        inputs: `(batch, horizon, targets, width)`, alone, or in a list with `center` and `scale` of
            a `WindowNormalization`.
    """

    width = 1  # raw numbers that a head needs for each value

    def call(self, inputs):
        """Makes the forecast."""
        raw, center, scale = inputs if isinstance(inputs, (list, tuple)) else (inputs, None, None)
        return self.forecast(raw, center, scale)

    def compute_output_shape(self, input_shape):
        """The shape of the forecast."""
        raw = input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
        return (*raw[:-1], *self.tail)

    @property
    def tail(self) -> tuple[int, ...]:
        """The axes behind `(batch, horizon, targets)`."""
        return (self.width,)


@keras.saving.register_keras_serializable("keraseq")
class PointHead(Head):
    """One number for each value: raw * scale + center.

    Example:

    >>> tuple(keraseq.layers.PointHead()(keras.ops.ones((2, 5, 3, 1))).shape)
    (2, 5, 3)
    """

    tail = ()

    def loss(self):
        """The squared error."""
        return keras.losses.MeanSquaredError()

    def forecast(self, raw, center, scale):
        """`(batch, horizon, targets, 1)` -> `(batch, horizon, targets)`."""
        value = raw[..., 0]
        return value if center is None else value * scale + center


@keras.saving.register_keras_serializable("keraseq")
class QuantileHead(Head):
    """Quantiles that cannot cross: the middle one, and positive steps from it to both sides.

        q_middle = raw_middle,   q_{k+1} = q_k + softplus(raw_{k+1}),   downwards alike

    Args:
        quantiles: Probabilities between 0 and 1, increasing.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Raises:
        ValueError: Probabilities that do not increase or leave (0, 1).

    Example:

    >>> head = keraseq.layers.QuantileHead([0.1, 0.5, 0.9])
    >>> keras.ops.convert_to_numpy(head(keras.ops.zeros((1, 1, 1, 3)))).round(2).ravel()
    array([-0.69,  0.  ,  0.69], dtype=float32)
    """

    def __init__(self, quantiles: Sequence[float], **kwargs):
        super().__init__(**kwargs)
        self.quantiles = increasing("quantiles", quantiles)
        self.width = len(self.quantiles)
        self.middle = min(range(self.width), key=lambda i: abs(self.quantiles[i] - 0.5))

    def loss(self):
        """The pinball loss of these quantiles."""
        return losses.PinballLoss(self.quantiles)

    def forecast(self, raw, center, scale):
        """`(batch, horizon, targets, quantiles)`, increasing along the last axis."""
        middle = raw[..., self.middle : self.middle + 1]
        below = ops.softplus(raw[..., : self.middle])
        above = ops.softplus(raw[..., self.middle + 1 :])
        below = ops.flip(ops.cumsum(ops.flip(below, axis=-1), axis=-1), axis=-1)
        values = [middle - below, middle, middle + ops.cumsum(above, axis=-1)]
        values = ops.concatenate(values, axis=-1)
        return values if center is None else values * scale[..., None] + center[..., None]

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "quantiles": list(self.quantiles)}


@keras.saving.register_keras_serializable("keraseq")
class GaussianHead(Head):
    """Mean and standard deviation of a normal distribution, in this order on the last axis.

        mean = raw_1 * scale + center,   deviation = (softplus(raw_2) + 0.001) * scale

    Example:

    >>> head = keraseq.layers.GaussianHead()
    >>> keras.ops.convert_to_numpy(head(keras.ops.zeros((1, 1, 1, 2)))).round(3).ravel()
    array([0.   , 0.694], dtype=float32)
    """

    width = 2

    def loss(self):
        """The negative log-likelihood."""
        return losses.GaussianLoss()

    def forecast(self, raw, center, scale):
        """`(batch, horizon, targets, 2)`: mean and deviation."""
        mean, deviation = raw[..., 0], ops.softplus(raw[..., 1]) + 1e-3
        if center is not None:
            mean, deviation = mean * scale + center, deviation * scale
        return ops.stack([mean, deviation], axis=-1)
