"""Texts with a label: files -> parts, token ids, batches of rows of like length."""

from keraseq.data.labelled.batches import batches, padding
from keraseq.data.labelled.encoder import TextEncoder, clean
from keraseq.data.labelled.parts import LabelledTexts
from keraseq.data.labelled.table import reviews

__all__ = ["LabelledTexts", "TextEncoder", "batches", "clean", "padding", "reviews"]
