"""Cells that no layer may take for granted: their output is not their first state."""

import keras
import numpy as np
from keras import ops

from keraseq.cells import Cell


@keras.saving.register_keras_serializable("tests")
class SummingCell(Cell):
    """A keraseq cell with its own output and a second state.

    h_t = tanh(W x_t + U h_{t-1} + b)
    n_t = n_{t-1} + h_t
    y_t = 2 n_t - 1
    """

    gates = ("hidden",)
    state_names = ("hidden", "sum")

    def step(self, projected, states):
        h, n = states
        h = ops.tanh(projected + self.recurrent(h, "hidden"))
        n = n + h
        return 2 * n - 1, [h, n]


def summing(weights, x, states):
    h, n = states
    h = np.tanh(x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"])
    n = n + h
    return 2 * n - 1, [h, n]


@keras.saving.register_keras_serializable("tests")
class PlainCell(keras.layers.Layer):
    """A cell that knows nothing of keraseq: s_t = s_{t-1} + x_t, y_t = -10 s_t; c_t counts."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.output_size = units
        self.state_size = [units, 1]

    def call(self, inputs, states):
        total, count = states
        total = total + inputs
        return -10 * total, [total, count + 1]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def plain(weights, x, states):
    total, count = states
    return -10 * (total + x), [total + x, count + 1]


@keras.saving.register_keras_serializable("tests")
class ResidualCell(keras.layers.Layer):
    """A wrapper as users write them: it hides the cell inside from `isinstance`."""

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell
        self.state_size = cell.state_size
        self.output_size = cell.output_size

    def build(self, input_shape):
        self.cell.build(input_shape)

    def call(self, inputs, states, training=False):
        output, states = self.cell(inputs, states, training=training)
        return inputs + output, states

    def get_initial_state(self, batch_size=None):
        return self.cell.get_initial_state(batch_size)

    def get_config(self):
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("cell")), **config)
