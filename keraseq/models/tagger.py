"""Many to many, aligned: every step of a sequence gets a label."""

from collections.abc import Sequence

import keras

from keraseq.checks import positive_integer
from keraseq.layers import CRF, EachWord, WordVectors, stack
from keraseq.models.inputs import drop, embedded_tokens, full_precision, sequence_inputs
from keraseq.models.sequence_model import SequenceModel

# Words are as many as a batch has: XLA would compile the loop anew for each number.
LETTERS = {"loop": "deferred" if keras.backend.backend() == "tensorflow" else "auto"}


def sequence_tagger(
    classes: int,
    *,
    features: int | None = None,
    vocabulary: int | None = None,
    embedding: int = 64,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    bidirectional: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    fixed: int = 0,
    word_dropout: float = 0.0,
    characters: int = 0,
    character_embedding: int = 25,
    character_units: int = 25,
    crf: bool = False,
    forbidden: Sequence[tuple[int, int]] = (),
    length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "sequence_tagger",
) -> SequenceModel:
    """A model that reads a sequence and gives the logits of a class at every step.

        tokens -> embedding -> recurrent tower -> logits at each step
        features ------------> recurrent tower -> logits at each step

    With `characters` a word is read letter by letter too, by a bidirectional layer of the same
    cell, and both vectors stand side by side; with `crf` the logits become the potentials of a
    conditional random field (`keraseq.layers.CRF`): the tagger of Lample et al. 2016.

        words ------> embedding ----------+
        characters -> bidirectional layer +-> recurrent tower -> logits -> [CRF]

    Exactly one of `features` and `vocabulary` says what it reads. Tokens of value 0 are padding:
    the outputs carry the mask, so that Keras leaves padded steps out of loss and metrics; the
    targets there may hold any class.

    Args:
        classes: Number of classes, a positive integer.
        features: Width of the measurements at each step.
        vocabulary: Number of token ids, padding (0) included.
        embedding: Width of the tokens' vectors. Defaults to 64.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        bidirectional: Whether each layer reads both ways. Defaults to `False`.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop after the embedding, between the layers and before
            the logits, in [0, 1). Defaults to 0.
        fixed: How many of the tokens, the last ones, have vectors that stay as they are, see
            `keraseq.layers.WordVectors`. Defaults to 0.
        word_dropout: Fraction of the tokens that are read as the unknown one, 1, in training, in
            [0, 1): the model learns to tell words by their letters. Defaults to 0.
        characters: Number of character ids, padding (0) included. Defaults to 0, none are read.
        character_embedding, character_units: Width of their vectors and size of the state in each
            direction. Default to 25.
        crf: Whether tags that stand side by side are scored together. Defaults to `False`.
        forbidden: Pairs of tags that never do, see `keraseq.layers.CRF`. Default: none.
        length: Number of steps, where it is fixed. Default: any.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `tokens`, integers `(batch, length)`, and `characters`,
        integers `(batch, length, letters)`, if it reads them; or `features`,
        `(batch, length, features)`. Output logits `(batch, length, classes)`, or with `crf`
        potentials `(batch, length, classes, classes)`.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, both or neither
            of `features` and `vocabulary`, or `characters`, `fixed` or `word_dropout` of
            features.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_tagger(9, vocabulary=1000, units=16, bidirectional=True)
    >>> model.output_shape
    (None, None, 9)

    References:
        Lample et al. 2016, "Neural Architectures for Named Entity Recognition", arXiv:1603.01360.
    """
    classes = positive_integer("classes", classes)
    if vocabulary is None and (characters or fixed or word_dropout):
        raise ValueError(
            f"characters, fixed and word_dropout are for tokens; received features={features!r}"
        )
    if vocabulary is None or features is not None:
        inputs, x = sequence_inputs(features, vocabulary, embedding, length, dropout)
    else:
        embed = None
        if fixed:
            embed = WordVectors(vocabulary - fixed, fixed, embedding, name="embedding")
        inputs, x = embedded_tokens(
            "tokens", vocabulary, embedding, length, 0.0, "", word_dropout, embed=embed
        )
        if characters:
            letters = keras.Input((length, None), dtype="int32", name="characters")
            spelling = keras.layers.Embedding(
                positive_integer("characters", characters),
                positive_integer("character_embedding", character_embedding),
                mask_zero=True,
                name="character_embedding",
            )(letters)
            reader = stack(
                cell,
                positive_integer("character_units", character_units),
                bidirectional=True,
                cell_options=cell_options,
                rnn_options=rnn_options or LETTERS,
                name="letters",
            )
            x = keras.layers.Concatenate(name="word")(
                [x, EachWord(reader, name="spelling")(spelling)]
            )
            inputs = [inputs, letters]
        x = drop(x, dropout, "embedding_dropout")
    x = stack(
        cell,
        units,
        layers=layers,
        bidirectional=bidirectional,
        residual=residual,
        dropout=dropout,
        return_sequences=True,
        cell_options=cell_options,
        rnn_options=rnn_options,
        name="recurrent",
    )(x)
    x = drop(x, dropout, "dropout")
    found = keras.layers.Dense(classes, dtype=full_precision(), name="logits")(x)
    if crf:
        found = CRF(forbidden, name="crf")(found)
    return SequenceModel(inputs, found, name=name)
