"""What a forecaster says of each value to come: one number, quantiles, or a normal distribution.

A head is the last layer of a forecaster. It undoes the normalisation of the window, so that the
forecast stands in the unit of the input, and belongs to a loss:

    head            output                                loss
    "point"         (batch, horizon, targets)             any of Keras
    "quantiles"     (batch, horizon, targets, quantiles)  PinballLoss(quantiles)
    "gaussian"      (batch, horizon, targets, 2)          GaussianLoss()
"""

from collections.abc import Sequence
from math import log, pi

import keras
from keras import ops

from keraseq.checks import number, one_of, positive_integer

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

    >>> layer = keraseq.models.WindowNormalization(1)
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

    >>> tuple(keraseq.models.PointHead()(keras.ops.ones((2, 5, 3, 1))).shape)
    (2, 5, 3)
    """

    tail = ()

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

    >>> head = keraseq.models.QuantileHead([0.1, 0.5, 0.9])
    >>> keras.ops.convert_to_numpy(head(keras.ops.zeros((1, 1, 1, 3)))).round(2).ravel()
    array([-0.69,  0.  ,  0.69], dtype=float32)
    """

    def __init__(self, quantiles: Sequence[float], **kwargs):
        super().__init__(**kwargs)
        self.quantiles = increasing_quantiles(quantiles)
        self.width = len(self.quantiles)
        self.middle = min(range(self.width), key=lambda i: abs(self.quantiles[i] - 0.5))

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

    >>> head = keraseq.models.GaussianHead()
    >>> keras.ops.convert_to_numpy(head(keras.ops.zeros((1, 1, 1, 2)))).round(3).ravel()
    array([0.   , 0.694], dtype=float32)
    """

    width = 2

    def forecast(self, raw, center, scale):
        """`(batch, horizon, targets, 2)`: mean and deviation."""
        mean, deviation = raw[..., 0], ops.softplus(raw[..., 1]) + 1e-3
        if center is not None:
            mean, deviation = mean * scale + center, deviation * scale
        return ops.stack([mean, deviation], axis=-1)


@keras.saving.register_keras_serializable("keraseq")
class PinballLoss(keras.losses.Loss):
    """Pinball loss, whose minimum are the quantiles; mean over all of them.

        loss = max(q * (y - f), (q - 1) * (y - f))        f: forecast of quantile q

    With the one quantile 0.5 it is half the absolute error.

    Args:
        quantiles: The probabilities, as given to the head.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Call arguments:
        y_true: `(batch, horizon, targets)`.
        y_pred: `(batch, horizon, targets, quantiles)`.

    Example:

    >>> loss = keraseq.models.PinballLoss([0.1, 0.9])
    >>> float(loss(keras.ops.ones((1, 1, 1)), keras.ops.zeros((1, 1, 1, 2))))
    0.5

    References:
        Koenker & Bassett 1978, "Regression Quantiles".
    """

    def __init__(self, quantiles: Sequence[float], name: str = "pinball", **kwargs):
        super().__init__(name=name, **kwargs)
        self.quantiles = increasing_quantiles(quantiles)

    def call(self, y_true, y_pred):
        """The loss of each value, `(batch, horizon, targets)`."""
        quantiles = ops.convert_to_tensor(self.quantiles, dtype=y_pred.dtype)
        error = y_true[..., None] - y_pred
        return ops.mean(ops.maximum(quantiles * error, (quantiles - 1) * error), axis=-1)

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "quantiles": list(self.quantiles)}


@keras.saving.register_keras_serializable("keraseq")
class GaussianLoss(keras.losses.Loss):
    """Negative log-likelihood of values under normal distributions, in nats.

        loss = log(s) + (y - m)^2 / (2 s^2) + log(2 pi) / 2       m: mean, s: standard deviation

    Its minimum is the maximum of the likelihood. For the maximum of the posterior give the builder
    a `gaussian_prior` as `regularizer`.

    Call arguments:
        y_true: `(batch, horizon, targets)`.
        y_pred: `(batch, horizon, targets, 2)`, mean and standard deviation.

    Example:

    >>> loss = keraseq.models.GaussianLoss()
    >>> round(float(loss(keras.ops.zeros((1, 1, 1)), keras.ops.array([[[[0.0, 1.0]]]]))), 4)
    0.9189
    """

    def __init__(self, name: str = "gaussian", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """The loss of each value, `(batch, horizon, targets)`."""
        mean, deviation = y_pred[..., 0], y_pred[..., 1]
        return ops.log(deviation) + ops.square((y_true - mean) / deviation) / 2 + log(2 * pi) / 2


def gaussian_prior(deviation: float, observations: int) -> keras.regularizers.Regularizer:
    """The regulariser that turns maximum likelihood into maximum a posteriori.

    The prior: every weight of a kernel is normal with mean 0 and this standard deviation,
    independent of the others; biases and embeddings have a flat prior. The mean negative
    log-likelihood of n values then gains

        -log p(W) / n = sum(W^2) / (2 deviation^2 n) + constant

    Args:
        deviation: Standard deviation of the prior, a positive number.
        observations: n, the number of values that the loss is a mean of in one epoch: windows times
            horizon times targets. Overlapping windows count as independent, as the loss has it.

    Raises:
        ValueError: One of them is not positive.

    Example:

    >>> round(float(keraseq.models.gaussian_prior(0.5, observations=100)(keras.ops.ones(3))), 6)
    0.06
    """
    deviation = number("deviation", deviation)
    if deviation <= 0:
        raise ValueError(f"deviation must be positive; received deviation={deviation!r}")
    observations = positive_integer("observations", observations)
    return keras.regularizers.L2(1 / (2 * deviation**2 * observations))


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


def increasing_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """The quantiles as floats, or an error that says what is wrong with them."""
    values = tuple(number("quantile", one) for one in quantiles)
    if not values or any(a >= b for a, b in zip((0.0, *values), (*values, 1.0), strict=True)):
        raise ValueError(
            f"quantiles must increase between 0 and 1, such as 0.1, 0.5, 0.9; "
            f"received {', '.join(map(str, values)) or 'none'}"
        )
    return values
