"""keraseq: a Keras 3 toolkit for sequence modelling with recurrent networks.

The public surface, in the order of the work: cells, layers, data, models, train, evaluate, plots,
bundle, experiments. Each loads on first use, so that `import keraseq` costs little more than
`import keras`. Cells, layers and models load at once: saved models find their classes that way.
"""

import importlib

from keraseq import cells, layers, models

__version__ = "0.1.0"

ROOMS = (
    "data",
    "train",
    "evaluate",
    "plots",
    "bundle",
    "inspection",
    "experiments",
)

__all__ = ["__version__", "cells", "layers", "models", *ROOMS]


def __getattr__(name: str):
    if name in ROOMS:
        return importlib.import_module(f"keraseq.{name}")
    raise AttributeError(f"module 'keraseq' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *ROOMS])
