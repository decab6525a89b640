"""How a cell runs over time."""

from keraseq.layers.bidirectional import Bidirectional
from keraseq.layers.rnn import RNN
from keraseq.layers.stack import Stack, reset_states, stack

__all__ = ["RNN", "Bidirectional", "Stack", "reset_states", "stack"]
