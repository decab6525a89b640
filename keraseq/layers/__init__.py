"""Layers: how a cell runs over time, and what stands below and above it in a model."""

from keraseq.layers.attention import Attention, AttentionCell, EvenAttention
from keraseq.layers.beside import Beside
from keraseq.layers.bidirectional import Bidirectional
from keraseq.layers.crf import CRF, marginals, viterbi
from keraseq.layers.each_frame import EachFrame
from keraseq.layers.each_word import EachWord
from keraseq.layers.embeddings import (
    OneHot,
    PairEmbedding,
    Scale,
    TiedEmbedding,
    WordDropout,
    WordVectors,
)
from keraseq.layers.feedback import FeedbackRNN
from keraseq.layers.heads import GaussianHead, PointHead, QuantileHead, WindowNormalization
from keraseq.layers.keys import IndependentKeys, OrderedKeys
from keraseq.layers.padding import MaskNaN
from keraseq.layers.pooling import AveragedPredictions, SequencePooling
from keraseq.layers.rnn import RNN
from keraseq.layers.segments import SegmentRNN
from keraseq.layers.stack import Stack, reset_states, stack
from keraseq.layers.streaming import StreamingStack
from keraseq.layers.tree import Tree
from keraseq.layers.wide import WideLogits

__all__ = [
    "CRF",
    "RNN",
    "Attention",
    "AttentionCell",
    "AveragedPredictions",
    "Beside",
    "Bidirectional",
    "EachFrame",
    "EachWord",
    "EvenAttention",
    "FeedbackRNN",
    "GaussianHead",
    "IndependentKeys",
    "MaskNaN",
    "OneHot",
    "OrderedKeys",
    "PairEmbedding",
    "PointHead",
    "QuantileHead",
    "Scale",
    "SegmentRNN",
    "SequencePooling",
    "Stack",
    "StreamingStack",
    "TiedEmbedding",
    "Tree",
    "WideLogits",
    "WindowNormalization",
    "WordDropout",
    "WordVectors",
    "marginals",
    "reset_states",
    "stack",
    "viterbi",
]


def __dir__():
    return __all__
