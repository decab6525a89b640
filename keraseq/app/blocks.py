"""The site: a page a bundle, one that lists them, and one that watches comparisons."""

import html
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

import gradio as gr
import pandas as pd

from keraseq import bundle, experiments, files, recipes
from keraseq.app import pages
from keraseq.experiments import report

LOCK = threading.RLock()  # one model computes at a time: Keras and Matplotlib are no safer
EVERY = 5  # seconds between two looks at a comparison
DEEP = ("*", "*/*")  # how far below a folder bundles and comparisons are looked for
AT_ONCE = 4  # users of a page that are served in turn; others wait in the queue
TAKEN = "comparisons assets config gradio_api login logout static token user".split()  # addresses
KEPT = 600  # seconds after which what was uploaded, and what was made of it, is deleted


class Opened:
    """A bundle that is described at once, and loaded when it is first used."""

    def __init__(self, place: str | Path):
        self.place = bundle.place(place)
        bundle.check(self.place)
        described = bundle.Bundle(None, *bundle.described(self.place))
        self.card, self.page = described.card, pages.page_of(described)

    @cached_property
    def bundle(self) -> bundle.Bundle:
        """It, with its model."""
        return bundle.load(self.place)


def site(bundles=(), folder: str | Path | None = None) -> gr.Blocks:
    """The pages of saved models.

    Args:
        bundles: Their folders, or names of models that come with keraseq. Default: those that are
            found in the folder, or, where there are none, those that come with keraseq.
        folder: Where bundles and comparisons are looked for. Default: here.

    Returns:
        A `gradio.Blocks`, which `keraseq.app.serving` serves.

    Raises:
        BundleError: One of the bundles is none, is damaged, or of an unknown recipe. One that was
            merely found is listed with what is wrong with it.
        FileNotFoundError: There is no such folder.
    """
    if folder is not None and not Path(folder).is_dir():
        raise FileNotFoundError(f"there is no folder {str(folder)!r}")
    opened = [Opened(one) for one in bundles]
    asked, folder = folder is not None, Path(folder or ".")
    places = [] if bundles and not asked else found(folder, "manifest.json")
    if not bundles and not places:
        places = [files.MODELS / name for name in files.names(files.MODELS)]
    broken = {}
    for place in places:
        if place.resolve() in [one.place.resolve() for one in opened]:
            continue
        try:
            opened.append(Opened(place))
        except (ValueError, OSError) as error:
            broken[place] = str(error)
    with gr.Blocks(analytics_enabled=False, title="keraseq", delete_cache=(KEPT, KEPT)) as made:
        gr.Markdown("# keraseq\nSaved models, to be used. Nothing is sent elsewhere.")
        gr.HTML(cards(named(opened), broken))
    for name, one in named(opened).items():
        with made.route(name, f"/{name}"):
            show(one.page, one, name)
    with made.route("Comparisons", "/comparisons") as page:
        watching(page, folder)
    return made


def found(folder: Path, name: str) -> list[Path]:
    """The folders in a folder that have a file of that name."""
    places = sorted(place for deep in DEEP for place in folder.glob(f"{deep}/{name}"))
    return [one.parent for one in places if not one.parent.name.startswith(".")]


def named(opened: list[Opened]) -> dict[str, Opened]:
    """Each by the name of its folder, with a number where that is taken."""
    found: dict[str, Opened] = {}
    for one in opened:
        base = "".join(c if c.isalnum() else "-" for c in one.place.resolve().name)
        name, count = base, 1
        while name in (*found, *TAKEN):
            count += 1
            name = f"{base}-{count}"
        found[name] = one
    return found


def cards(opened: dict[str, Opened], broken: dict[Path, str]) -> str:
    """A card a bundle, and a line for each that cannot be opened."""
    rows = []
    for name, one in opened.items():
        card, row = one.card, recipes.RECIPES[one.card.recipe]
        metric = f"{card.metric.name} {card.metric.mean:.4g}" if card.metric else ""
        facts = [card.recipe, metric, f"{card.parameters:,} parameters" if card.parameters else ""]
        rows.append(
            f'<a class="card" href="{name}"><b>{html.escape(name)}</b>'
            f"<span>{html.escape(card.title)}</span><small>{html.escape(row.gives)}</small>"
            f"<small>{html.escape(', '.join(filter(None, facts)))}</small></a>"
        )
    for place, error in broken.items():
        rows.append(f'<p class="said wrong"><b>{html.escape(place.name)}</b>: {escaped(error)}</p>')
    return f'<div class="cards">{"".join(rows)}</div>'


def show(page: pages.Page, one: Opened, name: str) -> None:
    """The components of a page, and what its buttons do."""
    gr.Markdown(f"## {one.card.title or name}")
    with gr.Row():
        with gr.Column(min_width=300):
            asks = page.asks()
            with gr.Row():
                go = gr.Button(page.verb, variant="primary", min_width=80)
                stop = gr.Button("Stop", min_width=80)
            with gr.Row():
                buttons = [gr.Button(label, size="sm", min_width=80) for label in page.examples]
        with gr.Column(min_width=300, scale=2):
            said = gr.HTML(elem_classes="status", container=False)
            shows = page.shows()
    with gr.Accordion("What is known of this model", open=False):
        gr.Markdown(one.card.markdown().partition("\n")[2], sanitize_html=True)
    act = partial(steps, one, len(shows))
    how = {"concurrency_limit": AT_ONCE, "show_progress": "minimal"}
    running = go.click(act, asks, [said, *shows], api_name=name, **how)
    alone = {"queue": False, "api_visibility": "private"}
    ended = stop.click(None, cancels=[running], **alone)
    ended.then(lambda: status("stopped"), None, said, **alone)
    for button, given in zip(buttons, page.examples.values(), strict=True):
        make = partial(example, one, given, len(asks))
        button.click(make, None, [said, *asks], api_visibility="private")


def status(text: str, wrong: bool = False) -> str:
    """A line about what is done, or what is wrong."""
    role = "alert" if wrong else "status"
    return f'<p class="said{" wrong" * wrong}" role="{role}">{escaped(text)}</p>'


def escaped(text: str) -> str:
    """A line as HTML, no longer than a reader reads."""
    return html.escape(" ".join(text.split())[:500])


def steps(one: Opened, count: int, *asked) -> Iterator[tuple]:
    """What a page shows, step by step; whatever goes wrong is a line on it, and nothing is lost."""
    same, begin, last = (gr.skip(),) * count, time.monotonic(), ""
    try:
        if "bundle" not in vars(one):
            yield status("the model is loaded"), *same
        with LOCK:
            acting = one.page.act(one.bundle, *asked)
        while True:
            with LOCK:
                shown = next(acting, None)
            if shown is None:
                break
            last = shown if isinstance(shown, str) else ""
            yield (status(last), *same) if last else (status("..."), *shown)
        yield status(last or f"done in {time.monotonic() - begin:.1f} s"), *same
    except Exception as error:  # files from anybody: there is no list of what they may do
        yield status(of(error), wrong=True), *same


def of(error: Exception) -> str:
    """An error in one line, uploads by their names; what nobody has worded with its kind."""
    worded = isinstance(error, (ValueError, TypeError, OSError, ImportError)) and str(error)
    uploads = re.escape(os.environ.get("GRADIO_TEMP_DIR", tempfile.gettempdir()))
    return re.sub(rf"{uploads}/[^/\s]+/", "", worded or f"{type(error).__name__}: {error}")


def example(one: Opened, given, count: int) -> Iterator[tuple]:
    """An example in the places where it belongs."""
    same = (gr.skip(),) * count
    try:
        if callable(given):
            yield status("the example is made"), *same
            with LOCK:
                given = given(one.bundle)
        yield status(""), *given, *same[len(given) :]
    except Exception as error:
        yield status(of(error), wrong=True), *same


def watching(page: gr.Blocks, folder: Path) -> None:
    """A page that looks at a comparison every few seconds."""
    gr.Markdown("## Comparisons\nWhat `keraseq compare --out FOLDER` does can be watched here.")
    chosen = gr.Dropdown([], label="Folder")
    said = gr.HTML(elem_classes="status", container=False)
    curves = gr.Gallery(
        label="Validation part, so far", columns=2, height=440, object_fit="contain", format="png"
    )
    table, before = pages.table("Test part, so far"), gr.State()

    def fill():
        names = list(comparisons(folder))
        return gr.Dropdown(names, value=next(iter(names), None))

    def look(name, before):
        same = gr.skip(), gr.skip(), None
        places = comparisons(folder)
        if name not in places:
            none = f"there is no comparison in {str(folder.resolve())!r}"
            return status(f"{name!r} is no comparison that is here" if name else none), *same
        try:
            with LOCK:
                return watched(places[name], before)
        except Exception as error:
            return status(of(error), wrong=True), *same

    how = {"show_progress": "hidden", "api_visibility": "private"}
    shown = {"inputs": [chosen, before], "outputs": [said, curves, table, before]} | how
    page.load(fill, None, chosen, **how).then(look, **shown)
    gr.on([chosen.change, gr.Timer(EVERY).tick], look, **shown)


def comparisons(folder: Path) -> dict[str, Path]:
    """The comparisons in a folder, by their place in it."""
    places = found(folder, "study.db") + found(folder, "results.json")
    return {str(one.relative_to(folder)): one for one in places}


def watched(place: Path, before: str | None) -> tuple:
    """How far a comparison is; and its curves and its table, where they have changed."""
    results = experiments.Results.read(place)
    failed = f", {len(results.failed)} of them failed" if results.failed else ""
    said = status(f"{len(results.records)} of {results.planned} trials have ended{failed}")
    now = f"{place} {len(results.records)}"
    if now == before:
        return said, gr.skip(), gr.skip(), now
    tasks = [task for task in results.tasks if len(results.finished(task))]
    rows = [{"task": task} | row for task in tasks for row in report.rows(results, task)]
    shown = [pages.pictured(report.figures.learning(results, task)) for task in tasks]
    return said, shown, pd.DataFrame(rows), now
