"""Step 4: metrics, and the baselines that a model must beat.

Metrics take arrays, whatever model made them. Baselines see the same training part as the models.
"""

from keraseq.evaluate.calibration import (
    calibration_curve,
    calibration_error,
    probabilities,
    temperature,
)
from keraseq.evaluate.classifiers import logistic_regression, majority_class
from keraseq.evaluate.metrics import (
    accuracy,
    bits,
    log_softmax,
    mase,
    negative_log_likelihood,
    seasonal_scale,
)
from keraseq.evaluate.naive import repeat_last, seasonal_naive
from keraseq.evaluate.ngram import NGram

__all__ = [
    "NGram",
    "accuracy",
    "bits",
    "calibration_curve",
    "calibration_error",
    "log_softmax",
    "logistic_regression",
    "majority_class",
    "mase",
    "negative_log_likelihood",
    "probabilities",
    "repeat_last",
    "seasonal_naive",
    "seasonal_scale",
    "temperature",
]
