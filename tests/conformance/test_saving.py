"""What is saved comes back: in a fresh process, without custom objects, bit for bit.

`tests/golden` holds models, predictions and weight names of an earlier version; after a change that
is meant to break them, `python tests/golden/make.py` writes them anew.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keraseq

from .backend import step_by_step
from .cases import FEW, ROWS, SOME, Case, randomise, repeats_states

GOLDEN = Path(__file__).parents[1] / "golden"
STEPS, FEATURES, UNITS = 5, 3, 3
SAVED = [*ROWS]
SAVED += [Case(row.name, {"layer_norm": True, "zoneout": 0.2}) for row in ROWS]
SAVED += [
    Case("mut1", {"input_projection": "fixed", "projection_seed": 5}),
    Case("lstm", {"projection": 2, "peephole": True, "chrono": 20}),
    Case("gru", {"bias_initializer": {"update": 1.0}, "kernel_regularizer": "l2", "dropout": 0.1}),
    Case("elman", {"activation": "relu", "trainable_initial_state": True}),
]

LOAD = """
import contextlib
import sys
import keraseq
import keras
import numpy as np

folder = sys.argv[1]
x = np.load(f"{folder}/x.npy")
step_by_step = contextlib.nullcontext()
if keras.backend.backend() == "jax":
    import jax
    step_by_step = jax.disable_jit()
with step_by_step:
    for name in sys.argv[2:]:
        model = keras.saving.load_model(f"{folder}/{name}.keras", safe_mode=True)
        np.savez(f"{folder}/{name}.again.npz", *map(keras.ops.convert_to_numpy, model(x)))
"""


def inputs():
    return np.random.default_rng(6).normal(size=(2, STEPS, FEATURES)).astype("float32")


def model_of(case):
    """One model with the cell in a layer, both ways, and in a tower."""
    x = keras.Input((STEPS, FEATURES))
    masked = keras.layers.Masking()(x)
    sequence = {"return_sequences": True}
    outputs = [
        keraseq.layers.RNN(case.cell(UNITS), **sequence)(masked),
        keraseq.layers.Bidirectional(keraseq.layers.RNN(case.cell(UNITS)))(masked),
        keraseq.layers.stack(case.name, [UNITS, UNITS], residual=True, cell_options=case.options)(
            masked
        ),
        keras.layers.RNN(case.cell(UNITS), **sequence)(masked),
    ]
    model = keras.Model(x, outputs)
    randomise(model, seed=8)
    return model


def test_fresh_process(tmp_path):
    """All models go through one other process: starting it costs more than loading them.

    Every cell as it stands, and some with options: what these add is weights like others.
    """
    saved = [case for case in SAVED if case in FEW or (case.options and case.name in SOME)]
    x = inputs()
    x[0, 3:] = 0.0  # masked
    np.save(tmp_path / "x.npy", x)
    predictions = {}
    for number, case in enumerate(saved):
        model = model_of(case)
        model.save(tmp_path / f"{number}.keras")
        with step_by_step():  # without compiling so many models, here and there
            predictions[number] = [keras.ops.convert_to_numpy(one) for one in model(x)]
    command = [sys.executable, "-c", LOAD, str(tmp_path), *map(str, predictions)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for number, case in enumerate(saved):
        again = np.load(tmp_path / f"{number}.again.npz")
        for before, after in zip(predictions[number], again.values(), strict=True):
            np.testing.assert_array_equal(after, before, err_msg=str(case))


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_golden_model(case):
    """Files of an earlier version give the predictions that they gave, on any backend."""
    if repeats_states(case):
        pytest.skip("its masked steps in Keras' own loop")
    model = keras.saving.load_model(GOLDEN / f"{case.name}.keras", safe_mode=True)
    expected = np.load(GOLDEN / f"{case.name}.npz")
    for output, truth in zip(model(expected["x"]), list(expected.values())[1:], strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(output), truth, rtol=1e-6, atol=1e-6)


def shapes_of(case):
    """Names, shapes and trainability of the weights, for features 3 and units 4."""
    cell = case.cell(4)
    cell.build((None, FEATURES))
    return {
        weight.name: [list(weight.shape), "trained" if weight.trainable else "fixed"]
        for weight in cell.weights
    }


SHAPES = [*ROWS, *SAVED[len(ROWS) :]]


def test_golden_weights():
    """The layout of the weights is part of the interface: saved files rest on it."""
    found = {str(case): shapes_of(case) for case in SHAPES}
    expected = json.loads((GOLDEN / "weights.json").read_text())
    assert found == expected, "if this is meant: python tests/golden/make.py"


@pytest.mark.parametrize("case", SAVED, ids=str)
def test_configuration_round_trip(case):
    """`get_config` is complete, and plain JSON."""
    cell = case.cell(UNITS, seed=3)
    config = json.loads(json.dumps(cell.get_config()))
    again = type(cell).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    for name, value in case.options.items():
        if isinstance(value, (int, float, bool)) and name != "zoneout":
            assert getattr(again, name) == value


@pytest.mark.parametrize("case", FEW, ids=str)
def test_weights_file(case, tmp_path):
    """`save_weights` and `load_weights`."""
    model, other = model_of(case), model_of(case)
    randomise(other, seed=9)
    model.save_weights(tmp_path / "one.weights.h5")
    other.load_weights(tmp_path / "one.weights.h5")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_predict_is_call():
    """What `predict` compiles gives what an eager call gives."""
    x = inputs()
    x[1, :2] = 0.0
    for name in ("lstm", "mut1", "rhn"):
        model = model_of(Case(name, {}))
        for compiled, eager in zip(model.predict(x, verbose=0), model(x), strict=True):
            eager = keras.ops.convert_to_numpy(eager)
            np.testing.assert_allclose(compiled, eager, rtol=0, atol=1e-6)
