"""Step 2, models: builders, plain functions that return an uncompiled `keras.Model`.

The five shapes that lectures draw, with `keras` and `from keraseq import layers, models`:

One to one: a vector in, a label out, as a sequence of one step (`x[:, None]`).

    model = models.sequence_classifier(3, features=4, length=1)

One to many: a vector in, a sequence out, as in image captions. The vector is read at every step.

    vector = keras.Input((4,), name="vector")
    x = layers.stack("gru", 8, return_sequences=True)(keras.layers.RepeatVector(6)(vector))
    model = models.SequenceModel(vector, keras.layers.Dense(3, name="logits")(x))

Many to one: a sequence in, a label out, as in sentiment.

    model = models.sequence_classifier(3, vocabulary=9)

Many to many, aligned: a label for every step, as in tagging and language models.

    model = models.sequence_tagger(3, vocabulary=9)

Many to many, through an encoder and a decoder: a sequence of another length, as in translation.

    model = models.encoder_decoder(9, 7)
"""

from keraseq.models.budget import match_parameters
from keraseq.models.classifier import sequence_classifier
from keraseq.models.efficientnet import efficientnet_lite0
from keraseq.models.encoder_decoder import encoder_decoder
from keraseq.models.forecaster import forecaster, segment_forecaster, step_forecaster
from keraseq.models.frame_classifier import frame_classifier
from keraseq.models.image_captioner import image_captioner
from keraseq.models.language import language_model
from keraseq.models.music import roll_model
from keraseq.models.one_step import streaming
from keraseq.models.scheduled_sampling import ScheduledSampling
from keraseq.models.sequence_model import SequenceModel
from keraseq.models.tagger import sequence_tagger
from keraseq.models.tree_classifier import tree_classifier

__all__ = [
    "ScheduledSampling",
    "SequenceModel",
    "efficientnet_lite0",
    "encoder_decoder",
    "forecaster",
    "frame_classifier",
    "image_captioner",
    "language_model",
    "match_parameters",
    "roll_model",
    "segment_forecaster",
    "sequence_classifier",
    "sequence_tagger",
    "step_forecaster",
    "streaming",
    "tree_classifier",
]


def __dir__():
    return __all__
