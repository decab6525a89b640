"""How closely every cell agrees with its oracle on this backend.

    KERAS_BACKEND=jax python tests/conformance/agreement.py --json

Prints for each row of the table the largest error of states and outputs over six steps and three
widths, in float64 and float32 (absolute below 1, relative above), from `keraseq.layers.RNN`.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import conftest  # noqa: F401  one thread, logging
import jax
from keras.src.backend.common import dtypes

import keraseq
from conformance.backend import BACKEND
from conformance.cases import ROWS, random_inputs
from conformance.test_equation import built, error_of_layer


def largest_error(case, dtype):
    worst = 0.0
    for features, units in case.widths:
        x, _ = random_inputs(case, features, units)
        cell = built(case, features, units, dtype)
        layer = keraseq.layers.RNN(cell, return_sequences=True, return_state=True, dtype=dtype)
        worst = max(worst, error_of_layer(case, layer, x))
    return worst


def main():
    table = {}
    for case in ROWS:
        table[case.name] = {"float32": largest_error(case, "float32")}
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # see conftest.float64
    with jax.enable_x64(True):
        for case in ROWS:
            table[case.name]["float64"] = largest_error(case, "float64")
    if "--json" in sys.argv:
        print(json.dumps({"backend": BACKEND, "largest_error": table}))
        return
    print(f"{BACKEND:15} {'float64':>10} {'float32':>10}")
    for name, errors in table.items():
        print(f"{name:15} {errors['float64']:10.1e} {errors['float32']:10.1e}")


if __name__ == "__main__":
    main()
