"""Compiling a recurrent network: Adam, clipped gradients, the loss that fits the model."""

import keras

from keraseq.checks import positive_number
from keraseq.train.cross_entropy import CrossEntropy

# Classes from which on `CrossEntropy` is the default on TensorFlow: half the time of TensorFlow's
# own on a CPU, which was a third of a training step with 10,000 words.
MANY_CLASSES = 1000


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
        loss: Any loss of Keras. Default: for a model that ends in a layer called `logits`, as
            keraseq's classifiers, taggers and language models do, the cross-entropy of integer
            labels, from logits; for one that ends in `forecast`, the mean squared error.
        learning_rate: A positive number or a `keras.optimizers.schedules.LearningRateSchedule`.
            Defaults to 0.001.
        clipnorm: Largest allowed norm of all gradients together, a positive number; `None` does not
            clip. Defaults to 1.
        metrics: Any metrics of Keras. Default: with a default loss `accuracy` for `logits` and
            `mae` for `forecast`, else none.
        **options: Further arguments of `keras.Model.compile`, such as `jit_compile`.

    Returns:
        The same model.

    Raises:
        ValueError: A number is not positive, or there is no loss for a model of this kind.

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
        loss, usual = default_loss(model)
        metrics = usual if metrics is None else metrics
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=clipnorm)
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, **options)
    return model


def default_loss(model: keras.Model):
    """Loss and metrics that follow from what a model ends in."""
    ends_in = getattr(model, "output_names", None)
    if ends_in == ["forecast"]:
        return keras.losses.MeanSquaredError(), [keras.metrics.MeanAbsoluteError(name="mae")]
    if ends_in != ["logits"]:
        raise ValueError(
            "loss is needed for a model that does not end in one layer called 'logits' or "
            "'forecast'; received loss=None"
        )
    if model.output_shape[-1] == 1:
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
        return keras.losses.BinaryCrossentropy(from_logits=True), [accuracy]
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    if model.output_shape[-1] >= MANY_CLASSES and keras.backend.backend() == "tensorflow":
        return CrossEntropy(), [accuracy]
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True), [accuracy]
