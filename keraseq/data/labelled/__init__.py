"""Examples with a label: files -> parts, rows of token ids or steps, batches of rows alike long."""

from keraseq.data.labelled.batches import batches, padding
from keraseq.data.labelled.channels import SeriesEncoder
from keraseq.data.labelled.encoder import TextEncoder, clean
from keraseq.data.labelled.parts import Labelled, LabelledSeries, LabelledTexts
from keraseq.data.labelled.series import labelled_series
from keraseq.data.labelled.table import reviews

__all__ = [
    "Labelled",
    "LabelledSeries",
    "LabelledTexts",
    "SeriesEncoder",
    "TextEncoder",
    "batches",
    "clean",
    "labelled_series",
    "padding",
    "reviews",
]


def __dir__():
    return __all__
