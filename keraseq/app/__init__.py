"""Saved models as pages in a browser: `keraseq app`, or

    with keraseq.app.serving(["imdb", "runs/notes"], folder="runs") as address:
        ...  # a browser finds them there

What a page asks for and shows follows from the bundle's recipe: `pages.py` is the table. It needs
Gradio, `pip install 'keraseq[app]'`, which is imported when it is used.
"""

from typing import TYPE_CHECKING

from keraseq.recipes.recipe import lazy

if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.app.blocks import site
    from keraseq.app.server import serving

__getattr__ = lazy(__name__, blocks="site", server="serving")
__all__ = ["serving", "site"]


def __dir__():
    return __all__
