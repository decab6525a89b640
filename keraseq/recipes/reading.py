"""How a file is read where no recipe trains on it: the options of those that read tables."""

from dataclasses import replace

from keraseq.recipes.recipe import READING, Option, options, settings_of

# What is asked of a table -> the recipe that answers, and its option of that name.
ASKED = {"target": ("forecast", "targets"), "label": ("classify", "label")}
SHAPE = ("horizon", "look_back", "season")  # of forecasts, which say what a row to learn from is
SAID = {  # where a comparison has another default than the recipe, or none
    "target": "Columns to forecast, where the task is a file.",
    "label": "Column to tell from the others, where the task is a file.",
    "horizon": "Rows to forecast. Default: a season, or 12.",
    "look_back": "Rows that the model sees. Default: two seasons, or three horizons.",
    "season": "Rows in a season. Default: by the frequency.",
}
COVARIATES = ("past_covariates", "future_covariates", "calendar")  # which only a recipe reads


def reading(asked: str) -> dict[str, Option]:
    """Name -> option, of those by which a table is read for what is asked of it.

    Example:

    >>> from keraseq.recipes.reading import reading
    >>> reading("target")["decimal"].flag
    '--decimal'
    """
    recipe, column = ASKED[asked]
    found = {
        name: one
        for name, one in options(settings_of(recipe)).items()
        if (one.group == READING and name not in COVARIATES) or name in (column, *SHAPE)
    }
    found = {asked: found.pop(column), **found}
    return {
        name: replace(one, help=SAID[name], default=None) if name in SAID else one
        for name, one in found.items()
    }


def every() -> dict[str, list[Option]]:
    """Name -> the options of that name, whatever is asked of a table."""
    found: dict[str, list[Option]] = {name: [] for name in ASKED}
    for asked in ASKED:
        for name, one in reading(asked).items():
            found.setdefault(name, []).append(one)
    return found
