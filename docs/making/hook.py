"""The hook of mkdocs.yml: pages made from tables, docstrings and results; macros; mathematics.

A page of docs/ may hold `{{ name(...) }}`, which stands for what a function of `macros.py` returns.
"""

import re
import sys
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(Path(__file__).parent)]

import macros
import mathematics
import pages

MACRO = re.compile(r"\{\{ (\w+)\((.*?)\) \}\}")


def on_config(config):
    """Puts the pages that are made into the navigation, where mkdocs.yml says `FOLDER/*`."""
    config.nav = unfolded(config.nav)


def unfolded(nav):
    """The navigation with each `FOLDER/*` replaced by its pages."""
    if isinstance(nav, str):
        return nav
    if isinstance(nav, dict):
        return {title: unfolded(inside) for title, inside in nav.items()}
    found = []
    for one in nav:
        if isinstance(one, str) and one.endswith("/*"):
            found += [uri for uri in pages.PAGES if uri.startswith(one[:-1])]
        else:
            found.append(unfolded(one))
    return found


def on_files(files, config):
    """Adds the pages and pictures that are made."""
    for uri, make in pages.PAGES.items():
        files.append(File.generated(config, uri, content=make()))
    for uri, picture in pages.pictures().items():
        files.append(File.generated(config, uri, content=picture))


def on_page_markdown(markdown, page, **kwargs):
    """Replaces the macros of a page, but for those in code."""

    def said(found):
        try:
            return str(eval(f"{found[1]}({found[2]})", {"__builtins__": {}}, macros.MACROS))
        except Exception as error:
            message = f"{page.file.src_uri}: {found[0]}: {type(error).__name__}: {error}"
            raise PluginError(message) from error

    return MACRO.sub(said, markdown) if page.file.src_uri not in pages.PAGES else markdown


def on_page_content(html, page, **kwargs):
    """Sets the mathematics."""
    return mathematics.in_page(html)
