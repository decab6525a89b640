"""What the page of each recipe asks for, does and shows: a row of `PAGES` a recipe.

An act is a generator. A text that it yields says what is done now; a tuple is what is shown so far,
in the order of `shows`. It may be left between two of them: that is how a reader stops it.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd
from PIL import Image

from keraseq import generation, plots, recipes
from keraseq.app import examples
from keraseq.bundle import Bundle
from keraseq.data.labelled.signals import samples_of
from keraseq.data.pictures import PICTURES
from keraseq.evaluate import Backtest, backtest
from keraseq.inspection import ColouredText
from keraseq.recipes.classify.evaluation import parts_of
from keraseq.recipes.forecast import Forecaster, evaluation

LONGEST = 20_000  # characters of a text that a page reads
ORIGINS = 40  # from which forecasts are compared with baselines
SAMPLERS = {
    "any token, by its probability": {},
    "one of the 10 likeliest": {"top_k": 10},
    "one of the likeliest that have 90 %": {"top_p": 0.9},
    "the likeliest": {"sampler": "greedy"},
}


@dataclass(frozen=True)
class Page:
    """What a page is.

    Args:
        verb: What its button says.
        asks: Makes the components that ask, the texts in them being a first example.
        shows: Makes the components that show.
        act: Of a bundle and what was asked, see above.
        examples: Label -> a value for each of the components that ask, the rest as they are; or a
            function of the bundle that gives them.
    """

    verb: str
    asks: Callable[[], list]
    shows: Callable[[], list]
    act: Callable[..., Iterator]
    examples: dict[str, Any] = field(default_factory=dict)


def read(text: str) -> str:
    """A text that is not too long for a page."""
    if len(text) > LONGEST:
        raise ValueError(
            f"a page reads {LONGEST:,} characters at most; received {len(text):,}: "
            "`keraseq predict` takes any number"
        )
    return text


def lines(text: str) -> list[str]:
    """The lines of a text that have something in them."""
    found = [one.strip() for one in read(text).splitlines() if one.strip()]
    if not found:
        raise ValueError("there is no text; type one")
    return found


def uploaded(given, what: str):
    """The file or files that were given."""
    if not given:
        raise ValueError(f"there is no file; give {what}")
    return given


def axes(width: float = 9, height: float = 4):
    """Axes of a figure that no list of open ones keeps."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots()


def pictured(figure) -> Image.Image:
    """A figure as a picture, with all that stands beside its Axes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, bbox_inches="tight")
    return Image.open(content)


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame as a page shows it."""
    return frame.round(dict.fromkeys(frame.select_dtypes("number"), 4))


def picture_of(bundle: Bundle, raw, found, folder: str) -> Path:
    """The picture that the recipe draws, in a folder."""
    path = Path(folder) / f"{bundle.card.recipe}.png"
    recipes.of(bundle).draw(bundle, raw, found, path)
    return path


def write(bundle, prompt, length, temperature, sampler, seed):
    """Text that appears token by token."""
    how = {"temperature": temperature, "seed": int(seed), **SAMPLERS[sampler]}
    text = read(prompt)
    _, tokenizer = generation.text.parts_of(bundle, None)
    if strange := generation.text.unknown(tokenizer, prompt):
        yield f"the model has never seen: {' '.join(strange[:20])}"
    for piece in generation.stream(bundle, prompt, int(length), piece=1, **how):
        text += piece
        yield (text,)


def compose(bundle, file, length, temperature, seed):
    """A piece, as a picture and as MIDI."""
    yield "the piece is drawn, frame by frame"
    how = {"length": int(length), "temperature": temperature, "seed": int(seed)}
    found = recipes.predict(bundle, file, **how)
    with tempfile.TemporaryDirectory() as folder:
        picture = picture_of(bundle, file, found, folder)
        yield str(picture), str(picture.with_suffix(".mid"))


def tag(bundle, text):
    """Coloured words, and how sure each tag is."""
    frame = recipes.predict(bundle, lines(text))
    yield recipes.tag.Coloured(frame).html(), rounded(frame)


def translate(bundle, text):
    """Translations of lines, and where the model looked in the first of them."""
    sentences = lines(text)
    yield "it is translated; the first time this takes longer, as the decoder is compiled"
    frame = recipes.predict(bundle, sentences)
    written = "\n".join(frame.translation)
    yield written, None
    try:
        looks = recipes.translate.look(bundle, sentences[0], frame.translation[0])
    except ValueError:  # a model without attention, or nothing was written
        return
    ax = plots.alignment(looks, ax=axes(*np.clip(0.4 * np.array(looks.T.shape) + 2, 4, 14)))
    yield written, pictured(ax.figure)


def caption(bundle, file):
    """A caption, and where the model looked at each word of it."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    [written] = recipes.predict(bundle, uploaded(file, "a picture")).caption
    yield written, None
    try:
        look = recipes.caption.look(bundle, file, written)
        drawn = plots.looks(file, look, columns=3)[0].figure
    except ValueError:  # a model without attention
        return
    plt.close(drawn)
    yield written, pictured(drawn)


def transcribe(bundle, file):
    """Words, and when they are said."""
    frame = recipes.predict(bundle, uploaded(file, "a WAV file, or speak"))
    words = " ".join(frame.label) or "nothing was heard"
    yield (
        words,
        rounded(frame.drop(columns="recording")),
        pictured(sound(bundle, file, frame).figure),
    )


def forecast(bundle, file, known):
    """A fan chart and the rows that come; then the model beside each baseline, one by one."""
    given = uploaded(file, "a table of measurements, such as a CSV file")
    series = evaluation.series_of(bundle, given)
    yield f"{sum(map(len, series.frames.values())):,} rows are read; now the forecast"
    found = recipes.predict(bundle, series, known=known)
    with tempfile.TemporaryDirectory() as folder:
        picture, table = picture_of(bundle, series, found, folder), Path(folder) / "forecast.csv"
        found.to_csv(table, index=False)
        yield str(picture), str(table), rounded(found), None
    forecaster = Forecaster.of(bundle)
    rows = min(last - first for first, last in (series.rows("test", one) for one in series.frames))
    stride = max(1, (rows - forecaster.settings.horizon) // ORIGINS)
    tables = []
    for name, method in evaluation.methods_of(forecaster, series).items():
        yield f"the test part, every {stride}. origin: {name}"
        one = backtest({name: method}, series, forecaster.settings.horizon, stride=stride)
        tables.append(one.table)
        ranked = evaluation.ranked(Backtest(pd.concat(tables, ignore_index=True)))
        yield (gr.skip(),) * 3 + (rounded(ranked),)
    yield evaluation.verdict(ranked, forecaster)


def chances(found: pd.DataFrame, at: int = 0) -> dict[str, float]:
    """The probability of each class of an example."""
    row = found.filter(regex=r"^P\(.*\)$").iloc[at]
    return {name[2:-1]: float(value) for name, value in row.items()}


def opinion(bundle, text):
    """What a text is, the words that made it so, and how that changed while it was read."""
    [text] = [read(text)] if text.strip() else lines(text)
    said = chances(recipes.predict(bundle, [text]))
    yield said, None, None
    yield "each word is left out once, to see what it adds"
    frame = recipes.classify.explain(bundle, text)
    named = max(said, key=said.__getitem__)
    moving = pd.DataFrame({"words read": frame.index + 1, f"P({named})": frame.probability})
    ax = axes(9, 2.6)
    ax.plot(*moving.to_numpy().T, color=plots.COLOURS[1])
    ax.set(xlabel="words read", ylabel=f"probability of {named}", ylim=(0, 1.02))
    limit = 1.4 * float(frame.left_out.abs().max()) or None  # the darkest would hide the letters
    title = f"green words speak for {named}, brown ones against it"
    yield (
        said,
        ColouredText(frame.word + " ", frame.left_out, limit).html(title),
        pictured(plots.axes.finish(ax).figure),
    )


def classified(bundle, given, figure: Callable | None = None):
    """The classes of examples, and a picture of the first."""
    found = recipes.predict(bundle, given)
    shown = chances(found), rounded(found)
    if figure is None:
        yield shown
        return
    yield *shown, None
    yield *shown, pictured(figure(bundle, given).figure)


def of_file(what: str, figure: Callable | None = None) -> Callable:
    """Classifies what a file holds."""

    def act(bundle, file):
        yield from classified(bundle, uploaded(file, what), figure)

    return act


def of_lines(figure: Callable | None = None) -> Callable:
    """Classifies what each line is."""

    def act(bundle, text):
        yield from classified(bundle, lines(text), figure)

    return act


def motion(bundle, given):
    """The first example in motion, and what is said of it as it goes on."""
    first = parts_of(bundle).kind.all(given).inputs[0]
    return plots.motion(first, recipes.classify.over_time(bundle, first), ax=axes())


def tree(bundle, given):
    """The first tree, a colour for each of its nodes."""
    nodes = recipes.classify.nodes(bundle, given[0])
    return plots.tree(nodes, ax=axes(1.1 * nodes.end.max() + 1, 4))


def sound(bundle, given, words=None):
    """What the model hears in a recording, and where the words are."""
    rate = bundle.preprocessing["encoder"]["rate"]
    return plots.spectrogram(samples_of(given, rate, {})[0][0], rate, words, ax=axes())


def anything(bundle, text, file):
    """What `keraseq predict` says of a text, or of a file."""
    found = recipes.predict(bundle, file or lines(text))
    yield (found if isinstance(found, pd.DataFrame) else pd.DataFrame({"text": [found]}),)


def text(label: str, value: str, rows: int = 3) -> gr.Textbox:
    """A field for a text."""
    return gr.Textbox(value, label=label, lines=rows, max_lines=12)


def files(label: str, *endings: str, several: bool = False) -> gr.File:
    """A place where files are dropped."""
    count = "multiple" if several else "single"
    return gr.File(label=label, file_types=list(endings) or None, file_count=count, height=140)


def recording() -> gr.Audio:
    """A recording, from a file or a microphone."""
    return gr.Audio(label="Recording, WAV", type="filepath", buttons=["download"])


def table(label: str) -> gr.Dataframe:
    """A table to be read."""
    return gr.Dataframe(headers=[" "], label=label, interactive=False, max_height=320)


def written(tokens: str, most: int, length: int, temperature: float) -> list:
    """What is asked of a model that writes."""
    return [
        gr.Slider(1, most, length, step=1, label=tokens),
        gr.Slider(0, 2, temperature, step=0.05, label="Temperature: 0 the likeliest, 2 wild"),
    ]


def seed() -> gr.Number:
    """The field of a seed."""
    return gr.Number(0, label="Seed: the same one writes the same", precision=0, minimum=0)


def figure(label: str) -> gr.Image:
    """A figure."""
    return gr.Image(label=label, format="png", buttons=["fullscreen"], elem_classes="figure")


def classes(label: str = "") -> list:
    """What is shown of classes: those of the first example, all, a figure of the first."""
    shown = [gr.Label(label="Class", num_top_classes=5), table("Every example")]
    return [*shown, figure(label)] if label else shown


WAV = "a WAV file"
CLASSIFY = {
    "texts": Page(
        "Judge",
        lambda: [
            text(
                "Text",
                "I expected little and was surprised: a warm, clever film, and the two leads are "
                "wonderful. Only the end drags a bit.",
                5,
            )
        ],
        lambda: [
            gr.Label(label="Class", num_top_classes=5),
            gr.HTML(label="Words", elem_classes="coloured"),
            figure("While it is read"),
        ],
        opinion,
        {
            "dull": ["A dull film, and far too long. I nearly fell asleep, and so did my friends."],
            "undecided": ["Great pictures, awful story. The music alone was worth the ticket."],
        },
    ),
    "trees": Page(
        "Judge",
        lambda: [text("Trees in brackets, one a line", "(3 (2 (2 a) (3 lovely)) (2 film))")],
        lambda: classes("The first tree"),
        of_lines(tree),
        {"not": ["(1 (2 not) (3 (2 a) (3 (3 good) (2 film))))"]},
    ),
    "signals": Page(
        "Listen",
        lambda: [recording()],
        lambda: classes("What the model hears"),
        of_file(WAV, sound),
        {"a recording": examples.recording},
    ),
    "dna": Page(
        "Read",
        lambda: [text("DNA, a sequence a line", "CCAGCTGCATCACAGGAGGCCAGCGAGCAGGTCTGTTCCAAG")],
        classes,
        of_lines(),
        {"another": ["ACGTACGTGGTAAGTACGATCCTTTCAGGACTTACGGA"]},
    ),
    "skeletons": Page(
        "Watch",
        lambda: [files("Skeletons: 20 joints a frame, x y z a line (.txt)", ".txt", several=True)],
        lambda: classes("The first one"),
        of_file("a file of joints", motion),
        {"a waving arm": examples.skeleton},
    ),
    "frames": Page(
        "Watch",
        lambda: [files("Frames: one array (.npy, .npz)", ".npy", ".npz")],
        lambda: classes("The first one"),
        of_file("an array of frames", motion),
        {"moving": examples.frames},
    ),
    "series": Page(
        "Classify",
        lambda: [files("Series: .ts, or a table as in training", ".ts", ".csv", ".tsv")],
        classes,
        of_file("a .ts file, or a table as in training"),
        {"an example": examples.labelled_series},
    ),
}
ANYTHING = Page(
    "Ask",
    lambda: [text("Text, an example a line", ""), files("Or a file")],
    lambda: [table("Answer")],
    anything,
)
PAGES = {
    "write": Page(
        "Write",
        lambda: [
            text("Beginning", "ROMEO:\n"),
            *written("Tokens to write", 2_000, 300, 0.8),
            gr.Dropdown(list(SAMPLERS), label="What is written next", value=next(iter(SAMPLERS))),
            seed(),
        ],
        lambda: [gr.Textbox(label="Text", lines=16, max_lines=16, autoscroll=True)],
        write,
        {"a question": ["What is the matter, my lord?\n"], "nothing": [""]},
    ),
    "compose": Page(
        "Compose",
        lambda: [
            files("Go on from this MIDI file; nothing starts anew", ".mid", ".midi"),
            *written("Frames to write", 512, 64, 1.0),
            seed(),
        ],
        lambda: [figure("Piano roll"), gr.File(label="MIDI")],
        compose,
    ),
    "tag": Page(
        "Tag",
        lambda: [text("Sentences, one a line", "Taylor Swift played in Berlin last night")],
        lambda: [gr.HTML(label="Tags", elem_classes="coloured"), table("Every word")],
        tag,
        {
            "two sentences": [
                "Anna works for Siemens in Munich\nthe new iPhone is sold out on Amazon"
            ]
        },
    ),
    "translate": Page(
        "Translate",
        lambda: [text("Sentences, one a line", "Ein Hund läuft durch den Schnee.")],
        lambda: [
            gr.Textbox(label="Translation", lines=3),
            figure("Where it looked while it wrote"),
        ],
        translate,
        {
            "longer": ["Zwei junge Männer spielen am Strand Fußball, und ein Kind schaut zu."],
        },
    ),
    "caption": Page(
        "Look",
        lambda: [files("Picture", *PICTURES)],
        lambda: [gr.Textbox(label="Caption"), figure("Where it looked at each word")],
        caption,
        {"sun and sea": examples.picture},
    ),
    "transcribe": Page(
        "Listen",
        lambda: [recording()],
        lambda: [
            gr.Textbox(label="Words"),
            table("When they are said"),
            figure("What the model hears"),
        ],
        transcribe,
        {"a recording": examples.recording},
    ),
    "forecast": Page(
        "Forecast",
        lambda: [
            files("Table of measurements", ".csv", ".tsv", ".txt", ".parquet"),
            files("Columns of the time to come, where it has any", ".csv", ".parquet"),
        ],
        lambda: [
            figure("Forecast, with intervals"),
            gr.File(label="Forecast to download"),
            table("Forecast"),
            table("Beside simple methods, on the last part of the table"),
        ],
        forecast,
        {"an example": examples.series},
    ),
}


def page_of(bundle: Bundle) -> Page:
    """The page of a bundle, of which the model need not be loaded."""
    recipe = recipes.of(bundle)
    if recipe.name == "classify":
        settings = bundle.preprocessing.get("settings") or {}
        return CLASSIFY.get(settings.get("kind") or "texts", ANYTHING)
    return PAGES.get(recipe.name, ANYTHING)
