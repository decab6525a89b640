"""Examples with a label: files -> parts, rows of token ids or steps, batches of rows alike long."""

from keraseq.data.labelled.batches import batches, padding
from keraseq.data.labelled.channels import SeriesEncoder
from keraseq.data.labelled.dna import (
    DnaEncoder,
    LabelledDna,
    labelled_dna,
    read_fasta,
    reverse_complement,
)
from keraseq.data.labelled.encoder import TextEncoder, clean
from keraseq.data.labelled.mel import SignalEncoder
from keraseq.data.labelled.parts import Labelled, LabelledSeries, LabelledTexts
from keraseq.data.labelled.series import labelled_series
from keraseq.data.labelled.signals import LabelledSignals, labelled_signals
from keraseq.data.labelled.table import reviews
from keraseq.data.labelled.tree_rows import TreeEncoder, schedule, tree_batches
from keraseq.data.labelled.trees import LabelledTree, LabelledTrees, labelled_trees, parsed
from keraseq.data.labelled.wav import Recording, read_wav

__all__ = [
    "DnaEncoder",
    "Labelled",
    "LabelledDna",
    "LabelledSeries",
    "LabelledSignals",
    "LabelledTexts",
    "LabelledTree",
    "LabelledTrees",
    "Recording",
    "SeriesEncoder",
    "SignalEncoder",
    "TextEncoder",
    "TreeEncoder",
    "batches",
    "clean",
    "labelled_dna",
    "labelled_series",
    "labelled_signals",
    "labelled_trees",
    "padding",
    "parsed",
    "read_fasta",
    "read_wav",
    "reverse_complement",
    "reviews",
    "schedule",
    "tree_batches",
]


def __dir__():
    return __all__
