"""The options of `classify`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from keraseq.checks import positive_integer, positive_number, rate
from keraseq.recipes import recipe
from keraseq.recipes.classify.kinds import KINDS, said
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING

NONE = "none"  # what stands for no file of vectors, where a preset names one, and for no cell
FEW = 10  # ids besides the tokens that are asked for: padding, the unknown one


def poolings(name: str, value) -> tuple[str, ...]:
    """`"last"`, or one or several others."""
    from keraseq.models.classifier import chosen_poolings

    return tuple(chosen_poolings(value))


def some_cell(name: str, value) -> str:
    """A name of `keraseq.cells`, of its cells for trees, or `none`, of frames alone."""
    from keraseq.cells import TREE_CELLS

    return value if value in (*TREE_CELLS, NONE) else recipe.registered_cell(name, value)


Some = recipe.or_zero(positive_integer)


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What the model is made of and how it is trained.

    What depends on the kind of input has its default in `kinds.KINDS`. Those of texts come from a
    handful of runs, compared on the validation part of the IMDB reviews.
    """

    kind: Annotated[
        Literal[tuple(KINDS)] | None,  # type: ignore[valid-type]
        f"What the data are: {' or '.join(KINDS)}. Default: as they look.",
        COMMON,
    ] = None
    cell: Annotated[
        str | None,
        some_cell,
        said(
            "cell",
            "Recurrent cell, see `keraseq cells`; of trees tree-lstm, tree-lstm-sum or tree-elman; "
            "of frames also none, which averages what single frames say.",
        ),
        COMMON,
    ] = None
    units: Annotated[int | None, positive_integer, said("units", "Size of the state."), COMMON] = (
        None
    )
    layers: recipe.Layers = 1
    bidirectional: Annotated[
        bool | None, said("bidirectional", "Whether each layer reads both ways."), COMMON
    ] = None
    pretraining: Annotated[
        int | None,
        Some,
        said(
            "pretraining",
            "Epochs in which the same layers first learn to tell the next word of the training "
            "texts (Dai & Le 2015); 0 is none.",
        ),
        COMMON,
    ] = None
    pooling: Annotated[
        tuple[str, ...] | None,
        poolings,
        said(
            "pooling",
            "What the decision sees of the outputs: last, or one or several of max, mean, "
            "attention; or average, of the predictions at every step. Frames: average or last.",
        ),
        MODEL,
    ] = None
    level: Annotated[
        Literal["word", "wordpiece"] | None,
        said("level", "What a token is: word or wordpiece."),
        MODEL,
    ] = None
    vocabulary_size: Annotated[
        int | None,
        positive_integer,
        said("vocabulary_size", "Number of tokens. Default: 20,000 words, or about 8,000 pieces."),
        MODEL,
    ] = None
    length: Annotated[
        int | None,
        positive_integer,
        said("length", "The most tokens that are read of a text, or frames of a sequence."),
        MODEL,
    ] = None
    keep: Annotated[
        Literal["start", "end", "both"] | None,
        said(
            "keep",
            "What is read of a longer one: its start, its end, or of both a quarter from the start "
            "and the rest from the end, where reviewers conclude.",
        ),
        MODEL,
    ] = None
    embedding: Annotated[
        int | None,
        positive_integer,
        said("embedding", "Width of the vector of a token, or of a frame."),
        MODEL,
    ] = None
    vectors: Annotated[
        str | None,
        said(
            "vectors",
            "File of pretrained vectors in GloVe's text format; none: random ones.",
        ),
        COMMON,
    ] = None
    pace: Annotated[
        float | None,
        positive_number,
        said("pace", "How fast the vectors of words learn, beside all else."),
        TRAINING,
    ] = None
    pairs: Annotated[
        int | None,
        Some,
        said(
            "pairs",
            "Vectors for pairs of neighbouring words, added to the words' own; 0 is none.",
        ),
        MODEL,
    ] = None
    wide: Annotated[
        int | None,
        Some,
        said(
            "wide",
            "Words, pairs and triples that vote by themselves, beside the recurrent layers: a "
            "logistic regression that is fitted apart; 0 is none.",
        ),
        MODEL,
    ] = None
    dropout: Annotated[
        float | None,
        rate,
        said("dropout", "Fraction of the values to drop, also before what is told."),
        COMMON,
    ] = None
    word_dropout: Annotated[
        float | None,
        rate,
        said("word_dropout", "Fraction of the tokens or letters that are unknown, in training."),
        TRAINING,
    ] = None
    embedding_dropout: Annotated[
        float | None,
        rate,
        said("embedding_dropout", "Fraction of the values of the tokens' vectors to drop."),
        TRAINING,
    ] = None
    varied: Annotated[
        bool | None,
        said(
            "varied",
            "Whether each epoch hears the recordings anew: faster or slower, of another voice, "
            "with noise, without some bands.",
        ),
        TRAINING,
    ] = None
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    class_weight: Annotated[
        Literal["none", "balanced"],
        "How much an example counts in training: none, all alike; balanced, all classes alike, "
        "however rare, and the probabilities are then those of classes that are as frequent.",
        TRAINING,
    ] = "none"
    batch_size: Annotated[
        int | None,
        positive_integer,
        said("batch_size", "Rows in a step; for series about a quarter of them, 8 to 64."),
        COMMON,
    ] = None
    learning_rate: Annotated[
        float | None, positive_number, said("learning_rate", "Of Adam, at its highest."), COMMON
    ] = None
    epochs: Annotated[
        int | None,
        positive_integer,
        said("epochs", "Times through the data, at most; for series 30, or as many as 400 steps."),
        COMMON,
    ] = None
    text: Annotated[
        str | None, said("text", "Column of the texts of a table. Default: text."), READING
    ] = None
    label: Annotated[str | None, "Column of the labels of a table. Default: label.", READING] = None
    id: Annotated[
        str | None,
        said(
            "id",
            "Column of a long table, with a row a step, that says which example a row is of. "
            "Default: a row is an example of one channel, its columns the steps.",
        ),
        READING,
    ] = None
    time: Annotated[
        str | None,
        said(
            "time",
            "Column of a long table that orders the rows of an example. Default: as they stand.",
        ),
        READING,
    ] = None
    channels: Annotated[
        tuple[str, ...] | None,
        said("channels", "Columns of a long table to read. Default: all others of numbers."),
        READING,
    ] = None
    sequence: Annotated[
        str | None,
        said("sequence", "Column of the letters of a table. Default: sequence."),
        READING,
    ] = None
    path: Annotated[
        str | None,
        said("path", "Column of the paths of WAV files. Default: path."),
        READING,
    ] = None
    group: Annotated[
        str | None,
        said("group", "Column that says who or what a recording is of, such as its speaker."),
        READING,
    ] = None
    held_out: Annotated[
        str | None,
        said("held_out", "Group that is the test part, whole; of fsdd a speaker, or official."),
        READING,
    ] = None
    rate: Annotated[
        int | None,
        positive_integer,
        said("rate", "Samples a second; others are resampled. Default: the lowest of all files."),
        READING,
    ] = None
    sep: recipe.Sep = None
    decimal: Annotated[
        Literal[".", ","] | None,
        said("decimal", "Decimal mark, . or , . Default: by the file."),
        READING,
    ] = None
    header: recipe.Header = None
    encoding: recipe.Encoding = None
    validation: Annotated[
        float | None,
        rate,
        "Fraction of the examples. Default: 0.1 of texts, of DNA and of fsdd, 0.2 of others.",
        READING,
    ] = None
    test: Annotated[
        float | str | None,
        recipe.fraction_or_file,
        "Fraction of the examples, or a file of its own. Default: 0.1 of texts and DNA, else 0.2; "
        "people of even numbers, where files of skeletons say who moves.",
        READING,
    ] = None

    def tower(self) -> dict:
        """What a model of every kind has, as arguments of `keraseq.models.sequence_classifier`."""
        dropped = self.recurrent_dropout
        same = ("cell", "units", "layers", "bidirectional", "dropout", "pooling")
        return {
            **{name: getattr(self, name) for name in same},
            "cell_options": {"recurrent_dropout": dropped} if dropped else {},
            "name": "classifier",
        }

    def check(self) -> None:
        """Raises if options do not go together."""
        from keraseq.layers.wide import LARGEST

        if self.wide and (self.vocabulary_size or 0) > LARGEST - FEW:
            raise ValueError(
                f"wide numbers pairs of at most {LARGEST - FEW:,} tokens; give wide=0, or fewer; "
                f"received vocabulary_size={self.vocabulary_size}"
            )
        if self.bidirectional and self.pretraining and self.layers > 1:
            raise ValueError(
                "pretraining needs one layer where it is bidirectional: a second one would see the "
                f"word that it should tell; received layers={self.layers}"
            )
