"""The options of `translate`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keraseq.checks import positive_integer, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, MODEL, READING, TRAINING, fraction_or_file

Part = Annotated[
    float | str | None,
    fraction_or_file,
    "Fraction of the pairs, or a source of its own (two files with a comma). Default: 0.1, or as "
    "the data set says.",
    READING,
]
OF_LEVEL = {
    "wordpiece": {"vocabulary_size": 6_000, "measure": "bleu"},
    "character": {"measure": "chrf"},
}


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What a translator is made of and how it is trained."""

    follows: ClassVar[dict[str, str]] = {
        "vocabulary_size": "6000 pieces, all characters",
        "measure": "bleu for pieces, chrf for characters",
        "input_feeding": "yes, where the attention can",
        "encoder_units": "as units",
    }

    level: Annotated[
        Literal["wordpiece", "character"],
        "What a token is, in both languages: wordpiece or character.",
        COMMON,
    ] = "wordpiece"
    attention: Annotated[
        Literal["none", "additive", "dot", "general"],
        "How the decoder looks back at the source: additive (Bahdanau et al. 2015), dot or general "
        "(Luong et al. 2015).",
        COMMON,
    ] = "general"
    units: recipe.Units = 280
    layers: recipe.Layers = 1
    dropout: recipe.Dropout = 0.2
    epochs: recipe.Epochs = 15
    batch_size: recipe.Batch = 64
    patience: recipe.Patience = 5
    bidirectional: Annotated[bool, "Whether the encoder reads both ways.", MODEL] = True
    encoder_units: Annotated[
        int | None,
        positive_integer,
        "Size of the encoder's state, in each direction.",
        MODEL,
    ] = None
    embedding: Annotated[int, positive_integer, "Width of the tokens' vectors.", MODEL] = 160
    tie_embeddings: Annotated[
        bool, "Whether source, target and logits share the tokens' vectors.", MODEL
    ] = False
    input_feeding: Annotated[
        bool | None, "Whether a step reads where the step before looked (dot, general).", MODEL
    ] = None
    read_backwards: Annotated[
        bool, "Whether to read the source from its end (Sutskever et al. 2014).", MODEL
    ] = False
    recurrent_dropout: recipe.RecurrentDropout = 0.0
    label_smoothing: Annotated[
        float, rate, "Share of the probability that is spread over all tokens.", TRAINING
    ] = 0.1
    scheduled_sampling: recipe.ScheduledSampling = 0.0
    sampling_decay: Annotated[
        Literal["linear", "inverse_sigmoid"],
        "How that rate comes about: linear or inverse_sigmoid (Bengio et al. 2015).",
        TRAINING,
    ] = "linear"
    measure: Annotated[
        Literal["bleu", "chrf"] | None,
        "Of sacreBLEU, what the best epoch is best at: bleu counts words, chrf characters.",
        TRAINING,
    ] = None
    measured_sentences: Annotated[
        int,
        positive_integer,
        "Validation sentences that are translated for that after each epoch, greedily.",
        TRAINING,
    ] = 500
    length: Annotated[
        int,
        positive_integer,
        "Tokens of a sentence, at most: longer pairs are not trained on, of longer sentences the "
        "beginning is read.",
        MODEL,
    ] = 100
    vocabulary_size: Annotated[
        int | None, positive_integer, "Number of pieces, both languages together.", MODEL
    ] = None
    reverse: Annotated[bool | None, "Read the second language and write the first.", READING] = None
    source_column: Annotated[
        str | None, "Column of a table to read. Default: the first of two.", READING
    ] = None
    target_column: Annotated[
        str | None, "Column of a table to write. Default: the second of two.", READING
    ] = None
    sep: recipe.Sep = None
    header: recipe.Header = None
    encoding: recipe.Encoding = None
    validation: Part = None
    test: Part = None

    def check(self) -> None:
        """Raises if options do not go together."""
        if self.level == "character" and self.vocabulary_size:
            raise ValueError(
                "level='character' takes all characters there are; received "
                f"vocabulary_size={self.vocabulary_size}"
            )
