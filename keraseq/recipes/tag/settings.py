"""The options of `tag`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keraseq.checks import positive_integer, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING

Part = Annotated[
    float | str | None,
    recipe.fraction_or_file,
    "Fraction of the sentences, or a file of its own. Default: 0.1.",
    READING,
]
NONE = "none"  # what stands for no file of vectors, where a preset names one


def letters(name: str, value) -> int:
    """As many characters as an encoder reads of a word."""
    from keraseq.data.tagged.encoder import word_length_of

    return word_length_of(name, value)


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What a tagger is made of and how it is trained."""

    follows: ClassVar[dict[str, str]] = {
        "crf": "yes where tags mark entities",
        "embedding": "that of the file, or 100",
    }

    cell: recipe.Cell = "lstm"
    units: recipe.Units = 150
    layers: recipe.Layers = 1
    bidirectional: Annotated[bool, "Whether each layer reads both ways.", COMMON] = True
    crf: Annotated[
        bool | None, "Whether tags that stand side by side are scored together.", COMMON
    ] = None
    vectors: Annotated[
        str | None,
        "File of pretrained vectors in GloVe's text format; none: random ones.",
        COMMON,
    ] = None
    tune_vectors: Annotated[
        bool, "Whether these are trained further; vectors of other words are anyway.", MODEL
    ] = True
    more_words: Annotated[
        int,
        recipe.or_zero(positive_integer),
        "Further words of that file whose vectors are kept, the first ones.",
        MODEL,
    ] = 25_000
    embedding: Annotated[int | None, positive_integer, "Width of the words' vectors.", MODEL] = None
    character_units: Annotated[
        int,
        recipe.or_zero(positive_integer),
        "Size of the state, each way, of what reads a word letter by letter; 0 reads none.",
        MODEL,
    ] = 25
    character_embedding: Annotated[
        int, positive_integer, "Width of the letters' vectors.", MODEL
    ] = 25
    word_length: Annotated[
        int, letters, "The most letters that are read of a word, 100 at most.", MODEL
    ] = 20
    dropout: recipe.Dropout = 0.5
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    least: Annotated[
        int,
        positive_integer,
        "How often a word without a pretrained vector must occur to have one of its own; others "
        "are known by their letters alone.",
        MODEL,
    ] = 1
    word_dropout: Annotated[
        float, rate, "Fraction of the words that are known by their letters alone.", TRAINING
    ] = 0.03
    learning_rate: recipe.LearningRate = 2e-3
    epochs: recipe.Epochs = 20
    token: Annotated[
        str | None,
        "Column of the tokens, a name or from 1 a number. Default: form of CoNLL-U, token of a "
        "table, else the first.",
        READING,
    ] = None
    tag: Annotated[
        str | None,
        "Column of the tags. Default: upos of CoNLL-U, tag of a table, else the last.",
        READING,
    ] = None
    sentence: Annotated[
        str | None,
        "Column of a table that says which sentence a row is of. Default: sentence; without it "
        "blank rows part them.",
        READING,
    ] = None
    scheme: Annotated[
        Literal["iob2", "iob1", "none"] | None,
        "Of tags of entities: iob2, or iob1, which is turned into it; none: labels of their own. "
        "Default: iob2 where they look like it.",
        READING,
    ] = None
    layout: Annotated[
        Literal["conllu", "columns", "table"] | None,
        "Of a file: conllu, columns (with blank lines between sentences) or table. Default: by its "
        "ending.",
        READING,
    ] = None
    validation: Part = None
    test: Part = None
    sep: recipe.Sep = None
    header: recipe.Header = None
    encoding: recipe.Encoding = None
