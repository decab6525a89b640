"""The running mean of the weights, where an optimizer keeps one."""

import keras
import numpy as np


class ValidateAverages(keras.callbacks.Callback):
    """Validation and `BestCheckpoint` see the running mean of the weights, training does not.

    For optimizers with `use_ema=True`; with others it does nothing. With
    `keras.callbacks.SwapEMAWeights` checkpoints either hold the weights as they are or, with
    `swap_on_epoch`, cannot be resumed after a kill.

    Example:

    >>> keraseq.train.ValidateAverages().on_train_begin()
    """

    def on_test_begin(self, logs=None):
        """Puts the averages into the model."""
        swap_averages(self.model)

    def on_test_end(self, logs=None):
        """Puts the weights back."""
        swap_averages(self.model)


def swap_averages(model: keras.Model) -> None:
    """Exchanges a model's weights with the averages that its optimizer keeps, if it does."""
    if not getattr(model.optimizer, "use_ema", False):
        return
    averages = model.optimizer._model_variables_moving_average  # Keras shows them nowhere else
    for weight, average in zip(model.optimizer._trainable_variables, averages, strict=True):
        kept = np.array(keras.ops.convert_to_numpy(weight))
        weight.assign(keras.ops.convert_to_numpy(average))
        average.assign(kept)
