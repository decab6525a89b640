"""Step 2, models: builders, plain functions that return an uncompiled `keras.Model`."""

from keraseq.models.budget import match_parameters
from keraseq.models.classifier import sequence_classifier
from keraseq.models.encoder_decoder import encoder_decoder
from keraseq.models.forecaster import forecaster
from keraseq.models.language import language_model
from keraseq.models.sequence_model import SequenceModel
from keraseq.models.tagger import sequence_tagger

__all__ = [
    "SequenceModel",
    "encoder_decoder",
    "forecaster",
    "language_model",
    "match_parameters",
    "sequence_classifier",
    "sequence_tagger",
]
