"""Compiling a recurrent network: Adam, clipped gradients, the loss that fits the model."""

import keras

from keraseq import losses
from keraseq.checks import positive_number


def compile(
    model: keras.Model,
    loss=None,
    *,
    learning_rate=1e-3,
    clipnorm: float | None = 1.0,
    metrics=None,
    **options,
) -> keras.Model:
    """Compiles a model with Adam and gradients clipped by their global norm, and returns it.

    Recurrent networks need the clipping (Pascanu et al. 2013): one long sequence can have a
    gradient a thousand times the usual one.

    Args:
        model: The model.
        loss: Any loss of Keras. Default: the one that fits a model of keraseq's builders, its
            `fitting_loss()`: for classifiers, taggers and language models the cross-entropy of
            integer labels, for forecasters that of their head.
        learning_rate: A positive number or a `keras.optimizers.schedules.LearningRateSchedule`.
            Defaults to 0.001.
        clipnorm: Largest allowed norm of all gradients together, a positive number; `None` does not
            clip. Defaults to 1.
        metrics: Any metrics of Keras. Default: with a default loss `accuracy` for classes and
            `mae` for forecasts of one number, else none.
        **options: Further arguments of `keras.Model.compile`, such as `jit_compile`.

    Returns:
        The same model.

    Raises:
        ValueError: A number is not positive, or no loss is given for a model of another kind.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(3, features=8, units=4)
    >>> keraseq.train.compile(model, learning_rate=3e-3).loss.name
    'sparse_categorical_crossentropy'

    References:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
        arXiv:1211.5063.
    """
    if not isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        learning_rate = positive_number("learning_rate", learning_rate)
    if clipnorm is not None:
        clipnorm = positive_number("clipnorm", clipnorm)
    if loss is None:
        loss = getattr(model, "fitting_loss", lambda: None)()
        if loss is None:
            raise ValueError(
                "loss is needed for a model that does not say its own, as a "
                "keraseq.models.SequenceModel of one output does; received loss=None"
            )
        metrics = usual_metrics(loss) if metrics is None else metrics
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=clipnorm)
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, **options)
    return model


def usual_metrics(loss: keras.losses.Loss) -> list[keras.metrics.Metric] | None:
    """What tells people more than the loss that fits a model."""
    if isinstance(loss, keras.losses.BinaryCrossentropy):
        return [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)]
    if isinstance(loss, (keras.losses.SparseCategoricalCrossentropy, losses.CrossEntropy)):
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    if isinstance(loss, keras.losses.MeanSquaredError):
        return [keras.metrics.MeanAbsoluteError(name="mae")]
    return None
