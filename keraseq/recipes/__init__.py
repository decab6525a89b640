"""Whole applications, raw input to saved model to answer: one contract, one way through.

    bundle = recipes.train("write", "notes/*.txt", folder="runs/notes", units=256)
    print(recipes.evaluate(bundle))             a row a method, baselines included
    recipes.predict(bundle, "Dear diary, ")     of raw input
    bundle.save("saved_models/notes")

`RECIPES` is the table; a recipe is a row here and a package with the class that the row names (see
`keraseq.recipes.recipe.Recipe`). A saved bundle's card names its recipe. `presets.PRESETS` has the
settings that were found good for a data set.
"""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keraseq.checks import one_of


@dataclass(frozen=True)
class Row:
    """What a reader wants to know before choosing a recipe.

    Args:
        place: Its class, or the name of that in `keraseq.recipes.NAME.recipe`.
        title: What it makes.
        reads: Its raw input.
        gives: What comes of it.
        example: The command.
        many_sources: Whether it reads several files.
        goes_on: Whether a saved model can be trained further.
    """

    place: str | type
    title: str
    reads: str
    gives: str
    example: str
    many_sources: bool = False
    goes_on: bool = False


RECIPES = {
    "write": Row(
        "Write",
        "a language model of any text",
        "UTF-8 files, folders, patterns; or a text of `keraseq data`",
        "text that goes on from a prompt",
        "keraseq train write 'notes/*.txt'",
        many_sources=True,
        goes_on=True,
    ),
    "compose": Row(
        "Compose",
        "a composer of music for one keyboard",
        "MIDI files, or folders of them; or jsb",
        "a piece that goes on from a MIDI file, as MIDI and as a picture",
        "keraseq train compose songs/",
        many_sources=True,
    ),
    "classify": Row(
        "Classify",
        "a classifier of labelled texts, series, recordings, DNA, trees, skeletons or frames",
        "a table of texts and labels, of series, of WAV files or of DNA (.csv, .tsv, .parquet), a "
        ".ts file, trees in brackets (.trees), a folder of WAV files in folders, of FASTA files, "
        "of skeletons or of frames; or imdb (its archive, its folder), basicmotions, sst, fsdd, "
        "splice, msraction3d, moving-mnist, ...",
        "the class of each example, with calibrated probabilities",
        "keraseq train classify reviews.csv --label stars",
    ),
    "tag": Row(
        "Tag",
        "a tagger of words: parts of speech, or names of persons, places, ...",
        "sentences with a tag at every word: CoNLL-U, columns, or a table; or ewt, wnut17",
        "the tag of each word of raw text, with its probability",
        "keraseq train tag names.conll",
    ),
    "translate": Row(
        "Translate",
        "a translator of sentences, or of any sequence of tokens into another",
        "two files with a sentence a line, or a table of two columns; or multi30k, tatoeba-spa, "
        "tatoeba-fra",
        "the translation of raw sentences",
        "keraseq train translate letters.de letters.en",
        many_sources=True,
    ),
    "caption": Row(
        "Caption",
        "a captioner of pictures, which tells where it looked",
        "captions of pictures: Flickr8k's lines, a table (.csv, .tsv, .parquet), COCO's .json; or "
        "flickr8k",
        "a sentence about each picture",
        "keraseq train caption captions.csv --pictures photographs/",
    ),
    "transcribe": Row(
        "Transcribe",
        "a reader of several spoken words in a row, of recordings of single ones",
        "WAV files, a folder for each word, or a table of paths and labels; or fsdd",
        "the words in a recording, and when they are said",
        "keraseq train transcribe fsdd --held-out theo",
    ),
    "forecast": Row(
        "Forecast",
        "a forecaster of time series",
        "a CSV or Parquet file; or a series of `keraseq data`",
        "the rows that come, with calibrated intervals",
        "keraseq train forecast sales.csv --horizon 24",
    ),
}

__all__ = ["RECIPES", *RECIPES, "evaluate", "get", "of", "predict", "train"]


if TYPE_CHECKING:  # for editors: what `__getattr__` imports when it is used
    from keraseq.recipes import caption as caption
    from keraseq.recipes import classify as classify
    from keraseq.recipes import compose as compose
    from keraseq.recipes import forecast as forecast
    from keraseq.recipes import tag as tag
    from keraseq.recipes import transcribe as transcribe
    from keraseq.recipes import translate as translate
    from keraseq.recipes import write as write


def __dir__():
    return __all__


def get(name: str, start=None):
    """The recipe of a name.

    Raises:
        ValueError: There is none, or it trains no saved model further.

    Example:

    >>> keraseq.recipes.get("write").Settings().learning_rate
    0.002
    """
    row = RECIPES[one_of("recipe", name, RECIPES)]
    if start is not None and not row.goes_on:
        raise ValueError(
            f"{name} trains no saved model further; only "
            f"{' and '.join(one for one in RECIPES if RECIPES[one].goes_on)} does"
        )
    recipe = row.place
    if isinstance(recipe, str):
        recipe = getattr(importlib.import_module(f"keraseq.recipes.{name}.recipe"), recipe)
    return recipe(start)


def of(bundle):
    """The recipe that a bundle came from.

    Raises:
        BundleError: Its card names none that this keraseq has.
    """
    from keraseq.bundle import BundleError

    name = bundle.card.recipe
    if name not in RECIPES:
        raise BundleError(
            f"the bundle's card names the recipe {name!r}; known recipes: {', '.join(RECIPES)}"
        )
    return get(name)


def train(name: str, source=None, *, start=None, **options):
    """Trains a model by a recipe, and goes on where a kill ended the same call.

    Args:
        name: Of the recipe: `"write"`, `"compose"`, `"classify"`, `"tag"`, `"translate"`,
            `"caption"`, `"transcribe"` or `"forecast"`.
        source: Raw data as the recipe reads them, or what `keraseq.data` made of them. The name
            of a data set brings the settings of its preset, see `keraseq.recipes.presets`.
        start: A bundle, or its folder, to train further. Default: random weights.
        **options: Of `keraseq.recipes.run.train` (`folder`, `hold`, `report`, `verbose`,
            `callbacks`), and the recipe's settings, see `keraseq train NAME --help`.

    Returns:
        A `keraseq.bundle.Bundle`, whose card names the recipe.

    Raises:
        ValueError: An unknown recipe or option, a value out of its range, data that do not do, or a
            folder that holds another run.
        FloatingPointError: The training has diverged; nothing is kept of it.

    Example:

    >>> corpus = keraseq.data.text_corpus("python_docs", limit=5000)
    >>> tiny = {"units": 8, "length": 16, "batch_size": 4, "epochs": 1, "report": None}
    >>> bundle = keraseq.recipes.train("write", corpus, **tiny)
    >>> bundle.card.recipe, bundle.model.input_shape
    ('write', (None, None))
    """
    from keraseq.recipes import run

    return run.train(get(name, start), source, **options)


def evaluate(bundle, source=None, *, baselines: bool = True, **options):
    """What a saved model is worth on raw data, simple methods beside it.

    Args:
        bundle: What `train` made.
        source: Raw data, or what `keraseq.data` made of them. Default: those of the training.
        baselines: Whether to measure simple methods too. Defaults to `True`.
        **options: Further ones of the recipe's own `evaluate`.

    Returns:
        A frame with a row a method and part.
    """
    return of(bundle).evaluate(bundle, source, baselines=baselines, **options)


def predict(bundle, raw, **options) -> Any:
    """What a saved model makes of raw input: a frame with a row an example, or text.

    Args:
        bundle: What `train` made.
        raw: Texts, series, recordings, DNA or trees to classify, sentences to tag or to translate,
            pictures, recordings to transcribe, a table of measurements, a prompt, a MIDI file.
        **options: Of the recipe's own `predict`.
    """
    return of(bundle).predict(bundle, raw, **options)


def __getattr__(name: str):
    if name in RECIPES:
        return importlib.import_module(f"keraseq.recipes.{name}")
    raise AttributeError(f"module 'keraseq.recipes' has no attribute {name!r}")
