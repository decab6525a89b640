"""Every cell of the table, times the options that change its equation."""

import dataclasses
from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from oracles import ORACLES, OUTPUTS, SCALES
from oracles.time import zoneout

import keraseq

from .backend import BACKEND

STEPS = 6
BATCH = 5  # with STEPS and the first of the widths the shapes of most tests: JAX compiles each anew
ANY = ((3, 4), (4, 4), (7, 3))  # widths: (features, units)
EQUAL = ((4, 4), (3, 3), (6, 6))

# Options of every cell. The first is the row as it stands; it alone meets the costlier tests.
COMMON = (
    {},
    {"layer_norm": True},
    {"use_bias": False},
    {"zoneout": 0.3},
    {"trainable_initial_state": True},
)

# Options of one class, each met with and without layer normalisation: (options, widths).
VARIANTS = {
    "ElmanCell": [
        ({"activation": "relu"}, ANY),
        ({"activation": "softsign"}, ANY),
    ],
    "GRUCell": [
        ({"reset": "none"}, ANY),
        ({"reset": "none", "use_bias": False}, ANY),
        ({"activation": "softsign", "recurrent_activation": "tanh"}, ANY),
        ({"activation": "relu", "reset": "after"}, ANY),
    ],
    "IndRNNCell": [({"activation": "tanh"}, ANY)],
    "JANETCell": [({"beta": 0.0}, ANY), ({"beta": -0.5}, ANY)],
    "LSTMCell": [
        ({"input_gate": False}, ANY),
        ({"forget_gate": False}, ANY),
        ({"output_gate": False}, ANY),
        ({"input_gate": False, "forget_gate": False, "output_gate": False}, ANY),
        ({"peephole": True, "input_gate": False}, ANY),
        ({"peephole": True, "forget_gate": False}, ANY),
        ({"peephole": True, "output_gate": False}, ANY),
        ({"peephole": True, "coupled": True}, ANY),
        ({"coupled": True, "output_gate": False}, ANY),
        ({"projection": 2}, ANY),
        ({"projection": 6, "peephole": True, "coupled": True}, ANY),
        ({"activation": "softsign", "recurrent_activation": "tanh"}, ANY),
        ({"zoneout": (0.1, 0.6)}, ANY),
        ({"zoneout": (0.1, 0.6), "projection": 2}, ANY),
    ],
    "LRUCell": [],
    "LiGRUCell": [],
    "MGUCell": [],
    "MUT1Cell": [
        ({"input_projection": "identity"}, EQUAL),
        ({"input_projection": "learned"}, ANY),
        ({"input_projection": "fixed"}, ANY),
        ({"input_projection": "fixed", "use_bias": False}, ANY),
    ],
    "MUT2Cell": [
        ({"input_projection": "identity"}, EQUAL),
        ({"input_projection": "learned"}, ANY),
        ({"input_projection": "fixed"}, ANY),
        ({"input_projection": "fixed", "use_bias": False}, ANY),
    ],
    "MUT3Cell": [],
    "MinGRUCell": [({"positive": True}, ANY)],
    "MinLSTMCell": [({"positive": True}, ANY)],
    "MinimalRNNCell": [],
    "RHNCell": [({"depth": 1}, ANY), ({"depth": 3}, ANY), ({"depth": 3, "use_bias": False}, ANY)],
    "SLSTMCell": [({"forget": "exp"}, ANY), ({"zoneout": (0.4, 0.1, 0.1, 0.1)}, ANY)],
    "UGRNNCell": [({"forget_bias": 0.0}, ANY), ({"forget_bias": -1.5}, ANY)],
}

# Options that leave the equation at inference as it is: initial values, penalties, randomness.
# test_coverage holds every option of every constructor to be here or in a case.
NOT_IN_THE_EQUATION = {
    "kernel_initializer",
    "recurrent_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "recurrent_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "dropout",
    "recurrent_dropout",
    "seed",
    "chrono",
    "max_phase",
    "projection_seed",
    "r_max",
    "r_min",
    "transform_bias",
}
# What the frame around the oracle handles, and what is an initial value in one class alone.
AROUND_THE_EQUATION = {"zoneout", "trainable_initial_state"}
INITIAL_VALUE = {("LSTMCell", "forget_bias")}


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of the table with options on top, and the widths it is tried with."""

    name: str
    options: dict
    widths: tuple = ANY

    def __str__(self):
        said = [f"{key}={value}" for key, value in self.options.items()]
        return "-".join([self.name, *said]).replace(" ", "")

    @property
    def common(self) -> bool:
        """Whether its options are ones that every cell has."""
        return self.options in COMMON

    @property
    def kind(self) -> str:
        return keraseq.cells.CELLS[self.name][0].__name__

    def cell(self, units: int, **options):
        return keraseq.cells.get(self.name, units, **{**self.options, **options})

    def step(self, weights: dict) -> Callable:
        """The oracle with these weights inside it, zoneout included."""
        options = {**keraseq.cells.CELLS[self.name][1], **self.options}
        rates = options.get("zoneout", 0.0)
        left_out = NOT_IN_THE_EQUATION | AROUND_THE_EQUATION
        equation = {key: value for key, value in options.items() if key not in left_out}
        step = partial(ORACLES[self.kind], weights, **equation)
        count = len(self.state_names)
        rates = list(rates) if isinstance(rates, tuple) else [rates] * count
        if not any(rates):
            return step
        output = OUTPUTS.get(self.kind)
        output = output and partial(output, weights, **equation)
        return zoneout(step, rates, output, SCALES.get(self.kind))

    @property
    def state_names(self):
        return keraseq.cells.CELLS[self.name][0].state_names

    def state_sizes(self, units: int) -> list[int]:
        return [self.options.get("projection") or units] + [units] * (len(self.state_names) - 1)

    def initial_states(self, weights: dict, units: int, batch: int) -> list:
        """Zeros, or the learned initial state."""
        sizes = self.state_sizes(units)
        if not self.options.get("trainable_initial_state"):
            return [np.zeros((batch, size)) for size in sizes]
        return [np.tile(weights[f"initial_{name}"], (batch, 1)) for name in self.state_names]


def cases() -> list[Case]:
    found, seen = [], set()
    for name, (kind, _) in keraseq.cells.CELLS.items():
        found += [Case(name, options) for options in COMMON]
        if kind not in seen:
            seen.add(kind)
            for options, widths in VARIANTS[kind.__name__]:
                found.append(Case(name, options, widths))
                found.append(Case(name, {**options, "layer_norm": True}, widths))
    return found


CASES = cases()
ROWS = [Case(name, {}) for name in keraseq.cells.CELLS]  # each row of the table once, as it stands

# For tests to which a cell is a black box: every row on TensorFlow, elsewhere some that differ in
# what a layer sees of them (one state or two, one product in a step or several).
SOME = ("gru", "lstm", "mut1", "rhn")
FEW = [row for row in ROWS if BACKEND == "tensorflow" or row.name in SOME]


def randomise(layer, seed: int = 0) -> None:
    """Sets every weight to random values without any symmetry, exact in float32."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        values = 0.5 * rng.normal(size=weight.shape)
        if weight.name.endswith("gain"):
            values += 1.0
        weight.assign(values.astype("float32"))


def named_weights(layer) -> dict[str, np.ndarray]:
    """A cell's weights in float64, by name."""
    found = {weight.name: keras.ops.convert_to_numpy(weight) for weight in layer.weights}
    assert len(found) == len(layer.weights), [weight.path for weight in layer.weights]
    return {name: np.asarray(values, "float64") for name, values in found.items()}


def random_inputs(case: Case, features: int, units: int, *, batch=BATCH, steps=STEPS, seed=1):
    """Inputs and initial states, exact in float32."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, steps, features)).astype("float32").astype("float64")
    sizes = case.state_sizes(units)
    states = [0.7 * rng.normal(size=(batch, size)) for size in sizes]
    for name, state in zip(case.state_names, states, strict=True):
        if name == "normalizer":  # a sum of exponentials
            state[:] = 0.5 + np.abs(state)
    return x, [state.astype("float32").astype("float64") for state in states]


def repeats_states(case: Case) -> bool:
    """Whether Keras' own loop gives, under a mask, a state where the last output belongs.

    On JAX it takes the first state for the output.
    """
    return BACKEND == "jax" and case.name == "lru"
