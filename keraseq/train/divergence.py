"""A training that has diverged says so, and keeps nothing of it."""

import math

import keras

from keraseq.checks import positive_number
from keraseq.keras_inside import rate_of

WORST = 10  # times the loss of a model that knows nothing: no model that learns comes near it
FAR = 1000  # times the loss of the first step: honest problems stay far below it


class StopOnDivergence(keras.callbacks.Callback):
    """Raises as soon as a training has diverged, and says where and what to try.

    It has diverged where, after a batch, the loss is NaN or infinite, and where, after an epoch, a
    weight or the validation loss is, the loss is above `limit`, or the validation loss has been
    above it in every epoch so far. (A validation loss may rise late, as models learn by heart: the
    best epoch counts.) The error leaves `fit` before the epoch ends, so that neither the best
    checkpoint nor the resume file is overwritten by a broken model. With `steps_per_execution`
    above 1 the batch is the last of its group.

    Args:
        limit: The largest loss that is no divergence, a positive number. What is known of the task
            says it best, such as ten times the logarithm of the number of classes. Default: 1000
            times the loss of the first step, and no less than 1000.

    Raises:
        FloatingPointError: From `fit`, with the step, the epoch and the batch, counted from 1.

    Example:

    >>> import keraseq
    >>> keraseq.train.StopOnDivergence().on_train_batch_end(0, {"loss": 0.7})
    """

    async_safe = True  # on JAX the loss is read in a thread: training does not wait for it
    best, first_loss = math.inf, None  # of a resumed run too: `Resume` keeps them

    def __init__(self, limit: float | None = None):
        super().__init__()
        self.given = None if limit is None else positive_number("limit", limit)
        self.epoch, self.steps, self.last_finite, self.advice = 0, 0, None, ""

    def on_train_begin(self, logs=None):
        """Forgets another run."""
        self.best, self.first_loss = math.inf, None

    def on_epoch_begin(self, epoch, logs=None):
        """Notes where the epoch starts."""
        optimizer = self.model.optimizer
        self.epoch, self.last_finite = epoch, None
        self.steps = int(keras.ops.convert_to_numpy(optimizer.iterations))
        rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        for name in ("initial_learning_rate", "warmup_target"):  # of a schedule: what was given
            rate = max(rate, getattr(rate_of(optimizer), name, None) or 0.0)
        clipnorm = getattr(optimizer, "global_clipnorm", None)
        more = "" if clipnorm is None else f" more than to {clipnorm:.3g}"
        self.advice = (
            f"lower the learning rate (now {rate:.3g}; in a shell --learning-rate), or clip the "
            f"gradients{more} (clipnorm)"
        )

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss of the epoch so far, which no later batch can mend."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if math.isfinite(loss):
            self.last_finite = (batch, loss)
            if self.first_loss is None:
                self.first_loss = float(loss)
            return
        before = "the first batch of the epoch"
        if self.last_finite is not None:
            before = (
                f"the mean loss was {self.last_finite[1]:.6g} at batch {self.last_finite[0] + 1}"
            )
        raise FloatingPointError(
            f"the loss is {loss} at step {self.steps + batch + 1} (epoch {self.epoch + 1}, batch "
            f"{batch + 1}); {before}. Look for NaN or huge values in that batch, {self.advice}"
        )

    def on_epoch_end(self, epoch, logs=None):
        """Looks at both losses and at the weights."""
        logs, limit = logs or {}, self.given or FAR * max(1.0, abs(self.first_loss or 0.0))
        loss, validation = logs.get("loss", 0.0), logs.get("val_loss")
        if validation is not None and not math.isfinite(validation):
            raise FloatingPointError(
                f"the validation loss is {validation} after epoch {epoch + 1}, the training loss "
                f"is {loss:.6g}. Look for NaN or huge values in the validation data, "
                f"{self.advice}"
            )
        if validation is not None:
            self.best = min(self.best, float(validation))
        for name, value in (("loss", loss), ("validation loss", self.best)):
            if limit < value < math.inf:
                raise FloatingPointError(
                    f"the training has diverged: the {name} is {value:.4g} after epoch "
                    f"{epoch + 1}, and one above {limit:.4g} is none of a model that learns. "
                    f"To mend it, {self.advice}"
                )
        for weight in self.model.weights:
            if not bool(keras.ops.all(keras.ops.isfinite(weight))):
                raise FloatingPointError(
                    f"the training has diverged: the weights {weight.path} are not finite after "
                    f"epoch {epoch + 1}. To mend it, {self.advice}"
                )
