"""Writes the golden files anew: python tests/golden/make.py

Only after a change that is meant to break saved models; say so in CHANGELOG.md.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from conformance.test_saving import ROWS, SHAPES, inputs, model_of, shapes_of  # noqa: E402


def main():
    for case in ROWS:
        model = model_of(case)
        model.save(FOLDER / f"{case.name}.keras")
        x = inputs()
        x[0, 3:] = 0.0  # masked
        predictions = [keras.ops.convert_to_numpy(one) for one in model(x)]
        named = {f"output_{number}": one for number, one in enumerate(predictions)}
        np.savez(FOLDER / f"{case.name}.npz", x=x, **named)
    shapes = {str(case): shapes_of(case) for case in SHAPES}
    lines = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in shapes.items()]
    (FOLDER / "weights.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(ROWS)} models, {size // 1024} KiB")


if __name__ == "__main__":
    main()
