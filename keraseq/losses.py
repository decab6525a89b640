"""Losses: what a recurrent network is trained for and Keras lacks, and the one for classes."""

from collections.abc import Sequence
from math import log, pi

import keras
from keras import ops

from keraseq.checks import increasing, positive_integer, positive_number, rate

# Classes from which on `CrossEntropy` is the default on TensorFlow: half the time of TensorFlow's
# own on a CPU, which was a third of a training step with 10,000 words.
MANY_CLASSES = 1000
LOW = 1e4  # what a path that cannot be costs: finite, so that no gradient is 0 times infinity

__all__ = [
    "MANY_CLASSES",
    "CRFNegativeLogLikelihood",
    "CrossEntropy",
    "GaussianLoss",
    "KeysLoss",
    "PinballLoss",
    "gaussian_prior",
    "of_classes",
]


def __dir__():
    return __all__


def of_classes(classes: int) -> keras.losses.Loss:
    """The loss of class numbers for so many logits; a single logit is that of two classes.

    Example:

    >>> keraseq.losses.of_classes(3).name, keraseq.losses.of_classes(1).name
    ('sparse_categorical_crossentropy', 'binary_crossentropy')
    """
    if classes == 1:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    if classes >= MANY_CLASSES and keras.backend.backend() == "tensorflow":
        return CrossEntropy()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@keras.saving.register_keras_serializable("keraseq")
class CrossEntropy(keras.losses.Loss):
    """`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`, faster for many classes.

        cost = log(sum(exp(logits))) - (1 - s) logits[label] - s mean(logits)
        d cost / d logits = softmax(logits) - (1 - s) one_hot(label) - s / classes

    s: label smoothing (Szegedy et al. 2016), which Keras has for one-hot labels alone.
    TensorFlow computes each exponential twice and one by one; here those of the cost serve the
    gradient too.

    Args:
        label_smoothing: Share of the probability that is spread evenly over all classes, in [0, 1).
            Defaults to 0.
        reduction, name: As for `keras.losses.Loss`.
        **options: Further arguments of it.

    Call arguments:
        y_true: Labels, `(...)`.
        y_pred: Logits, `(..., classes)`.

    Returns:
        The mean cost, in nats.

    Example:

    >>> loss = keraseq.losses.CrossEntropy()
    >>> round(float(loss(keras.ops.array([1]), keras.ops.array([[0.0, 0.0]]))), 4)
    0.6931

    References:
        Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision",
        arXiv:1512.00567.
    """

    class_numbers = True  # what its labels are, as models ask

    def __init__(
        self,
        label_smoothing: float = 0.0,
        reduction="sum_over_batch_size",
        name="cross_entropy",
        **options,
    ):
        super().__init__(name=name, reduction=reduction, **options)
        self.label_smoothing = rate("label_smoothing", label_smoothing)

    def call(self, y_true, y_pred):
        """The cost of each label."""
        classes = y_pred.shape[-1]
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        costs = costs_of(labels, ops.reshape(y_pred, (-1, classes)), self.label_smoothing)
        return ops.reshape(costs, ops.shape(y_pred)[:-1])

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


def costs_of(labels, logits, smoothing: float = 0.0):
    """The cross-entropy of labels `(n, 1)` and logits `(n, classes)`, `(n,)`."""
    rows = ops.expand_dims(ops.arange(ops.shape(logits)[0], dtype="int32"), -1)
    where = ops.concatenate([rows, labels], axis=-1)

    @ops.custom_gradient
    def costs(logits):
        top = ops.max(logits, axis=-1, keepdims=True)
        exponentials = ops.exp(logits - top)
        total = ops.sum(exponentials, axis=-1, keepdims=True)
        own = ops.take_along_axis(logits, labels, axis=-1)

        def gradient(*arguments, upstream=None):
            d = arguments[0] if upstream is None else upstream
            d = ops.expand_dims(d, -1)
            found = exponentials * (d / total)
            if smoothing:
                found = found - d * (smoothing / logits.shape[-1])
            own = ops.take_along_axis(found, labels, axis=-1) - (1 - smoothing) * d
            return ops.scatter_update(found, where, ops.squeeze(own, -1))

        cost = top + ops.log(total) - (1 - smoothing) * own
        if smoothing:
            cost = cost - smoothing * ops.mean(logits, axis=-1, keepdims=True)
        return ops.squeeze(cost, -1), gradient

    return costs(logits)


@keras.saving.register_keras_serializable("keraseq")
class CRFNegativeLogLikelihood(keras.losses.Loss):
    """What labels cost under a conditional random field, in nats, step by step.

        cost_t = log Z_t - log Z_{t-1} - P_t[y_{t-1}, y_t]        log Z_0 = 0
        sum_t cost_t = log Z - score(y) = -log p(y | x)

    P are the potentials that a `keraseq.layers.CRF` gives, Z_t sums over all labels up to t. The
    steps of a sentence add up to its negative log-likelihood; a single one may be negative. Keras
    leaves out what is masked, and takes the mean over words.

    Args:
        reduction, name: As for `keras.losses.Loss`.
        **options: Further arguments of it.

    Call arguments:
        y_true: Labels, `(batch, time)`; padded steps may hold any class.
        y_pred: Potentials, `(batch, time, tags, tags)`.

    Returns:
        The mean cost of a word, in nats.

    Example:

    >>> loss = keraseq.losses.CRFNegativeLogLikelihood()
    >>> labels, potentials = keras.ops.array([[1, 0]]), keras.ops.zeros((1, 2, 2, 2))
    >>> round(float(loss(labels, potentials)), 4)
    0.6931

    References:
        Lafferty, McCallum & Pereira 2001, "Conditional Random Fields".
    """

    class_numbers = pairwise = True  # what its labels and logits are, as models ask

    def __init__(self, reduction="sum_over_batch_size", name="crf", **options):
        super().__init__(name=name, reduction=reduction, **options)

    def call(self, y_true, y_pred):
        """The cost of each step."""
        tags = y_pred.shape[-1]
        labels = ops.cast(y_true, "int32")
        before = ops.pad(labels[:, :-1], [[0, 0], [1, 0]])
        flat = ops.reshape(y_pred, (*ops.shape(y_pred)[:2], tags * tags))
        chosen = ops.take_along_axis(flat, (before * tags + labels)[..., None], axis=-1)[..., 0]
        totals = ops.logsumexp(summed(y_pred), axis=-1)
        return totals - ops.pad(totals[:, :-1], [[0, 0], [1, 0]]) - chosen


def summed(potentials, pool=ops.logsumexp, reverse=False):
    """The forward algorithm: `(batch, time, tags)`, the logarithm of all paths that end so.

        alpha_t[j] = pool over i of alpha_{t-1}[i] + P_t[i, j]        alpha_0 = (0, -LOW, -LOW, ...)

    With `reverse` the backward one, beta_{t-1}[i] = pool over j of P_t[i, j] + beta_t[j], from
    beta_T = 0: `(batch, time, tags)` of beta_1 to beta_T. Pool is `logsumexp`, or `max` for the
    best path alone.
    """
    first = ops.zeros_like(potentials[:, 0, 0])
    if not reverse:
        first = first + ops.convert_to_tensor([0.0] + [-LOW] * (first.shape[-1] - 1), first.dtype)

    def step(before, at):
        if reverse:
            return pool(at + before[:, None, :], axis=2), before
        after = pool(before[:, :, None] + at, axis=1)
        return after, after

    _, found = ops.scan(step, first, ops.moveaxis(potentials, 1, 0), reverse=reverse)
    return ops.moveaxis(found, 0, 1)


@keras.saving.register_keras_serializable("keraseq")
class KeysLoss(keras.losses.Loss):
    """What frames of keys cost, in nats: summed over the keys, the mean over the frames.

        cost = sum_i softplus(l_i) - y_i l_i = -log p(y)      l: logits

    Frames of -1, with which pieces are filled up, do not count, and all that count weigh alike.

    Args:
        reduction, name: As for `keras.losses.Loss`.
        **options: Further arguments of it.

    Call arguments:
        y_true: Frames, `(batch, time, keys)`, 1 where a key sounds, else 0; -1 for no frame.
        y_pred: Logits, `(batch, time, keys)`, of `keraseq.layers.IndependentKeys` or `OrderedKeys`.

    Returns:
        The mean cost of a frame.

    Example:

    >>> loss = keraseq.losses.KeysLoss()
    >>> frames = keras.ops.array([[[0.0, 1.0], [-1.0, -1.0]]])
    >>> round(float(loss(frames, keras.ops.zeros((1, 2, 2)))), 4)
    1.3863
    """

    def __init__(self, reduction="sum_over_batch_size", name="keys", **options):
        super().__init__(name=name, reduction=reduction, **options)

    def call(self, y_true, y_pred):
        """The mean of each row, so weighted that all frames weigh alike."""
        y_true = ops.cast(y_true, y_pred.dtype)
        counts = ops.cast(y_true[..., 0] >= 0, y_pred.dtype)
        costs = ops.sum(ops.softplus(y_pred) - ops.maximum(y_true, 0) * y_pred, axis=-1)
        share = ops.cast(ops.shape(counts)[0], y_pred.dtype) / ops.maximum(ops.sum(counts), 1)
        return ops.sum(costs * counts, axis=-1) * share


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

    >>> loss = keraseq.losses.PinballLoss([0.1, 0.9])
    >>> float(loss(keras.ops.ones((1, 1, 1)), keras.ops.zeros((1, 1, 1, 2))))
    0.5

    References:
        Koenker & Bassett 1978, "Regression Quantiles".
    """

    def __init__(self, quantiles: Sequence[float], name: str = "pinball", **kwargs):
        super().__init__(name=name, **kwargs)
        self.quantiles = increasing("quantiles", quantiles)

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

    >>> loss = keraseq.losses.GaussianLoss()
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

    >>> round(float(keraseq.losses.gaussian_prior(0.5, observations=100)(keras.ops.ones(3))), 6)
    0.06
    """
    deviation = positive_number("deviation", deviation)
    observations = positive_integer("observations", observations)
    return keras.regularizers.L2(1 / (2 * deviation**2 * observations))
