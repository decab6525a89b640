"""The cross-entropy of integer labels, quick for many classes."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keraseq")
class CrossEntropy(keras.losses.Loss):
    """`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`, faster for many classes.

        cost = log(sum(exp(logits))) - logits[label]
        d cost / d logits = softmax(logits) - one_hot(label)

    TensorFlow computes each exponential twice and one by one; here those of the cost serve the
    gradient too.

    Args:
        reduction, name: As for `keras.losses.Loss`.
        **options: Further arguments of it.

    Call arguments:
        y_true: Labels, `(...)`.
        y_pred: Logits, `(..., classes)`.

    Returns:
        The mean cost, in nats.

    Example:

    >>> loss = keraseq.train.CrossEntropy()
    >>> round(float(loss(keras.ops.array([1]), keras.ops.array([[0.0, 0.0]]))), 4)
    0.6931
    """

    class_numbers = True  # what its labels are, as models ask

    def __init__(self, reduction="sum_over_batch_size", name="cross_entropy", **options):
        super().__init__(name=name, reduction=reduction, **options)

    def call(self, y_true, y_pred):
        """The cost of each label."""
        classes = y_pred.shape[-1]
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        costs = costs_of(labels, ops.reshape(y_pred, (-1, classes)))
        return ops.reshape(costs, ops.shape(y_pred)[:-1])


def costs_of(labels, logits):
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
            own = ops.take_along_axis(found, labels, axis=-1) - d
            return ops.scatter_update(found, where, ops.squeeze(own, -1))

        return ops.squeeze(top + ops.log(total) - own, -1), gradient

    return costs(logits)
