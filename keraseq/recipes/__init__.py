"""Whole applications, raw input to saved model: a package each, in the order of the work.

A recipe that saves a bundle names itself in its card (`Card(recipe="text")`) and has

    evaluate(bundle, data=None, **options) -> DataFrame     a row a method, baselines included

so that `keraseq evaluate BUNDLE` finds it.
"""

import importlib
from types import ModuleType

from keraseq.bundle import BundleError

RECIPES = ("text", "forecast", "imdb")

__all__ = ["RECIPES", *RECIPES, "of"]


def of(bundle) -> ModuleType:
    """The recipe that a bundle came from.

    Raises:
        BundleError: Its card names none that this keraseq has.
    """
    name = bundle.card.recipe
    if name not in RECIPES:
        raise BundleError(
            f"the bundle's card names the recipe {name!r}; known recipes: {', '.join(RECIPES)}"
        )
    return importlib.import_module(f"keraseq.recipes.{name}")


def __getattr__(name: str):
    if name in RECIPES:
        return importlib.import_module(f"keraseq.recipes.{name}")
    raise AttributeError(f"module 'keraseq.recipes' has no attribute {name!r}")
