"""keraseq: a Keras 3 toolkit for sequence modelling with recurrent networks.

The public surface, in the order of the work: cells, losses, layers, data, models, train, evaluate,
plots, bundle, inspection, generation (with its function `keraseq.generate`), recipes, experiments.
Each room loads on first use, so that `import keraseq` costs little more than `import keras`; cells,
layers and models load at once, since saved models find their classes that way.
"""

import importlib
import sys
from pathlib import Path

__version__ = "0.1.0"

ROOMS = (
    "cells",
    "losses",
    "layers",
    "data",
    "models",
    "train",
    "evaluate",
    "plots",
    "bundle",
    "inspection",
    "generation",
    "recipes",
    "experiments",
)

__all__ = ["__version__", "generate", *ROOMS]

# The shell command, `keraseq` or `python -m keraseq`, answers `--help` without waiting for
# TensorFlow: there, and only there, these rooms load on first use as well.
if Path(next(iter(sys.argv), "")).name != "keraseq" and ("-m", "keraseq") not in zip(
    sys.orig_argv, sys.orig_argv[1:], strict=False
):
    from keraseq import cells, layers, models  # noqa: F401


def __getattr__(name: str):
    if name in ROOMS:
        return importlib.import_module(f"keraseq.{name}")
    if name == "generate":  # the one function that has a place of its own: what most people want
        return importlib.import_module("keraseq.generation").generate
    raise AttributeError(f"module 'keraseq' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
