"""Step 4: metrics, and the baselines that a model must beat.

Metrics take arrays, whatever model made them. Baselines see the same training part as the models.
"""

from keraseq.evaluate.backtesting import Backtest, backtest, intervals
from keraseq.evaluate.calibration import (
    calibration_curve,
    calibration_error,
    probabilities,
    reliability,
    temperature,
)
from keraseq.evaluate.captions import (
    caption_baselines,
    caption_bleu,
    caption_scores,
    caption_words,
    cider,
    constant_caption,
)
from keraseq.evaluate.classifiers import logistic_regression, majority_class
from keraseq.evaluate.conformal import Conformal, conformal_margin
from keraseq.evaluate.forecast_baselines import baselines
from keraseq.evaluate.forecasts import crps, mase, pinball, seasonal_scale, smape
from keraseq.evaluate.metrics import (
    accuracy,
    accuracy_interval,
    balanced_accuracy,
    bits,
    confusion_matrix,
    log_softmax,
    macro_f1,
    negative_log_likelihood,
)
from keraseq.evaluate.music import KeyFrequencies, frame_costs, note_statistics
from keraseq.evaluate.ngram import NGram
from keraseq.evaluate.tagging import (
    TrigramHMM,
    entity_counts,
    entity_f1,
    gazetteer,
    most_frequent_tag,
)

__all__ = [
    "Backtest",
    "Conformal",
    "KeyFrequencies",
    "NGram",
    "TrigramHMM",
    "accuracy",
    "accuracy_interval",
    "backtest",
    "balanced_accuracy",
    "baselines",
    "bits",
    "calibration_curve",
    "calibration_error",
    "caption_baselines",
    "caption_bleu",
    "caption_scores",
    "caption_words",
    "cider",
    "conformal_margin",
    "confusion_matrix",
    "constant_caption",
    "crps",
    "entity_counts",
    "entity_f1",
    "frame_costs",
    "gazetteer",
    "intervals",
    "log_softmax",
    "logistic_regression",
    "macro_f1",
    "majority_class",
    "mase",
    "most_frequent_tag",
    "negative_log_likelihood",
    "note_statistics",
    "pinball",
    "probabilities",
    "reliability",
    "seasonal_scale",
    "smape",
    "temperature",
]


def __dir__():
    return __all__
