"""Examples with a label: files -> parts, rows of token ids or steps, batches of rows alike long."""

from keraseq.data.labelled.batches import batches, padding
from keraseq.data.labelled.channels import SeriesEncoder
from keraseq.data.labelled.encoder import TextEncoder, clean
from keraseq.data.labelled.frames import FrameEncoder, labelled_frames
from keraseq.data.labelled.moving import drawn
from keraseq.data.labelled.parts import (
    Labelled,
    LabelledFrames,
    LabelledSeries,
    LabelledSkeletons,
    LabelledTexts,
)
from keraseq.data.labelled.series import labelled_series
from keraseq.data.labelled.skeleton_rows import SkeletonEncoder
from keraseq.data.labelled.skeletons import labelled_skeletons
from keraseq.data.labelled.table import reviews
from keraseq.data.labelled.tree_rows import TreeEncoder, schedule, tree_batches
from keraseq.data.labelled.trees import LabelledTree, LabelledTrees, labelled_trees, parsed

__all__ = [
    "FrameEncoder",
    "Labelled",
    "LabelledFrames",
    "LabelledSeries",
    "LabelledSkeletons",
    "LabelledTexts",
    "LabelledTree",
    "LabelledTrees",
    "SeriesEncoder",
    "SkeletonEncoder",
    "TextEncoder",
    "TreeEncoder",
    "batches",
    "clean",
    "drawn",
    "labelled_frames",
    "labelled_series",
    "labelled_skeletons",
    "labelled_trees",
    "padding",
    "parsed",
    "reviews",
    "schedule",
    "tree_batches",
]


def __dir__():
    return __all__
