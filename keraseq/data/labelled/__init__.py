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
from keraseq.data.labelled.frames import FrameEncoder, labelled_frames
from keraseq.data.labelled.mel import SignalEncoder
from keraseq.data.labelled.moving import drawn
from keraseq.data.labelled.parts import (
    Labelled,
    LabelledFrames,
    LabelledSeries,
    LabelledSkeletons,
    LabelledTexts,
)
from keraseq.data.labelled.series import labelled_series
from keraseq.data.labelled.signals import LabelledSignals, labelled_signals
from keraseq.data.labelled.skeleton_rows import SkeletonEncoder
from keraseq.data.labelled.skeletons import labelled_skeletons
from keraseq.data.labelled.table import reviews
from keraseq.data.labelled.tree_rows import TreeEncoder, schedule, tree_batches
from keraseq.data.labelled.trees import LabelledTree, LabelledTrees, labelled_trees, parsed
from keraseq.data.labelled.wav import Recording, read_wav

__all__ = [
    "DnaEncoder",
    "FrameEncoder",
    "Labelled",
    "LabelledDna",
    "LabelledFrames",
    "LabelledSeries",
    "LabelledSignals",
    "LabelledSkeletons",
    "LabelledTexts",
    "LabelledTree",
    "LabelledTrees",
    "Recording",
    "SeriesEncoder",
    "SignalEncoder",
    "SkeletonEncoder",
    "TextEncoder",
    "TreeEncoder",
    "batches",
    "clean",
    "drawn",
    "labelled_dna",
    "labelled_frames",
    "labelled_series",
    "labelled_signals",
    "labelled_skeletons",
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
