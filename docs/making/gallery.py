"""The gallery: a card with a picture for each notebook and recipe."""

import notebooks
from repository import ROOT

from keraseq.recipes import RECIPES


def page() -> str:
    """A card for each notebook and recipe."""
    every, recipes = notebooks.every(ROOT), []
    for name, row in RECIPES.items():
        if (shown := notebooks.about(name, every)) is None:
            raise ValueError(f"no notebook shows the recipe {name!r}: no picture for its card")
        link = f"../reference/recipes/{name}.md"
        recipes.append((f"{name}: {row.title}", f"Gives {row.gives}.", link, shown, second(shown)))
    return "\n\n".join(
        [
            "---\nhide: [toc]\n---\n\n# Gallery",
            "Notebooks, as they were executed; each is made from a source that the tests run.",
            cards([(one.title, one.summary, f"{one.name}.md", one, one.cover) for one in every]),
            "## Recipes",
            "Whole applications: raw data in, a saved model out, measured beside simple methods.",
            cards(recipes),
        ]
    )


def second(notebook) -> int:
    """Another picture than the one on the notebook's own card, if it has one."""
    return next((n for n in range(len(notebook.pictures)) if n != notebook.cover), notebook.cover)


def cards(rows) -> str:
    """Cards: title, text, link, and a picture of a notebook."""
    return (
        '<div class="cards" markdown>\n\n'
        + "\n\n".join(
            f'<div class="card" markdown>\n'
            f"[![{title}](../gallery/{shown.name}-{number}.png)]({link})\n\n"
            f"**[{title}]({link})**\n\n{text}\n</div>"
            for title, text, link, shown, number in rows
        )
        + "\n\n</div>"
    )
