"""What training and pretraining share: the rate of each step, and a line after each epoch."""

import time
from collections.abc import Callable

import keras

WARM_STEPS = 100  # from a tenth of the rate up: Adam's second moments are wild at the start


def schedule(top: float, steps: int):
    """Up from a tenth, then down to zero."""
    warm = min(WARM_STEPS, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        top / 10, max(steps - warm, 1), warmup_target=top, warmup_steps=warm
    )


class Report(keras.callbacks.Callback):
    """Says after each epoch how good the model is.

    Args:
        epochs: Number of epochs.
        report: Gets the line.
    """

    def __init__(self, epochs: int, report: Callable[[str], None]):
        super().__init__()
        self.epochs, self.report, self.begin = epochs, report, 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the time."""
        self.begin = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Says it."""
        costs = ", ".join(
            f"{part} loss {logs[prefix + 'loss']:.4f}"
            + (f" accuracy {logs[prefix + 'accuracy']:.4f}" if "accuracy" in logs else "")
            for part, prefix in (("train", ""), ("validation", "val_"))
        )
        self.report(
            f"epoch {epoch + 1}/{self.epochs}: {costs}; {time.monotonic() - self.begin:.0f} s"
        )
