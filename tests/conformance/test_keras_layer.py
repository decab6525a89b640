"""Keras' own `run_layer_test`, the check that its layers pass, with our cells inside.

Configuration round trip, building, symbolic and eager shapes and types, counts of weights and
seeds, a compiled training step, mixed precision.
"""

import keras
import pytest
from keras.src.testing import TestCase

import keraseq

from .cases import FEW, ROWS

BATCH, STEPS, FEATURES, UNITS = 3, 2, 4, 5
# Keras' own test feeds `fit` a generator, and `fit` says that it cannot shuffle one.
pytestmark = pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")

PENALTIES = ("kernel_regularizer", "recurrent_regularizer", "bias_regularizer")


def penalised(case):
    return case.cell(UNITS, **dict.fromkeys(PENALTIES, "l2"), dropout=0.2, recurrent_dropout=0.2)


def simple(case):
    return case.cell(UNITS)


WRAPPERS = {  # name: (class, arguments, width of the output, cells that have penalties)
    "keras.layers.RNN": (keras.layers.RNN, lambda c: {"cell": simple(c)}, UNITS, 0),
    "RNN": (keraseq.layers.RNN, lambda c: {"cell": penalised(c)}, UNITS, 1),
    "Bidirectional": (
        keraseq.layers.Bidirectional,
        lambda c: {"layer": keraseq.layers.RNN(penalised(c))},
        2 * UNITS,
        2,
    ),
    "stack": (
        keraseq.layers.Stack,
        lambda c: {"cell": c.name, "units": [UNITS, 3], "dropout": 0.1},
        3,
        0,
    ),
    "StackedRNNCells": (
        keraseq.layers.RNN,
        lambda c: {"cell": [simple(c), c.cell(3)], "return_sequences": True},
        3,
        0,
    ),
}


# Every cell in our layer, and every wrapper with one of two states and one of several products in a
# step, all that it sees of a cell: the training step that Keras' test compiles is what costs.
PAIRS = [(case, "RNN") for case in FEW]
OTHERS = [name for name in WRAPPERS if name != "RNN"]
PAIRS += [(case, name) for case in FEW if case.name in ("lstm", "mut1") for name in OTHERS]


@pytest.mark.parametrize(("case", "wrapper"), PAIRS, ids=str)
def test_run_layer_test(case, wrapper):
    kind, arguments, width, penalised_cells = WRAPPERS[wrapper]
    arguments = arguments(case)
    cell = penalised(case)
    cell.build((None, FEATURES))
    losses = penalised_cells * sum(weight.regularizer is not None for weight in cell.weights)
    shape = (BATCH, STEPS, width) if arguments.get("return_sequences") else (BATCH, width)
    TestCase().run_layer_test(
        kind,
        init_kwargs=arguments,
        input_shape=(BATCH, STEPS, FEATURES),
        expected_output_shape=shape,
        expected_num_losses=losses,
        expected_num_non_trainable_weights=0,
        supports_masking=True,
    )


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_every_matrix_and_bias_has_its_penalty(case):
    cell = penalised(case)
    cell.build((None, FEATURES))
    assert all(w.regularizer is not None for w in cell.weights if w.name in ("kernel", "bias"))
    recurrent = ("recurrent_kernel", "output_kernel")  # a linear recurrence may have none
    found = [one for one in cell.weights if one.name in recurrent]
    assert found or isinstance(cell, keraseq.cells.LinearCell)
    assert all(one.regularizer is not None for one in found)
