"""keraseq: a Keras 3 toolkit for sequence modelling with recurrent networks.

The public surface, in the order of the work: cells, losses, layers, data, models, train, evaluate,
plots, bundle, inspection, generation (with its function `keraseq.generate`), exporting (with
`keraseq.export`), recipes, experiments.
Each room loads on first use, so that `import keraseq` costs little more than `import keras`; cells,
losses, layers and models load with Keras, since saved models find their classes that way.
"""

import gc
import importlib.abc
import importlib.util
import sys
from typing import TYPE_CHECKING

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
    "exporting",
    "recipes",
    "experiments",
)

FUNCTIONS = {"generate": "generation", "export": "exporting"}  # with a place of their own
__all__ = ["__version__", "export", "generate", *ROOMS]

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq import (  # noqa: F401
        bundle,
        cells,
        data,
        evaluate,
        experiments,
        exporting,
        generation,
        inspection,
        layers,
        losses,
        models,
        plots,
        recipes,
        train,
    )
    from keraseq.exporting import export
    from keraseq.generation import generate


class WithKeras(importlib.abc.MetaPathFinder):
    """Imports what saved models are made of right after Keras, so that Keras finds their classes.

    `import keraseq` alone costs nothing: so the shell answers `--help` without waiting for a
    backend. Whatever imports Keras first, a user or a room of keraseq, has the models after it.
    """

    rooms = tuple(
        f"keraseq.{name}" for name in ("keras_inside", "cells", "losses", "layers", "models")
    )

    def find_spec(self, name, path=None, target=None):
        """The module as it would be found without this, and `keraseq.models` after it."""
        if name not in ("keras", *self.rooms):
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                collects = gc.isenabled()
                gc.disable()  # nothing of it is garbage: looking takes a quarter of the time
                try:
                    run(module)
                    importlib.import_module("keraseq.models")
                finally:
                    gc.freeze()
                    gc.unfreeze()  # all is old now, and not the first thing to be looked at
                    if collects:
                        gc.enable()

            spec.loader.exec_module = exec_module
        return spec


if "keras" in sys.modules:
    importlib.import_module("keraseq.models")
else:
    sys.meta_path.insert(0, WithKeras())


def __getattr__(name: str):
    if name in ROOMS:
        return importlib.import_module(f"keraseq.{name}")
    if name in FUNCTIONS:
        return getattr(importlib.import_module(f"keraseq.{FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'keraseq' has no attribute {name!r}")


def __dir__():
    return __all__
